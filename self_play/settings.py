"""Checks of settings: a ValueError names the setting, its bounds and what came. Traced numbers pass."""

import math
import numbers
from typing import Any

import jax


def check_counts(low: int = 1, **settings: Any) -> None:
    """Raises ValueError for a setting that is not a whole number of at least `low`."""
    for name, value in settings.items():
        if not isinstance(value, numbers.Integral) or value < low:
            raise ValueError(f"{name} must be a whole number of at least {low}, got {value}")


def check_numbers(low: float = 0.0, high: float = math.inf, *, above: float = -math.inf, **settings: Any) -> None:
    """Raises ValueError for a setting that is not finite, outside `low` to `high`, or not above `above`."""
    least = f"above {above}" if above > -math.inf else f"at least {low}"
    bounds = least if high == math.inf else f"{least} and at most {high}"
    for name, value in settings.items():
        if not isinstance(value, jax.core.Tracer) and not (
            _is_finite(value) and low <= value <= high and above < value
        ):
            raise ValueError(f"{name} must be a finite number, {bounds}, got {value}")


def _is_finite(value):
    return isinstance(value, numbers.Real | jax.Array) and math.isfinite(value)
