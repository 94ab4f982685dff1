"""The bandit world and its plain players: each context once an epoch, regret as the table says, LinUCB as printed."""

import flax.linen as nn
import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest

import bootstrap
from bootstrap import bandits

N, D, A = 30, 3, 4


def table(seed=0):
    rng = np.random.default_rng(seed)
    return jnp.array(rng.normal(size=(N, D)), jnp.float32), jnp.array(rng.normal(size=(N, A)), jnp.float32)


PLAYERS = {
    "linear": bandits.linear(A, exploration=0.5, ridge=2.0),
    "neural": bandits.neural(nn.Dense(A), optax.sgd(0.1), epsilon=0.2),
}


def live(player, world, num_steps, seed=0):
    learner, key = bootstrap.Learner(*player), jax.random.key(seed)

    @jax.jit
    def program(data):
        there = world._replace(data=data)
        return bootstrap.advance(key, learner, there, bootstrap.begin(key, learner, there), num_steps)

    return program(world.data)


def test_the_world_pays_the_arm_of_the_highest_score():
    """An epoch shows each context once; regret is what the table says it is."""
    contexts, rewards = table()
    world = bandits.world(contexts, rewards)
    state, shown, regret = world.init(jax.random.key(0), world.data), [], 0.0
    draw = jax.jit(
        lambda state: world.draw(jax.random.key(0), world.data, state, lambda x: x @ jnp.ones((D, A)).cumsum(1))
    )
    for _ in range(N):
        state, (x, arms, paid) = draw(state)
        (place,) = np.flatnonzero((contexts == x).all(axis=1))
        scores = np.array(x[0]) @ np.ones((D, A)).cumsum(1)
        assert (x.shape, arms.shape, paid.shape, arms.dtype) == ((1, D), (1,), (1,), jnp.int32)
        assert arms[0] == scores.argmax()
        assert paid[0] == rewards[place, arms[0]]
        regret += float(rewards[place].max() - paid[0])
        shown.append(place)
        np.testing.assert_allclose(state.regret, regret, rtol=1e-5)
    assert sorted(shown) == list(range(N))


def test_a_player_of_other_arms_is_refused():
    with pytest.raises(ValueError, match="the bandit has 4 arms but the learner num_arms=3"):
        live(bandits.linear(3, exploration=0.5, ridge=2.0), bandits.world(*table()), 1)


def test_a_table_of_other_lengths_is_refused():
    with pytest.raises(ValueError, match="equally many, got 30 and 29"):
        bandits.world(table()[0], table()[1][1:])


def test_lin_ucb_as_printed():
    """Algorithm 1 of Li 2010, in float64 and with the inverse taken anew."""
    rng = np.random.default_rng(1)
    contexts, rewards = rng.normal(size=(N, D)), rng.normal(size=N)
    arms = rng.integers(0, A, size=N)
    init, update, predict = PLAYERS["linear"]
    batch = (jnp.array(contexts, jnp.float32), jnp.array(arms), jnp.array(rewards, jnp.float32))
    state, _ = update(jax.random.key(0), init(jax.random.key(0), batch), batch)
    features = np.c_[contexts, np.ones(N)]
    for a in range(A):
        mine = features[arms == a]
        inverse = np.linalg.inv(2.0 * np.eye(D + 1) + mine.T @ mine)
        estimates = features @ inverse @ mine.T @ rewards[arms == a]
        widths = np.sqrt(np.einsum("bi,ij,bj->b", features, inverse, features))
        np.testing.assert_allclose(predict(state, batch[0])[:, a], estimates + 0.5 * widths, rtol=1e-3, atol=1e-5)


def test_neural_descends_on_the_arm_taken_alone():
    init, update, _ = bandits.neural(nn.Dense(A), optax.sgd(0.1), epsilon=0.0)
    batch = (jnp.array([[1.0, -2.0, 0.5]]), jnp.array([2]), jnp.array([3.0]))
    state = init(jax.random.key(0), batch)
    after, metrics = update(jax.random.key(0), state, batch)
    before, now = (one.params["kernel"] for one in (state, after))
    error = float(batch[0][0] @ before[:, 2]) - 3.0
    np.testing.assert_allclose(now[:, 2] - before[:, 2], -0.1 * 2 * error * batch[0][0], rtol=1e-5)
    np.testing.assert_array_equal(now[:, [0, 1, 3]], before[:, [0, 1, 3]])
    np.testing.assert_allclose(metrics["squared_error"], error**2, rtol=1e-5)


def test_a_share_epsilon_is_random():
    init, _, predict = PLAYERS["neural"]
    contexts, rewards = table()
    batch = (contexts, jnp.zeros(N, jnp.int32), rewards[:, 0])
    state = init(jax.random.key(0), batch)
    greedy = nn.Dense(A).apply({"params": state.params}, contexts)
    changed = [
        float((predict(state._replace(count=jnp.uint32(count)), contexts) != greedy).all(1).mean())
        for count in range(40)
    ]
    assert 0.15 < np.mean(changed) < 0.25
    assert np.std(changed) > 0


@pytest.mark.parametrize("name", PLAYERS)
def test_players_learn_a_linear_bandit(name):
    rng = np.random.default_rng(2)
    contexts = rng.normal(size=(1000, D)).astype(np.float32)
    rewards = contexts @ rng.normal(size=(D, A)).astype(np.float32)
    random = (rewards.max(1) - rewards.mean(1)).sum()
    run, metrics = live(PLAYERS[name], bandits.world(jnp.array(contexts), jnp.array(rewards)), 1000)
    assert run.world.regret < 0.3 * random
    assert metrics["reward"].shape == (1000,)
