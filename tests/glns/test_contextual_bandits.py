"""GLCB: only the arm that was taken learns, exactly as one GLN would; scores as the formulae say; it learns to play."""

import chex
import jax
import jax.numpy as jnp
import numpy as np
import pytest

import bootstrap
import glns
from glns import standardise
from glns.bernoulli import Rule
from glns.contextual_bandits import bonus, pseudo_count

A, B, D, SIZES, C = 3, 40, 5, (4, 1), 2
SETTINGS = {"exploration": 0.1, "learning_rate": 0.2, "learning_rate_decay": 2.0, "feature_bound": 1.5}


@pytest.fixture(scope="module")
def play():
    """A learner, its first state, and a batch of 40 plays."""
    rng = np.random.default_rng(0)
    contexts = rng.normal(size=(B, D)).astype(np.float32)
    batch = (jnp.array(contexts), jnp.array(rng.integers(0, A, size=B)), jnp.array(rng.integers(0, 2, size=B) * 1.0))
    init, update, predict = glns.bandit(A, SIZES, C, **SETTINGS)
    return jax.jit(update), jax.jit(predict), init(jax.random.key(0), batch), batch


def part(batch, start, stop):
    return tuple(leaf[start:stop] for leaf in batch)


def test_pseudo_count_by_hand():
    """t = 16, counts 0, 2, 4: weights 1, 4, 16."""
    counts, step = jnp.array([0, 2, 4]), jnp.array(16)
    np.testing.assert_allclose(pseudo_count(counts, step, 1.0), (2 * 4 + 4 * 16) / 21, rtol=1e-6)
    np.testing.assert_allclose(pseudo_count(counts, step, -1.0), (2 / 4 + 4 / 16) / (1 + 1 / 4 + 1 / 16), rtol=1e-6)
    np.testing.assert_allclose(pseudo_count(counts, step, 0.0), 2.0, rtol=1e-6)
    assert pseudo_count(jnp.zeros(3, jnp.int32), step, 1.0) == 0.0


def test_bonus_by_hand():
    np.testing.assert_allclose(bonus(jnp.array(4.0), jnp.array(7), 0.3), 0.3 * np.sqrt(np.log(7) / 4), rtol=1e-6)
    for exploration in (0.3, 0.0):
        assert jnp.isinf(bonus(jnp.array(0.0), jnp.array(1), exploration))


def test_every_arm_is_tried_before_any_is_tried_again(play):
    update, predict, state, (contexts, _, _) = play
    taken = []
    for _ in range(A + 1):
        scores = predict(state, contexts[:1])
        taken.append(int(scores[0].argmax()))
        state, _ = update(jax.random.key(0), state, (contexts[:1], jnp.array(taken[-1:]), jnp.zeros(1)))
    assert sorted(taken[:A]) == list(range(A))
    assert state.pulls.sum() == A + 1
    assert jnp.isfinite(predict(state, contexts[:1])).all()


def test_an_arm_learns_from_its_own_plays_alone_as_one_gln(play, algorithm_1):
    """Each arm's weights are those of the oracle on that arm's plays; its rates count its own plays."""
    update, _, state, batch = play
    arms, rewards = (np.array(leaf) for leaf in batch[1:])
    after, _ = update(jax.random.key(0), state, batch)
    _, features = standardise.learn(state.moments, batch[0], 0.01)
    features = np.clip(np.array(features, np.float64), -1.5, 1.5)
    for arm in range(A):
        mine = features[arms == arm]
        rates = np.minimum(0.2, 2.0 / (1 + np.arange(len(mine))))
        layers = [layer._replace(weights=layer.weights[arm, 0]) for layer in state.layers]
        inputs = 1 / (1 + np.exp(-mine))
        tables, _ = algorithm_1(layers, inputs, mine, rewards[arms == arm], rates, Rule(epsilon=0.05))
        for layer, table in zip(after.layers, tables, strict=True):
            np.testing.assert_allclose(layer.weights[arm, 0], table, atol=1e-5)
    assert after.pulls.tolist() == np.bincount(arms, minlength=A).tolist()
    assert after.counts.sum(axis=2).tolist() == [[n] * sum(SIZES) for n in after.pulls.tolist()]


