"""Reward trees: a real reward predicted by binary decisions, a network at each inner node (Sezener 2020, CTREE).

A tree of depth H divides the range of rewards, here 0 .. 1, among L = 2**H leaves. Each of the N = L - 1 inner nodes
predicts the probability that the reward lies in its right half. Depth 1 is a single Bernoulli network.

The paper's leaves are bins of equal width. Ours are equally spaced values from 0 to 1, and a reward between two of them
is split between both: so rewards of 0 and 1 are the targets of a Bernoulli network, and no reward is rounded.
"""

import jax
import jax.numpy as jnp
import numpy as np


def num_nodes(depth: int) -> int:
    """N, the number of inner nodes."""
    return 2**depth - 1


def targets(reward: jax.Array, depth: int) -> tuple[jax.Array, jax.Array]:
    """What each node learns from a reward in 0 .. 1: reward [] -> fractions [N] and targets [N], in 0 .. 1.

    A node's fraction is the part of the reward in the leaves below it; the node's learning rate is multiplied by it.
    """
    below, right = _nodes(depth)
    leaves = jnp.maximum(1 - jnp.abs(reward * (2**depth - 1) - jnp.arange(2**depth)), 0.0)
    fractions = jnp.matmul(below, leaves, precision="highest")
    right_fractions = jnp.matmul(right, leaves, precision="highest")
    return fractions, right_fractions / jnp.where(fractions > 0, fractions, 1.0)


def mean(logits: jax.Array, depth: int) -> jax.Array:
    """The expected reward, given each node's logit of `right`. logits [N] -> [], in 0 .. 1."""
    below, right = _nodes(depth)
    decisions = below * jax.nn.log_sigmoid(jnp.where(right, logits[:, None], -logits[:, None]))
    return jnp.exp(decisions.sum(axis=0)) @ jnp.linspace(0.0, 1.0, 2**depth)


def _nodes(depth: int) -> tuple[np.ndarray, np.ndarray]:
    """Which leaves lie below each node, and which of those on its right side. -> bool [N, L] twice, the root first."""
    leaf = np.arange(2**depth)
    nodes = [(level, node) for level in range(depth) for node in range(2**level)]
    below = np.array([leaf >> (depth - level) == node for level, node in nodes])
    return below, below & np.array([leaf >> (depth - level - 1) & 1 == 1 for level, _ in nodes])
