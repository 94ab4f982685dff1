"""The local linear map gives the network's logit, whatever is clipped; and the learner's maps give its prediction."""

from functools import partial

import jax
import jax.numpy as jnp
import numpy as np
import pytest

import glns
from glns import bernoulli, explain, network, standardise
from glns.bernoulli import Rule
from glns.context import HalfSpaces, half_spaces

T, D, SIZES, GATE = 64, 6, (5, 4, 1), half_spaces(2)
FLOAT64 = pytest.mark.parametrize("tolerance", ["float64"], indirect=True)


def draw_layers():
    rng, layers = np.random.default_rng(0), []
    for size, width in zip(SIZES, (D, *SIZES), strict=False):
        weights = jnp.array(rng.uniform(-0.6, 1.0, size=(size, 4, width + 1)))
        spaces = HalfSpaces(jnp.array(rng.normal(size=(size, 2, D))), jnp.array(rng.normal(size=(size, 2))))
        layers.append(network.Layer(weights, spaces))
    return tuple(layers)


def draw_examples():
    """Logits [T, D] of std 2, and side information."""
    rng = np.random.default_rng(1)
    return jnp.array(2 * rng.normal(size=(T, D))), jnp.array(rng.normal(size=(T, D)))


def explain_all(layers, inputs, side, rule):
    return jax.vmap(partial(explain.explain, rule=rule, gate=GATE), in_axes=(None, 0, 0))(layers, inputs, side)


def predict(layers, inputs, side, rule):
    return network.predict(layers, inputs, side, neuron=bernoulli.neuron(rule, "scan"), gate=GATE)


