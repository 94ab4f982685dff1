"""Goals that Alice does not set, and episodes drawn from few, on a table whose objects stay where they are."""

from types import SimpleNamespace

import jax
import jax.numpy as jnp
import numpy as np
import pytest

import self_play
from self_play import episodes, world
from self_play.game import BOB, Rules
from self_play.goals import MAX_DISTANCE

NUM_GAMES, NUM_STEPS = 24, 60


def play(num_tasks=0, **rules):
    """Rollouts on the table of pucks without physics. -> rows [B, T, ..] in NumPy, and the Arena after them."""
    table = self_play.tabletop(self_play.scene.pucks(num_objects=2, num_slots=3))._replace(
        step=lambda state, action: state
    )
    rules = Rules(2, 3, 3, **rules)

    @jax.jit
    def run(key):
        k_open, k_play = jax.random.split(key)
        state = world.open_games(table, rules, 0, k_open, NUM_GAMES, num_tasks)
        return world.play(table, rules, NUM_STEPS, anything, k_play, state)

    state, batch = run(jax.random.key(0))
    return jax.tree.map(lambda leaf: np.array(leaf)[:, 1:], batch.rows), state


def anything(seen):
    return jnp.zeros((NUM_GAMES, 2, 2, 11)), seen.memory


def begun(rows):
    """-> where the objects are when Bob's turns begin, and their goals. [n, 2, 3]"""
    games, steps = np.nonzero(rows.bobs_turn[:, 1:] & ~rows.bobs_turn[:, :-1])
    return rows.poses.position[games, steps + 1, :2], rows.goal.position[games, steps + 1, :2]


def test_uniform_goals_are_of_the_grid_that_tables_begin_on():
    rows, _ = play(goal_source="uniform")
    now, goal = begun(rows)
    scene = self_play.scene.pucks(num_objects=2)
    away = np.abs(goal[..., :2] / scene.cell - np.round(goal[..., :2] / scene.cell)) * scene.cell
    assert away.max() <= scene.room / 2 + 1e-6
    np.testing.assert_allclose(goal[..., 2], scene.height)
    assert len(np.unique(np.round(goal, 4), axis=0)) > 50
    assert np.linalg.norm(goal - now, axis=-1).max(axis=-1).min() > MAX_DISTANCE
    # Alice's turns only pass, and what she did is not judged: nothing moved, and goals are valid.
    assert rows.valid[rows.settled].mean() > 0.9
    starts = np.nonzero(~rows.bobs_turn[:, 1:] & rows.bobs_turn[:, :-1])
    assert len(starts[0]) > 20


def test_a_finite_set_is_drawn_again_and_again():
    few, _ = play(goal_source="uniform", num_tasks=2)
    many, _ = play(goal_source="uniform")
    tables = {
        name: len(np.unique(rows.poses.position[:, :, 0], axis=None)) for name, rows in (("few", few), ("many", many))
    }
    assert tables["few"] <= 2 * 3 < tables["many"]
    now, goal = begun(few)
    pairs = np.unique(np.round(np.concatenate([now, goal], axis=-1).reshape(len(now), -1), 5), axis=0)
    assert 2 <= len(pairs) <= 2 * 3  # a task has three goals
    alone, _ = play(num_tasks=2)  # without goals of its own, as nobody moves anything
    assert len(np.unique(alone.poses.position[:, :, 0, :2])) <= 4


def test_a_curriculum_goes_part_of_the_way():
    """The same draws as the uniform goals: the first of an episode lies on the way to the uniform one."""
    rows, state = play(goal_source="curriculum")
    whole, _ = play(goal_source="uniform")
    first = (np.cumsum(rows.settled, axis=1) == 0) & rows.bobs_turn
    first_too = (np.cumsum(whole.settled, axis=1) == 0) & whole.bobs_turn
    both = first & first_too
    way, far = (one.goal.position[both] - one.poses.position[both] for one in (rows, whole))
    assert len(way) > 10
    np.testing.assert_allclose(way[:, :2], episodes.FIRST_REACH * far[:, :2], atol=1e-5)
    assert float(state.episodes.reach) == episodes.FIRST_REACH  # nobody solved anything


@pytest.mark.parametrize(("solved", "reach"), [(0.9, 0.52), (0.5, 0.5), (0.2, 0.48)])
def test_a_curriculum_follows_bob(solved, reach):
    done = np.zeros((10, 4, 2), bool)
    done[:, 2, BOB] = True
    settled = done[..., BOB].copy()
    settled[:, 3] = True  # skipped: not tried
    success = np.zeros((10, 4), bool)
    success[: round(10 * solved), 2] = True
    rows = SimpleNamespace(done=jnp.array(done), settled=jnp.array(settled), success=jnp.array(success))
    now = episodes.Episodes(None, jnp.float32(0.5))
    assert float(episodes.go_on(Rules(1, 1, 1, goal_source="curriculum"), now, rows).reach) == pytest.approx(reach)
    assert episodes.go_on(Rules(1, 1, 1, goal_source="uniform"), now, rows) is now
