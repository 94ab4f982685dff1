"""Contexts: which row of its weight table a gated neuron uses (Veness 2019, §2).

A context is a function of the side information alone. It never depends on a weight, so the contexts of a whole stream
are known before anything is learned. A `Gate` is a kind of context function: `half_spaces` makes the paper's; any other
Gate works too.

Letters: C half-spaces of a neuron, R contexts (rows of its table), S width of the side information.
"""

from collections.abc import Callable
from functools import partial
from typing import NamedTuple

import jax
import jax.numpy as jnp

from glns import settings


class Gate(NamedTuple):
    """A kind of context function, for one neuron; a layer is a `vmap` of it.

    num_contexts: R. init: (key, side_dim) -> gates, any pytree of arrays, or of none: the parameters of one neuron's
      contexts.
    context: (gates, side [S]) -> context [], any integer type, in 0 .. R - 1; of `branches`, [R] of 0 and 1. A neuron
      whose context is outside them has no row: its output is NaN, and it learns nothing from the example.
    """

    num_contexts: int
    init: Callable
    context: Callable


def check_gate(gate: Gate) -> None:
    """Raises ValueError for what is no Gate, or one without contexts."""
    if not isinstance(gate, Gate):
        raise ValueError(f"gate must be a glns.context.Gate, got {gate!r}")
    settings.check_counts(1, num_contexts=gate.num_contexts)


class HalfSpaces(NamedTuple):
    """One neuron's half-spaces; side lies in half-space i if normals[i] . side > offsets[i]."""

    normals: jax.Array  # [C, S], rows of unit length; of `branches`, rows that together have unit length
    offsets: jax.Array  # [C]


def half_spaces(num_half_spaces: int, *, offset_scale: float = 1.0, axis_aligned: bool = False) -> Gate:
    """The paper's contexts: on which sides of C random hyperplanes the side information lies, R = 2**C.

    offset_scale, axis_aligned: see `init_half_spaces`.
    """
    settings.check_counts(0, 16, num_half_spaces=num_half_spaces)
    settings.check_not_negative(offset_scale=offset_scale)
    settings.check_flags(axis_aligned=axis_aligned)
    drawn = {"num_half_spaces": num_half_spaces, "offset_scale": offset_scale, "axis_aligned": axis_aligned}
    init = partial(init_half_spaces, **drawn)
    return Gate(2**num_half_spaces, init, half_space_context)


def init_half_spaces(
    key: jax.Array, side_dim: int, *, num_half_spaces: int, offset_scale: float = 1.0, axis_aligned: bool = False
) -> HalfSpaces:
    """Draws one neuron's half-spaces: normals uniform on the sphere, offsets N(0, offset_scale²) (Veness 2019, §5).

    The paper's `offset_scale` is 1; the public code uses 0.05. axis_aligned (ours): each half-space compares one
    feature, drawn uniformly, with its offset, as a tree does; for features that mean something one by one. The key is
    consumed.
    """
    draws = jax.random.normal(key, (num_half_spaces, side_dim + 1))
    normals, offsets = draws[:, :-1], draws[:, -1]
    if axis_aligned:
        axes = jax.nn.one_hot(jnp.abs(normals).argmax(axis=-1), side_dim, dtype=normals.dtype)
        return HalfSpaces(axes, offset_scale * offsets)
    return HalfSpaces(normals / jnp.linalg.norm(normals, axis=-1, keepdims=True), offset_scale * offsets)


def half_space_context(spaces: HalfSpaces, side: jax.Array) -> jax.Array:
    """One neuron's context, in 0 .. 2**C - 1: bit i says whether `side` lies strictly inside half-space i.

    side [S] -> context [] int32. Bit 0 is the first half-space; with C = 0 there is one context.
    """
    projections = jnp.matmul(spaces.normals, side, precision="highest")  # less precision would change contexts
    bits = projections > spaces.offsets
    return jnp.sum(bits * 2 ** jnp.arange(bits.shape[-1], dtype=jnp.int32), dtype=jnp.int32)


def branches(num_branches: int) -> Gate:
    """The gates of a dendritic neuron's branches (Sezener 2021): each branch is open in its own half-space.

    The context is not a number but the gates themselves: [R] of 0 and 1, R = num_branches; see `dendritic`.
    """
    settings.check_counts(1, num_branches=num_branches)
    return Gate(num_branches, partial(init_branches, num_branches=num_branches), branch_gates)


def init_branches(key: jax.Array, side_dim: int, *, num_branches: int) -> HalfSpaces:
    """Draws one neuron's branches: N(0, 1) throughout, divided by the Frobenius norm of all its normals.

    The public code leaves the last feature's column out of that norm, where it says that it leaves out the offsets. The
    key is consumed.
    """
    draws = jax.random.normal(key, (num_branches, side_dim + 1))
    draws /= jnp.linalg.norm(draws[:, :-1])
    return HalfSpaces(draws[:, :-1], draws[:, -1])


def branch_gates(spaces: HalfSpaces, side: jax.Array) -> jax.Array:
    """One neuron's gates: 1 where `side` lies strictly inside the branch's half-space. side [S] -> [R]."""
    return (jnp.matmul(spaces.normals, side, precision="highest") > spaces.offsets).astype(spaces.normals.dtype)
