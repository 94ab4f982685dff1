"""The network: Algorithm 1 example by example, however the stream is cut; locality; the public implementation."""

import functools

import chex
import jax
import jax.numpy as jnp
import numpy as np
import pytest

from glns import bernoulli, network
from glns.bernoulli import CLIP_RULES, Rule
from glns.context import Gate, HalfSpaces, half_spaces

T, D, SIZES = 448, 6, (5, 4, 1)
RULE = Rule(epsilon=0.1, weight_bound=0.7, clip_rule="margin")  # the stream reaches the clip and the bound

GATE = half_spaces(2)


@functools.partial(jax.jit, static_argnames="rule")
def learn(layers, *stream, rule):
    return network.learn(layers, *stream, neuron=bernoulli.neuron(rule), gate=GATE)


def predict(layers, inputs, side, rule):
    return network.predict(layers, inputs, side, neuron=bernoulli.neuron(rule), gate=GATE)


def draw_layers(seed):
    """A network with 2 half-spaces a neuron. No two neurons agree."""
    rng, layers = np.random.default_rng(seed), []
    for size, fan_in in zip(SIZES, (D + 1, *(size + 1 for size in SIZES)), strict=False):
        weights = rng.uniform(-0.3, 0.5, size=(size, 4, fan_in))
        spaces = HalfSpaces(jnp.array(rng.normal(size=(size, 2, D))), jnp.array(rng.normal(size=(size, 2))))
        layers.append(network.Layer(jnp.array(weights), spaces))
    return tuple(layers)


def draw_stream(seed):
    """Logits [T, D] that partly lie beyond the clip, side information, noisy targets, falling rates."""
    rng = np.random.default_rng(seed)
    inputs, side = 2 * rng.normal(size=(T, D)), rng.normal(size=(T, D))
    targets = (inputs[:, 0] + side[:, 1] + 0.5 * rng.normal(size=T) > 0).astype(float)
    return [np.array(jnp.array(array)) for array in (inputs, side, targets, 0.3 / np.sqrt(1 + np.arange(T)))]


