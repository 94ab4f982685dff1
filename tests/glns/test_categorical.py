"""The categorical neuron: by hand, its gradient, the Bernoulli neuron, and example by example in NumPy."""

from functools import partial

import chex
import jax
import jax.numpy as jnp
import numpy as np
import pytest

from glns import bernoulli, categorical, network
from glns.bernoulli import CLIP_RULES, Rule
from glns.context import HalfSpaces, half_spaces

T, D, A, SIZES = 448, 4, 3, (5, 4, 1)
RULE = Rule(epsilon=0.1, weight_bound=0.7)  # the stream reaches the clip and the bound
GATE = half_spaces(2)


@partial(jax.jit, static_argnames=("rule", "num_symbols"))
def learn(layers, *stream, rule, num_symbols=A):
    return network.learn(layers, *stream, neuron=categorical.neuron(rule, num_symbols), gate=GATE)


def log_softmax(x):
    return x - np.log(np.exp(x).sum(-1, keepdims=True))


def draw_layers(num_symbols=A):
    """A network with 2 half-spaces a neuron. No two neurons agree."""
    rng, layers = np.random.default_rng(0), []
    for size, width in zip(SIZES, (D, *SIZES), strict=False):
        weights = rng.uniform(-0.3, 0.6, size=(size, 4, width + num_symbols - 1))
        spaces = HalfSpaces(jnp.array(rng.normal(size=(size, 2, D))), jnp.array(rng.normal(size=(size, 2))))
        layers.append(network.Layer(jnp.array(weights), spaces))
    return tuple(layers)


def draw_stream(num_symbols=A):
    """Log-probabilities [T, D, A] that partly lie beyond the clip, side information, symbols, falling rates."""
    rng = np.random.default_rng(1)
    inputs, side = log_softmax(1.5 * rng.normal(size=(T, D, num_symbols))), rng.normal(size=(T, D))
    targets = (inputs[:, 0] + rng.gumbel(size=(T, num_symbols))).argmax(-1)
    return [np.array(jnp.array(array)) for array in (inputs, side, targets, 0.2 / np.sqrt(1 + np.arange(T)))]


def nearest(p, epsilon):
    """The oracle's clip: floors, and shares what is left, until nothing lies below the floor."""
    floored = np.zeros(len(p), bool)
    while True:
        q = np.where(floored, epsilon, p * (1 - epsilon * floored.sum()) / p[~floored].sum())
        if np.all(q >= epsilon - 1e-15):
            return q
        floored |= q < epsilon


def oracle(layers, inputs, side, targets, rates, rule):
    """Algorithm 1 of Veness 2019 over A symbols: one example, one neuron at a time, in probabilities and float64."""
    tables = [np.array(layer.weights, np.float64) for layer in layers]
    spaces = [tuple(np.array(field, np.float64) for field in layer.gates) for layer in layers]
    predictions = [np.zeros((len(inputs), len(table), A)) for table in tables]
    biases = np.array([[1, np.e, 1], [1, 1, np.e]]) / (2 + np.e)
    for t, below in enumerate(np.exp(np.asarray(inputs, np.float64))):
        for table, (normals, offsets), out in zip(tables, spaces, predictions, strict=True):
            x = np.array([*(nearest(p, rule.epsilon) for p in below), *biases])
            for k in range(len(table)):
                context = sum(2**i for i in range(2) if normals[k, i] @ side[t] > offsets[k, i])
                powers = np.prod(x ** table[k, context][:, None], axis=0)
                p = powers / powers.sum()
                y = np.eye(A)[targets[t]]
                learns = {
                    "always": True,
                    "margin": 1 - p[targets[t]] > rule.epsilon,
                    "dead_zone": min(p) >= rule.epsilon,
                }[rule.clip_rule]
                gradient = learns * ((nearest(p, rule.epsilon) - y) * np.log(x)).sum(-1)
                row = table[k, context] - rates[t] * gradient
                table[k, context] = np.clip(row, -rule.weight_bound, rule.weight_bound)
                out[t, k] = p
            below = out[t]
    return tables, predictions


