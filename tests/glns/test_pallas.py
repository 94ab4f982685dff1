"""The recurrence as a kernel: interpreted it is the scan, and it lowers for GPUs and TPUs."""

from functools import partial

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from glns import bernoulli
from glns.bernoulli import CLIP_RULES, Rule

N, K, T, F, R = 2, 5, 37, 9, 4  # classes, neurons: not a multiple of a block; a stretch: no power of two


def draw(*axes):
    """weights, contexts and rates [*axes, K, ..]; inputs and targets [*axes, T, ..]."""
    rng = np.random.default_rng(0)
    weights = rng.uniform(-0.4, 0.6, (*axes, K, R, F))
    contexts = rng.integers(0, R, (*axes, K, T))
    inputs, targets = 2 * rng.normal(size=(*axes, T, F)), rng.integers(0, 2, (*axes, T))
    rates = np.broadcast_to(0.3 / np.sqrt(1 + np.arange(T)), (*axes, K, T))
    return tuple(
        jnp.asarray(array, jnp.int32 if array is contexts else jnp.float32)
        for array in (weights, contexts, inputs, targets, rates)
    )


def layer(rule, implementation):
    return jax.vmap(bernoulli.neuron(rule, implementation).learn, in_axes=(0, 0, None, None, 0))


def both(of, *operands):
    return [jax.jit(of(implementation))(*operands) for implementation in ("pallas", "scan")]


def assert_close(ours, expected):
    for array, other in zip(ours, expected, strict=True):
        np.testing.assert_allclose(array, other, rtol=1e-6, atol=2e-6)


@pytest.mark.parametrize("clip_rule", CLIP_RULES)
@pytest.mark.parametrize("weight_bound", [200.0, 0.7])
def test_a_layer_is_the_scan(clip_rule, weight_bound):
    """With the small bound, the rows are walked."""
    rule = Rule(0.1, weight_bound, clip_rule)
    assert_close(*both(partial(layer, rule), *draw()))


def test_classes_of_layers_and_single_neurons_are_the_scan():
    operands = draw(N)
    assert_close(*both(lambda how: jax.vmap(layer(Rule(), how)), *operands))
    shared = (0, 0, None, 0, 0)  # the first layer: all classes have its inputs
    first = (*operands[:2], operands[2][0], *operands[3:])
    assert_close(*both(lambda how: jax.vmap(layer(Rule(), how), in_axes=shared), *first))
    alone = [operands[i][:, 0] if i in (0, 1, 4) else operands[i] for i in range(5)]
    assert_close(*both(lambda how: jax.vmap(bernoulli.neuron(Rule(), how).learn), *alone))
    assert_close(*both(lambda how: bernoulli.neuron(Rule(), how).learn, *[array[0] for array in alone]))


@pytest.mark.parametrize(("platform", "kernel"), [("cuda", "xla.gpu.triton"), ("tpu", "tpu_custom_call")])
@pytest.mark.parametrize("length", [37, 128])
def test_it_lowers_for_a_platform_that_is_not_here(platform, kernel, length):
    shapes = [(N, K, R, F), (N, K, length), (N, length, F), (N, length), (N, K, length)]
    operands = [jax.ShapeDtypeStruct(s, jnp.int32 if i == 1 else jnp.float32) for i, s in enumerate(shapes)]
    allowed = [jax.export.DisabledSafetyCheck.custom_call("__gpu$xla.gpu.triton")]  # only looked at, never kept
    program = jax.jit(jax.vmap(layer(Rule(), "pallas")))
    lowered = jax.export.export(program, platforms=[platform], disabled_checks=allowed)(*operands)
    assert kernel in lowered.mlir_module()
