"""How good log-probabilities are: hard, soft and calibration error, and log loss.

Letters: B batch, K classes, M bins.
"""

import jax
import jax.numpy as jnp

from bootstrap import settings


def scores(
    log_probabilities: jax.Array, labels: jax.Array, weights: jax.Array | None = None, *, num_bins: int = 15
) -> dict[str, jax.Array]:
    """Scores of a classifier's predictions: scalars, each the weighted mean over the batch.

    log_probabilities [B, K], labels [B], weights [B], not negative; all 1 by default. A label outside 0 .. K - 1 is a
    ValueError; if it is traced, all scores but the error are NaN.

    error: of the most likely class. soft_error: 1 - p of the true label, the error of a class drawn from p (Nakkiran
    2021, §2). loss: -log p of the true label, in nats. calibration_error: the expected calibration error of the most
    likely class (Guo et al. 2017, eq. 3), with M = 15 bins of equal width, as theirs. Bin m holds the confidences in
    (m / M, (m + 1) / M]; the error is the sum over bins of |accuracy - mean confidence| times the bin's fraction of
    the batch.
    """
    settings.check_counts(1, num_bins=num_bins)
    log_probabilities = jnp.asarray(log_probabilities, float)
    of_label = log_likelihoods(log_probabilities, labels)
    labels = settings.labels_below(log_probabilities.shape[-1], labels=labels)
    if weights is not None:
        settings.check_shape(labels.shape, weights=weights)
    fraction = jnp.full(len(labels), 1 / len(labels)) if weights is None else weights / weights.sum()
    correct, confidence = log_probabilities.argmax(-1) == labels, jnp.exp(log_probabilities.max(-1))
    bins = jnp.clip(jnp.ceil(confidence * num_bins).astype(jnp.int32) - 1, 0, num_bins - 1)
    excess = (fraction * (correct - confidence))[:, None] * jax.nn.one_hot(bins, num_bins)  # accuracy - confidence
    return {
        "error": (fraction * ~correct).sum(),
        "soft_error": -(fraction * jnp.expm1(of_label)).sum(),
        "loss": -(fraction * of_label).sum(),
        "calibration_error": jnp.abs(excess.sum(axis=0)).sum(),
    }


def log_likelihoods(log_probabilities: jax.Array, labels: jax.Array) -> jax.Array:
    """log p of the true labels. log_probabilities [B, K], labels [B] -> [B].

    A label outside 0 .. K - 1 is a ValueError; if it is traced, its log p is NaN.
    """
    settings.check_shape(log_probabilities.shape[:-1], labels=labels)
    labels = settings.labels_below(log_probabilities.shape[-1], labels=labels)
    return jnp.take_along_axis(log_probabilities, labels[:, None], axis=-1)[:, 0]
