"""The path on which grippers begin: its shares, its places, and what is learned from it."""

import functools

import jax
import jax.numpy as jnp
import numpy as np
import pytest

import self_play
from self_play import game, rollouts, scene, starts, tabletop, world
from self_play.game import ALICE, BOB, Rules

NUM_GAMES = 40


@functools.cache
def table():
    return tabletop.build(scene.blocks(1))


@functools.cache
def placed():
    """Many grippers on the path. -> (ways, the drawn states, the states on the way)."""
    here, ways = table(), jnp.array([0.0, 0.04, 0.1, 0.25, 0.5, 0.75, 1.0])
    keys = jax.random.split(jax.random.key(0), (2, 8))

    def one(k_table, k_path, way):
        drawn = here.reset(k_table)
        return drawn, starts.on_the_way(here, k_path, drawn, way)

    rows = jax.vmap(jax.vmap(one, in_axes=(0, 0, None)), in_axes=(None, None, 0))
    return ways, *jax.jit(rows)(*keys, ways)


def test_the_places_of_the_path():
    """From the fingers at the block's sides to the gripper as it was drawn, and the block stays."""
    _, drawn, states = jax.tree.map(np.array, placed())
    np.testing.assert_array_equal(states.q[..., 6:], drawn.q[..., 6:])
    np.testing.assert_array_equal(states.q[-1], drawn.q[-1])
    over = states.q[..., :3] - states.q[..., 6:9] - [0, 0, table().scene.robot.reach]
    np.testing.assert_allclose(over[:5, :, :2], 0.0, atol=1e-6)
    np.testing.assert_allclose(over[:5, :, 2].T, [[0, 0, 0, 0, 0.12]] * 8, atol=1e-6)
    np.testing.assert_allclose(over[5, :, :2], over[6, :, :2] / 2, atol=1e-6)
    np.testing.assert_allclose(states.q[:4, :, 4].T, [[0.0254, 0.0254, 0.02905, 0.04]] * 8, atol=1e-6)
    np.testing.assert_allclose(states.q[..., 4], states.q[..., 5])
    turned = states.q[:4, :, 3] - 2 * np.arctan2(states.q[:4, :, 12], states.q[:4, :, 9])
    np.testing.assert_allclose(np.abs(np.sin(2 * turned)), 0.0, atol=1e-5)  # along a pair of sides
    pressing = states.target[..., 4] < states.q[..., 4] - 1e-6
    assert pressing[:2].mean() > 0.9
    assert not pressing[2:].any()


def test_from_a_grasp_the_block_is_lifted():
    step = jax.jit(jax.vmap(table().step))
    states = jax.tree.map(lambda leaf: leaf[0], placed()[2])
    for _ in range(15):
        states = step(states, jnp.tile(jnp.array([5, 5, 8, 5, 0]), (8, 1)))
    assert np.array(states.q[:, 8] > 0.1).all()


def test_shares_of_starts():
    success = jnp.array([1.0, 0.5, 0.1, *[0.0] * 6])
    np.testing.assert_array_equal(starts.shares("exam", success), [0] * 8 + [1])
    np.testing.assert_allclose(starts.shares("equal", success), 1 / 9)
    by_success = np.array([0.02, 0.27, 0.11, *[0.02] * 6])
    np.testing.assert_allclose(starts.shares("success", success), by_success / by_success.sum(), rtol=1e-5)


def test_kinds_lie_on_the_path_in_turn():
    keys = jax.random.split(jax.random.key(0), (9, 50))
    ways = jax.vmap(jax.vmap(starts.way_of_kind, in_axes=(0, None)))(keys, jnp.arange(9))
    assert np.all((np.array(ways[:8]) * 8).astype(int) == np.arange(8)[:, None])
    assert np.all(ways[8] == 1)
    hers = jax.vmap(lambda key: starts.way_of_alice(key, 0.8))(jax.random.split(jax.random.key(1), 1000))
    assert np.mean(hers < starts.GRASPED) == pytest.approx(0.8, abs=0.05)
    assert float(hers.max()) < starts.AROUND


def test_the_running_success_is_that_of_single_trials():
    """A plain average that keeps 29 of 30 parts, over trials of equal outcome: their order does not matter then."""
    kind, solved = np.array([0, 2, -1, 2, 8, 0, 2]), np.array([1, 0, 1, 0, 1, 1, 0], bool)
    expected = np.full(9, 0.5)
    for one, success in zip(kind, solved, strict=True):
        if one >= 0:
            expected[one] += (success - expected[one]) / 30
    ours = starts.update_success(jnp.full(9, 0.5), jnp.array(kind), jnp.array(solved))
    np.testing.assert_allclose(ours, expected, rtol=1e-5)


