"""How good log-probabilities are: hard, soft and calibration error, and log loss.

Letters: B batch, K classes, M bins.
"""

import jax
import jax.numpy as jnp


def scores(
    log_probabilities: jax.Array, labels: jax.Array, weights: jax.Array | None = None, *, num_bins: int = 15
) -> dict[str, jax.Array]:
    """What a classifier's predictions are worth: scalars, means over the batch by the weights.

    log_probabilities [B, K], labels [B], weights [B], not negative; all 1 by default.

    error: of the likeliest class. soft_error: 1 - p of the true label, which is the error of a class drawn from p
    (Nakkiran 2021, §2). loss: -log p of the true label, in nats. calibration_error: the expected calibration error of
    the likeliest class (Guo et al. 2017, eq. 3), with M = 15 bins of equal width, theirs: bin m holds the confidences
    in (m / M, (m + 1) / M]; the sum over bins of |accuracy - mean confidence|, each times its share of the batch.
    """
    share = jnp.full(len(labels), 1 / len(labels)) if weights is None else weights / weights.sum()
    of_label = jnp.take_along_axis(log_probabilities, labels[:, None], axis=-1)[:, 0]
    correct, confidence = log_probabilities.argmax(-1) == labels, jnp.exp(log_probabilities.max(-1))
    bins = jnp.clip(jnp.ceil(confidence * num_bins).astype(jnp.int32) - 1, 0, num_bins - 1)
    excess = (share * (correct - confidence))[:, None] * jax.nn.one_hot(bins, num_bins)  # right answers beyond expected
    return {
        "error": (share * ~correct).sum(),
        "soft_error": -(share * jnp.expm1(of_label)).sum(),
        "loss": -(share * of_label).sum(),
        "calibration_error": jnp.abs(excess.sum(axis=0)).sum(),
    }
