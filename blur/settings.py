"""Checks of settings and labels: a ValueError names the setting, its bounds and what came. Traced numbers pass."""

import math
import numbers
from collections.abc import Sequence
from typing import Any

import jax
import jax.numpy as jnp


def check_counts(low: int = 1, **settings: Any) -> None:
    """Raises ValueError for a setting that is not a whole number of at least `low`."""
    for name, value in settings.items():
        if not isinstance(value, numbers.Integral) or value < low:
            raise ValueError(f"{name} must be a whole number of at least {low}, got {value}")


def check_numbers(low: float = -math.inf, *, above: float = -math.inf, **settings: Any) -> None:
    """Raises ValueError for a setting that is not finite, below `low` or not above `above`."""
    bound = f", above {above}" if above > -math.inf else f", at least {low}" if low > -math.inf else ""
    for name, value in settings.items():
        if not isinstance(value, jax.core.Tracer) and not (_is_finite(value) and low <= value and above < value):
            raise ValueError(f"{name} must be a finite number{bound}, got {value}")


def _is_finite(value):
    return isinstance(value, numbers.Real | jax.Array) and math.isfinite(value)


def check_sizes(sizes: Sequence[int]) -> None:
    """Raises ValueError unless these can be the neurons of layers, the last the number of classes."""
    are_sizes = isinstance(sizes, Sequence) and all(map(_is_size, sizes))
    if not are_sizes or not sizes or sizes[-1] < 2:
        raise ValueError(f"sizes must be positive and end in the number of classes, at least 2; got {sizes}")


def _is_size(size):
    return isinstance(size, numbers.Integral) and not isinstance(size, bool) and int(size) > 0


def check_genes(genome: Any) -> None:
    """Raises ValueError for a gene that is not finite."""
    for path, gene in jax.tree.leaves_with_path(genome):
        if not isinstance(gene, jax.core.Tracer) and not jnp.isfinite(gene).all():
            raise ValueError(f"the genome's genes must be finite, but genome{jax.tree_util.keystr(path)} is {gene}")


def check_labels(labels: jax.Array, num_classes: int) -> jax.Array:
    """Whether all labels are classes, 0 .. num_classes - 1. -> [] bool. Raises ValueError if not and labels are known.

    Labels that are no whole numbers are refused always. Under jit labels are not known: a learner then makes its
    metrics NaN, see `loud`.
    """
    if not jnp.issubdtype(labels.dtype, jnp.integer):
        raise ValueError(f"labels must be whole numbers, the indices of classes; got {labels.dtype}")
    are_classes = ((labels >= 0) & (labels < num_classes)).all()
    if not isinstance(are_classes, jax.core.Tracer) and not are_classes:
        raise ValueError(
            f"labels must be 0 to {num_classes - 1}, one of {num_classes} classes; got {labels.min()} to {labels.max()}"
        )
    return are_classes


def loud(condition: jax.Array, metrics: dict[str, jax.Array]) -> dict[str, jax.Array]:
    """The metrics, all NaN unless the condition holds."""
    return {name: jnp.where(condition, metric, jnp.nan) for name, metric in metrics.items()}