def assert_is_the_oracle(tolerance, rule, size):
    layers, stream = draw_layers(), draw_stream()
    tables, predictions = oracle(layers, *stream, rule)
    outputs = []
    for part in zip(*(np.split(array, T // size) for array in stream), strict=True):
        layers, of_part = learn(layers, *part, rule=rule)
        outputs.append(of_part)
    for layer, table in zip(layers, tables, strict=True):
        np.testing.assert_allclose(layer.weights, table, rtol=0, atol=tolerance)
    for ours, theirs in zip(zip(*outputs, strict=True), predictions, strict=True):
        np.testing.assert_allclose(np.exp(np.concatenate(ours)), theirs, rtol=0, atol=tolerance)
    assert any(np.any(abs(table) == rule.weight_bound) for table in tables)
    assert any(np.any(p < rule.epsilon) for p in predictions)


FLOAT64 = pytest.mark.parametrize("tolerance", ["float64"], indirect=True)
EACH_RULE = [("float32", "margin"), *(("float64", name) for name in CLIP_RULES)]


@pytest.mark.parametrize(("tolerance", "clip_rule"), EACH_RULE, indirect=["tolerance"])
def test_learning_is_the_oracle(tolerance, clip_rule):
    assert_is_the_oracle(tolerance, RULE._replace(clip_rule=clip_rule), T)


@FLOAT64
@pytest.mark.parametrize("size", [1, 7, 64])
def test_learning_in_parts_is_the_oracle(tolerance, size):
    assert_is_the_oracle(tolerance, RULE, size)


def test_prediction_by_hand():
    # Inputs (.5, .25, .25) and (.2, .2, .6) with weights 2 and -1: .25 / .2, .0625 / .2, .0625 / .6, over their sum.
    inputs, weights = jnp.log(jnp.array([[0.5, 0.25, 0.25], [0.2, 0.2, 0.6]])), jnp.array([[9.0, 9.0], [2.0, -1.0]])
    expected = np.array([1.25, 0.3125, 0.0625 / 0.6])
    np.testing.assert_allclose(jnp.exp(categorical.predict(weights, 1, inputs)), expected / expected.sum(), rtol=1e-5)


@pytest.mark.parametrize(
    ("probabilities", "clipped"),
    [
        ((0.5, 0.3, 0.2), (0.5, 0.3, 0.2)),
        ((0.05, 0.6, 0.35), (0.1, 0.568421, 0.331579)),  # the others share 0.9 as 0.6 to 0.35
        ((0.96, 0.03, 0.01), (0.8, 0.1, 0.1)),
        ((0.102, 0.898, 0.0), (0.1, 0.8, 0.1)),  # its share of 0.9 would be below the floor too
    ],
)
def test_clip_by_hand(probabilities, clipped):
    logs = jnp.log(jnp.array(probabilities))
    np.testing.assert_allclose(jnp.exp(categorical.clip(logs, RULE)), clipped, rtol=1e-5)


def test_the_update_is_the_gradient_of_the_log_loss(tolerance):
    rng = np.random.default_rng(0)
    weights, inputs = jnp.array(rng.normal(size=(4, 6))), jnp.array(log_softmax(0.3 * rng.normal(size=(6, A))))
    rule = Rule(epsilon=1e-6)
    gradient = jax.grad(lambda weights: -categorical.predict(weights, 2, inputs)[1])(weights)
    learned, _ = categorical.learn(weights, *(jnp.array([value]) for value in (2, inputs, 1, 0.1)), rule)
    np.testing.assert_allclose(learned, weights - 0.1 * gradient, rtol=0, atol=tolerance)
    assert np.abs(gradient[2]).max() > 0.01


@FLOAT64
def test_with_two_symbols_it_is_the_bernoulli_network(tolerance):
    """The whole of it: biases, clips and the learning of every neuron."""
    layers, (inputs, side, targets, rates) = draw_layers(2), draw_stream(2)
    learned, outputs = learn(layers, inputs, side, targets, rates, rule=RULE, num_symbols=2)
    binary = inputs[..., 1] - inputs[..., 0], side, targets.astype(rates.dtype), rates
    of_bernoulli = jax.jit(partial(network.learn, neuron=bernoulli.neuron(RULE), gate=GATE))(layers, *binary)
    chex.assert_trees_all_close(learned, of_bernoulli[0], rtol=0, atol=tolerance)
    for ours, logits in zip(outputs, of_bernoulli[1], strict=True):
        np.testing.assert_allclose(jnp.exp(ours[..., 1]), jax.nn.sigmoid(logits), rtol=0, atol=tolerance)


@pytest.mark.parametrize("clip_rule", CLIP_RULES)
def test_with_two_symbols_the_clip_rules_are_those_of_bernoulli(clip_rule):
    rule, logits = Rule(clip_rule=clip_rule), jnp.linspace(-8, 8, 33)
    outputs = jnp.stack([jax.nn.log_sigmoid(-logits), jax.nn.log_sigmoid(logits)], axis=-1)
    for target in (0, 1):
        errors = jax.vmap(lambda output, target=target: categorical.error(output, target, rule))(outputs)
        of_bernoulli = jax.vmap(lambda logit, target=target: bernoulli.error(logit, target, rule))(logits)
        np.testing.assert_allclose(errors, jnp.stack([-of_bernoulli, of_bernoulli], axis=-1), rtol=0, atol=1e-6)


def test_init():
    layers = network.init(jax.random.key(0), (3, 1), 7, 4, neuron=categorical.neuron(RULE, A), gate=GATE)
    for layer, shape in zip(layers, [(3, 4, 9), (1, 4, 5)], strict=True):
        np.testing.assert_array_equal(layer.weights, np.full(shape, 1 / shape[-1], np.float32))


@pytest.mark.parametrize("epsilon", [0.0, 1 / 3])
def test_an_epsilon_outside_the_simplex_is_refused(epsilon):
    with pytest.raises(ValueError, match=r"epsilon must lie between 0 and 0\.3333"):
        categorical.neuron(Rule(epsilon=epsilon), 3)
