"""Checks of settings, arrays and labels: a ValueError names the setting, its bounds and what came.

A traced value, as of a grid of rates in one program, cannot be checked: such a setting passes, and see `labels_below`
for such a label.
"""

import math
import operator
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np


def check_positive(**settings: Any) -> None:
    """Raises ValueError for the first setting that is not a positive, finite number."""
    _check(settings, "be positive and finite", lambda value: 0 < _number(value) < math.inf)


def check_not_negative(**settings: Any) -> None:
    """Raises ValueError for the first setting that is not a finite number from 0."""
    _check(settings, "be at least 0 and finite", lambda value: 0 <= _number(value) < math.inf)


def check_fraction(**settings: Any) -> None:
    """Raises ValueError for the first setting that is not a number from 0 to 1."""
    _check(settings, "be a fraction, from 0 to 1", lambda value: 0 <= _number(value) <= 1)


def check_between(low: float, high: float, **settings: Any) -> None:
    """Raises ValueError for the first setting that is not a number between two others."""
    _check(settings, f"lie between {low} and {high}", lambda value: low < _number(value) < high)


def check_counts(low: int, high: float = math.inf, **settings: Any) -> None:
    """Raises ValueError for the first setting that is not a whole number from `low` to `high`."""
    bounds = f"be at least {low}" if high == math.inf else f"be {low} to {high}"
    _check(settings, "be a whole number", lambda value: _is_count(value, -math.inf))
    _check(settings, bounds, lambda value: _is_count(value, low, high))


def check_widths(**settings: Any) -> None:
    """Raises ValueError for the first setting that is not a sequence of whole numbers from 1."""
    _check(settings, "be a sequence", lambda value: isinstance(value, Iterable))
    _check(settings, "be whole numbers from 1", lambda value: all(map(_is_count, value)))


def check_numbers(**arrays: Any) -> None:
    """Raises ValueError for the first that is not an array [n, ..] of numbers, in this machine's byte order."""
    for name, array in arrays.items():
        if not isinstance(array, jax.Array | np.ndarray):
            raise ValueError(f"{name} must be an array of NumPy or JAX, got a {type(array).__name__}")
        if not array.ndim:
            raise ValueError(f"{name} must have a row for each sample, got a single number")
        if not any(jnp.issubdtype(array.dtype, kind) for kind in (jnp.integer, jnp.floating, jnp.bool_)):
            raise ValueError(f"{name} must be real numbers, got {array.dtype}")
        if not array.dtype.isnative:
            raise ValueError(f"{name} is in the byte order of another machine, {array.dtype.str}; convert it by astype")


def check_shape(expected: Sequence[int], **arrays: Any) -> None:
    """Raises ValueError for the first array of another shape, as of what NumPy would broadcast without a word."""
    for name, array in arrays.items():
        if (shape := list(jnp.shape(array))) != list(expected):
            raise ValueError(f"{name} must be of shape {list(expected)}, got {shape}")


def check_dtype(**settings: Any) -> None:
    """Raises ValueError for the first setting that is not the dtype of a net's products, by its name or as such."""
    _check(settings, f"be {', '.join(_DTYPES[:-1])} or {_DTYPES[-1]}", lambda value: _dtype_name(value) in _DTYPES)


_DTYPES = ("bfloat16", "float16", "float32")


def labels_below(num: int, **labels: Any) -> jax.Array:
    """The one array of whole numbers, given by its name, as int32 in 0 .. num - 1, in any integer or boolean dtype.

    Raises ValueError where one is outside. If it is traced it becomes `num`, which is no class: its one-hot code is 0,
    and its log-likelihood, taken by `jnp.take_along_axis`, is NaN, never another class's.
    """
    ((name, values),) = labels.items()
    if not isinstance(values, jax.core.Tracer):
        values = np.asarray(values)
        outside = values[(values < 0) | (values >= num)] if values.dtype.kind in "iub" else values[:0]
        if outside.size:
            raise ValueError(f"{name} must be 0 to {num - 1}, got {', '.join(map(str, np.unique(outside)[:5]))}")
    if values.dtype.kind not in "iub":
        raise ValueError(f"{name} must be whole numbers, got {values.dtype}")
    values = jnp.asarray(values)
    wide = values.astype(jnp.promote_types(values.dtype, jnp.int32))
    return jnp.where((wide >= 0) & (wide < num), wide, num).astype(jnp.int32)


def _check(settings: Mapping[str, Any], bounds: str, holds: Callable) -> None:
    for name, value in settings.items():
        if not isinstance(value, jax.core.Tracer) and not holds(value):
            raise ValueError(f"{name} must {bounds}, got {value!r}")


def _is_count(value: Any, low: float = 1, high: float = math.inf) -> bool:
    try:
        return low <= operator.index(value) <= high
    except TypeError:
        return False


def _dtype_name(value: Any) -> str | None:
    try:
        return jnp.dtype(value).name
    except TypeError:
        return None


def _number(value: Any) -> float:
    """NaN, which is within no bounds, for what is no number."""
    try:
        return math.nan if isinstance(value, str) else float(value)
    except (TypeError, ValueError):
        return math.nan
