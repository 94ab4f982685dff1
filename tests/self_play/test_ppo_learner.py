"""The learner, in games on a table of a few lines: an action is where the one object goes next."""

import functools

import jax
import jax.numpy as jnp
import numpy as np
import pytest

import self_play
from self_play import goals, holdouts, scene, world
from self_play.game import ALICE, BOB, Rules
from self_play.goals import Poses
from self_play.holdouts import Holdout
from self_play.learner import _shuffled
from self_play.observations import Observation, State

RULES = Rules(alice_steps=4, bob_steps=8, max_goals=3, bob_starts="own")
NUM_GAMES, NUM_STEPS = 32, 23


def toy_table():
    """One object, which an action moves by up to 5 cm in x and y."""
    none = goals.symmetries_of("none")
    judge = functools.partial(goals.judge, symmetries=none, table=(0.3, 0.3), area=((-0.2, -0.2, 0.0), (0.2, 0.2, 0.2)))

    def reset(key):
        q = jax.random.uniform(key, (1, 3), minval=-0.1, maxval=0.1)
        return State(
            q.at[:, 2].set(0.0), *4 * [jnp.zeros(2)], jnp.zeros(()), jnp.zeros((1, 1), bool), jnp.ones(1, bool)
        )

    return self_play.Tabletop(
        scene=scene.pucks(),
        reset=reset,
        place=None,
        step=lambda state, action: state._replace(q=state.q.at[0, :2].add(0.01 * (action - 5))),
        poses=lambda state: Poses(state.q, jnp.array([[1.0, 0.0, 0.0, 0.0]])),
        observe=lambda state: Observation(jnp.ones(3), state.q, state.mask),
        observe_goal=lambda now, goal, mask: goal.position - now.position,
        judge=judge,
        reached=lambda now, goal, mask: goals.reached(now, goal, mask, none),
    )


def anything(seen):
    return jnp.zeros((NUM_GAMES, 2, 2, 11)), seen.memory


def settle(lstm=0, **settings):
    """A learner: one step of Adam an update, unless `settings` say otherwise."""
    once = {"embedding": 16, "widths": (16,), "max_norm": 1e9, "sample_reuse": 1, "num_minibatches": 1}
    return self_play.learner(**{**once, "lstm": lstm, "chunk": 12 if lstm else 1, **settings})


@functools.cache
def games(lstm=0):
    """-> (their state, draw(key, state, learner's state) -> (state, batch), an example)."""
    table, predict = toy_table(), settle(lstm)[2]
    state = jax.jit(lambda key: world.open_games(table, RULES, 4 * lstm, key, NUM_GAMES))(jax.random.key(0))

    def draw(key, state, learned):
        act = anything if learned is None else functools.partial(predict, learned)
        return world.play(table, RULES, NUM_STEPS, act, key, state)

    shapes = jax.eval_shape(lambda: draw(jax.random.key(0), state, None))[1]
    return state, jax.jit(draw), jax.tree.map(lambda leaf: jnp.zeros(leaf.shape, leaf.dtype), shapes)


def begin(lstm=0, **settings):
    return jax.jit(settle(lstm, **settings)[0])(jax.random.key(1), games(lstm)[2])


@functools.partial(jax.jit, static_argnums=(0, 1))
def update(lstm, share, key, state, batch, cloning_weight=0.5, learning_rate=3e-4):
    rates = {"cloning_weight": cloning_weight, "learning_rate": learning_rate}
    return settle(lstm, share=share, **rates)[1](key, state, batch)


@functools.cache
def drawn(lstm=0):
    """A learner, and the second batch that it plays: the first begins with no row."""
    state, draw, _ = games(lstm)
    learned = begin(lstm)
    state, _ = draw(jax.random.key(2), state, learned)
    _, batch = draw(jax.random.key(3), state, learned)
    assert np.any(batch.rows.real[:, 0])
    assert np.any(batch.shows)
    return learned, batch


def updated(batch, share=1.0, **rates):
    after, metrics = update(0, share, jax.random.key(4), drawn()[0], batch, **rates)
    return after, {name: float(value) for name, value in metrics.items()}


def differ(one, other, who, net):
    """Whether that network of that player has gone elsewhere, by more than a hundredth of Adam's first step."""
    changes = jax.tree.map(lambda a, b: np.max(np.abs(a[who] - b[who])) > 3e-6, one.params, other.params)
    return any(jax.tree.leaves(changes["params"][net]))


