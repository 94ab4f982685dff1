"""Running means and variances, by which observations, returns and advantages are normalised.

Letters: n samples, F features.
"""

from typing import NamedTuple

import jax
import jax.numpy as jnp


class Moments(NamedTuple):
    """Mean and variance of all samples so far."""

    count: jax.Array  # [] sum of the samples' weights
    mean: jax.Array  # [F..]
    variance: jax.Array  # [F..]


def init_moments(shape: tuple[int, ...]) -> Moments:
    """The moments before the first sample: mean 0 and variance 1, so `normalize` changes nothing."""
    count, zeros, ones = jnp.zeros((), jnp.float32), jnp.zeros(shape, jnp.float32), jnp.ones(shape, jnp.float32)
    return Moments(count, zeros, ones)


def update_moments(moments: Moments, x: jax.Array, weights: jax.Array, *, decay: float = 1.0) -> Moments:
    """Adds samples (Chan et al. 1979, eq. 2.1). x [n, F..], weights [n]: 0 leaves a sample out.

    decay: factor on the weight of all older samples.
    """
    total = jnp.sum(weights)
    mean = jnp.tensordot(weights, x, 1) / jnp.maximum(total, 1.0)
    variance = jnp.tensordot(weights, (x - mean[None]) ** 2, 1) / jnp.maximum(total, 1.0)
    before = decay * moments.count
    count = before + total
    fraction = total / jnp.maximum(count, 1.0)
    shift = mean - moments.mean
    pooled = (1 - fraction) * moments.variance + fraction * variance + fraction * (1 - fraction) * shift**2
    return Moments(count, moments.mean + fraction * shift, pooled)


def normalize(moments: Moments, x: jax.Array) -> jax.Array:
    """(x - mean) / standard deviation. x [.., F..]."""
    mean, variance = (jnp.broadcast_to(leaf, x.shape) for leaf in (moments.mean, moments.variance))
    return (x - mean) / jnp.sqrt(variance + EPSILON)


def unnormalize(moments: Moments, x: jax.Array) -> jax.Array:
    """The inverse of `normalize`."""
    mean, variance = (jnp.broadcast_to(leaf, x.shape) for leaf in (moments.mean, moments.variance))
    return x * jnp.sqrt(variance + EPSILON) + mean


EPSILON = 1e-8  # keeps the rounding of a constant feature small: lengths are in m, rewards about 1
