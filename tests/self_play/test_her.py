"""Hindsight experience replay of another library on Bob's side: it takes our environment as it is, and learns."""

import warnings

import numpy as np
import pytest

from self_play import goal_env

sb3 = pytest.importorskip("stable_baselines3", reason="stable-baselines3 is not installed")


def test_her_relabels_and_learns():
    """What it replays as reached is, by our own rewards; its actor changes."""
    env = goal_env.GoalEnv("uniform", max_steps=20)
    small = {"learning_starts": 60, "batch_size": 32, "policy_kwargs": {"net_arch": [16]}, "seed": 0, "device": "cpu"}
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        model = sb3.DDPG("MultiInputPolicy", env, replay_buffer_class=sb3.HerReplayBuffer, **small)
        before = [leaf.detach().clone() for leaf in model.actor.parameters()]
        model.learn(160)
    assert any(np.any(a.numpy() != b.detach().numpy()) for a, b in zip(before, model.actor.parameters(), strict=True))
    replayed = model.replay_buffer.sample(256)
    rewards = replayed.rewards.numpy().ravel()
    assert set(rewards) == {-1.0, 0.0}
    achieved, desired = (replayed.next_observations[f"{kind}_goal"].numpy() for kind in ("achieved", "desired"))
    np.testing.assert_array_equal(env.compute_reward(achieved, desired, {}), rewards)