def test_bobs_first_turns_are_counted_by_where_they_began():
    """On a table where nothing moves, with goals that nobody reaches; Alice is at the block, Bob where he should."""
    still = table()._replace(step=lambda state, action: state)
    rules = Rules(2, 3, 2, goal_source="uniform", bob_shares="equal", alice_grasps=0.5)

    @jax.jit
    def run(key):
        k_init, k_play = jax.random.split(key)
        state = world.init_games(still, rules, 0, k_init, NUM_GAMES)
        state = state._replace(episodes=state.episodes._replace(success=jnp.full(9, 0.5)))
        act = lambda seen: (jnp.zeros((NUM_GAMES, 2, 5, 11)), seen.memory)  # noqa: E731
        return state, world.play(still, rules, 20, act, k_play, state)

    begun, (after, batch) = run(jax.random.key(0))
    steps = jax.tree.map(lambda leaf: np.array(leaf)[:, 1:], batch.transitions)
    first = steps.done[..., BOB] & (np.cumsum(steps.done[..., BOB], axis=1) == 1)
    np.testing.assert_array_equal(steps.kind[first], np.array(begun.games.kind)[first.any(axis=1)])
    assert np.all(steps.kind[~steps.done[..., BOB]] == -1)
    number = np.array([np.sum(steps.kind == kind) for kind in range(9)])
    assert number.sum() > NUM_GAMES
    assert number.min() > 0
    np.testing.assert_allclose(after.episodes.success, 0.5 * (29 / 30) ** number, rtol=1e-5)
    np.testing.assert_array_equal(batch.start_success, after.episodes.success)
    hers, his = np.array(begun.games.state.q), np.array(begun.games.other.q)
    np.testing.assert_array_equal(hers[:, 6:], his[:, 6:])
    assert np.linalg.norm(hers[:, :2] - hers[:, 6:8], axis=1).max() < 1e-6
    away = np.linalg.norm(his[:, :2] - his[:, 6:8], axis=1)
    assert np.all((away > 1e-6) == (np.array(begun.games.kind) >= 4))
    assert not steps.done[..., ALICE].all()


def test_her_gripper_goes_from_one_object_to_another():
    """When her steps at one are over, to one that she has not lifted; till then, and in Bob's turn, it stays."""
    here = tabletop.build(scene.blocks(2))
    rules = Rules(3, 3, 1, alice_grasps=0.5, alice_regrasps=True)

    @jax.jit
    @jax.vmap
    def one(key):
        k_reset, k_lifted, k_move = jax.random.split(key, 3)
        begun = game.begin(here, game.EpisodeStart(here.reset(k_reset), jnp.zeros(2, bool), None), 0)
        lifted = jax.random.randint(k_lifted, (), 0, 2)
        state = begun.state._replace(q=begun.state.q.at[8 + 7 * lifted].add(0.1))
        begun = begun._replace(state=state)
        counts, turns = jnp.array([3, 2, 3]), jnp.array([False, False, True])
        games = jax.vmap(lambda count, turn: begun._replace(count=count, bobs_turn=turn))(counts, turns)
        return lifted, state, jax.vmap(lambda one: rollouts.move_gripper(here, rules, one, k_move).state)(games)

    lifted, before, after = jax.tree.map(np.array, one(jax.random.split(jax.random.key(0), 16)))
    assert 0 < lifted.sum() < 16
    over = [np.linalg.norm(after.q[:, 0, :2] - after.q[:, 0, 6 + 7 * i : 8 + 7 * i], axis=1) < 1e-6 for i in range(2)]
    np.testing.assert_array_equal(over, [lifted == 1, lifted == 0])
    np.testing.assert_allclose(after.q[:, 0, 6:], before.q[:, 6:], atol=1e-6)
    for i in (1, 2):
        np.testing.assert_array_equal(after.q[:, i], before.q)


