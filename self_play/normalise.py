"""Running means and variances, which bring observations, returns and advantages to one scale.

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
    """Moments before the first sample: mean 0 and variance 1, so that `normalise` changes nothing."""
    return Moments(jnp.zeros(()), jnp.zeros(shape), jnp.ones(shape))


def update_moments(moments: Moments, x: jax.Array, weights: jax.Array, *, decay: float = 1.0) -> Moments:
    """Adds samples (Chan et al. 1979, eq. 2.1). x [n, F..], weights [n]: 0 leaves a sample out.

    decay: the factor on the weight of all older samples.
    """
    total = jnp.sum(weights)
    mean = jnp.tensordot(weights, x, 1) / jnp.maximum(total, 1.0)
    variance = jnp.tensordot(weights, (x - mean[None]) ** 2, 1) / jnp.maximum(total, 1.0)
    before = decay * moments.count
    count = before + total
    fraction = total / jnp.maximum(count, 1.0)
    shift = mean - moments.mean
    combined = (1 - fraction) * moments.variance + fraction * variance + fraction * (1 - fraction) * shift**2
    return Moments(count, moments.mean + fraction * shift, combined)


def normalise(moments: Moments, x: jax.Array) -> jax.Array:
    """(x - mean) / standard deviation. x [.., F..]."""
    mean, variance = (jnp.broadcast_to(leaf, x.shape) for leaf in (moments.mean, moments.variance))
    return (x - mean) / jnp.sqrt(variance + EPSILON)


def unnormalise(moments: Moments, x: jax.Array) -> jax.Array:
    """The inverse of `normalise`."""
    mean, variance = (jnp.broadcast_to(leaf, x.shape) for leaf in (moments.mean, moments.variance))
    return x * jnp.sqrt(variance + EPSILON) + mean


# Keeps the rounding of a constant feature from being scaled up. Small beside the features: lengths are in m, rewards
# about 1.
EPSILON = 1e-8
