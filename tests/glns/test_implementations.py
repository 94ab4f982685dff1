"""The implementations of the Bernoulli neuron compute one and the same thing, however they are mapped."""

import functools
import os
import subprocess
import sys

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from glns import bernoulli, native
from glns.bernoulli import CLIP_RULES, Rule

T, R = 448, 4
RULE = Rule(epsilon=0.1, weight_bound=0.7)  # the stream reaches the clip and the bound
needs_native = pytest.mark.skipif(
    not native.available, reason="the native implementation was not built: no C++ compiler"
)
EXACT = [pytest.param("native", marks=needs_native), "gram", "scan"]


def draw(*axes, fan_in, num_examples=T, seed=0):
    """weights [*axes, R, F] and a stream: contexts [*axes, T], inputs [T, F], targets and rates [T]."""
    rng = np.random.default_rng(seed)
    weights = rng.uniform(-0.4, 0.6, size=(*axes, R, fan_in))
    contexts = rng.integers(0, R, size=(*axes, num_examples))
    inputs = 2 * rng.normal(size=(num_examples, fan_in))
    targets = (inputs[:, 0] + rng.normal(size=num_examples) > 0).astype(float)
    rates = 0.3 / np.sqrt(1 + np.arange(num_examples))
    return tuple(map(jnp.array, (weights, contexts.astype(np.int32), inputs, targets, rates)))


def transcription(weights, contexts, inputs, targets, rates, rule):
    """One neuron, one example at a time, in float64 (Veness 2019, Algorithm 1). -> weights, logits, updates clipped.

    An example whose context is no row has the logit NaN.
    """
    table, logits, num_bounded = np.array(weights, np.float64), np.full(len(contexts), np.nan), 0
    for t, (context, x, y, rate) in enumerate(zip(*map(np.array, (contexts, inputs, targets, rates)), strict=True)):
        if not 0 <= context < len(table):
            continue
        logits[t] = table[context] @ x.astype(np.float64)
        p = 1 / (1 + np.exp(-logits[t]))
        clipped = np.clip(p, rule.epsilon, 1 - rule.epsilon)
        learns = {"always": True, "margin": abs(y - p) > rule.epsilon, "dead_zone": p == clipped}[rule.clip_rule]
        row = table[context] - learns * rate * (clipped - y) * x
        table[context] = np.clip(row, -rule.weight_bound, rule.weight_bound)
        num_bounded += np.any(np.abs(row) > rule.weight_bound)
    return table, logits, num_bounded


def learner(implementation, rule=RULE):
    return jax.jit(bernoulli.neuron(rule, implementation).learn)


def learn_in_parts(implementation, rule, size, weights, *stream):
    learn, logits = learner(implementation, rule), []
    for start in range(0, T, size):
        weights, of_part = learn(weights, *(array[start : start + size] for array in stream))
        logits.append(of_part)
    return weights, jnp.concatenate(logits)


@pytest.mark.parametrize("implementation", EXACT)
@pytest.mark.parametrize("size", [7, T])  # the native table is copied for the latter
def test_every_implementation_is_the_transcription(tolerance, implementation, size):
    neuron = draw(fan_in=40)
    weights, logits = learn_in_parts(implementation, RULE, size, *neuron)
    expected, of_expected, num_bounded = transcription(*neuron, RULE)
    predictions = 1 / (1 + np.exp(-np.array(logits, np.float64)))
    np.testing.assert_allclose(weights, expected, rtol=0, atol=tolerance / 10)
    np.testing.assert_allclose(predictions, 1 / (1 + np.exp(-of_expected)), rtol=0, atol=tolerance / 10)
    assert num_bounded > 20


@pytest.mark.parametrize("implementation", EXACT)
@pytest.mark.parametrize("clip_rule", CLIP_RULES)
def test_every_implementation_has_every_rule(implementation, clip_rule):
    """Out of reach of the bound, where the Gram implementation takes no walk."""
    neuron, rule = draw(fan_in=16), Rule(0.1, 200.0, clip_rule)
    expected, *_ = transcription(*neuron, rule)
    weights, _ = learn_in_parts(implementation, rule, 64, *neuron)
    np.testing.assert_allclose(weights, expected, rtol=0, atol=1e-4)


@needs_native
@pytest.mark.parametrize("fan_in", [1, 5, 8, 15, 16, 17, 33])
def test_any_fan_in_and_number_of_neurons(tolerance, fan_in):
    """7 neurons: a group of four and three more. A vector holds 16 numbers, or 8 of float64."""
    neurons = draw(7, fan_in=fan_in, num_examples=20)
    over_neurons = jax.vmap(learner("native"), in_axes=(0, 0, None, None, None))
    weights, logits = over_neurons(*neurons)
    for k in range(7):
        expected, of_expected, _ = transcription(neurons[0][k], neurons[1][k], *neurons[2:], RULE)
        np.testing.assert_allclose(weights[k], expected, rtol=0, atol=tolerance)
        np.testing.assert_allclose(logits[k], of_expected, rtol=0, atol=10 * tolerance)


