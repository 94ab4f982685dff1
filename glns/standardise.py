"""Standardised features: running mean and std of a stream (Welford 1962), the current example included.

Letters: D features, T time.
"""

from collections.abc import Callable
from typing import NamedTuple

import jax
import jax.numpy as jnp

from glns import settings


class Moments(NamedTuple):
    """Running moments of D features."""

    count: jax.Array  # [] int32
    mean: jax.Array  # [D]
    square: jax.Array  # [D], sum of squared differences from the mean


def init(dim: int) -> Moments:
    """No example seen yet."""
    settings.check_counts(1, dim=dim)
    return Moments(jnp.zeros((), jnp.int32), jnp.zeros(dim), jnp.zeros(dim))


def apply(moments: Moments, x: jax.Array, epsilon: float) -> jax.Array:
    """(x - mean) / (std + epsilon). x [..., D] -> [..., D].

    epsilon, in the units of x, keeps a constant feature small: the public code adds 1 to pixels of 0 .. 255. With
    epsilon 0 the unit of x does not matter, and a feature that was constant so far is 0.
    """
    x, scale = jnp.asarray(x, float), _std(moments) + epsilon
    shape = (1,) * (x.ndim - 1) + scale.shape
    return (x - moments.mean.reshape(shape)) / jnp.where(scale > 0, scale, jnp.inf).reshape(shape)


def _std(moments: Moments) -> jax.Array:
    return jnp.sqrt(moments.square / jnp.maximum(moments.count, 1))


def seen(moments: Moments, x: jax.Array, counts: jax.Array | None = None) -> Moments:
    """The moments with an example x [D]. counts [] bool: False for one that they are to pass over."""
    count = moments.count + (1 if counts is None else counts)
    delta = x - moments.mean if counts is None else jnp.where(counts, x - moments.mean, 0.0)
    mean = moments.mean + delta / jnp.maximum(count, 1)
    return Moments(count, mean, moments.square + delta * (x - mean))


def learn(
    moments: Moments, x: jax.Array, epsilon: float, counted: jax.Array | None = None
) -> tuple[Moments, jax.Array]:
    """Standardises each example of a stream by the moments of all examples up to it, itself included.

    x [T, D], counted [T] bool: False for an example that the moments are to pass over -> the moments, features [T, D].
    """

    def step(moments, example):
        moments = seen(moments, *example)
        return moments, apply(moments, example[0], epsilon)

    return jax.lax.scan(step, moments, (jnp.asarray(x, float), counted))


class Features(NamedTuple):
    """How a learner computes features from its inputs."""

    learn: Callable  # (moments, x [T, D], counted [T] bool or None) -> moments, features [T, D]
    apply: Callable  # (moments, x [.., D]) -> features [.., D]


def features(epsilon: float, scale: float = 1.0, *, standardised: bool = True) -> Features:
    """Features scale * (x - mean) / (std + epsilon), by the moments so far; or scale * x if not standardised.

    epsilon: see `apply`; one far above the stds leaves mean subtraction, the paper's, and then the scale matters. For a
    stream of tasks use standardised=False: where the moments drift, the features drift too, and with them the contexts
    of what was learned before. The moments are then not updated.
    """
    settings.check_not_negative(feature_epsilon=epsilon)
    settings.check_positive(feature_scale=scale)
    settings.check_flags(standardised=standardised)

    def learn_scaled(moments, x, counted=None):
        moments, standard = learn(moments, x, epsilon, counted) if standardised else (moments, jnp.asarray(x, float))
        return moments, scale * standard

    def apply_scaled(moments, x):
        return scale * (apply(moments, x, epsilon) if standardised else jnp.asarray(x, float))

    return Features(learn_scaled, apply_scaled)
