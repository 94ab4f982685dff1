"""Past versions: in some episodes one player is a past version, so that the other stays good against it (§3).

The paper does not say which versions. Here a pool keeps some; the newest replaces the oldest. After every update one of
them is drawn, which acts wherever a past version does. Its steps train nobody, except that Bob clones a past Alice's
demonstrations.

Letters: K versions, P the two players.
"""

from typing import Any, NamedTuple

import jax
import jax.numpy as jnp


class OpponentPool(NamedTuple):
    """Past versions of both players."""

    count: jax.Array  # [] int32, updates so far
    versions: Any  # what a version acts by, see `ppo_learner.State`: parameters, normalizers; each leaf has an axis K
    chosen: jax.Array  # [] int32, index of the version that acts


def init_pool(version: Any, pool_size: int) -> OpponentPool:
    """A pool of `pool_size` copies of the initial version."""
    zero = jnp.zeros((), jnp.int32)
    return OpponentPool(zero, jax.tree.map(lambda leaf: jnp.tile(leaf, (pool_size, *[1] * leaf.ndim)), version), zero)


def push(key: jax.Array, pool: OpponentPool, version: Any, pool_every: int) -> OpponentPool:
    """The pool after an update. The first call and every pool_every-th after it replace the oldest version by this one.

    The version that acts is drawn anew. The key is consumed.
    """
    pool_size = len(jax.tree.leaves(pool.versions)[0])
    oldest = pool.count // pool_every % pool_size
    joins = pool.count % pool_every == 0
    versions = jax.tree.map(
        lambda kept, leaf: kept.at[oldest].set(jnp.where(joins, leaf, kept[oldest])), pool.versions, version
    )
    return OpponentPool(pool.count + 1, versions, jax.random.randint(key, (), 0, pool_size, jnp.int32))


def chosen_version(pool: OpponentPool) -> Any:
    """The version that acts."""
    return jax.tree.map(lambda leaf: leaf[pool.chosen], pool.versions)


def in_order(pool: OpponentPool, pool_every: int) -> tuple[Any, list[int]]:
    """The versions that were pushed, oldest first [K, ..], and the number of updates before each. Not for jit."""
    pool_size = len(jax.tree.leaves(pool.versions)[0])
    num_pushed = -(-int(pool.count) // pool_every)
    numbers = range(max(0, num_pushed - pool_size), num_pushed)
    slots = jnp.array([number % pool_size for number in numbers], jnp.int32)
    return jax.tree.map(lambda leaf: leaf[slots], pool.versions), [1 + number * pool_every for number in numbers]
