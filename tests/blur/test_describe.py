"""A genome as text: names, distances and ages by hand, what differs."""

import jax.numpy as jnp
import numpy as np
import pytest

import blur


def test_distances_by_hand():
    """Backprop's own are 0 at any scale; a transform that also reads the other state as much is at 45 degrees."""
    genome = blur.backprop_genome(0.1)
    turned = genome.synapse.pre.at[1, 0].set(1.0) * 7
    genome = genome._replace(
        neuron=genome.neuron._replace(forward=3 * genome.neuron.forward), synapse=genome.synapse._replace(pre=turned)
    )
    single = blur.describe.distance_to_backprop(genome, blur.backprop_rule("relu"))
    expected = {"neuron.forward": 0, "neuron.backward": 0, "synapse.pre": 0.5**0.5, "synapse.post": 0}
    assert single.keys() == expected.keys()
    np.testing.assert_allclose(list(single.values()), list(expected.values()), atol=1e-6)
    all_channels = blur.describe.distance_to_backprop(genome)["synapse.pre"]  # [[1, 0], [1, 1]] and the identity
    np.testing.assert_allclose(all_channels, np.sin(np.arccos(2 / (3 * 2) ** 0.5)), rtol=1e-6)


def test_of_four_states_those_beyond_the_second_count_as_far():
    genome, rule, _ = blur.pretrained.load("digits")
    assert all(0.1 < distance <= 1 for distance in blur.describe.distance_to_backprop(genome, rule).values())


def test_a_description_names_all_genes_and_tells_of_age():
    """0.3 / (1 + 1000 / e^3)."""
    genome, rule, _ = blur.pretrained.load("muon")
    lines = blur.describe.describe(genome, rule).splitlines()
    assert [line.split()[0] for line in lines[: len(blur.genes.named(genome))]] == list(blur.genes.named(genome))
    assert lines[0] == "neuron.forward               [[1. 0.] [1. 0.]]   0.000 from backprop"
    assert lines[-2].split() == ["synapse.update", "-0.3", "-0.2003", "-0.05018", "-0.005907"]
    one = blur.describe.describe(blur.backprop_genome(0.1))
    assert "at steps" not in one
    assert blur.describe.describe((blur.backprop_genome(0.1),) * 2) == f"layer 0\n{one}\nlayer 1\n{one}"


def test_what_is_no_genome_is_refused():
    for function in (blur.describe.describe, lambda genome: blur.describe.diff(blur.backprop_genome(0.1), genome)):
        for genome in ("toy", {"neuron": 1}, ()):
            with pytest.raises(ValueError, match=r"a genome must be a blur\.Genome"):
                function(genome)


def test_a_diff_has_what_differs():
    one, other = blur.optimisers.momentum_genome(0.1, 0.5), blur.optimisers.adam_genome(0.1, 0.75)
    assert blur.describe.diff(one, one) == ""
    assert [line.split() for line in blur.describe.diff(one, other).splitlines()] == [
        ["synapse.momentum", "0.5", "->", "0.75"],
        ["synapse.squares", "-", "->", "0.999"],
    ]
    halved = one._replace(synapse=one.synapse._replace(post=one.synapse.post / jnp.float32(2)))
    assert [line.split()[0] for line in blur.describe.diff((one, one), (one, halved)).splitlines()] == [
        "1.synapse.post"
    ]
