"""Persistent evolution strategies: updates by hand, parts of a run, divergence, refusals."""

import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest

import blur
import bootstrap

SIZES, P, PARTS, RATE = (4, 2), 4, 2, 0.1
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
    learner = bootstrap.Learner(*blur.persistent.learner(begin, SIZES, **settings))
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


def test_three_updates_by_hand(learner):
    """Networks and sums of noise go on from the first part to the second; the third begins a run again."""
    batches = drawn(PARTS, 3)
    state = learner.init(jax.random.key(0), batches[0])
    strategy = blur.strategies.persistent(3, P, RATE, PARTS)
    start, mean, adam, tx = state.start, np.zeros(3), None, optax.adam(RATE)
    for i, batch in enumerate(batches):
        k_ask, _, k_networks = jax.random.split(jax.random.key(i), 3)
        noise = np.array(strategy.ask(k_ask, state.strategy)[0]) - mean
        np.testing.assert_allclose(noise[: P // 2], -noise[P // 2 :], atol=1e-5)
        std = np.array([0.1, 0.2, 0.3])
        if i % PARTS == 0:
            summed, synapses = 0, [None] * P
        summed = summed + noise
        losses = []
        for p in range(P):
            moved = std * (mean + noise[p])
            genome = start._replace(
                neuron=start.neuron._replace(update=start.neuron.update + moved[0]),
                synapse=start.synapse._replace(update=start.synapse.update + moved[1], scale=jnp.float32(1 + moved[2])),
            )
            if i % PARTS == 0:
                k_task = jax.random.split(jax.random.clone(k_networks), 1)[0]
                synapses[p] = blur.network.begin(k_task, genome, 2, SIZES, rule=RULE)
            of_batches = []
            for x, y in zip(batch.inputs[0, :2], batch.labels[0, :2], strict=True):
                synapses[p], logits, _ = STEP(genome, synapses[p], x, jax.nn.one_hot(y, 2))
                of_batches.append(optax.softmax_cross_entropy_with_integer_labels(logits, y).mean())
            losses.append(np.mean(of_batches))
        gradient = jnp.array(np.array(losses) @ summed / P, jnp.float32)
        updates, adam = tx.update(gradient, tx.init(gradient) if adam is None else adam)
        mean = np.array(mean + updates)
        state, metrics = learner.update(jax.random.key(i), state, batch)
        np.testing.assert_allclose(metrics["loss"], np.mean(losses), rtol=1e-5)
        genes = blur.genes.named(state.mean)
        names = ("neuron.update", "synapse.update", "synapse.scale")
        first = [blur.genes.named(start)[name] for name in names]
        np.testing.assert_allclose([genes[name] for name in names], first + std * mean, atol=1e-4)
        assert all((genes[name] == gene).all() for name, gene in blur.genes.named(start).items() if name not in names)


def test_a_genome_that_diverges_counts_as_one_that_guesses_until_the_run_ends(learner):
    batches = drawn(PARTS, 3)
    state, metrics = learner.update(jax.random.key(0), learner.init(jax.random.key(0), batches[0]), batches[0])
    assert metrics["num_diverged"] == 0
    broken = jax.tree.map(lambda leaf: leaf.at[0].mul(jnp.nan) if leaf.dtype == jnp.float32 else leaf, state.networks)
    state, metrics = learner.update(jax.random.key(1), state._replace(networks=broken), batches[1])
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
        ({"num_parts": 0}, "num_parts must be a whole number of at least 1, got 0"),
        ({"learning_rate": 0}, "learning_rate must be a finite number, above 0.0, got 0"),
        ({"rule": blur.Rule(keep_neurons=True)}, "a rule with keep_neurons cannot be learned so"),
    ],
)
def test_refusals(settings, message):
    with pytest.raises(ValueError, match=message):
        blur.persistent.learner(begin, SIZES, **({"num_parts": 2} | settings))
