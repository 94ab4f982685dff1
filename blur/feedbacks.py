"""Feedback: what the last layer is given between the passes, a label or an error (Sandler 2021, §3.3).

Letters: B batch, K states, M classes.
"""

import jax
import jax.numpy as jnp


def label_feedback(last: jax.Array, targets: jax.Array) -> jax.Array:
    """State 1 of the last layer becomes the label, +1 or -1; states 2 and above become 0 (§3.3). No loss, no gradient.

    last [K, B, M], targets [B, M] in {0, 1} -> [K, B, M].
    """
    return jnp.concatenate([last[:1], 2 * targets[None] - 1, jnp.zeros_like(last[2:])])


def cross_entropy_feedback(last: jax.Array, targets: jax.Array) -> jax.Array:
    """State 1 becomes the gradient of the mean cross-entropy over the batch; states 2 and above become 0.

    State 0 holds the logits.
    """
    return _with_error(last, (jax.nn.softmax(last[0]) - targets) / len(targets))


def error_feedback(last: jax.Array, targets: jax.Array) -> jax.Array:
    """State 1 becomes the error of the softmax, the gradient of the cross-entropy summed over the batch.

    It is of order 1, as other states are, so a genome near `backprop_genome` that mixes a little of them in still
    learns from the error. That of the mean, of order 1 / B, drowns. Changes with a norm are the same with either. The
    temperature of the softmax is 1 / η of the last layer's neurons, whose sum it divides: a gene of its own would say
    the same again.
    """
    return _with_error(last, jax.nn.softmax(last[0]) - targets)


def mse_feedback(last: jax.Array, targets: jax.Array) -> jax.Array:
    """State 1 becomes the gradient of the mean of ½ |state 0 - targets|² over the batch; states 2 and above become 0.

    State 1 holds σ'.
    """
    return _with_error(last, (last[0] - targets) * last[1] / len(targets))


def _with_error(last, error):
    return jnp.concatenate([last[:1], error[None], jnp.zeros_like(last[2:])])


FEEDBACKS = {
    "label": label_feedback,
    "error": error_feedback,
    "cross_entropy": cross_entropy_feedback,
    "mse": mse_feedback,
}
