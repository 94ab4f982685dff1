"""Reward trees: by hand, against leaves enumerated one by one, and as the inverse of their targets."""

import itertools

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from glns import reward_tree


def test_depth_one_is_a_bernoulli_network():
    for reward in (0.0, 0.25, 1.0):
        shares, targets = reward_tree.targets(jnp.array(reward), 1)
        np.testing.assert_allclose(shares, [1.0])
        np.testing.assert_allclose(targets, [reward])
    np.testing.assert_allclose(reward_tree.mean(jnp.array([0.3]), 1), jax.nn.sigmoid(0.3), rtol=1e-6)


def test_depth_two_by_hand():
    """Leaves 0, 1/3, 2/3, 1. A reward of 1/2 goes by both halves: the last of the left, the first of the right."""
    shares, targets = reward_tree.targets(jnp.array(0.5), 2)
    np.testing.assert_allclose(shares, [1.0, 0.5, 0.5], rtol=1e-6)
    np.testing.assert_allclose(targets, [0.5, 1.0, 0.0], rtol=1e-6)
    shares, targets = reward_tree.targets(jnp.array(1 / 3), 2)
    np.testing.assert_allclose(shares, [1.0, 1.0, 0.0], atol=1e-6)
    np.testing.assert_allclose(targets[:2], [0.0, 1.0], atol=1e-6)


@pytest.mark.parametrize("depth", [1, 2, 3])
def test_the_mean_is_over_the_leaves(depth):
    logits = np.random.default_rng(0).normal(size=2**depth - 1)
    right, mean, total = 1 / (1 + np.exp(-logits)), 0.0, 0.0
    for leaf, turns in enumerate(itertools.product((0, 1), repeat=depth)):
        node, probability = 0, 1.0  # children of node i are 2 i + 1 and 2 i + 2
        for turn in turns:
            probability *= right[node] if turn else 1 - right[node]
            node = 2 * node + 1 + turn
        mean += probability * leaf / (2**depth - 1)
        total += probability
    np.testing.assert_allclose(total, 1.0)
    np.testing.assert_allclose(reward_tree.mean(jnp.array(logits, jnp.float32), depth), mean, rtol=1e-5)


@pytest.mark.parametrize("depth", [1, 2, 3])
def test_nodes_that_meet_their_targets_give_the_reward_back(depth):
    for reward in np.linspace(0, 1, 11, dtype=np.float32):
        _, targets = reward_tree.targets(jnp.array(reward), depth)
        logits = jax.scipy.special.logit(jnp.clip(targets, 1e-6, 1 - 1e-6))
        np.testing.assert_allclose(reward_tree.mean(logits, depth), reward, atol=1e-4)
