"""Reward trees: a real reward predicted by binary decisions, a network at each inner node (Sezener 2020, CTREE).

A tree of depth H divides the range of rewards, here 0 .. 1, among L = 2**H leaves; N = L - 1 inner nodes say, each with
one probability, whether the reward lies in their right half. Depth 1 is a single Bernoulli network.

The paper's leaves are bins of equal width. Ours are values of equal distance, 0 and 1 among them, and a reward between
two of them is shared by both: so rewards of 0 and 1 are the targets of a Bernoulli network, and no reward is rounded.
"""

import jax
import jax.numpy as jnp
import numpy as np


def num_nodes(depth: int) -> int:
    """N, the inner nodes."""
    return 2**depth - 1


def targets(reward: jax.Array, depth: int) -> tuple[jax.Array, jax.Array]:
    """What each node learns from a reward in 0 .. 1: reward [] -> shares [N] and targets [N], in 0 .. 1.

    A share is the part of the reward that comes by the node, which is how much the node should learn of its target.
    """
    below, right = _nodes(depth)
    leaves = jnp.maximum(1 - jnp.abs(reward * (2**depth - 1) - jnp.arange(2**depth)), 0.0)
    shares = jnp.matmul(below, leaves, precision="highest")
    return shares, jnp.matmul(right, leaves, precision="highest") / jnp.where(shares > 0, shares, 1.0)


def mean(logits: jax.Array, depth: int) -> jax.Array:
    """The expected reward, given each node's logit of `right`. logits [N] -> [], in 0 .. 1."""
    below, right = _nodes(depth)
    decisions = below * jax.nn.log_sigmoid(jnp.where(right, logits[:, None], -logits[:, None]))
    return jnp.exp(decisions.sum(axis=0)) @ jnp.linspace(0.0, 1.0, 2**depth)


def _nodes(depth: int) -> tuple[np.ndarray, np.ndarray]:
    """Which leaves lie below each node, and which of those to its right. -> bool [N, L] twice, the root first."""
    leaf = np.arange(2**depth)
    nodes = [(level, node) for level in range(depth) for node in range(2**level)]
    below = np.array([leaf >> (depth - level) == node for level, node in nodes])
    return below, below & np.array([leaf >> (depth - level - 1) & 1 == 1 for level, _ in nodes])
