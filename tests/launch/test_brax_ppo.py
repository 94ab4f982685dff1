"""The baseline of self-play's training, on a table without physics: its puck goes where actions say."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

import self_play
from launch.suites import brax_ppo


@pytest.fixture
def table():
    table = self_play.tabletop.build(self_play.scene.pucks())
    place = len(table.scene.drive.driven_by)  # of the puck's x and y in q
    return table._replace(step=lambda state, bins: state._replace(q=state.q.at[place:].add(0.01 * (bins - 5))))


def test_it_is_bobs_task(table):
    """Continuous actions fall into bins; +1 for the object at its goal and +5 for all of them, and that ends it."""
    with brax_ppo._as_brax_expects():
        env = brax_ppo._environment(table)
    step, state = jax.jit(env.step), jax.jit(env.reset)(jax.random.key_data(jax.random.key(0)))
    assert state.obs.shape == (env.observation_size,)
    assert env.action_size == 2
    goal = state.pipeline_state[1]
    far = table.poses(state.pipeline_state[0]).position
    after = step(state, jnp.array([1.0, -0.2]))  # bins 10 and 4
    moved = table.poses(after.pipeline_state[0]).position - far
    np.testing.assert_allclose(moved[0], [0.05, -0.01, 0.0], atol=1e-6)
    assert (after.reward, after.done) == (0, 0)
    q = state.pipeline_state[0].q.at[-2:].set(goal.position[0, :2] + jnp.array([-0.045, 0.0]))
    near = state.replace(pipeline_state=(state.pipeline_state[0]._replace(q=q), goal))
    there = step(near, jnp.array([0.4, 0.0]))
    assert (there.reward, there.done) == (6, 1)
    np.testing.assert_allclose(there.obs[-2:], goal.position[0, :2] - there.pipeline_state[0].q[-2:], atol=1e-6)


def test_a_step_is_an_update_that_plays_and_learns(table):
    program = brax_ppo.program(table, num_games=4, num_steps=3, num_minibatches=2, sample_reuse=1, hidden=(8,))
    assert program.count == 12
    before = jax.device_get(program.state)  # it is consumed
    after = program.step(program.step(program.state))
    assert after.statistics.count.lo == 2 * 12
    assert (after.games.info["steps"] == 6).all()
    changed = jax.tree.map(lambda a, b: bool(np.any(a != b)), before.params, after.params)
    assert all(jax.tree.leaves(changed))
