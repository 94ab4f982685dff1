"""Genomes that are optax's optimisers; what the norms of changes promise; age; what memory is kept."""

from functools import partial

import chex
import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest

import blur
from blur import changes, network
from blur.genome import Age, Size, with_size

B, D, HIDDEN, M = 9, 5, 7, 3
GENOMES = {
    "none": (blur.optimisers.momentum_genome(0.3, 0.9), optax.sgd(0.3, momentum=0.9)),
    "adam": (blur.optimisers.adam_genome(0.01), optax.adam(0.01)),
    "orthogonal": (
        blur.optimisers.momentum_genome(0.1, 0.8),
        optax.contrib.muon(0.1, beta=0.8, nesterov=False),
    ),
}


@pytest.fixture(scope="module")
def batch():
    rng = np.random.default_rng(0)
    return jnp.array(rng.normal(size=(B, D)), jnp.float32), jax.nn.one_hot(jnp.array(rng.integers(0, M, size=B)), M)


def loss(weights, inputs, targets):
    hidden = jnp.tanh(inputs @ weights[0][:-1] + weights[0][-1:])
    return optax.softmax_cross_entropy(hidden @ weights[1][:-1] + weights[1][-1:], targets).mean()


def begin(genome, rule, num_states=2):
    synapses = network.init(jax.random.key(1), D, (HIDDEN, M), num_states, rule=rule)
    return network.with_memory(genome, synapses, rule=rule)


@pytest.mark.parametrize("change_norm", GENOMES)
def test_a_genome_is_the_optimiser(change_norm, batch):
    """Weights with their bias as one row more, as the synapses have it. Adam's first step is a sign, so 4 steps."""
    genome, tx = GENOMES[change_norm]
    rule = blur.backprop_rule("tanh")._replace(change_norm=change_norm)
    synapses = begin(genome, rule)
    weights = [of_layer.forward[0] for of_layer in synapses]

    @jax.jit
    def steps(synapses, weights):
        state = tx.init(weights)
        for _ in range(4):
            synapses, _, _ = network.step(genome, synapses, *batch, rule=rule)
            updates, state = tx.update(jax.grad(loss)(weights, *batch), state, weights)
            weights = optax.apply_updates(weights, updates)
        return [of_layer.forward[0] for of_layer in synapses], weights

    ours, theirs = steps(synapses, weights)
    for a, b, first in zip(ours, theirs, weights, strict=True):
        np.testing.assert_allclose(a, b, rtol=1e-5, atol=3e-6)
        assert np.abs(a - first).max() > 0.02


@pytest.mark.parametrize("change_norm", ["layer", "destination", "orthogonal"])
@pytest.mark.parametrize("shape", [(2, 6, 4), (1, 4, 16)])
def test_a_destination_receives_about_one(change_norm, shape):
    change = 1e3 * jax.random.normal(jax.random.key(0), shape)
    genes = blur.backprop_genome(0.1).synapse
    tx = changes.transformation(genes, change_norm)
    moved, _ = tx.update(change, tx.init(change))
    each = jnp.linalg.norm(moved, axis=1)
    if change_norm == "destination":
        np.testing.assert_allclose(each, 1, rtol=1e-5)
    elif change_norm == "layer":
        np.testing.assert_allclose(jnp.sqrt((each**2).mean(1)), 1, rtol=1e-5)
    else:  # five turns leave singular values of 0.7 to 1.2; exact ones are sqrt(max(1, M / N))
        values = jnp.linalg.svd(moved, compute_uv=False) / max(1, shape[2] / shape[1]) ** 0.5
        assert values.min() > 0.6 and values.max() < 1.3  # noqa: PT018


def test_age_by_hand():
    """(1 + 6 / 3)^-2 = 1 / 9, of the rate and of how far the gate is below 1; above, it is 1."""
    genes = blur.backprop_genome(0.9).synapse._replace(keep=jnp.array(0.1), age=Age(jnp.log(3.0), jnp.array(2.0)))
    old = changes.aged(genes, jnp.array(6))
    np.testing.assert_allclose([old.update, old.keep], [-0.1, 0.9], rtol=1e-6)
    assert changes.aged(genes._replace(keep=jnp.array(1.9)), jnp.array(6)).keep == 1


def test_age_without_power_is_the_bound_of_the_gate_alone():
    synapse = blur.backprop_genome(0.3).synapse._replace(keep=jnp.array(1.1))
    bounded = blur.genome.with_age(blur.backprop_genome(0.3)._replace(synapse=synapse), 3.0, power=0.0).synapse
    for step in (0, 1000):
        old = changes.aged(bounded, jnp.asarray(step))
        assert (old.keep, old.update) == (1, synapse.update)
    assert changes.aged(synapse, jnp.asarray(1000)).keep == jnp.float32(1.1)  # without an age the gate is as it is


