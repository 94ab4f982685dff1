"""Visits: counts by hand, against a plain loop, whatever the chunks; and what they say of an input."""

from functools import partial

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from glns import bernoulli, context, network, visits

R, T, U = 4, 60, 5


def ones(number):
    return jnp.ones(number, jnp.int32)


def test_counts_by_hand():
    counts, found = visits.learn(jnp.array([5, 0, 2]), jnp.array([0, 2, 2, 1, 2]), jnp.array([1, 1, 0, 1, 1]))
    assert counts.tolist() == [6, 1, 4]
    assert found.tolist() == [5, 2, 3, 0, 3]  # the third example counts nothing, but finds two


@pytest.mark.parametrize("chunk", [1, 7, T])
def test_chunks_count_as_a_plain_loop_does(chunk):
    rng = np.random.default_rng(0)
    contexts, weights = rng.integers(0, R, size=(U, T)), rng.integers(0, 2, size=T)
    counts, found = np.zeros((U, R), int), np.zeros((U, T), int)
    for u in range(U):
        for t in range(T):
            found[u, t] = counts[u, contexts[u, t]]
            counts[u, contexts[u, t]] += weights[t]
    ours, seen = jnp.zeros((U, R), jnp.int32), []
    of_neurons = jax.jit(jax.vmap(visits.learn, in_axes=(0, 0, None)))
    for start in range(0, T, chunk):
        part = slice(start, start + chunk)
        ours, of_part = of_neurons(ours, jnp.array(contexts[:, part]), jnp.array(weights[part]))
        seen.append(of_part)
    np.testing.assert_array_equal(ours, counts)
    np.testing.assert_array_equal(np.concatenate(seen, axis=1), found)


def test_a_signature_lists_the_contexts_layer_by_layer():
    gate = context.half_spaces(2)
    layers = network.init(jax.random.key(0), (3, 2, 1), 4, 4, neuron=bernoulli.neuron(bernoulli.Rule()), gate=gate)
    side = jnp.arange(4.0) - 1.5
    one_by_one = [
        int(gate.context(jax.tree.map(lambda leaf, k=k: leaf[k], layer.gates), side))
        for layer, size in zip(layers, (3, 2, 1), strict=True)
        for k in range(size)
    ]
    assert visits.signature(layers, side, gate).tolist() == one_by_one
    assert len(set(one_by_one)) > 1


def test_lookup_by_hand():
    counts = jnp.array([[0, 3], [1, 0], [2, 2], [0, 0]])
    assert visits.lookup(counts, jnp.array([1, 0, 0, 1])).tolist() == [3, 1, 2, 0]


def test_far_inputs_are_new():
    """A network that saw one half of the plane: in the other, more neurons meet contexts that they never saw."""
    gate = context.half_spaces(4)
    draw = partial(network.init, neuron=bernoulli.neuron(bernoulli.Rule()), gate=gate)
    layers = draw(jax.random.key(0), (30, 1), 2, 2)
    near = jax.random.normal(jax.random.key(1), (200, 2)) + jnp.array([[3.0, 0.0]])
    signatures = jax.vmap(lambda side: visits.signature(layers, side, gate), out_axes=1)
    count = jax.vmap(visits.learn, in_axes=(0, 0, None))
    counts, _ = count(jnp.zeros((31, 16), jnp.int32), signatures(near), ones(200))

    def fraction_unseen(sides):
        return float(jnp.mean(jax.vmap(visits.lookup, in_axes=(None, 1))(counts, signatures(sides)) == 0))

    assert fraction_unseen(near) == 0.0
    assert fraction_unseen(-near) > 0.5
