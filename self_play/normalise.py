"""Running means and variances, by which observations, returns and advantages are brought to one scale.

Letters: n samples, F features.
"""

from typing import NamedTuple

import jax
import jax.numpy as jnp


class Moments(NamedTuple):
    """Of the samples so far."""

    count: jax.Array  # [] their weight
    mean: jax.Array  # [F..]
    variance: jax.Array  # [F..]


def no_moments(shape: tuple[int, ...]) -> Moments:
    """Those of no sample: nothing is shifted or scaled by them."""
    return Moments(jnp.zeros(()), jnp.zeros(shape), jnp.ones(shape))


def see_more(moments: Moments, x: jax.Array, weights: jax.Array, *, decay: float = 1.0) -> Moments:
    """Adds samples (Chan et al. 1979, eq. 2.1). x [n, F..], weights [n]: 0 leaves a sample out.

    decay: the weight that older samples keep.
    """
    total = jnp.sum(weights)
    mean = jnp.tensordot(weights, x, 1) / jnp.maximum(total, 1.0)
    variance = jnp.tensordot(weights, (x - mean[None]) ** 2, 1) / jnp.maximum(total, 1.0)
    before = decay * moments.count
    count = before + total
    share = total / jnp.maximum(count, 1.0)
    shift = mean - moments.mean
    together = (1 - share) * moments.variance + share * variance + share * (1 - share) * shift**2
    return Moments(count, moments.mean + share * shift, together)


def standardise(moments: Moments, x: jax.Array) -> jax.Array:
    """x [.., F..] less the mean, over the deviation."""
    mean, variance = (jnp.broadcast_to(leaf, x.shape) for leaf in (moments.mean, moments.variance))
    return (x - mean) / jnp.sqrt(variance + EPSILON)


def restore(moments: Moments, x: jax.Array) -> jax.Array:
    """The opposite of `standardise`."""
    mean, variance = (jnp.broadcast_to(leaf, x.shape) for leaf in (moments.mean, moments.variance))
    return x * jnp.sqrt(variance + EPSILON) + mean


EPSILON = 1e-8  # a feature that never changes is not blown up by its rounding: lengths are in m, rewards about 1
