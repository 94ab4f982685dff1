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
    free: bool  # False: columns are left in their own units, offset 0 and scale 1


def begin(dim: int, *, free: bool, first: np.ndarray | None = None) -> Units:
    """The units of columns of which nothing was seen but a first row [D]."""
    if not free:
        return Units(np.zeros(dim), np.ones(dim), False)
    return Units(np.zeros(dim) if first is None else np.array(first, float), np.zeros(dim), True)


def widened(units: Units, num: int) -> Units:
    """The units with `num` further columns, 0 so far."""
    scale = np.zeros(num) if units.free else np.ones(num)
    return units._replace(offset=np.append(units.offset, np.zeros(num)), scale=np.append(units.scale, scale))


def see(units: Units, x: np.ndarray) -> tuple[Units, np.ndarray | None]:
    """Chooses scales for x [n, D]. -> the units, and what moments in the old ones are to be multiplied by, [D] or None.

    Raises ValueError for numbers that leave no room: beyond ±1e300, or if not `free` ±1e15.
    """
    most = np.abs(x - units.offset).max(axis=0)
    limit = _LIMIT if units.free else _LIMIT_OF_SQUARES
    if not most.max(initial=0) <= limit:
        raise ValueError(f"numbers must be within ±{limit:g}, got {most.max():g}; divide them by a constant")
    if not units.free:
        return units, None
    outgrown = (most * units.scale > _ROOM) | ((units.scale == 0) & (most > 0))
    if not outgrown.any():
        return units, None
    exponent = np.clip(np.frexp(most)[1], -1000, 1000)
    scale = np.where(outgrown, np.ldexp(1.0, -exponent), units.scale)
    known = units.scale > 0
    return units._replace(scale=scale), np.where(known, scale, 1.0) / np.where(known, units.scale, 1.0)


def apply(units: Units, x: np.ndarray) -> np.ndarray:
    """x [n, D] in the units, as the numbers JAX computes with: float32, or float64 in 64 bits."""
    dtype = jax.dtypes.canonicalize_dtype(float)
    with np.errstate(over="ignore"):
        scaled = (x - units.offset) * units.scale
    return np.minimum(np.maximum(scaled, -_FAR), _FAR).astype(dtype)


def rescale(moments: Any, factor: np.ndarray) -> Any:
    """`standardise.Moments` [.., D] in units that are a factor [D] smaller."""
    mean, square = np.asarray(moments.mean), np.asarray(moments.square)
    factor = factor.astype(mean.dtype)
    return moments._replace(mean=mean * factor, square=square * factor * factor)
