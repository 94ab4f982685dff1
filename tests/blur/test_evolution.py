"""Evolution: fitness by hand, a task it learns, divergence, refusals."""

import itertools

import chex
import jax
import jax.numpy as jnp
import numpy as np
import pytest
import scipy.stats

import blur
import bootstrap
from blur.rule import Rule

SIZES, POPULATION, RULE = (6, 2), 8, Rule(last_activation="linear")
STEP = jax.jit(lambda *args: blur.network.step(*args, rule=RULE))
BEGIN = jax.tree_util.Partial(blur.delta_genome, num_states=2, normalise="none")


def moons(key, data, num_samples):
    return blur.toys.two_moon(key, data, num_samples)


WORLD = bootstrap.World(*blur.tasks([moons], unroll=4, batch_size=16, num_tasks=2))


def learner(**settings):
    settings = {"rule": RULE, "population": POPULATION, "num_held_out": 2, "std": 0.2} | settings
    return bootstrap.Learner(*blur.evolution.learner(BEGIN, SIZES, **settings))


@pytest.fixture(scope="module")
def run():
    return bootstrap.begin(jax.random.key(0), learner(), WORLD)


@pytest.fixture(scope="module")
def tasks(run):
    return WORLD.draw(jax.random.key(1), WORLD.data, run.world, None)[1]


@pytest.fixture(scope="module")
def update():
    """A generation, compiled once."""
    return jax.jit(learner().update)


def first_synapses(key, tasks):
    """What every genome of the population begins with, a network a task."""
    return [blur.network.init(k_task, 2, SIZES, 2, rule=RULE) for k_task in jax.random.split(key, len(tasks.labels))]


def fitness(genome, first, tasks):
    """The mean accuracy on the last two batches of networks that have learned the first three, one step at a time."""
    right = []
    for synapses, inputs, labels in zip(first, tasks.inputs, tasks.labels, strict=True):
        for x, y in zip(inputs[:3], labels[:3], strict=True):
            synapses = STEP(genome, synapses, x, jax.nn.one_hot(y, 2))[0]
        for x, y in zip(inputs[3:], labels[3:], strict=True):
            logits = STEP(genome, synapses, x, jax.nn.one_hot(y, 2))[1]
            right.append(np.argmax(logits, axis=-1) == y)
    return np.mean(right)


def test_a_generation_by_hand(run, tasks, update):
    """The population is the strategy's; its fitness is that of plain steps; the mean moves to the fitter half."""
    state, metrics = update(jax.random.key(2), run.learner, tasks)
    k_ask, _, k_synapses = jax.random.split(jax.random.key(2), 3)
    flat, unravel = jax.flatten_util.ravel_pytree(run.learner.mean)
    strategy = run.learner.strategy
    noise = jax.random.normal(
        jax.random.split(k_ask)[1], (POPULATION, flat.size)
    )  # the first covariance is the identity
    population = np.float64(flat) + 0.2 * np.float64(noise)
    first = first_synapses(k_synapses, tasks)
    by_hand = np.array([fitness(unravel(jnp.array(genes, jnp.float32)), first, tasks) for genes in population])
    np.testing.assert_allclose(metrics["accuracy"], by_hand.mean(), rtol=1e-6)
    np.testing.assert_allclose(metrics["best_accuracy"], by_hand.max(), rtol=1e-6)
    weights = np.maximum(np.log((POPULATION + 1) / 2) - np.log(np.arange(1, POPULATION + 1)), 0)  # Hansen 2016, eq. 49
    rank = scipy.stats.rankdata(-by_hand).astype(int) - 1  # evosax's: equals share their mean rank, rounded down
    expected = np.float64(flat) + (weights / weights.sum())[rank] @ (population - np.float64(flat))
    np.testing.assert_allclose(jax.flatten_util.ravel_pytree(state.mean)[0], expected, rtol=1e-4, atol=1e-5)
    np.testing.assert_allclose(state.strategy.mean, (expected - np.float64(flat)) / 0.2, rtol=1e-4, atol=1e-4)
    assert strategy.std == 1
    assert metrics["num_diverged"] == 0


