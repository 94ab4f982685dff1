"""How genomes begin: at random, near backprop, near the delta rule, with and without options."""

from functools import partial

import chex
import jax
import jax.numpy as jnp
import numpy as np
import pytest

import blur

BEGINNINGS = {
    "random": partial(blur.random_genome, num_states=3),
    "backprop": partial(blur.perturbed_backprop_genome, num_states=3, learning_rate=0.1, std=0.1),
    "delta": partial(blur.delta_genome, num_states=3),
}


@pytest.mark.parametrize("begin", BEGINNINGS.values(), ids=BEGINNINGS)
def test_normalisation(begin):
    plain = begin(jax.random.key(0), normalise="none")
    norms = {
        name: begin(jax.random.key(0), normalise=name).neuron[4:] for name in ("none", "forward", "backward", "both")
    }
    assert [[norm is not None for norm in pair] for pair in norms.values()] == [[0, 0], [1, 0], [0, 1], [1, 1]]
    genome = begin(jax.random.key(0), normalise="both")
    for norm in genome.neuron[4:]:
        chex.assert_trees_all_equal(norm, blur.genome.Norm(jnp.zeros(3), jnp.ones(3)))
    chex.assert_trees_all_equal((genome.neuron[:4], genome.synapse), (plain.neuron[:4], plain.synapse))
    with pytest.raises(ValueError, match="normalise must be one of none, forward, backward, both; got 'all'"):
        begin(jax.random.key(0), normalise="all")


def test_genes_of_options():
    plain = blur.delta_genome(jax.random.key(0), 3)
    assert (plain.synapse.oja, plain.synapse.saturation) == (None, None)
    genome = blur.delta_genome(jax.random.key(0), 3, oja=0.5, saturation=2.0)
    assert (genome.synapse.oja, genome.synapse.saturation) == (0.5, 2.0)
    chex.assert_trees_all_equal((genome.neuron, genome.synapse[:4]), (plain.neuron, plain.synapse[:4]))


@pytest.mark.parametrize("begin", BEGINNINGS.values(), ids=BEGINNINGS)
def test_no_two_genomes_begin_alike(begin):
    one, other = (begin(jax.random.key(seed)) for seed in (1, 2))
    for name in ("forward", "backward"):
        assert np.all(getattr(one.neuron, name) != getattr(other.neuron, name))
    for name in ("pre", "post"):
        assert np.all(getattr(one.synapse, name) != getattr(other.synapse, name))


def test_near_backprop():
    """Without noise it does as backprop does, and further states do nothing; noise has its size in every transform."""
    begin = partial(blur.perturbed_backprop_genome, learning_rate=0.1)
    backprop = blur.backprop_genome(0.1)
    for num_states in (2, 4):
        genome = begin(jax.random.key(0), num_states, std=0.0)
        kept = (genome.neuron, genome.synapse.keep), (backprop.neuron, backprop.synapse.keep)
        for leaf, of_two in zip(*map(jax.tree.leaves, kept), strict=True):
            np.testing.assert_array_equal(leaf, np.pad(of_two, (0, num_states - 2)) if leaf.ndim else of_two)
        np.testing.assert_allclose(_change(genome)[:2, :2, :2, :2], _change(backprop), rtol=1e-6)
        assert np.count_nonzero(_change(genome)) == np.count_nonzero(_change(backprop))
    noisy = begin(jax.random.key(0), 40, std=0.3)
    for genes, order in ((noisy.neuron[:2], 1.0), (noisy.synapse[:2], 0.1)):
        for transform in genes:
            np.testing.assert_allclose(np.array(transform)[2:].std(), 0.3 * order, rtol=0.1)


def _change(genome):
    """What each two states change of each channel: eq. 7, [K, channels, channels, K]."""
    return genome.synapse.update * genome.synapse.pre[:, :, None, None] * genome.synapse.post[None, None]


def test_size_of_a_genome():
    for k, size in {2: 20, 4: 68, 8: 260}.items():  # 4 k² + 4 (Sandler 2021, Table 1)
        genome = blur.random_genome(jax.random.key(0), k)
        assert sum(leaf.size for leaf in jax.tree.leaves(genome)) == size
