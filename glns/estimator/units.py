"""Units: columns of any unit as float32 numbers whose squares neither overflow nor vanish.

A column becomes (x - offset) * scale. The offset is its first number; the scale is a power of two, so that nothing is
rounded, and results are the same to the bit when a column is multiplied by a power of two. A learner standardises its
columns, so that neither changes anything else.

Letters: D columns, n samples.
"""

from typing import Any, NamedTuple

import jax
import numpy as np

_ROOM = 2.0**30  # a column may grow by so much before its scale is chosen anew
_FAR = 2.0**60  # beyond this, in units of the greatest number learned, predictions no longer change
_LIMIT = 1e300
_LIMIT_OF_SQUARES = 1e15  # the squares of 1e8 such numbers can be summed in float32


class Units(NamedTuple):
    """The units of D columns, in float64. Never changed in place."""

    offset: np.ndarray  # [D]
    scale: np.ndarray  # [D], 0 while a column has been constant
    room: np.ndarray  # [D], how far from the offset numbers may be before a scale is chosen
    free: bool  # False: columns are left in their own units, offset 0 and scale 1


def begin(dim: int, *, free: bool, first: np.ndarray | None = None) -> Units:
    """The units of columns of which nothing was seen but a first row [D]."""
    offset = np.zeros(dim) if first is None or not free else np.array(first, float)
    return _scaled(Units(offset, np.zeros(dim), np.zeros(dim), free), np.zeros(dim) if free else np.ones(dim))


def widened(units: Units, num: int) -> Units:
    """The units with `num` further columns, 0 so far."""
    more = begin(num, free=units.free)
    scale = np.append(units.scale, more.scale)
    return _scaled(units._replace(offset=np.append(units.offset, more.offset)), scale)


def of_saved(offset: np.ndarray, scale: np.ndarray, *, free: bool) -> Units:
    """The units that have these numbers."""
    return _scaled(Units(offset, scale, scale, free), scale)


def learn(units: Units, x: np.ndarray, weights: np.ndarray) -> tuple[Units, np.ndarray | None, np.ndarray]:
    """Chooses scales for x [n, D] where it outgrows them. -> the units, the change, x as of `apply`.

    A sample of weight 0 becomes zeros, whatever it holds. change [D] is what moments in the old units are to be
    multiplied by, or None. Raises ValueError for numbers that leave no room: beyond ±1e300, or if not `free` ±1e15.
    """
    x = x if weights.all() else np.where(weights[:, None] > 0, x, units.offset)
    moved = x - units.offset
    most = np.abs(moved).max(axis=0)
    if (most <= units.room).all():
        return units, None, (moved * units.scale).astype(_dtype())
    limit = _LIMIT if units.free else _LIMIT_OF_SQUARES
    if not most.max() <= limit:
        raise ValueError(f"numbers must be within ±{limit:g}, got {most.max():g}; divide them by a constant")
    exponent = np.clip(np.frexp(most)[1], -1000, 1000)
    scale = np.where(most <= units.room, units.scale, np.ldexp(1.0, -exponent))
    known = units.scale > 0
    change = np.where(known, scale, 1.0) / np.where(known, units.scale, 1.0)
    return _scaled(units, scale), change, (moved * scale).astype(_dtype())


def apply(units: Units, x: np.ndarray) -> np.ndarray:
    """x [n, D] in the units, as the numbers JAX computes with: float32, or float64 in 64 bits."""
    with np.errstate(over="ignore"):
        scaled = (x - units.offset) * units.scale
    return np.minimum(np.maximum(scaled, -_FAR), _FAR).astype(_dtype())


def _dtype():
    return jax.dtypes.canonicalize_dtype(float)


def _scaled(units, scale):
    """Units of other scales. A column's room ends where it has grown by _ROOM, or at once while it is constant."""
    if not units.free:
        return units._replace(scale=scale, room=np.full(len(scale), _LIMIT_OF_SQUARES))
    return units._replace(scale=scale, room=np.where(scale > 0, _ROOM, 0.0) / np.where(scale > 0, scale, 1.0))


def rescale(moments: Any, factor: np.ndarray) -> Any:
    """`standardise.Moments` [.., D] in units that are a factor [D] smaller."""
    mean, square = np.asarray(moments.mean), np.asarray(moments.square)
    factor = factor.astype(mean.dtype)
    return moments._replace(mean=mean * factor, square=square * factor * factor)