def learn_in_parts(layers, stream, rule, size):
    """Learns `size` examples at a time. -> the layers, and the logits [T, K] of each."""
    logits = []
    for part in zip(*(np.split(array, T // size) for array in stream), strict=True):
        layers, of_part = learn(layers, *part, rule=rule)
        logits.append(of_part)
    return layers, [np.concatenate(parts) for parts in zip(*logits, strict=True)]


def stack(trees):
    return jax.tree.map(lambda *leaves: jnp.stack(leaves), *trees)


def assert_is_algorithm_1(algorithm_1, tolerance, rule, size):
    layers, stream = draw_layers(0), draw_stream(1)
    learned, logits = learn_in_parts(layers, stream, rule, size)
    inputs, *others = stream
    tables, predictions = algorithm_1(layers, 1 / (1 + np.exp(-inputs)), *others, rule)
    for layer, table in zip(learned, tables, strict=True):
        np.testing.assert_allclose(layer.weights, table, rtol=0, atol=tolerance)
    for ours, theirs in zip(logits, predictions, strict=True):
        np.testing.assert_allclose(jax.nn.sigmoid(ours), theirs, rtol=0, atol=tolerance)
    assert any(np.any(abs(table) == rule.weight_bound) for table in tables)


@pytest.mark.parametrize("clip_rule", CLIP_RULES)
def test_learning_is_algorithm_1(algorithm_1, tolerance, clip_rule):
    assert_is_algorithm_1(algorithm_1, tolerance, RULE._replace(clip_rule=clip_rule), T)


@pytest.mark.parametrize("size", [1, 7, 64])
def test_learning_in_parts_is_algorithm_1(algorithm_1, tolerance, size):
    assert_is_algorithm_1(algorithm_1, tolerance, RULE, size)


def test_the_clip_rules_differ_on_that_stream(algorithm_1):
    layers, (inputs, *others) = draw_layers(0), draw_stream(1)
    stream = (1 / (1 + np.exp(-inputs)), *others)
    last = [algorithm_1(layers, *stream, RULE._replace(clip_rule=name))[0][-1] for name in CLIP_RULES]
    assert min(abs(last[i] - last[j]).max() for i, j in [(0, 1), (0, 2), (1, 2)]) > 0.01


def test_prediction_is_that_of_learning_at_rate_zero():
    layers, (inputs, side, targets, _) = draw_layers(0), draw_stream(1)
    learned, logits = learn(layers, inputs, side, targets, np.zeros_like(targets), rule=RULE)
    predicted = predict(layers, inputs[:70], side[:70], RULE)  # two blocks and a part of one
    chex.assert_trees_all_close(predicted, [logit[:70] for logit in logits], atol=1e-5)
    chex.assert_trees_all_equal(learned, layers)


@pytest.mark.parametrize("kept", [1, 2])
def test_a_layer_knows_nothing_of_the_layers_above(kept):
    layers, stream = draw_layers(0), draw_stream(1)
    learned, logits = learn(layers, *stream, rule=RULE)
    for others in (layers[:kept], (*layers[:kept], *draw_layers(5)[kept:])):
        learned_so, logits_so = learn(others, *stream, rule=RULE)
        chex.assert_trees_all_equal((learned_so[:kept], logits_so[:kept]), (learned[:kept], logits[:kept]))


def test_learning_leaves_the_half_spaces_alone():
    layers = draw_layers(0)
    learned, _ = learn(layers, *draw_stream(1), rule=RULE)
    chex.assert_trees_all_equal([a.gates for a in learned], [a.gates for a in layers])


def test_within_the_clip_the_network_is_a_product_of_matrices():
    """Veness 2019, §4: for fixed contexts, logit p_L = W_L .. W_1 logit p_0; the bias is one more, constant input."""
    layers, (inputs, side, *_), rule = draw_layers(0), draw_stream(1), Rule(epsilon=1e-6)
    logits = predict(layers, inputs, side, rule)[-1]
    for t in range(10):
        effective = np.eye(D + 1)
        for layer in layers:
            active = np.array(layer.weights)[np.arange(len(layer.weights)), network.contexts(layer, side[t], GATE)]
            effective = np.vstack([active @ effective, np.eye(D + 1)[-1]])
        np.testing.assert_allclose(logits[t, 0], effective[0] @ np.append(inputs[t], 1), atol=1e-4)


def test_the_order_of_the_inputs_does_not_matter():
    layers, (inputs, side, targets, rates) = draw_layers(0), draw_stream(1)
    order = np.random.default_rng(0).permutation(D)
    spaces = [HalfSpaces(layer.gates.normals[..., order], layer.gates.offsets) for layer in layers]
    weights = [layers[0].weights[..., [*order, D]], *(layer.weights for layer in layers[1:])]  # the bias stays last
    _, logits = learn(layers, inputs, side, targets, rates, rule=RULE)
    reordered = tuple(map(network.Layer, weights, spaces))
    _, logits_so = learn(reordered, inputs[:, order], side[:, order], targets, rates, rule=RULE)
    chex.assert_trees_all_close(logits_so, logits, atol=1e-4)


def test_an_ensemble_is_its_members():
    stream = draw_stream(1)
    members = [draw_layers(seed) for seed in range(3)]
    together = jax.vmap(lambda layers: learn(layers, *stream, rule=RULE))(stack(members))
    alone = [learn(layers, *stream, rule=RULE) for layers in members]
    chex.assert_trees_all_close(together, stack(alone), atol=1e-5)


def test_init():
    layers = network.init(jax.random.key(0), (3, 1), 7, 4, neuron=bernoulli.neuron(RULE), gate=half_spaces(3))
    assert [layer.weights.shape for layer in layers] == [(3, 8, 8), (1, 8, 4)]
    assert [layer.gates.normals.shape for layer in layers] == [(3, 3, 4), (1, 3, 4)]
    for layer, fan_in in zip(layers, (8, 4), strict=True):
        np.testing.assert_array_equal(layer.weights, np.float32(1 / fan_in))
    normals = np.concatenate([layer.gates.normals for layer in layers]).reshape(-1, 4)
    assert len(np.unique(normals, axis=0)) == 12  # no two neurons share a half-space


def test_a_missing_time_axis_is_refused():
    with pytest.raises(AssertionError, match="rank"):
        predict(draw_layers(0), jnp.zeros(D), jnp.zeros(D), RULE)


def test_reference(reference, tolerance):
    """60 online steps of the public implementation's network, all ten neurons' predictions."""
    case = reference("glns", "x64/bern_net/" if jax.config.jax_enable_x64 else "bern_net/")
    case = {name: jnp.array(array) for name, array in case.items()}
    layers = [network.Layer(case[f"W{i}_init"], HalfSpaces(case[f"H{i}"], case[f"b{i}"])) for i in range(3)]
    inputs, rule = jnp.log(case["x"]) - jnp.log1p(-case["x"]), Rule(0.01, 200.0, "dead_zone")
    learned, logits = learn(layers, inputs, case["side"], case["y"], case["lr"], rule=rule)
    predictions = jax.nn.sigmoid(jnp.concatenate(logits, axis=-1))
    clipped = jnp.clip(predictions, 0.01, 0.99)
    of_target = jnp.where(case["y"][:, None] == 1, clipped, 1 - clipped)
    np.testing.assert_allclose(predictions, case["inference_before"], rtol=0, atol=tolerance)
    np.testing.assert_allclose(clipped, case["update_pred"], rtol=0, atol=tolerance)
    np.testing.assert_allclose(-jnp.log(of_target), case["update_loss"], rtol=tolerance, atol=tolerance)
    for i, layer in enumerate(learned):
        np.testing.assert_allclose(layer.weights, case[f"W{i}_final"], rtol=0, atol=tolerance)


def test_a_gate_may_have_no_parameters():
    """All neurons then have the same contexts."""
    gate = Gate(2, lambda key, side_dim: (), lambda gates, side: (side[0] > 0).astype(int))
    net = {"neuron": bernoulli.neuron(RULE, "scan"), "gate": gate}
    layers, side = network.init(jax.random.key(0), (3, 1), D, D, **net), jnp.array([[-1.0] * D, [1.0] * D])
    np.testing.assert_array_equal([network.contexts(layers[0], one, gate) for one in side], [[0] * 3, [1] * 3])
    learned, _ = network.learn(layers, side, side, jnp.ones(2), jnp.array([0.0, 0.1]), **net)
    moved = np.abs(learned[0].weights - layers[0].weights).max(axis=(0, 2))
    assert moved[0] == 0 < moved[1]
    assert network.predict(learned, side, side, **net)[-1].shape == (2, 1)
