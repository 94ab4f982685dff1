"""The World of the game: the shapes of its batches, determinism, and its settings."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

import self_play


def test_the_world_of_pucks():
    """The real table: shapes, determinism, and that an act of None plays."""
    settings = {"num_games": 8, "num_steps": 24, "alice_steps": 6, "bob_steps": 4}
    data, init, draw = self_play.arena(mode="pucks", lstm_size=3, num_slots=2, **settings)

    @jax.jit
    def play_one(key):
        k_init, k_draw = jax.random.split(key)
        return draw(k_draw, data, init(k_init, data), None)

    once, again = play_one(jax.random.key(0)), play_one(jax.random.key(0))
    for a, b in zip(jax.tree.leaves(once), jax.tree.leaves(again), strict=True):
        np.testing.assert_array_equal(a, b)
    _, batch = once
    assert batch.transitions.action.shape == (8, 25, 2)
    assert batch.demo_goal.shape == (8, 25, 2, 4)
    assert batch.last.memory.shape == (8, 2, 2, 12)
    assert int(jnp.sum(batch.transitions.resolved)) >= 8 * 24 // 10
    assert bool(jnp.all(jnp.isfinite(batch.transitions.policy_input.observation.objects)))


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"mode": "pins"}, "mode must be one of pucks, blocks, got 'pins'"),
        ({"bob_starts": "here"}, "bob_starts must be 'own' or 'alice', got 'here'"),
        ({"alice_reward": "time"}, "alice_reward must be 'success' or 'timestep', got 'time'"),
        ({"demonstrations": "all"}, "demonstrations must be 'failed' or 'valid', got 'all'"),
        ({"goal_source": "bob"}, "goal_source must be 'alice' or 'uniform' or 'curriculum', got 'bob'"),
        ({"num_tasks": -2}, "num_tasks must not be negative, got -2"),
        ({"past_prob": 1.2}, "past_prob must be 0 to 1, got 1.2"),
        ({"num_games": 0}, "num_games must be positive, got 0"),
        ({"alice_steps": -1}, "alice_steps must be positive, got -1"),
        ({"lstm_size": -1}, "lstm_size must not be negative, got -1"),
        ({"num_objects": 0}, "num_objects must be 1 to 8, got 0"),
    ],
)
def test_bad_settings_are_refused(settings, message):
    with pytest.raises(ValueError, match=message):
        self_play.arena(**{"num_games": 2, "num_steps": 2} | settings)
