"""A recording: one game of the present players, from the start of an episode."""

import jax
import jax.numpy as jnp
import numpy as np

import self_play


def test_a_game_is_recorded_and_drawn():
    """On the table of two pucks, without physics."""
    settings = {"alice_steps": 2, "bob_steps": 3, "goal_source": "uniform", "past_prob": 1.0, "num_objects": 2}
    setup = self_play.setup(num_games=5, num_steps=9, **settings)
    setup = setup._replace(table=setup.table._replace(step=lambda state, action: state))
    asked = []

    def act(policy_input):
        asked.append(policy_input.is_past.shape)
        return jnp.zeros((1, 2, 2, 11)), policy_input.memory

    steps, positions = jax.jit(lambda key: self_play.record(setup, act, key, num_steps=12))(jax.random.key(0))
    assert asked == [(1, 2)]
    assert not steps.policy_input.is_past.any()
    assert steps.bobs_turn.shape == (12,)
    assert positions.shape == (12, 2 + 2 * 2)
    np.testing.assert_allclose(positions[:, 2:], steps.poses.position[:, :, :2].reshape(12, 4))
    np.testing.assert_allclose(positions[:, :2], steps.policy_input.observation.gripper[:, :2])
    frames = self_play.frames_of(setup.table.scene, self_play.Recording(steps, positions))
    assert frames["bobs_turn"] == [False] * 2 + [True] * 6 + [False] * 2 + [False] * 2
    assert frames["resolved"] == [False] * 7 + [True, False, True] + [False, True]
    assert frames["success"] == [False] * 12
    ghosts = np.array([frame["pos"] for frame in frames["states"]["x"]])[:, 3:, 2]
    np.testing.assert_array_equal((ghosts < -0.5).all(axis=1), [not his for his in frames["bobs_turn"]])