MAPS = {  # the axes of weights, contexts, inputs, targets, rates: of the classes, then of the neurons
    "one network a class": [(0, 0, None, 0, None), (0, 0, None, None, None)],
    "shared gates": [(0, None, None, 0, None), (0, 0, None, None, None)],
    "a layer above": [(0, 0, 0, 0, None), (0, 0, None, None, None)],
    "a rate of its own for every neuron": [(0, 0, None, None, 0), (0, 0, None, None, 0)],
    "rates from the same start": [(None, None, None, None, 0), (0, 0, None, None, None)],
    "everything its own": [(0, 0, 0, 0, 0), (0, 0, 0, 0, 0)],
    "nothing but the weights": [(0, None, None, None, None), (0, None, None, None, None)],
    "axes in other places": [(1, -1, -1, None, None), (0, 0, None, None, None)],
}


@needs_native
@pytest.mark.parametrize("axes", MAPS.values(), ids=MAPS)
def test_maps_of_maps(axes):
    """The native implementation takes operands that are shared along some axes and not along others."""
    rng, sizes, shapes = np.random.default_rng(0), (3, 6), {0: (R, 17), 1: (12,), 2: (12, 17), 3: (12,), 4: (12,)}
    operands = []
    for i, shape in shapes.items():
        for size, axis in zip(sizes[::-1], [level[i] for level in axes[::-1]], strict=True):
            if axis is not None:
                place = axis % (len(shape) + 1)
                shape = (*shape[:place], size, *shape[place:])
        draws = rng.integers(0, 2, shape) if i == 3 else rng.uniform(0.0, 0.5, shape)
        operands.append(jnp.array(rng.integers(0, R, shape) if i == 1 else draws, jnp.int32 if i == 1 else jnp.float32))

    learn = bernoulli.neuron(RULE, "native").learn
    for level in axes[::-1]:
        learn = jax.vmap(learn, in_axes=level)
    learned, logits = jax.jit(learn)(*operands)
    for places in np.ndindex(sizes):
        of_one = [np.asarray(operand) for operand in operands]
        for place, level in zip(places, axes, strict=True):
            of_one = [x if axis is None else np.take(x, place, axis) for x, axis in zip(of_one, level, strict=True)]
        expected, of_expected, _ = transcription(*of_one, RULE)
        np.testing.assert_allclose(learned[places], expected, rtol=0, atol=1e-5)
        np.testing.assert_allclose(logits[places], of_expected, rtol=0, atol=1e-5)


@needs_native
def test_native_prediction(tolerance):
    weights, contexts, inputs, *_ = draw(5, fan_in=23)
    neuron = bernoulli.neuron(RULE, "native")
    logits = jax.vmap(jax.vmap(neuron.predict, in_axes=(None, 0, 0)), in_axes=(0, 0, None))(weights, contexts, inputs)
    expected = np.einsum("ktf,tf->kt", np.array(weights)[np.arange(5)[:, None], contexts], inputs)
    np.testing.assert_allclose(logits, expected, rtol=0, atol=50 * tolerance)


@needs_native
def test_native_takes_the_weights_in_place():
    weights, *stream = draw(6, fan_in=33, num_examples=8)
    learn = jax.vmap(learner("native"), in_axes=(0, 0, None, None, None))
    kept = jnp.copy(weights)
    learn(weights, *stream)
    np.testing.assert_array_equal(weights, kept)  # not given up, so not touched
    place = weights.unsafe_buffer_pointer()
    learned, _ = jax.jit(learn, donate_argnums=0)(weights, *stream)
    assert learned.unsafe_buffer_pointer() == place


@needs_native
def test_native_runs_inside_a_scan_of_many_seeds():
    neurons = draw(9, fan_in=17, num_examples=60)
    parts = [array.reshape(*array.shape[:-1], 6, 10) for array in (neurons[1], *neurons[3:])]
    inputs = neurons[2].reshape(6, 10, 17)

    def in_parts(weights, contexts, targets, rates):
        def step(weights, part):
            contexts, inputs, targets, rates = part
            return bernoulli.neuron(RULE, "native").learn(weights, contexts, inputs, targets, rates)

        return jax.lax.scan(step, weights, (contexts, inputs, targets, rates))

    weights, _ = jax.jit(jax.vmap(in_parts, in_axes=(0, 0, None, None)))(neurons[0], *parts)
    expected, _ = jax.vmap(functools.partial(bernoulli.learn, rule=RULE), in_axes=(0, 0, None, None, None))(*neurons)
    np.testing.assert_allclose(weights, expected, rtol=0, atol=1e-5)