def test_a_score_is_the_estimate_and_the_bonus(play, algorithm_1):
    update, predict, state, batch = play
    after, _ = update(jax.random.key(0), state, batch)
    x = np.clip(standardise.apply(after.moments, batch[0][:6], 0.01), -1.5, 1.5).astype(np.float64)
    scores = predict(after, batch[0][:6])
    for arm in range(A):
        layers = [layer._replace(weights=layer.weights[arm, 0]) for layer in after.layers]
        _, outputs = algorithm_1(layers, 1 / (1 + np.exp(-x)), x, np.zeros(6), np.zeros(6), Rule(epsilon=0.05))
        gates = [(np.array(layer.gates.normals), np.array(layer.gates.offsets)) for layer in after.layers]
        for b in range(6):
            counts, u = [], 0
            for normals, offsets in gates:
                for k in range(len(normals)):
                    active = sum(2**i for i in range(C) if normals[k, i] @ x[b] > offsets[k, i])
                    counts.append(int(after.counts[arm, u, active]))
                    u += 1
            weights = (B + 1.0) ** (np.array(counts) / max(counts))
            expected = np.clip(outputs[-1][b, 0], 0.05, 0.95)
            expected += 0.1 * np.sqrt(np.log(B + 1) / (weights @ np.array(counts) / weights.sum()))
            np.testing.assert_allclose(scores[b, arm], expected, rtol=1e-4)


def test_batches_change_nothing(play):
    update, _, state, batch = play
    whole, of_whole = update(jax.random.key(0), state, batch)
    first, of_first = update(jax.random.key(0), state, part(batch, 0, 13))
    second, of_second = update(jax.random.key(0), first, part(batch, 13, B))
    chex.assert_trees_all_close(second, whole, rtol=1e-5, atol=1e-6)
    mean = (13 * of_first["squared_error"] + (B - 13) * of_second["squared_error"]) / B
    np.testing.assert_allclose(mean, of_whole["squared_error"], rtol=1e-5)


@pytest.fixture(scope="module")
def linear_play():
    """Of networks that see the ridge regression: learning_rate -> their states before and after 40 plays; the plays."""
    rng = np.random.default_rng(2)
    contexts, arms = rng.normal(size=(B, D)) * 2 + 1, rng.integers(0, A, size=B)
    batch = (jnp.array(contexts, jnp.float32), jnp.array(arms), jnp.array(rng.uniform(-1, 2, size=B), jnp.float32))

    def after(learning_rate):
        settings = SETTINGS | {
            "learning_rate": learning_rate,
            "exploration": 0.0,
            "reward_range": (-2.0, 3.0),
            "ridge": 0.5,
        }
        init, update, predict = glns.bandit(A, SIZES, C, **settings)
        before = init(jax.random.key(0), batch)
        state, _ = jax.jit(update)(jax.random.key(0), before, batch)
        return before, state, jax.jit(predict)

    return after, batch


def ridge_estimates(x, rewards, ahead):
    """The oracle: ridge 0.5, all examples at once."""
    x, ahead = (np.append(part, np.ones((len(part), 1)), axis=1) for part in (x, ahead))
    return ahead @ np.linalg.solve(0.5 * np.eye(D + 1) + x.T @ x, x.T @ rewards)


def test_networks_that_see_the_ridge_regression_start_as_it(linear_play):
    """At rate 0 and without a bonus, scores are the regression's, within the clip."""
    after, batch = linear_play
    _, state, predict = after(0.0)
    scores = predict(state, batch[0][:6])
    contexts, arms, rewards = (np.array(leaf, np.float64) for leaf in batch)
    for arm in range(A):
        expected = ridge_estimates(contexts[arms == arm], rewards[arms == arm], contexts[:6])
        np.testing.assert_allclose(scores[:, arm], np.clip(expected, -1.75, 2.75), rtol=1e-4, atol=1e-4)


