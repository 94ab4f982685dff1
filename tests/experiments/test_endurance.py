"""The eval of endurance and the synapses' size: those of a network that learns step by step."""

from functools import partial

import jax
import jax.numpy as jnp
import numpy as np
import pytest

import blur
from experiments import evals

SIZES, B = (4, 2), 20


def test_endurance():
    """Accuracy at N is on batch N, which N steps have not yet learned; the synapses' size is after it is learned."""
    genome, rule = blur.optimisers.lasting()
    init, *_ = blur.evolution.learner(lambda _: genome, SIZES, rule=rule, population=4, num_held_out=1)
    example = blur.Tasks(jnp.zeros((1, 3, B, 2)), jnp.zeros((1, 3, B), jnp.int32))
    view = evals.View(None, (), None, None, init(jax.random.key(0), example))
    measure = partial(evals.endurance, families={"moons": blur.toys.two_moon}, sizes=SIZES, batch_size=B, num_draws=1)
    got = jax.jit(lambda: measure(view, rule=rule, steps=(2, 0)))()
    k_task, k_synapses = jax.random.split(jax.random.split(jax.random.key(0), 1)[0])
    x, y = blur.toys.two_moon(k_task, (), 3 * B)
    synapses = blur.network.with_memory(genome, blur.network.init(k_synapses, 2, SIZES, 2, rule=rule), rule=rule)
    step, right, rms = jax.jit(partial(blur.network.step, rule=rule)), [], []
    for i in range(3):
        here = slice(i * B, (i + 1) * B)
        synapses, logits, _ = step(genome, synapses, x[here], jax.nn.one_hot(y[here], 2))
        right.append(np.mean(logits.argmax(-1) == y[here]))
        weights = np.concatenate([np.ravel(of_layer.forward) for of_layer in synapses])
        rms.append(np.sqrt(np.mean(weights**2)))
    expected = {"moons/synapses_rms": rms[-1]}
    for i in (0, 2):
        expected |= {f"moons/accuracy_at_{i}": right[i], f"moons/synapses_rms_at_{i}": rms[i]}
    assert got.keys() == expected.keys()
    np.testing.assert_allclose([got[name] for name in expected], list(expected.values()), rtol=1e-5)
    of_network = evals.synapses(view._replace(learner=blur.inner_learner.State(jnp.int32(3), synapses)))
    np.testing.assert_allclose(of_network["synapses_rms"], rms[-1], rtol=1e-6)
    assert evals.synapses(view._replace(learner=())) == {}


def test_no_steps_are_refused():
    with pytest.raises(ValueError, match=r"steps must be some of 0, 1, \.\.; got \(\)"):
        evals.endurance(evals.View(*[None] * 5), families={}, sizes=SIZES, batch_size=B, num_draws=1, steps=())


def test_a_genome_whose_synapses_explode_does_not_stop_the_run_that_learns_it():
    rule = blur.backprop_rule(jnp.tanh)
    init, *_ = blur.evolution.learner(
        lambda _: blur.backprop_genome(1e20), SIZES, rule=rule, population=4, num_held_out=1
    )
    example = blur.Tasks(jnp.zeros((1, 3, B, 2)), jnp.zeros((1, 3, B), jnp.int32))
    view = evals.View(None, (), None, None, init(jax.random.key(0), example))
    families = {"moons": blur.toys.two_moon}
    got = evals.endurance(view, families=families, sizes=SIZES, batch_size=B, num_draws=1, rule=rule, steps=(0, 3))
    np.testing.assert_allclose(got["moons/synapses_rms"], 1e30)
    assert all(np.isfinite(value) for value in got.values())