SPLIT = """
import jax, jax.numpy as jnp, numpy as np
from jax.sharding import AxisType, NamedSharding, PartitionSpec
from glns import bernoulli

mesh = jax.make_mesh((2,), ("seed",), axis_types=(AxisType.Auto,))
by_seed = NamedSharding(mesh, PartitionSpec("seed"))
rng = np.random.default_rng(0)
weights, inputs = jnp.array(rng.uniform(size=(4, 3, 2, 17))), jnp.array(rng.normal(size=(5, 17)))
contexts, targets, rates = jnp.array(rng.integers(0, 2, (3, 5)), jnp.int32), jnp.ones(5), jnp.full(5, 0.1)

def learn(implementation):
    learn = jax.vmap(bernoulli.neuron(bernoulli.Rule(), implementation).learn, in_axes=(0, 0, None, None, None))
    return jax.vmap(learn, in_axes=(0, None, None, None, None))

split = jax.jit(learn("native"), out_shardings=by_seed, donate_argnums=0)
program = split.lower(jax.device_put(weights, by_seed), contexts, inputs, targets, rates).compile()
text = program.as_text()
assert "glns_learn" in text and "all-gather" not in text and "f32[2,3,2,17]" in text, text
ours = program(jax.device_put(weights, by_seed), contexts, inputs, targets, rates)
for one, other in zip(ours, learn("scan")(weights, contexts, inputs, targets, rates), strict=True):
    np.testing.assert_allclose(one, other, atol=1e-6)
"""


@needs_native
def test_a_mesh_splits_the_seeds():
    """Each device learns its own seeds, and nothing is gathered."""
    flags = f"{os.environ['XLA_FLAGS']} --xla_force_host_platform_device_count=2"
    environment = {**os.environ, "XLA_FLAGS": flags}
    done = subprocess.run([sys.executable, "-c", SPLIT], env=environment, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr


@pytest.mark.parametrize("implementation", [*EXACT, "pallas"])
@pytest.mark.parametrize("num_contexts", [R, 1])  # with one context, the native table is copied
def test_a_context_that_is_no_row_gives_nan_and_is_not_learned(implementation, num_contexts):
    weights, contexts, *stream = draw(fan_in=17, num_examples=40)
    weights, contexts = weights[:num_contexts], np.array(contexts) % num_contexts
    bad = np.array([-1, num_contexts, -(2**31), 2**31 - 1, -num_contexts - 1])
    contexts[np.array([0, 3, 4, 20, 39])] = bad
    neuron = bernoulli.neuron(RULE, implementation)
    expected, of_expected, _ = transcription(weights, contexts, *stream, RULE)
    learned, logits = jax.jit(neuron.learn)(weights, contexts, *stream)
    np.testing.assert_allclose(learned, expected, rtol=0, atol=1e-5)
    np.testing.assert_allclose(logits, of_expected, rtol=0, atol=1e-4)
    assert np.isnan(logits).sum() == len(bad)
    assert np.isnan(neuron.predict(weights, jnp.asarray(bad[1], jnp.int32), stream[0][0]))
    with pytest.raises(TypeError, match="contexts must be integers, got float32"):
        neuron.learn(weights, contexts.astype(np.float32), *stream)


def test_an_unknown_implementation_is_refused():
    with pytest.raises(ValueError, match="implementation must be one of auto, native, gram, pallas, scan; got 'fast'"):
        bernoulli.neuron(RULE, "fast")


def test_without_the_native_implementation_there_is_another(monkeypatch):
    neuron = draw(fan_in=6, num_examples=64)
    monkeypatch.setattr(native, "available", False)
    with pytest.raises(ValueError, match="the native implementation was not built"):
        bernoulli.neuron(RULE, "native")
    weights, _ = bernoulli.neuron(RULE, "auto").learn(*neuron)
    expected, *_ = transcription(*neuron, RULE)
    np.testing.assert_allclose(weights, expected, rtol=0, atol=1e-5)


@functools.cache
def derivatives(implementation):
    """Of what two neurons predict and learn, with respect to their weights, inputs and rates."""
    weights, contexts, inputs, targets, rates = draw(2, fan_in=6, num_examples=12)

    def outcome(weights, inputs, rates):
        neuron = bernoulli.neuron(RULE, implementation)
        learn = jax.vmap(neuron.learn, in_axes=(0, 0, None, None, None))
        predict = jax.vmap(neuron.predict, in_axes=(0, 0, None))
        learned, logits = learn(weights, contexts, inputs, targets, rates)
        return (
            jnp.sum(learned**2) + jnp.sum(jnp.sin(logits)) + jnp.sum(predict(learned, contexts[:, 0], inputs[0]) ** 3)
        )

    return jax.jit(jax.value_and_grad(outcome, (0, 1, 2)))(weights, inputs, rates)


@pytest.mark.parametrize("implementation", ["auto", pytest.param("native", marks=needs_native), "gram", "pallas"])
def test_every_implementation_has_the_derivatives_of_scan(implementation):
    ours, expected = derivatives(implementation), derivatives("scan")
    jax.tree.map(functools.partial(np.testing.assert_allclose, rtol=1e-3, atol=1e-5), ours, expected)
    assert all(np.abs(gradient).max() > 0.1 for gradient in ours[1])
