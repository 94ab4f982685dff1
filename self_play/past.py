"""Past versions: in some episodes one of the players is one, so that the other stays good against it (§3).

The paper does not say which versions: here a few are kept, the oldest gives way to the newest, and one of them, drawn
anew after every update, plays wherever a past version does. Nobody learns from its steps, but Bob from its
demonstrations.

Letters: K versions, P the two players.
"""

from typing import Any, NamedTuple

import jax
import jax.numpy as jnp


class Past(NamedTuple):
    """The versions that are kept."""

    count: jax.Array  # [] int32, updates
    versions: Any  # of the players' parameters, axes K and P before each leaf's own
    chosen: jax.Array  # [] int32, the version that plays


def no_past(params: Any, num_past: int) -> Past:
    """Before any update all versions are the first. params [P, ..]."""
    zero = jnp.zeros((), jnp.int32)
    return Past(zero, jax.tree.map(lambda leaf: jnp.tile(leaf, (num_past, *[1] * leaf.ndim)), params), zero)


def keep(key: jax.Array, past: Past, params: Any, past_every: int) -> Past:
    """Keeps params [P, ..] every so many updates, and chooses who plays next. The key is consumed."""
    num_past = len(jax.tree.leaves(past.versions)[0])
    oldest = past.count // past_every % num_past
    now = past.count % past_every == 0
    versions = jax.tree.map(
        lambda kept, leaf: kept.at[oldest].set(jnp.where(now, leaf, kept[oldest])), past.versions, params
    )
    return Past(past.count + 1, versions, jax.random.randint(key, (), 0, num_past))


def in_order(past: Past, past_every: int) -> tuple[Any, list[int]]:
    """All that were ever kept, oldest first, and after how many updates. Not for jit."""
    num_past = len(jax.tree.leaves(past.versions)[0])
    num_kept = -(-int(past.count) // past_every)
    numbers = range(max(0, num_kept - num_past), num_kept)
    slots = jnp.array([number % num_past for number in numbers], jnp.int32)
    return jax.tree.map(lambda leaf: leaf[slots], past.versions), [1 + number * past_every for number in numbers]


def version(past: Past) -> Any:
    """The parameters of the version that plays [P, ..]."""
    return jax.tree.map(lambda leaf: leaf[past.chosen], past.versions)
