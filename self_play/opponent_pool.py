"""The opponent pool: in some episodes one player is a past version, so that the other stays good against it (§3).

The paper does not say which versions play. Here the pool keeps the newest few. After every update one of them is drawn;
it plays in every episode that asks for a past version. Its steps train nobody, except that Bob clones a past Alice's
demonstrations.

Letters: K versions, P the two players.
"""

from typing import Any, NamedTuple

import jax
import jax.numpy as jnp


class OpponentPool(NamedTuple):
    """Past versions of both players."""

    count: jax.Array  # [] int32, updates so far
    versions: Any  # the players' parameters; each leaf has leading axes K and P
    chosen: jax.Array  # [] int32, the version that plays


def init_pool(params: Any, pool_size: int) -> OpponentPool:
    """A pool of `pool_size` copies of the initial players. params [P, ..]."""
    zero = jnp.zeros((), jnp.int32)
    return OpponentPool(zero, jax.tree.map(lambda leaf: jnp.tile(leaf, (pool_size, *[1] * leaf.ndim)), params), zero)


def push(key: jax.Array, pool: OpponentPool, params: Any, past_every: int) -> OpponentPool:
    """Replaces the oldest version by params [P, ..] on every `past_every`-th call, the first included.

    Every call draws the version that plays next. The key is consumed.
    """
    pool_size = len(jax.tree.leaves(pool.versions)[0])
    oldest = pool.count // past_every % pool_size
    now = pool.count % past_every == 0
    versions = jax.tree.map(
        lambda kept, leaf: kept.at[oldest].set(jnp.where(now, leaf, kept[oldest])), pool.versions, params
    )
    return OpponentPool(pool.count + 1, versions, jax.random.randint(key, (), 0, pool_size))


def chosen_version(pool: OpponentPool) -> Any:
    """The parameters of the version that plays [P, ..]."""
    return jax.tree.map(lambda leaf: leaf[pool.chosen], pool.versions)


def in_order(pool: OpponentPool, past_every: int) -> tuple[Any, list[int]]:
    """-> (versions in the pool, oldest first; the number of updates after which each was pushed). Not for jit."""
    pool_size = len(jax.tree.leaves(pool.versions)[0])
    num_pushed = -(-int(pool.count) // past_every)
    numbers = range(max(0, num_pushed - pool_size), num_pushed)
    slots = jnp.array([number % pool_size for number in numbers], jnp.int32)
    return jax.tree.map(lambda leaf: leaf[slots], pool.versions), [1 + number * past_every for number in numbers]
