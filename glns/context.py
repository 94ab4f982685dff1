"""Contexts: which row of its weight table a gated neuron uses (Veness 2019, §2).

A context is a function of the side information alone. It never depends on a weight, so the contexts of a whole
stream are known before anything is learned.

Letters: C half-spaces of a neuron, S width of the side information.
"""

from typing import NamedTuple

import jax
import jax.numpy as jnp


class HalfSpaces(NamedTuple):
    """One neuron's half-spaces."""

    normals: jax.Array  # [C, S], rows of unit length
    offsets: jax.Array  # [C]


def half_spaces(key: jax.Array, num_half_spaces: int, side_dim: int, *, offset_scale: float = 1.0) -> HalfSpaces:
    """Draws one neuron's half-spaces: normals uniform on the sphere, offsets N(0, offset_scale²) (Veness 2019, §5).

    The paper's `offset_scale` is 1; the public code uses 0.05. The key is consumed.
    """
    draws = jax.random.normal(key, (num_half_spaces, side_dim + 1))
    normals, offsets = draws[:, :-1], draws[:, -1]
    return HalfSpaces(normals / jnp.linalg.norm(normals, axis=-1, keepdims=True), offset_scale * offsets)


def half_space_context(spaces: HalfSpaces, side: jax.Array) -> jax.Array:
    """One neuron's context, in 0 .. 2**C - 1: bit i says whether `side` lies strictly inside half-space i.

    side [S] -> context [] int32. Bit 0 is the first half-space; with C = 0 there is one context.
    """
    projections = jnp.matmul(spaces.normals, side, precision="highest")  # fewer bits would turn contexts over
    bits = projections > spaces.offsets
    return jnp.sum(bits * 2 ** jnp.arange(bits.shape[-1], dtype=jnp.int32), dtype=jnp.int32)
