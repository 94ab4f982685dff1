"""Persistent evolution strategies: updates by hand, parts of a run, divergence, refusals."""

from functools import partial

import chex
import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest
import scipy.special

import blur
import bootstrap

SIZES, BATCH_SIZES, P, PARTS, RATE = ((4, 2), (3, 2, 2)), (8, 6), 4, 3, 0.1
RULE = blur.Rule(last_activation="linear")
STD = {"neuron": {"update": 0.1}, "synapse": {"update": 0.2, "scale": 0.3}}
STEP = jax.jit(lambda *args: blur.network.step(*args, rule=RULE))


def begin(key):
    genome = blur.delta_genome(key, 2, normalise="none", synapse_update=0.1, log_steps=1.0)
    return genome._replace(synapse=genome.synapse._replace(scale=jnp.ones(())))


def world(num_parts):
    return bootstrap.World(*blur.tasks([blur.toys.two_moon], unroll=2, batch_size=8, num_parts=num_parts))


@pytest.fixture(scope="module")
def learner():
    settings = {"rule": RULE, "population": P, "std": STD, "learning_rate": RATE, "num_parts": PARTS}
    mixed = {"batch_sizes": BATCH_SIZES, "shortest": 1, "oldest": 1}
    learner = bootstrap.Learner(*blur.persistent.learner(begin, SIZES, **settings, **mixed))
    return learner._replace(update=jax.jit(learner.update))


def drawn(num_parts, count):
    here = world(num_parts)
    state, batches = here.init(jax.random.key(3), ()), []
    for _ in range(count):
        state, batch = here.draw(jax.random.key(0), (), state, None)
        batches.append(batch)
    return batches


def test_the_parts_of_a_task_come_in_a_row():
    """Two parts of two batches, with the one that follows, are the five batches of a run of four."""
    one, two, next_one = drawn(2, 3)
    whole = bootstrap.World(*blur.tasks([blur.toys.two_moon], unroll=4, batch_size=8))
    first, second = (
        whole.draw(None, (), whole.init(jax.random.key(3), ())._replace(count=jnp.uint32(i)), None)[1] for i in (0, 1)
    )
    np.testing.assert_array_equal(jnp.concatenate([one.inputs[:, :2], two.inputs], axis=1), first.inputs)
    np.testing.assert_array_equal(jnp.concatenate([one.labels[:, :2], two.labels], axis=1), first.labels)
    np.testing.assert_array_equal(one.inputs[:, 2], two.inputs[:, 0])
    np.testing.assert_array_equal(next_one.inputs, second.inputs[:, :3])


