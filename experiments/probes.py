"""Probes: what is measured on a learner from outside, between chunks of training. Pure: (predict, data) -> metrics."""

import jax.numpy as jnp


def classification(predict, data):
    """Test error, soft error (1 - p of the true label) and log loss in nats of a classifier (Nakkiran 2021, §2).

    predict: inputs [B, D..] -> log-probabilities [B, K]. data: x [B, D..], y [B].
    """
    x, y = data
    log_probabilities = predict(x)
    of_label = jnp.take_along_axis(log_probabilities, y[:, None], axis=-1)[:, 0]
    return {
        "test_error": (log_probabilities.argmax(-1) != y).mean(),
        "test_soft_error": 1 - jnp.exp(of_label).mean(),
        "test_loss": -of_label.mean(),
    }
