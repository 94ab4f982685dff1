"""Evolution: fitness by hand, a task it learns, divergence, refusals."""

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


def first_synapses(key, tasks):
    """What every genome of the population begins with, a network a task."""
    return [blur.network.init(k_task, 2, SIZES, 2, rule=RULE) for k_task in jax.random.split(key, len(tasks.labels))]


def fitness(genome, first, tasks):
    """The mean accuracy on the last two batches of networks that have learned the first three, one step at a time."""
    right = []
    for synapses, inputs, labels in zip(first, tasks.inputs, tasks.labels, strict=True):
        for x, y in zip(inputs[:3], labels[:3], strict=True):
            synapses = blur.network.step(genome, synapses, x, jax.nn.one_hot(y, 2), rule=RULE)[0]
        for x, y in zip(inputs[3:], labels[3:], strict=True):
            logits = blur.network.forward(genome, synapses, x, rule=RULE)[-1][0]
            right.append(np.argmax(logits, axis=-1) == y)
    return np.mean(right)


def test_a_generation_by_hand(run, tasks):
    """The population is the strategy's; its fitness is that of plain steps; the mean moves to the fitter half."""
    state, metrics = jax.jit(learner().update)(jax.random.key(2), run.learner, tasks)
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
    np.testing.assert_allclose(state.strategy.mean, expected, rtol=1e-4, atol=1e-5)
    assert strategy.std == np.float32(0.2)
    assert metrics["num_diverged"] == 0


def test_accuracy_rises():
    """From ROSE when this was written."""
    evolution = learner(population=24)

    @jax.jit
    def evolve(key):
        return bootstrap.advance(key, evolution, WORLD, bootstrap.begin(key, evolution, WORLD), 60)[1]["accuracy"]

    accuracy = evolve(jax.random.key(0))
    assert accuracy[-5:].mean() > accuracy[:5].mean() + 0.08


def test_a_genome_that_diverges_is_the_worst_and_is_counted(run, tasks):
    huge = run.learner.strategy.replace(std=jnp.float32(1e20))
    state, metrics = jax.jit(learner().update)(jax.random.key(2), run.learner._replace(strategy=huge), tasks)
    assert metrics["num_diverged"] > 0
    assert metrics["accuracy"] <= 1 - metrics["num_diverged"] / POPULATION
    assert all(jnp.isfinite(leaf).all() for leaf in jax.tree.leaves(state.mean))


def test_where_all_diverge_the_distribution_stays_finite(run, tasks):
    update = jax.jit(learner().update)
    state, metrics = update(jax.random.key(2), run.learner, tasks._replace(inputs=tasks.inputs * jnp.nan))
    assert (metrics["num_diverged"], metrics["accuracy"]) == (POPULATION, 0)
    chex.assert_tree_all_finite((state.mean, state.strategy.C, state.strategy.std))
    _, metrics = update(jax.random.key(2), run.learner, tasks._replace(labels=tasks.labels - 1))
    assert all(np.isnan(metric) for metric in metrics.values())  # some labels are no classes


def test_predictions_are_the_means_on_the_last_batch(run, tasks):
    log_p = learner().predict(run.learner, tasks)
    assert log_p.shape == (2, 16, 2)
    np.testing.assert_allclose(jnp.exp(log_p).sum(-1), 1, rtol=1e-5)
    synapses = first_synapses(jax.random.key(0), tasks)[1]
    for x, y in zip(tasks.inputs[1, :3], tasks.labels[1, :3], strict=True):
        synapses = blur.network.step(run.learner.mean, synapses, x, jax.nn.one_hot(y, 2), rule=RULE)[0]
    logits = blur.network.forward(run.learner.mean, synapses, tasks.inputs[1, 4], rule=RULE)[-1][0]
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
        ({"std": np.nan}, "std must be a finite number, above 0.0, got nan"),
        ({"num_held_out": 5}, "num_held_out=5 of 5 batches leaves none to learn"),
        ({"rule": Rule(backward_update="plus")}, "backward_update must be one of additive, .*; got 'plus'"),
    ],
)
def test_refusals(settings, message):
    with pytest.raises(ValueError, match=message):
        bootstrap.begin(jax.random.key(0), learner(**settings), WORLD)


def test_networks_horizons_and_the_whole_way(tasks):
    """A generation of two networks: fitness along the way by plain steps, to a horizon below the longest."""
    networks = ((4, 2), SIZES)
    settings = {"rule": RULE, "population": 4, "num_held_out": 2, "shortest": 2, "along": True, "relative": True}
    init, update, _ = blur.evolution.learner(BEGIN, networks, **(settings | {"std": 1e-6}))
    state = init(jax.random.key(0), tasks)
    np.testing.assert_array_equal(state.units.neuron.keep, 1)
    assert state.units.synapse.pre.min() == np.float32(0.1)
    update = jax.jit(update)
    seen = set()
    for seed in range(6):
        _, metrics = update(jax.random.key(seed), state, tasks)
        possible = {
            (sizes, horizon): along(state.mean, seed, tasks, sizes, horizon) for sizes in networks for horizon in (2, 3)
        }
        (which,) = [key for key, value in possible.items() if abs(value - metrics["best_accuracy"]) < 1e-6]
        seen.add(which)
    assert len({sizes for sizes, _ in seen}) == len({horizon for _, horizon in seen}) == 2


def along(genome, seed, tasks, sizes, horizon):
    """Accuracy before each step to the horizon, and then on what is held out, weighted by 1 / (t + 10)."""
    of_tasks = []
    keys = jax.random.split(jax.random.split(jax.random.key(seed), 3)[2], len(tasks.labels))
    for k_task, inputs, labels in zip(keys, tasks.inputs, tasks.labels, strict=True):
        synapses, accuracies = blur.network.init(k_task, 2, sizes, 2, rule=RULE), []
        for x, y in zip(inputs[:horizon], labels[:horizon], strict=True):
            synapses, logits, _ = STEP(genome, synapses, x, jax.nn.one_hot(y, 2))
            accuracies.append(np.mean(logits.argmax(-1) == y))
        held_out = [
            STEP(genome, synapses, x, jax.nn.one_hot(y, 2))[1].argmax(-1)
            for x, y in zip(inputs[3:], labels[3:], strict=True)
        ]
        of_tasks.append([*accuracies, np.mean(np.array(held_out) == labels[3:])])
    return np.average(np.mean(of_tasks, axis=0), weights=1 / (np.arange(horizon + 1) + 10))