def test_updates_by_hand(learner):
    """Networks and sums of noise go on from part to part of a run; runs differ in network, length and age."""
    batches = drawn(PARTS, 9)
    state = learner.init(jax.random.key(0), batches[0])
    strategy = blur.strategies.persistent(3, P, RATE)
    start, mean, adam, tx, runs = state.start, np.zeros(3), None, optax.adam(RATE), []
    for i, batch in enumerate(batches):
        k_ask, _, k_networks = jax.random.split(jax.random.key(i), 3)
        noise = np.array(strategy.ask(k_ask, state.strategy)[0]) - mean
        np.testing.assert_allclose(noise[: P // 2], -noise[P // 2 :], atol=1e-4)
        before, (state, metrics) = state, learner.update(jax.random.key(i), state, batch)
        begins, which = before.num_left == 0, int(state.which)
        chex.assert_trees_all_equal(before.networks[1 - which], state.networks[1 - which])
        if begins:
            summed, ages = 0, {0: None, 1: None}
            runs.append((which, int(state.num_left)))
            assert state.num_left < PARTS - i % PARTS
        else:
            assert (which, state.num_left) == (before.which, before.num_left - 1)
        summed = summed + noise
        genomes = [by(start, mean + noise[p]) for p in range(P)]
        losses = {}
        for age in ages:
            if begins:
                ages[age] = [first(genome, jax.random.clone(k_networks), which, age) for genome in genomes]
            ages[age], losses[age] = learned(genomes, ages[age], batch, BATCH_SIZES[which])
        ages = {age: ages[age] for age in ages if np.isclose(losses[age].mean(), metrics["loss"], rtol=1e-5)}
        ((age, _),) = ages.items()
        runs[-1] = (*runs[-1][:2], age)
        gradient = jnp.array(losses[age] @ summed / P, jnp.float32)
        updates, adam = tx.update(gradient, tx.init(gradient) if adam is None else adam)
        mean = np.array(mean + updates)
        chex.assert_trees_all_close(state.mean, by(start, mean), atol=1e-4)
    assert [len(set(drawn)) >= 2 for drawn in zip(*runs, strict=True)] == [True] * 3


def by(genome, moved):
    """The genome whose three genes of `STD` are so far from this one's, in units of it."""
    neuron, synapse = genome.neuron, genome.synapse
    neuron = neuron._replace(update=neuron.update + jnp.float32(0.1 * moved[0]))
    update, scale = synapse.update + jnp.float32(0.2 * moved[1]), synapse.scale + jnp.float32(0.3 * moved[2])
    return blur.Genome(neuron, synapse._replace(update=update, scale=scale))


@partial(jax.jit, static_argnames="which")
def first(genome, key, which, age):
    return blur.network.begin(jax.random.split(key, 1)[0], genome, 2, SIZES[which], rule=RULE, age=age)


def learned(genomes, networks, batch, batch_size):
    """Networks after the two batches of a part, and the mean loss of each genome."""
    after, losses = [], []
    for genome, synapses in zip(genomes, networks, strict=True):
        of_batches = []
        for x, y in zip(*(np.array(leaf)[0, :2, :batch_size] for leaf in batch), strict=True):
            synapses, logits, _ = STEP(genome, synapses, x, np.eye(2, dtype=np.float32)[y])
            log_p = scipy.special.log_softmax(logits, axis=-1)
            of_batches.append(-np.take_along_axis(log_p, y[:, None], -1).mean())
        after.append(synapses)
        losses.append(np.mean(of_batches))
    return after, np.array(losses)


def test_a_genome_that_diverges_counts_as_one_that_guesses_until_the_run_ends(learner):
    batches = drawn(PARTS, 3)
    state, metrics = learner.update(jax.random.key(0), learner.init(jax.random.key(0), batches[0]), batches[0])
    assert metrics["num_diverged"] == 0
    broken = jax.tree.map(lambda leaf: leaf.at[0].mul(jnp.nan) if leaf.dtype == jnp.float32 else leaf, state.networks)
    goes_on = state._replace(networks=broken, num_left=jnp.int32(1))
    state, metrics = learner.update(jax.random.key(1), goes_on, batches[1])
    assert metrics["num_diverged"] == 1
    assert np.isfinite(metrics["loss"])
    assert all(jnp.isfinite(gene).all() for gene in jax.tree.leaves(blur.learned_genome(state)))
    state, metrics = learner.update(jax.random.key(2), state, batches[2])
    assert metrics["num_diverged"] == 0
    log_p = jax.jit(learner.predict)(state, batches[2])
    np.testing.assert_allclose(jnp.exp(log_p).sum(-1), np.ones((1, 8)), rtol=1e-5)


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"population": 5}, "population must be even, each genome has its opposite; got 5"),
        ({"shortest": 3}, "shortest must be at most the 2 parts that are learned, got 3"),
        ({"num_parts": 0}, "num_parts must be a whole number of at least 1, got 0"),
        ({"learning_rate": 0}, "learning_rate must be a finite number, above 0.0, got 0"),
        ({"rule": blur.Rule(keep_neurons=True)}, "a rule with keep_neurons cannot be learned so"),
    ],
)
def test_refusals(settings, message):
    def start():
        init, _, _ = blur.persistent.learner(begin, SIZES, **({"num_parts": 2} | settings))
        init(jax.random.key(0), blur.Tasks(jnp.zeros((1, 3, 8, 2)), jnp.zeros((1, 3, 8), jnp.int32)))

    with pytest.raises(ValueError, match=message):
        start()