def test_accuracy_rises():
    """From ROSE when this was written."""
    evolution = learner(population=24)

    @jax.jit
    def evolve(key):
        return bootstrap.advance(key, evolution, WORLD, bootstrap.begin(key, evolution, WORLD), 60)[1]["accuracy"]

    accuracy = evolve(jax.random.key(0))
    assert accuracy[-5:].mean() > accuracy[:5].mean() + 0.08


def test_a_genome_that_diverges_is_the_worst_and_is_counted(run, tasks, update):
    huge = run.learner.strategy.replace(std=jnp.float32(1e20))
    state, metrics = update(jax.random.key(2), run.learner._replace(strategy=huge), tasks)
    assert metrics["num_diverged"] > 0
    assert metrics["accuracy"] <= 1 - metrics["num_diverged"] / POPULATION
    assert all(jnp.isfinite(leaf).all() for leaf in jax.tree.leaves(state.mean))


def test_where_all_diverge_the_distribution_stays_finite(run, tasks, update):
    state, metrics = update(jax.random.key(2), run.learner, tasks._replace(inputs=tasks.inputs * jnp.nan))
    assert (metrics["num_diverged"], metrics["accuracy"]) == (POPULATION, 0)
    chex.assert_tree_all_finite((state.mean, state.strategy.C, state.strategy.std))
    _, metrics = update(jax.random.key(2), run.learner, tasks._replace(labels=tasks.labels - 1))
    assert all(np.isnan(metric) for metric in metrics.values())  # some labels are no classes


def test_predictions_are_the_means_on_the_last_batch(run, tasks):
    log_p = jax.jit(learner().predict)(run.learner, tasks)
    assert log_p.shape == (2, 16, 2)
    np.testing.assert_allclose(jnp.exp(log_p).sum(-1), 1, rtol=1e-5)
    synapses = first_synapses(jax.random.key(0), tasks)[1]
    for x, y in zip(tasks.inputs[1, :3], tasks.labels[1, :3], strict=True):
        synapses = STEP(run.learner.mean, synapses, x, jax.nn.one_hot(y, 2))[0]
    logits = STEP(run.learner.mean, synapses, tasks.inputs[1, 4], jax.nn.one_hot(y, 2))[1]
    np.testing.assert_allclose(log_p[1], jax.nn.log_softmax(logits), rtol=1e-4, atol=1e-5)


def test_a_state_is_arrays_without_nan_that_keep_their_form(run, tasks):
    state, _ = jax.eval_shape(learner().update, jax.random.key(2), run.learner, tasks)
    chex.assert_trees_all_equal_shapes_and_dtypes(state, run.learner)
    assert not any(jnp.isnan(leaf).any() for leaf in jax.tree.leaves(run.learner))


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"population": 3}, "population must be a whole number of at least 4, got 3"),
        ({"num_held_out": 0}, "num_held_out must be a whole number of at least 1, got 0"),
        ({"std": np.nan}, "std must be a finite number, above 0.0, of at least one gene, got nan"),
        ({"std": {"synapse": {"keep": 0.0}}}, "std must be a finite number, above 0.0, of at least one gene"),
        (
            {"std": {"synapse": {"oja": 0.1}}},
            "std.synapse: the genome has no gene 'oja' here; there are pre, post, keep",
        ),
        ({"std": {"neuron": {"forward": (0.1, 0.1, 0.1)}}}, "std.neuron.forward must be a number, or have the shape"),
        ({"num_held_out": 5}, "num_held_out=5 of 5 batches leaves none to learn"),
        ({"rule": Rule(backward_update="plus")}, "backward_update must be one of additive, .*; got 'plus'"),
    ],
)
def test_refusals(settings, message):
    with pytest.raises(ValueError, match=message):
        bootstrap.begin(jax.random.key(0), learner(**settings), WORLD)


NETWORKS = ((4, 2), SIZES)
VARIED = {"neuron": {"forward": ((1e-6, 0.0), (0.0, 0.0))}, "synapse": {"update": 1e-6}}


