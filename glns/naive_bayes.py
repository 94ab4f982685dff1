"""Naive Bayes online: each feature is normal within a class, by itself.

Beside the classes there is one sample of an unknown class, with the mean and deviation of all samples, so nothing is
certain from few. The same sample is in the moments of each class, so none has a deviation of 0.

Letters: D features, N classes, T time.
"""

from functools import partial

import jax
import jax.numpy as jnp

from glns import standardise

_RESOLUTION = 1e-6  # float32: a feature that varies less, as a fraction of its mean, is a constant
_BLOCK = 32  # examples predicted at once


def init(num_classes: int, dim: int) -> standardise.Moments:
    """The moments of the classes: arrays start with N."""
    return jax.tree.map(lambda leaf: jnp.zeros((num_classes, *leaf.shape), leaf.dtype), standardise.init(dim))


def learn(
    classes: standardise.Moments, x: jax.Array, labels: jax.Array, counted: jax.Array | None = None
) -> tuple[standardise.Moments, jax.Array]:
    """Learns a stretch of the stream, each example after it was predicted.

    x [T, D], labels [T], counted [T] bool: False for an example that is to change nothing -> the moments, and the
    logits [T, N] of each class against all others.
    """
    is_class = jax.nn.one_hot(labels, len(classes.count), dtype=bool)
    is_class = is_class if counted is None else is_class & counted[:, None]

    def step(classes, example):
        x, is_class = example
        return jax.vmap(standardise.seen, in_axes=(0, None, 0))(classes, x, is_class), _logits(classes, x)

    return jax.lax.scan(step, classes, (x, is_class))


def predict(classes: standardise.Moments, x: jax.Array) -> jax.Array:
    """x [T, D] -> the logits [T, N] of each class against all others."""
    return jax.lax.map(partial(_logits, classes), x, batch_size=_BLOCK)


def _logits(classes, x):
    """x [D] -> [N]. A class without a sample has the logit -inf."""
    counts = classes.count.astype(x.dtype)
    num = jnp.maximum(counts.sum(), 1)
    mean = jax.vmap(jnp.multiply)(counts, classes.mean).sum(axis=0) / num
    around = jax.vmap(lambda count, own, square: square + count * (own - mean) ** 2)
    variance = around(counts, classes.mean, classes.square).sum(axis=0) / num
    varies = variance > (_RESOLUTION * mean) ** 2
    variance = jnp.where(varies, variance, 1.0)

    def log_density(mean, variance):
        return -0.5 * jnp.sum(jnp.where(varies, jnp.log(variance) + (x - mean) ** 2 / variance, 0.0))

    def of_class(count, own, square):
        square += variance + count / (count + 1) * (own - mean) ** 2
        return jnp.log(count) + log_density((count * own + mean) / (count + 1), square / (count + 1))

    of_classes = jax.vmap(of_class)(counts, classes.mean, classes.square)
    total = jnp.logaddexp(jax.nn.logsumexp(of_classes), log_density(mean, variance))
    seen = counts > 0
    gap = jnp.where(seen, total - of_classes, 1.0)  # finite, for slopes
    return jnp.where(seen, -jnp.log(jnp.expm1(gap)), -jnp.inf)  # log p - log(1 - p)