def test_weight_0_is_ppo_alone():
    """To the bit, whatever is shown; and with a weight, demonstrations change Bob's policy and nothing else."""
    _, batch = drawn()
    alone, _ = updated(batch._replace(shows=jnp.zeros_like(batch.shows)), cloning_weight=0.0)
    ignored, _ = updated(batch, cloning_weight=0.0)
    for a, b in zip(jax.tree.leaves(alone.params), jax.tree.leaves(ignored.params), strict=True):
        np.testing.assert_array_equal(a, b)
    cloned, _ = updated(batch)
    assert differ(ignored, cloned, BOB, "policy")
    assert not differ(ignored, cloned, BOB, "value")
    assert not differ(ignored, cloned, ALICE, "policy")
    assert not differ(ignored, cloned, ALICE, "value")


def test_rows_that_are_not_real_teach_nothing():
    _, batch = drawn()
    real = batch.rows.real

    def spoiled(leaf):
        junk = jnp.where(jnp.issubdtype(leaf.dtype, jnp.floating), 7, 1).astype(leaf.dtype)
        return jnp.where(real.reshape(real.shape + (1,) * (leaf.ndim - 2)), leaf, junk)

    assert not np.all(real)
    rows = jax.tree.map(spoiled, batch.rows)
    rows = rows._replace(real=real, reward=batch.rows.reward, done=batch.rows.done, settled=batch.rows.settled)
    (a, _), (b, _) = updated(batch), updated(batch._replace(rows=rows))
    for one, other in zip(jax.tree.leaves(a), jax.tree.leaves(b), strict=True):
        np.testing.assert_array_equal(one, other)


@pytest.mark.parametrize("lstm", [0, 3])
def test_the_players_that_learn_are_those_that_played(lstm):
    """Before its first step a player's probabilities are those that it played by, memory and all."""
    state, batch = drawn(lstm)
    _, metrics = update(lstm, 1.0, jax.random.key(4), state, batch)
    for name in ("alice", "bob"):
        np.testing.assert_allclose(metrics[f"{name}_kl"], 0.0, atol=1e-9)
        np.testing.assert_allclose(metrics[f"{name}_clip_fraction"], 0.0)
    np.testing.assert_allclose(metrics["bob_cloning_loss"], -1.0, rtol=1e-6)
    np.testing.assert_allclose(metrics["alice_cloning_loss"], 0.0)


def test_a_share_is_enough_for_the_rows_there_are():
    """A step on a share of the rows in which all of the player's own fit is the step on all of them."""
    _, batch = drawn()
    mine = np.mean(batch.rows.real & batch.rows.bobs_turn | batch.shows)
    assert mine < 0.7
    (whole, _), (part, _) = updated(batch), updated(batch, share=0.7)
    for a, b in zip(jax.tree.leaves(whole.params), jax.tree.leaves(part.params), strict=True):
        np.testing.assert_allclose(a[BOB], b[BOB], rtol=1e-4, atol=1e-6)


def test_sequences_come_in_random_order_and_the_empty_ones_last():
    empty = np.random.default_rng(0).random(1000) < 0.3
    orders = np.array([_shuffled(jax.random.key(i), jnp.array(empty)) for i in range(50)])
    np.testing.assert_array_equal(np.sort(orders, axis=1), np.tile(np.arange(1000), (50, 1)))
    assert (np.diff(empty[orders].astype(int), axis=1) >= 0).all()
    places = np.argsort(orders, axis=1)[:, ~empty]  # of each that is not empty
    middle = (len(places[0]) - 1) / 2
    np.testing.assert_allclose(places.mean(axis=0), middle, atol=5 * len(places[0]) / 12**0.5 / 50**0.5)
    assert np.abs(np.corrcoef(places)[np.triu_indices(50, 1)]).max() < 0.2