def test_synapses_count_their_steps_and_begin_at_any_age(batch):
    rule = blur.backprop_rule("tanh")
    genome = blur.optimisers.momentum_genome(0.1, 0.0, log_steps=1.0)
    synapses = begin(genome, rule)
    later = network.with_memory(genome, [network.Synapses(*of_layer[:2]) for of_layer in synapses], rule=rule, age=7)
    moved = []
    for first in (synapses, later):
        after, _, _ = network.step(genome, first, *batch, rule=rule)
        assert after[0].memory.age == first[0].memory.age + 1
        moved.append(np.abs(after[0].forward - first[0].forward).max())
    np.testing.assert_allclose(moved[1] / moved[0], 1 / (1 + 7 / np.e), rtol=1e-3)


def test_genes_without_options_keep_nothing():
    synapses = begin(blur.backprop_genome(0.1), blur.Rule())
    assert not any(isinstance(of_layer, network.Remembering) for of_layer in synapses)


def test_the_last_layer_apart(batch):
    """Half its rate, and no norm on its logits."""
    genome = blur.delta_genome(jax.random.key(0), 3)
    half = genome._replace(synapse=genome.synapse._replace(last=jnp.array(0.5)))
    rule = blur.Rule(last_activation="linear")
    synapses = begin(genome, rule, 3)
    moved = []
    for genes in (genome, half):
        after, _, _ = network.step(genes, synapses, *batch, rule=rule)
        moved.append([np.array(a.forward - b.forward) for a, b in zip(after, synapses, strict=True)])
    np.testing.assert_allclose(moved[1][0], moved[0][0], atol=1e-6)
    np.testing.assert_allclose(2 * moved[1][1], moved[0][1], atol=1e-5)
    free = rule._replace(normalise_last=False)
    *below, logits = network.forward(genome, synapses, batch[0], rule=rule)
    *same, drives = network.forward(genome, synapses, batch[0], rule=free)
    np.testing.assert_array_equal(below[-1], same[-1])
    assert abs(logits[0].std() - 1) < 1e-3 < abs(drives[0].std() - 1)


def test_rates_of_networks_of_any_size(batch):
    """By hand, of layers of 128, 32 and 16 neurons: of the last layer the sources count."""
    plain, rule = blur.optimisers.lasting(learning_rate=0.3)
    rates = np.array([2**-0.5, 2**0.5, 4**0.5, 4**0.5]) * 3**-0.25
    by_hand = tuple(plain._replace(synapse=plain.synapse._replace(update=jnp.float32(-0.3 * rate))) for rate in rates)
    synapses = network.begin(jax.random.key(0), plain, D, (128, 32, 16, M), rule=rule)
    step = jax.jit(partial(network.step, rule=rule))
    learned, expected = (step(genome, synapses, *batch)[0] for genome in (with_size(plain, 0.5, 0.25), by_hand))
    chex.assert_trees_all_close(learned, expected, rtol=1e-5, atol=1e-6)
    assert not np.allclose(learned[2].forward, step(plain, synapses, *batch)[0][2].forward)
    synapses = network.begin(jax.random.key(0), plain, D, (M,), rule=rule)  # no hidden layer: nothing shrinks
    chex.assert_trees_all_equal(*(step(genome, synapses, *batch)[0] for genome in (with_size(plain, 0.5, 0.25), plain)))


def test_inputs_of_any_scale_are_the_same(batch):
    x, targets = batch
    rule = blur.backprop_rule("tanh")._replace(normalise_inputs=True)
    genome = blur.backprop_genome(0.1)
    synapses = begin(genome, rule)
    one, other = (network.step(genome, synapses, inputs, targets, rule=rule)[1] for inputs in (x, 5 * x + 3))
    np.testing.assert_allclose(one, other, atol=1e-5)


@pytest.mark.parametrize(("num_states", "feedback"), [(4, "cross_entropy"), (3, "mse")])
def test_errors_are_fed_back_to_any_number_of_states(num_states, feedback, batch):
    """A meta-gradient through two steps; without noise, states beyond the second do nothing to backprop."""
    genome = blur.perturbed_backprop_genome(jax.random.key(0), num_states, learning_rate=0.3, std=0.0)
    rule = blur.backprop_rule("tanh", feedback)
    one = blur.network.init(jax.random.key(1), D, (HIDDEN, M), num_states, rule=rule)

    def after(genome):
        synapses = one
        for _ in range(2):
            synapses, logits, _ = network.step(genome, synapses, *batch, rule=rule)
        return jnp.square(logits).mean(), logits

    (_, logits), gradient = jax.jit(jax.value_and_grad(after, has_aux=True))(genome)
    assert all(jnp.isfinite(leaf).all() for leaf in jax.tree.leaves(gradient))
    assert jnp.abs(gradient.synapse.update) > 0
    fed = blur.rule.FEEDBACKS[feedback](jnp.ones((num_states, B, M)), batch[1])
    np.testing.assert_array_equal(fed[2:], 0)
    _, expected = after(blur.backprop_genome(0.3))
    np.testing.assert_allclose(logits, expected, atol=1e-6)


