"""An inner run is its steps, one after another; so is its gradient."""

import chex
import jax
import jax.numpy as jnp
import numpy as np
import pytest

import blur
from blur import network
from blur.rule import Rule

S, B, D, SIZES = 3, 6, 4, (5, 3)


@pytest.mark.parametrize(
    ("rule", "by_layer"),
    [(Rule(), False), (Rule(keep_neurons=True), True), (Rule(symmetric=True, single_state=True), False)],
)
def test_is_its_steps(rule, by_layer):
    rng = np.random.default_rng(0)
    inputs = jnp.array(rng.normal(size=(S, B, D)), jnp.float32)
    targets = jax.nn.one_hot(jnp.array(rng.integers(0, SIZES[-1], size=(S, B))), SIZES[-1])
    synapses = network.init(jax.random.key(0), D, SIZES, 2, rule=rule)
    genomes = tuple(blur.random_genome(jax.random.key(i), 2, synapse_update=0.01) for i in (1, 2))

    def steps(genome, synapses):
        carry, logits = network.init_carry(synapses, B, 2, rule=rule), []
        for batch in zip(inputs, targets, strict=True):
            synapses, of_batch, carry = network.step(genome, synapses, *batch, rule=rule, carry=carry)
            logits.append(of_batch)
        return synapses, jnp.stack(logits)

    def unrolled(genome, synapses):
        return blur.unroll(genome, synapses, inputs, targets, rule=rule)

    def loss_and_rest(run):
        def loss(genome, synapses):
            learned, logits = run(genome, synapses)
            return sum(jnp.sum(leaf**2) for leaf in jax.tree.leaves((learned, logits))), (learned, logits)

        return jax.jit(jax.value_and_grad(loss, argnums=(0, 1), has_aux=True))

    arguments = genomes if by_layer else genomes[0], synapses
    actual, expected = (loss_and_rest(run)(*arguments) for run in (unrolled, steps))
    chex.assert_trees_all_close(actual, expected, rtol=1e-4, atol=1e-4)
    of_genome = actual[1][0][1] if by_layer else actual[1][0]
    assert all(jnp.abs(leaf).max() > 0 for leaf in jax.tree.leaves(of_genome))


def test_sequential_tasks_are_tasks_all_at_once():
    rng = np.random.default_rng(0)
    tasks = {"inputs": jnp.array(rng.normal(size=(4, 3)))}, jnp.array(rng.normal(size=(4,)))

    def function(of_task, scale):
        chex.assert_shape([of_task["inputs"], scale], [(3,), ()])
        return of_task["inputs"] * scale, scale + 1

    for sequential in (False, True):
        products, sums = blur.map_tasks(function, tasks, sequential=sequential)
        np.testing.assert_allclose(products, np.array(tasks[0]["inputs"]) * np.array(tasks[1])[:, None], rtol=1e-6)
        np.testing.assert_allclose(sums, np.array(tasks[1]) + 1, rtol=1e-6)
