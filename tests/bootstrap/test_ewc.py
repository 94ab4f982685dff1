"""Elastic weights: the penalty of every earlier task, in sums; the Fisher information, without single gradients."""

import itertools

import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest

from bootstrap import ewc, nets, sgd

RATE, STRENGTH, DECAY, EVERY = 0.1, 3.0, 0.5, 2
RNG = np.random.default_rng(0)
X = RNG.normal(size=(6, 5, 4)).astype(np.float32)  # six batches
Y = RNG.integers(0, 3, size=(6, 5))
NET = nets.MLP((), 3)


def flat(tree):
    return np.concatenate([np.ravel(leaf) for leaf in jax.tree.leaves(tree)]).astype(np.float64)


def learn(strength):
    """-> the states before and after each of six updates."""
    init, update, _ = ewc.learner(NET, optax.sgd(RATE), strength=strength, consolidate_every=EVERY, fisher_decay=DECAY)
    update, states = jax.jit(update), [init(jax.random.key(0), (X[0], Y[0]))]
    for i in range(6):
        states.append(update(jax.random.fold_in(jax.random.key(1), i), states[-1], (X[i], Y[i]))[0])
    return states


def test_the_pull_is_the_sum_of_the_penalties_of_all_tasks():
    """Every step is that of plain SGD plus eq. 3's gradient, summed task by task in NumPy."""
    states = learn(STRENGTH)
    plain = jax.jit(sgd.learner(NET, optax.sgd(RATE))[1])
    tasks = []
    for i, (before, after) in enumerate(itertools.pairwise(states)):
        alone = sgd.State(before.params, before.collections, optax.sgd(RATE).init(before.params))
        gradient = (flat(before.params) - flat(plain(jax.random.key(0), alone, (X[i], Y[i]))[0].params)) / RATE
        gradient += STRENGTH * sum(fisher * (flat(before.params) - anchor) for fisher, anchor in tasks)
        np.testing.assert_allclose(flat(after.params), flat(before.params) - RATE * gradient, atol=1e-5)
        if (i + 1) % EVERY == 0:
            tasks.append((flat(after.optimizer[0].recent), flat(after.params)))
    assert all(np.abs(fisher).max() > 1e-3 for fisher, _ in tasks)


def test_recent_is_a_running_mean_and_the_memory_its_sum_over_tasks():
    memories = [state.optimizer[0] for state in learn(STRENGTH)]
    assert [int(memory.count) for memory in memories] == list(range(7))
    for i, (before, after) in enumerate(itertools.pairwise(memories), 1):
        newest = (flat(after.recent) - DECAY * flat(before.recent)) / (1 - DECAY)
        assert np.all(newest > -1e-6)  # a mean of squares
        gained = flat(after.fisher) - flat(before.fisher)
        np.testing.assert_allclose(gained, flat(after.recent) if i % EVERY == 0 else 0, atol=1e-6)


def test_the_fisher_estimate_has_the_right_mean():
    """Against the definition, over every sample and label, for a linear model: a gradient is (1[y = k] - p_k) x."""
    init, _, predict = sgd.learner(NET, optax.sgd(RATE))
    state = init(jax.random.key(0), (X[0], Y[0]))
    draws = 20_000
    estimate = jax.jit(jax.vmap(lambda key: ewc._fisher(key, predict, state, X[0])))
    estimates = estimate(jax.random.split(jax.random.key(1), draws))["Dense_0"]["kernel"]
    p, x = np.exp(np.array(predict(state, X[0]), np.float64)), X[0].astype(np.float64)
    squares = [p[:, y, None, None] * ((np.eye(3)[y] - p)[:, None, :] * x[:, :, None]) ** 2 for y in range(3)]
    fisher = np.sum(squares, axis=0).mean(0)
    error = np.abs(np.mean(estimates, axis=0) - fisher)
    assert np.all(error < 5 * np.std(estimates, axis=0) / np.sqrt(draws))
    assert np.all(fisher > 0)


def test_without_strength_it_is_sgd():
    plain = jax.jit(sgd.learner(NET, optax.sgd(RATE))[1])
    state = sgd.learner(NET, optax.sgd(RATE))[0](jax.random.key(0), (X[0], Y[0]))
    for i in range(6):
        state, _ = plain(jax.random.key(0), state, (X[i], Y[i]))
    np.testing.assert_allclose(flat(learn(0.0)[-1].params), flat(state.params), atol=1e-6)


def test_it_keeps_what_sgd_forgets():
    """The second task's labels want the opposite of what the first has learned. 97 % and 66 % when this was written."""
    x = jnp.array(np.random.default_rng(1).normal(size=(64, 8)), jnp.float32)
    first, second = x * jnp.array([[1.0] * 4 + [0.0] * 4]), x * jnp.array([[0.3] * 4 + [1.0] * 4])
    labels = (x[:, 0] > 0).astype(jnp.int32), (x[:, 4] > x[:, 0]).astype(jnp.int32)
    left = {}
    for strength in (0.0, 100.0):
        init, update, predict = ewc.learner(
            nets.MLP((), 2), optax.sgd(0.1), strength=strength, consolidate_every=200, fisher_decay=0.95
        )
        update, state = jax.jit(update), init(jax.random.key(0), (first, labels[0]))
        for i in range(400):
            batch = (first, labels[0]) if i < 200 else (second, labels[1])
            state, _ = update(jax.random.fold_in(jax.random.key(1), i), state, batch)
        left[strength] = np.mean(predict(state, first).argmax(-1) == labels[0])
    assert left[100.0] > 0.9
    assert left[0.0] < 0.8


@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        ({"strength": -1.0}, "strength must be at least 0"),
        ({"strength": np.nan}, "strength must be at least 0"),
        ({"consolidate_every": 0}, "consolidate_every must be at least 1, got 0"),
        ({"fisher_decay": 1.0}, "fisher_decay must lie between 0 and 1, got 1.0"),
    ],
)
def test_wrong_settings_are_refused(wrong, message):
    with pytest.raises(ValueError, match=message):
        ewc.learner(NET, optax.sgd(0.1), **{"strength": 1.0, "consolidate_every": 5, **wrong})