def test_what_is_told_of_the_games():
    _, batch = drawn()
    rows = jax.tree.map(lambda leaf: np.array(leaf)[:, 1:], batch.rows)
    _, metrics = updated(batch)
    valid, ended = rows.valid[rows.settled], rows.success[rows.done[:, :, BOB]]
    np.testing.assert_allclose(metrics["goals"], len(valid))
    np.testing.assert_allclose(metrics["valid_goals"], valid.mean())
    np.testing.assert_allclose(metrics["bob_success"], ended.mean())
    np.testing.assert_allclose(metrics["alice_reward"], rows.reward[:, :, ALICE].sum() / len(valid), rtol=1e-5)
    np.testing.assert_allclose(metrics["bob_reward"], rows.reward[:, :, BOB].sum() / len(ended), rtol=1e-5)
    np.testing.assert_allclose(metrics["demonstrated"], np.array(batch.shows)[:, 1:][~rows.bobs_turn].mean(), rtol=1e-5)
    np.testing.assert_allclose(metrics["bob_turns"], rows.bobs_turn.mean(), rtol=1e-5)
    games, steps = np.nonzero(rows.bobs_turn[:, 1:] & ~rows.bobs_turn[:, :-1])
    way = rows.goal.position[games, steps + 1, 0] - rows.poses.position[games, steps + 1, 0]
    way = way[np.linalg.norm(way, axis=-1) > goals.MAX_DISTANCE]
    assert 20 < len(way) < len(games)
    np.testing.assert_allclose(metrics["goal_distance"], np.linalg.norm(way, axis=-1).mean(), rtol=1e-5)
    direction = (way / np.linalg.norm(way, axis=-1, keepdims=True)).mean(axis=0)
    np.testing.assert_allclose(metrics["goal_direction"], np.linalg.norm(direction), rtol=1e-4)
    assert metrics["goal_lifted"] == metrics["goal_rotated"] == metrics["goal_stacked"] == 0


def test_past_versions_act_where_they_are_asked():
    first, predict = begin(num_past=1), settle(num_past=1)[2]
    now = first._replace(params=jax.tree.map(lambda leaf: leaf + 0.1, first.params))
    seen = jax.tree.map(lambda leaf: leaf[:, 0], games()[2].rows.seen)
    asked = jnp.array(np.random.default_rng(0).random((NUM_GAMES, 2)) < 0.3)
    act = jax.jit(lambda state, past: predict(state, seen._replace(past=past))[0])
    nobody = jnp.zeros_like(asked)
    expected = np.where(np.array(asked)[:, :, None, None], act(first, nobody), act(now, nobody))
    np.testing.assert_allclose(act(now, asked), expected, rtol=1e-6)
    assert not np.allclose(act(first, nobody), act(now, nobody))


def test_bob_learns_from_alice_alone():
    """He is never shown a task of the holdout, and solves it: goals 11 to 21 cm away, in eight steps."""
    task = Holdout("pucks", 1, lambda key, scene, now: _elsewhere(key, now))
    state, draw, _ = games()
    learned, predict = begin(), settle()[2]

    @jax.jit
    def rate(learned):
        act, limits = functools.partial(predict, learned), {"num_games": 64, "bob_steps": 8, "memory_size": 0}
        return holdouts.success_rate(toy_table(), task, act, jax.random.key(0), **limits)

    rates = [rate(learned)]
    for i in range(150):
        state, batch = draw(jax.random.key(2 * i + 10), state, learned)
        learned, _ = update(0, 1.0, jax.random.key(2 * i + 11), learned, batch, learning_rate=2e-2)
    rates.append(rate(learned))
    assert rates[0] < 0.1
    assert rates[1] > 0.8


def _elsewhere(key, now):
    way = jax.random.uniform(key, (2,), minval=0.08, maxval=0.15) * jnp.where(now.position[0, :2] > 0, -1, 1)
    return now._replace(position=now.position.at[0, :2].add(way))


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"chunk": 5}, r"chunk must divide 1 \+ num_steps of the world, 24; got 5"),
        ({"lstm": 2}, r"the world's memory_size must be 4 \* lstm = 8, got 0"),
        ({"lstm": -1}, "lstm must not be negative, got -1"),
        ({"num_minibatches": 0}, "num_minibatches must be positive, got 0"),
        ({"num_minibatches": 400, "share": 0.5}, "num_minibatches must be at most .*, 384; got 400"),
        ({"share": 0.0}, "share must be above 0 and at most 1, got 0.0"),
        ({"num_past": -1}, "num_past must not be negative, got -1"),
    ],
)
def test_bad_settings_are_refused(settings, message):
    with pytest.raises(ValueError, match=message):
        settle(**{"lstm": 0, **settings})[0](jax.random.key(0), games()[2])