@pytest.fixture(scope="module")
def long_way():
    """Evolution of two genes, almost not at all, in two networks, over 9 to 12 steps from an age of 0 or 1 on.

    -> (state, update, tasks).
    """
    world = bootstrap.World(*blur.tasks([moons], unroll=13, batch_size=8))
    tasks = world.draw(None, (), world.init(jax.random.key(1), ()), None)[1]
    settings = {"shortest": 9, "along": True, "keep_start": True, "std": VARIED, "population": 4, "num_held_out": 2}
    settings |= {"oldest": 1, "rule": RULE}
    init, update, _ = blur.evolution.learner(lambda key: blur.genome.with_age(BEGIN(key), 0.0), NETWORKS, **settings)
    return init(jax.random.key(0), tasks), jax.jit(update), tasks


def test_networks_horizons_ages_and_the_whole_way(long_way):
    """The fitness is that of plain steps, to a horizon below the longest, in windows of which the first has ten."""
    state, update, tasks = long_way
    seen, ages = set(), []
    for seed in range(5):
        _, metrics = update(jax.random.key(seed), state, tasks)
        matching = {
            (sizes, horizon, age)
            for sizes, age in itertools.product(NETWORKS, (0, 1))
            for horizon, accuracy in along(state.mean, seed, tasks, sizes, age).items()
            if abs(accuracy - metrics["accuracy"]) < 1e-6
        }
        assert matching
        seen |= matching
        ages.append({age for _, _, age in matching})
    assert len({sizes for sizes, _, _ in seen}) == len({horizon > 9 for _, horizon, _ in seen}) == 2
    assert {1} in ages


def along(genome, seed, tasks, sizes, age):
    """Horizon -> accuracy before each step to it, and then on what is held out: the mean of that of steps 0 to 9 and of
    that of the others."""
    (k_task,) = jax.random.split(jax.random.split(jax.random.key(seed), 3)[2], 1)
    synapses = blur.network.init(k_task, 2, sizes, 2, rule=RULE)
    synapses, way, of_horizon = blur.network.with_memory(genome, synapses, rule=RULE, age=age), [], {}
    (inputs,), (labels,) = jax.tree.map(np.array, tasks)
    targets = np.eye(2, dtype=np.float32)[labels]

    def learned(synapses, i):
        synapses, logits, _ = STEP(genome, synapses, inputs[i], targets[i])
        return synapses, np.mean(np.argmax(logits, -1) == labels[i])

    for step in range(13):
        held_out = np.mean([learned(synapses, i)[1] for i in (12, 13)]) if step >= 9 else 0
        every = [*way, held_out]
        windows = every[:10], every[10:]
        of_horizon |= {step: np.mean([np.mean(window) for window in windows if window])} if step >= 9 else {}
        synapses, accuracy = learned(synapses, step)
        way.append(accuracy)
    return of_horizon


def test_only_the_genes_that_are_named_change(long_way):
    state, update, tasks = long_way
    after, _ = update(jax.random.key(0), state, tasks)
    moved = {
        name: np.flatnonzero(gene)
        for name, gene in blur.genes.named(jax.tree.map(jnp.subtract, after.mean, state.mean)).items()
    }
    assert {name: list(where) for name, where in moved.items() if len(where)} == {
        "neuron.forward": [0],
        "synapse.update": [0],
    }


def test_the_start_is_kept_while_the_mean_is_behind(long_way):
    """One of the two has an update gate of the wrong sign, so it learns the opposite."""
    state, update, tasks = long_way
    good = state.mean
    bad = good._replace(synapse=good.synapse._replace(update=-good.synapse.update))
    behind, metrics = update(jax.random.key(0), state._replace(mean=bad), tasks)
    assert metrics["lead"] == behind.lead < -0.003
    chex.assert_trees_all_equal(blur.learned_genome(behind), state.start)
    ahead, _ = update(jax.random.key(0), state._replace(start=bad, lead=jnp.float32(-0.01)), tasks)
    np.testing.assert_allclose(ahead.lead, -0.009 - behind.lead, rtol=1e-4)


def test_ranks_by_hand():
    """The first window has a tie, the last was not reached."""
    accuracies = jnp.array([[0.1, 0.9, jnp.nan], [0.2, 0.8, jnp.nan], [0.2, 0.1, jnp.nan]])
    np.testing.assert_allclose(blur.evolution._mean_ranks(accuracies), [2, 2.25, 1.75])
