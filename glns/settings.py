"""Checks of settings and labels: a ValueError names the setting, its bounds and what came.

A traced value, as of a grid of rates in one program, cannot be checked: such a setting passes, and see `labels_below`
for such a label.
"""

import math
import operator
from collections.abc import Callable, Mapping
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


def check_finite(**settings: Any) -> None:
    """Raises ValueError for the first setting that is not a finite number."""
    _check(settings, "be finite", lambda value: math.isfinite(_number(value)))


def check_between(low: float, high: float, **settings: Any) -> None:
    """Raises ValueError for the first setting that is not a number between two others."""
    _check(settings, f"lie between {low} and {high}", lambda value: low < _number(value) < high)


def check_counts(low: int, high: float = math.inf, **settings: Any) -> None:
    """Raises ValueError for the first setting that is not a whole number from `low` to `high`."""
    bounds = f"be at least {low}" if high == math.inf else f"be {low} to {high}"
    _check(settings, "be a whole number", lambda value: is_count(value, -math.inf))
    _check(settings, bounds, lambda value: is_count(value, low, high))


def check_flags(**settings: Any) -> None:
    """Raises ValueError for the first setting that is neither True nor False: "no" and None are neither."""
    _check(settings, "be True or False", lambda value: isinstance(value, bool | np.bool_))


def is_count(value: Any, low: float = 1, high: float = math.inf) -> bool:
    """Whether a setting is a whole number from `low` to `high`; True is no number."""
    try:
        return not isinstance(value, bool) and low <= operator.index(value) <= high
    except TypeError:
        return False


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


def _number(value: Any) -> float:
    """NaN, which is within no bounds, for what is no number."""
    try:
        return math.nan if isinstance(value, str) else float(value)
    except (TypeError, ValueError):
        return math.nan