@FLOAT64
@pytest.mark.parametrize(("epsilon", "num_clipped"), [(1e-30, 0), (0.02, T // 2), (0.4, T)])
def test_the_map_gives_the_logit(tolerance, epsilon, num_clipped):
    """Where nothing is clipped, where about half of the examples have a clipped neuron, and where every one has."""
    layers, (inputs, side), rule = draw_layers(), draw_examples(), Rule(epsilon)
    maps, logits = explain_all(layers, inputs, side, rule), predict(layers, inputs, side, rule)
    ours = jnp.sum(maps.weights * bernoulli.clip(inputs, rule), axis=-1) + maps.bias
    np.testing.assert_allclose(ours, logits[-1][:, 0], rtol=0, atol=tolerance)
    below = np.concatenate(logits[:-1], axis=-1)
    np.testing.assert_array_equal(maps.clipped, np.any(below != bernoulli.clip(below, rule), axis=-1))
    assert abs(maps.clipped.sum() - num_clipped) <= T // 4


@FLOAT64
@pytest.mark.parametrize("epsilon", [1e-30, 0.1])
def test_the_map_is_the_gradient(tolerance, epsilon):
    """That of the logit in each input that is not clipped itself, clipped neurons or not."""
    layers, (inputs, side), rule = draw_layers(), draw_examples(), Rule(epsilon)

    def logit(inputs, side):
        return predict(layers, inputs[None], side[None], rule)[-1][0, 0]

    gradients, maps = jax.vmap(jax.grad(logit))(inputs, side), explain_all(layers, inputs, side, rule)
    inside = inputs == bernoulli.clip(inputs, rule)
    np.testing.assert_allclose(jnp.where(inside, maps.weights, 0), gradients, rtol=0, atol=tolerance)
    assert np.any(maps.weights != 0, axis=0).all()


def test_by_hand():
    # Rows (2, 1) and (1, 0.5) over one input and the bias; the second layer's row is (3, -1, 0.25).
    # Input 0.5: neurons 2 and 1, logit 3 * 2 - 1 + 0.25 = 5.25 = 5 * 0.5 + 2.75, inside the clip of ln 99 = 4.595.
    # Input 3: neurons 7 and 3.5, of which the first is clipped: 3 * 4.595 - 3.5 + 0.25 = -1 * 3 + 13.535.
    gate, spaces = half_spaces(0), HalfSpaces(jnp.zeros((2, 0, 1)), jnp.zeros((2, 0)))
    first = network.Layer(jnp.array([[[2.0, 1.0]], [[1.0, 0.5]]]), spaces)
    last = network.Layer(jnp.array([[[3.0, -1.0, 0.25]]]), jax.tree.map(lambda leaf: leaf[:1], spaces))
    for x, weight, bias, clipped in [(0.5, 5, 2.75, False), (3.0, -1, 13.53536, True)]:
        of_x = explain.explain((first, last), jnp.array([x]), jnp.zeros(1), rule=Rule(), gate=gate)
        np.testing.assert_allclose([of_x.weights[0], of_x.bias], [weight, bias], rtol=1e-6)
        assert of_x.clipped == clipped


@pytest.fixture(scope="module", params=[False, True], ids=["own gates", "shared gates"])
def classifier(request):
    """A learner, its state after a stream of images, and an image."""
    shared = {"shared_gates": request.param}
    x = jnp.array(np.random.default_rng(0).normal(size=(84, 3, 2)), jnp.float32)
    labels = jnp.argmax(x.reshape(84, 6)[:, :3], axis=-1)
    init, update, predict = glns.learner(3, (4, 1), 2, learning_rate=0.2, epsilon=0.1, **shared)
    state, _ = jax.jit(update)(jax.random.key(1), init(jax.random.key(0), (x, labels)), (x, labels))
    maps = explain.saliency(state, x[0], rule=Rule(0.1), gate=GATE, **shared)
    return predict, state, x, maps


def test_saliency_gives_the_prediction(classifier):
    predict, state, x, maps = classifier
    assert maps.weights.shape == (3, 3, 2)
    features = standardise.apply(state.moments, x[0].reshape(-1), 1 / 255)
    bound = np.log(9)
    logits = np.array(maps.weights).reshape(3, 6) @ np.clip(features, -bound, bound) + maps.bias
    p = 1 / (1 + np.exp(-logits))
    np.testing.assert_allclose(jnp.exp(predict(state, x[:1]))[0], p / p.sum(), rtol=0, atol=1e-5)


def test_without_clips_the_map_is_the_product_of_the_active_rows(classifier):
    _, state, x, _ = classifier
    shared = state.layers[0].gates.normals.ndim == 3
    maps = explain.saliency(state, x[0], rule=Rule(1e-30), gate=GATE, shared_gates=shared)
    features = standardise.apply(state.moments, x[0].reshape(-1), 1 / 255)
    for n in range(3):
        rows = []
        for weights, gates in state.layers:
            gates = gates if shared else jax.tree.map(lambda leaf, n=n: leaf[n], gates)
            contexts = network.contexts(network.Layer(weights[n], gates), features, GATE)
            rows.append(np.array(weights)[n, np.arange(len(contexts)), contexts, :-1])
        np.testing.assert_allclose(maps.weights[n].reshape(-1), (rows[1] @ rows[0])[0], rtol=0, atol=1e-5)


@pytest.mark.parametrize("aggregation", ["last", "switching"])
def test_saliency_is_the_tangent_of_what_the_learner_predicts(aggregation):
    """With side information of one's own: the map gives the predictions and their derivatives."""

    def side(features):
        return features[:2] ** 2

    settings = {"learning_rate": 0.2, "epsilon": 0.1, "aggregation": aggregation, "side": side, "shared_gates": True}
    x = jnp.array(np.random.default_rng(0).normal(size=(84, 4)), jnp.float32)
    init, update, predict = glns.learner(2, (3, 1), 2, **settings)
    batch = x, (x[:, 0] > x[:, 1]).astype(int)
    state, _ = jax.jit(update)(None, jax.jit(init)(jax.random.key(0), batch), batch)
    one, bound = x[0], np.log(9)
    maps = explain.saliency(state, one, rule=Rule(0.1), gate=GATE, side=side, shared_gates=True)

    def of_maps(x):
        features = jnp.clip(standardise.apply(state.moments, x, 1 / 255), -bound, bound)
        return jax.nn.log_softmax(jax.nn.log_sigmoid(maps.weights @ features + maps.bias))

    def of_learner(x):
        return predict(state, x[None])[0]

    for function in (lambda of: of, jax.jacfwd):
        np.testing.assert_allclose(jax.jit(function(of_maps))(one), jax.jit(function(of_learner))(one), atol=1e-5)
    assert np.abs(maps.weights).max() > 0.1


def test_sensitivity_is_the_prediction_of_changed_examples(classifier):
    predict, state, x, _ = classifier
    values = jnp.linspace(-3, 3, 9)
    swept = explain.sensitivity(partial(predict, state), x[0], (2, 1), values)
    assert swept.shape == (9, 3)
    for value, outputs in zip(values, swept, strict=True):
        changed = np.array(x[:1])
        changed[0, 2, 1] = value
        np.testing.assert_allclose(outputs, predict(state, jnp.array(changed))[0], rtol=0, atol=1e-5)
    assert np.ptp(swept, axis=0).max() > 0.1