def test_the_temperature_of_the_softmax_is_a_gate_of_the_last_layer(batch):
    """Changes with a norm are the same for the softmax of logits / 2 and for the gate 1 / 2."""
    genome, rule = blur.optimisers.lasting()
    synapses = network.begin(jax.random.key(1), genome, D, (HIDDEN, M), rule=rule)

    def warm(last, targets):
        return blur.rule.FEEDBACKS["error"](last.at[0].divide(2), targets)

    gated = genome._replace(neuron=genome.neuron._replace(update=jnp.array(0.5)))
    learned, logits, _ = network.step((genome, gated), synapses, *batch, rule=rule)
    expected, twice, _ = network.step(genome, synapses, *batch, rule=rule._replace(feedback=warm))
    np.testing.assert_allclose(2 * logits, twice, rtol=1e-5)
    for one, other in zip(learned, expected, strict=True):
        np.testing.assert_allclose(one.forward, other.forward, rtol=1e-4, atol=1e-5)


def test_a_network_without_memory(batch):
    rule, genome = blur.backprop_rule("tanh"), blur.optimisers.momentum_genome(0.1, 0.9)
    bare = [network.Synapses(*of_layer[:2]) for of_layer in begin(genome, rule)]
    with pytest.raises(ValueError, match="give the synapses a memory"):
        network.step(genome, bare, *batch, rule=rule)


def test_adam_needs_its_gene():
    with pytest.raises(ValueError, match="needs the gene squares"):
        begin(blur.backprop_genome(0.1), blur.backprop_rule("tanh")._replace(change_norm="adam"))


def test_first_synapses_have_the_scale_of_their_gene():
    """Those of `network.init` times the gene, forwards and backwards, and what they remember."""
    rule = blur.Rule()
    genome = blur.random_genome(jax.random.key(0), 2)
    scaled = genome._replace(synapse=genome.synapse._replace(scale=jnp.array(0.5), momentum=jnp.array(0.9)))
    for genes, factor in ((genome, 1), ((genome, scaled), (1, 0.5))):
        begun = network.begin(jax.random.key(1), genes, D, (HIDDEN, M), rule=rule, scale=2.0)
        plain = network.init(jax.random.key(1), D, (HIDDEN, M), 2, rule=rule, scale=2.0)
        for of_layer, expected, by in zip(begun, plain, np.broadcast_to(factor, 2), strict=True):
            np.testing.assert_array_equal(of_layer.forward, by * expected.forward)
        np.testing.assert_array_equal(begun[1].backward, np.broadcast_to(factor, 2)[1] * plain[1].backward)
        assert [hasattr(of_layer, "memory") for of_layer in begun] == [False, genes is not genome]


@pytest.mark.parametrize("kind", [float, np.float32])
def test_genes_may_be_plain_numbers(kind, batch):
    """Every gene that is a number; matrices are NumPy's."""
    genome = blur.random_genome(jax.random.key(0), 2, normalise="both")
    names = ("oja", "saturation", "rescale", "momentum", "squares", "last", "scale")
    synapse = genome.synapse._replace(**{name: jnp.array(0.3) for name in names})
    arrays = blur.Genome(
        genome.neuron,
        synapse._replace(age=Age(jnp.array(3.0), jnp.array(0.5)), size=Size(jnp.array(0.3), jnp.array(0.2))),
        genome.synapse,
    )
    plain = jax.tree.map(lambda gene: kind(gene) if gene.ndim == 0 else np.asarray(gene), arrays)
    rule = blur.Rule(change_norm="adam", synapse_norm="read")

    def after(genome):
        synapses = network.begin(jax.random.key(1), genome, D, (HIDDEN, M), rule=rule)
        return network.step(genome, synapses, *batch, rule=rule)[0]

    chex.assert_trees_all_close(after(plain), after(arrays), rtol=1e-6)


def test_the_error_is_fed_back_as_it_is_and_a_norm_forgives_it(batch):
    """B times that of the mean, so SGD has B times its rate; with a norm steps are the same."""
    logits, targets = jnp.arange(2.0 * B * M).reshape(2, B, M), batch[1]
    error, mean = (blur.rule.FEEDBACKS[name](logits, targets)[1] for name in ("error", "cross_entropy"))
    np.testing.assert_allclose(error, B * mean, rtol=1e-6)
    np.testing.assert_allclose(error, jax.nn.softmax(logits[0]) - targets, rtol=1e-6)
    genome, rule = blur.optimisers.lasting()
    assert rule.feedback == "error"
    synapses = begin(genome, rule)
    ours, theirs = (
        network.step(genome, synapses, *batch, rule=rule._replace(feedback=name))[0][0].forward
        for name in ("error", "cross_entropy")
    )
    np.testing.assert_allclose(ours, theirs, atol=1e-5)
