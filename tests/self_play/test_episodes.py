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
    """Rollouts on the table of pucks without physics. -> steps [B, T, ..] in NumPy, and the ArenaState after them."""
    table = self_play.tabletop.build(self_play.scene.pucks(num_objects=2, num_slots=3))._replace(
        step=lambda state, action: state
    )
    rules = Rules(2, 3, 3, **rules)

    @jax.jit
    def run(key):
        k_init, k_play = jax.random.split(key)
        state = world.init_games(table, rules, 0, k_init, NUM_GAMES, num_tasks)
        return world.play(table, rules, NUM_STEPS, anything, k_play, state)

    state, batch = run(jax.random.key(0))
    return jax.tree.map(lambda leaf: np.array(leaf)[:, 1:], batch.transitions), state


def anything(policy_input):
    return jnp.zeros((NUM_GAMES, 2, 2, 11)), policy_input.memory


def begun(steps):
    """-> where the objects are when Bob's turns begin, and their goals. [n, 2, 3]"""
    games, times = np.nonzero(steps.bobs_turn[:, 1:] & ~steps.bobs_turn[:, :-1])
    return steps.poses.position[games, times + 1, :2], steps.goal.position[games, times + 1, :2]


def test_uniform_goals_are_of_the_grid_that_tables_begin_on():
    steps, _ = play(goal_source="uniform")
    now, goal = begun(steps)
    scene = self_play.scene.pucks(num_objects=2)
    away = np.abs(goal[..., :2] / scene.table.cell - np.round(goal[..., :2] / scene.table.cell)) * scene.table.cell
    assert away.max() <= scene.room / 2 + 1e-6
    np.testing.assert_allclose(goal[..., 2], scene.heights[0])
    assert len(np.unique(np.round(goal, 4), axis=0)) > 50
    assert np.linalg.norm(goal - now, axis=-1).max(axis=-1).min() > MAX_DISTANCE
    # Alice's turns only pass, and what she did is not judged: nothing moved, and goals are valid.
    assert steps.goal_valid[steps.resolved].mean() > 0.9
    starts = np.nonzero(~steps.bobs_turn[:, 1:] & steps.bobs_turn[:, :-1])
    assert len(starts[0]) > 20


def test_a_finite_set_is_drawn_again_and_again():
    few, _ = play(goal_source="uniform", num_tasks=2)
    many, _ = play(goal_source="uniform")
    tables = {
        name: len(np.unique(steps.poses.position[:, :, 0], axis=None)) for name, steps in (("few", few), ("many", many))
    }
    assert tables["few"] <= 2 * 3 < tables["many"]
    now, goal = begun(few)
    pairs = np.unique(np.round(np.concatenate([now, goal], axis=-1).reshape(len(now), -1), 5), axis=0)
    assert 2 <= len(pairs) <= 2 * 3  # a task has three goals
    alone, _ = play(num_tasks=2)  # without goals of its own, as nobody moves anything
    assert len(np.unique(alone.poses.position[:, :, 0, :2])) <= 4


def test_a_curriculum_goes_part_of_the_way():
    """The same draws as the uniform goals: the first of an episode lies on the way to the uniform one."""
    steps, state = play(goal_source="curriculum")
    whole, _ = play(goal_source="uniform")
    first = (np.cumsum(steps.resolved, axis=1) == 0) & steps.bobs_turn
    first_too = (np.cumsum(whole.resolved, axis=1) == 0) & whole.bobs_turn
    both = first & first_too
    way, far = (one.goal.position[both] - one.poses.position[both] for one in (steps, whole))
    assert len(way) > 10
    np.testing.assert_allclose(way[:, :2], episodes.MIN_DISTANCE_RATIO * far[:, :2], atol=1e-5)
    assert float(state.episodes.distance_ratio) == episodes.MIN_DISTANCE_RATIO  # nobody solved anything


@pytest.mark.parametrize(("solved", "ratio"), [(0.9, 0.52), (0.5, 0.5), (0.2, 0.48)])
def test_a_curriculum_follows_bob(solved, ratio):
    done = np.zeros((10, 4, 2), bool)
    done[:, 2, BOB] = True
    resolved = done[..., BOB].copy()
    resolved[:, 3] = True  # skipped: not tried
    success = np.zeros((10, 4), bool)
    success[: round(10 * solved), 2] = True
    steps = SimpleNamespace(done=jnp.array(done), resolved=jnp.array(resolved), success=jnp.array(success))
    now = episodes.Episodes(None, jnp.float32(0.5))
    later = episodes.update(Rules(goal_source="curriculum"), now, steps)
    assert float(later.distance_ratio) == pytest.approx(ratio)
    assert episodes.update(Rules(goal_source="uniform"), now, steps) is now


def test_a_curriculum_waits_for_bob():
    """Goals that were resolved without a turn of his say nothing of him."""
    nothing = jnp.zeros((10, 4), bool)
    steps = SimpleNamespace(done=jnp.zeros((10, 4, 2), bool), resolved=~nothing, success=nothing)
    now = episodes.Episodes(None, jnp.float32(0.5))
    assert float(episodes.update(Rules(goal_source="curriculum"), now, steps).distance_ratio) == 0.5