def test_bob_is_given_an_object_at_its_goal():
    """As his turn begins: one that is there, else one is put there, not in the air. His gripper is on its path."""
    here = tabletop.build(scene.blocks(2))
    rules = Rules(3, 3, 1, bob_head_starts=1.0)

    @jax.jit
    @jax.vmap
    def one(key, reached, lifted):
        k_reset, k_move = jax.random.split(key)
        start = game.EpisodeStart(here.reset(k_reset), jnp.zeros(2, bool), None, kind=jnp.zeros((), jnp.int32))
        begun, poses = game.begin(here, start, 0), here.poses(start.state)
        goal = poses._replace(position=poses.position + jnp.where(reached, 0.0, 0.5)[:, None] * jnp.array([[1, -1, 0]]))
        goal = goal._replace(position=goal.position.at[0, 2].add(0.1 * lifted))
        begun = begun._replace(bobs_turn=jnp.ones((), bool), goal=goal, at_goal=reached)
        counts, turns = jnp.array([0, 1, 0]), jnp.array([True, True, False])
        games = jax.vmap(lambda count, turn: begun._replace(count=count, bobs_turn=turn))(counts, turns)
        return begun, jax.vmap(lambda one: rollouts.move_gripper(here, rules, one, k_move))(games)

    reached = np.array([[False, False], [True, False], [False, True], [True, True]]).repeat(8, axis=0)
    reached, lifted = np.concatenate([reached, reached[:8]]), np.arange(40) >= 32
    begun, after = jax.tree.map(
        np.array, one(jax.random.split(jax.random.key(1), 40), jnp.array(reached), jnp.array(lifted))
    )
    for i in range(40):
        q, goal, at_goal = after.state.q[i], begun.goal.position[i], after.at_goal[i]
        if reached[i].all():
            np.testing.assert_array_equal(q[0], begun.state.q[i])
        else:
            (given,) = np.flatnonzero(at_goal[0])
            assert given == np.argmax(reached[i]) or not reached[i].any()
            assert given == 1 or not lifted[i]
            at, other = slice(6 + 7 * given, 9 + 7 * given), slice(13 - 7 * given, 20 - 7 * given)
            np.testing.assert_allclose(q[0, at], goal[given], atol=1e-6)
            np.testing.assert_allclose(q[0, :2], goal[given, :2], atol=1e-6)
            assert after.kind[i, 0] == -1
            np.testing.assert_array_equal(q[0, other], begun.state.q[i, other])
        for j in (1, 2):
            np.testing.assert_array_equal(q[j], begun.state.q[i])
            np.testing.assert_array_equal(at_goal[j], reached[i])
            assert after.kind[i, j] == 0
    assert {int(np.argmax(after.at_goal[i, 0])) for i in range(8)} == {0, 1}


def test_no_object_is_put_onto_another():
    """The first one's goal is where the second is, whose own is free, or where the first is."""
    here = tabletop.build(scene.blocks(2))
    rules = Rules(3, 3, 1, bob_head_starts=1.0)

    @jax.jit
    @jax.vmap
    def one(key, is_free):
        k_reset, k_move = jax.random.split(key)
        begun = game.begin(here, game.EpisodeStart(here.reset(k_reset), jnp.zeros(2, bool), None), 0)
        now = here.poses(begun.state).position
        goal = begun.goal._replace(position=jnp.stack([now[1], jnp.where(is_free, now[0] + now[0] - now[1], now[0])]))
        begun = begun._replace(bobs_turn=jnp.ones((), bool), goal=goal)
        return rollouts.move_gripper(here, rules, begun, k_move).at_goal

    given = one(jax.random.split(jax.random.key(1), 16), jnp.arange(16) < 8)
    np.testing.assert_array_equal(given, [[False, True]] * 8 + [[False, False]] * 8)


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"bob_head_starts": 2}, "bob_head_starts must be a finite number, at least 0.0 and at most 1.0, got 2"),
        ({"alice_regrasps": True}, "alice_regrasps needs alice_grasps, by which her gripper begins at an object"),
        ({"bob_shares": "half"}, "bob_shares must be one of exam, equal, success, got 'half'"),
        ({"bob_shares": "equal", "bob_starts": "alice"}, "bob_shares needs bob_starts='own'"),
        ({"alice_grasps": 1.5}, "alice_grasps must be a finite number, at least 0.0 and at most 1.0, got 1.5"),
        ({"alice_grasps": 0.5, "mode": "pucks"}, "are of fingers: .* a table with the gripper"),
    ],
)
def test_bad_settings_are_refused(settings, message):
    with pytest.raises(ValueError, match=message):
        self_play.arena(**{"num_games": 2, "num_steps": 2, "mode": "blocks"} | settings)