def test_the_ridge_regression_is_one_more_base_prediction(linear_play, algorithm_1):
    """Of each of an arm's plays, the regression of those before it; the network learns beside it, as the oracle."""
    after, batch = linear_play
    before, state, _ = after(0.2)
    contexts, arms, rewards = (np.array(leaf, np.float64) for leaf in batch)
    _, features = standardise.learn(before.moments, batch[0], 0.01)
    features = np.clip(np.array(features, np.float64), -1.5, 1.5)
    for arm in range(A):
        x, y, mine = contexts[arms == arm], rewards[arms == arm], features[arms == arm]
        estimates = np.array([ridge_estimates(x[:t], y[:t], x[t : t + 1])[0] for t in range(len(x))])
        inputs = np.append(1 / (1 + np.exp(-mine)), (estimates[:, None] + 2) / 5, axis=1)
        rates = np.minimum(0.2, 2.0 / (1 + np.arange(len(mine))))
        layers = [layer._replace(weights=layer.weights[arm, 0]) for layer in before.layers]
        tables, _ = algorithm_1(layers, inputs, mine, (y + 2) / 5, rates, Rule(epsilon=0.05))
        for layer, table in zip(state.layers, tables, strict=True):
            np.testing.assert_allclose(layer.weights[arm, 0], table, atol=1e-4)


def test_real_rewards_keep_their_units():
    """The same plays with rewards in another unit: the same weights, and scores in that unit."""
    rng = np.random.default_rng(1)
    contexts, arms = jnp.array(rng.normal(size=(B, D)), jnp.float32), jnp.array(rng.integers(0, A, size=B))
    rewards = jnp.array(rng.uniform(size=B), jnp.float32)
    results = []
    for scale, shift in ((1.0, 0.0), (8.0, -4.0)):
        settings = SETTINGS | {"tree_depth": 2, "reward_range": (shift, shift + scale)}
        init, update, predict = glns.bandit(A, SIZES, C, **settings)
        batch = (contexts, arms, scale * rewards + shift)
        state, metrics = jax.jit(update)(jax.random.key(0), init(jax.random.key(0), batch), batch)
        error = metrics["squared_error"] / scale**2
        results.append((state, (predict(state, contexts) - shift) / scale, error))
    chex.assert_trees_all_close(*results, rtol=1e-4, atol=1e-5)


def test_it_learns_to_play():
    """Four arms, each the best in one quadrant: far less regret than random play, which is paid one time in four."""
    contexts = jax.random.normal(jax.random.key(0), (1000, 2))
    rewards = jax.nn.one_hot((contexts[:, 0] > 0) * 2 + (contexts[:, 1] > 0), 4)
    world = bootstrap.bandits.world(contexts, rewards)
    learner = bootstrap.Learner(*glns.bandit(4, (8, 1), 3))
    key = jax.random.key(1)

    @jax.jit
    def live(data):
        there = world._replace(data=data)
        return bootstrap.advance(key, learner, there, bootstrap.begin(key, learner, there), 1000)

    run, metrics = live(world.data)
    assert run.world.regret < 250  # random play: 750
    assert metrics["reward"][500:].mean() > 0.85
    assert run.learner.pulls.min() > 100


@pytest.mark.parametrize(
    ("settings", "complaint"),
    [
        ({"num_arms": 1}, "num_arms must be at least 2"),
        ({"sizes": (4, 2)}, "sizes must be positive and end in 1"),
        ({"reward_range": (1.0, 1.0)}, "reward_range must be the min and the max"),
        ({"tree_depth": 0}, "tree_depth must be 1 to 8"),
        ({"clip_rule": "never"}, "clip_rule must be one of"),
        ({"ridge": 0.0}, "ridge must be positive"),
        ({"epsilon": 0.5}, "epsilon must lie between 0 and 0.5"),
    ],
)
def test_bad_settings_are_refused(settings, complaint):
    with pytest.raises(ValueError, match=complaint):
        glns.bandit(**{"num_arms": A, "sizes": SIZES, "num_half_spaces": C} | settings)
