"""Minibatch SGD as a Learner: any net, any optax transform (Nakkiran 2021, §2).

Letters: B batch, D.. input shape, K classes.
"""

from collections.abc import Callable, Mapping
from typing import Any, NamedTuple

import flax.linen as nn
import jax
import jax.numpy as jnp
import optax

from bootstrap import settings
from bootstrap.nets import Begun, Net, body
from bootstrap.scoring import log_likelihoods


class State(NamedTuple):
    """All that an SGD classifier has learned."""

    params: Any
    collections: Mapping  # what else the net keeps: batch_stats, ..
    optimizer: optax.OptState


def cosine(learning_rate: float | jax.Array, num_steps: int, *, every: int = 1) -> optax.Schedule:
    """From `learning_rate` to 0 in `num_steps`, along half a cosine, in stairs of `every` steps.

    The published code has stairs of 390 steps, an epoch of 50,000 samples (Nakkiran 2021).
    """
    settings.check_not_negative(learning_rate=learning_rate)
    settings.check_counts(1, num_steps=num_steps, every=every)
    decay = optax.cosine_decay_schedule(learning_rate, num_steps)
    return lambda step: decay(jnp.asarray(step) // every * every)


LOSSES = ("cross_entropy", "squared_error")
_LEAST = 1e-6  # the least probability that an output stands for


def descent(
    learning_rate: optax.ScalarOrSchedule, *, momentum: float = 0.0, weight_decay: float | jax.Array = 0.0
) -> optax.GradientTransformation:
    """SGD with momentum on a loss with |params|² weight_decay / 2 added: `optax.sgd` has no weight decay of its own.

    That of Adam, decoupled from the gradients, is `optax.adamw`'s.
    """
    settings.check_not_negative(weight_decay=weight_decay)
    return optax.chain(optax.add_decayed_weights(weight_decay), optax.sgd(learning_rate, momentum or None))


def learner(
    net: nn.Module | Net | Begun,
    tx: optax.GradientTransformation,
    *,
    loss: str = "cross_entropy",
    mixup: float | jax.Array | None = None,
) -> tuple[Callable, Callable, Callable]:
    """Gradient descent on a classifier's loss: (init, update, predict) of a Learner.

    net: inputs [B, D..] -> logits [B, K], a Linen module or two pure functions (see `bootstrap.Net`). Metrics are of
    the batch before it is learned: the loss, error, and soft_error, 1 - p of the true label. A label outside 0 .. K - 1
    is a ValueError; if it is traced, the loss is NaN.

    loss: "cross_entropy", in nats; or "squared_error", |logits - one-hot label|², the other one of Nakkiran 2021's
    code. Then a logit, cut off at 1e-6 and 1, stands for a probability, and these are divided by their sum (ours).

    mixup: the parameter α of Zhang et al. 2018 (arXiv 1710.09412). Each sample of a batch is λ of itself and 1 - λ of
    another, and so is its loss, with one λ a batch, drawn from Beta(α, α). Error and soft error are then by the label
    of which it has λ.
    """
    if loss not in LOSSES:
        raise ValueError(f"loss must be one of {', '.join(LOSSES)}; got {loss!r}")
    if mixup is not None:
        settings.check_positive(mixup=mixup)
    network, is_squared = body(net), loss == "squared_error"

    def log_probabilities(logits):
        if is_squared:
            clipped = jnp.clip(logits, _LEAST, 1)
            return jnp.log(clipped / clipped.sum(axis=-1, keepdims=True))
        return jax.nn.log_softmax(logits)

    def init(key, example):
        params, collections = network.init(key, example[0])
        return State(params, collections, tx.init(params))

    def update(key, state, batch):
        x, labels, others, fraction = batch[0], jnp.asarray(batch[1]), None, 1.0
        if mixup is not None:
            x, others, fraction = _mixed(jax.random.fold_in(key, 1), x, labels, mixup)

        def loss_of(logits, of_label, labels):
            if not is_squared:
                return -of_label.mean()
            squares = ((logits - jax.nn.one_hot(labels, logits.shape[-1])) ** 2).sum(axis=-1)
            return jnp.where(jnp.isnan(of_label), jnp.nan, squares).mean()

        def descended(params):
            logits, collections = network.train(params, state.collections, x, key)
            of_label = log_likelihoods(log_probabilities(logits), labels)
            value = loss_of(logits, of_label, labels)
            if others is not None:
                of_other = log_likelihoods(log_probabilities(logits), others)
                value = fraction * value + (1 - fraction) * loss_of(logits, of_other, others)
            metrics = {
                "loss": value,
                "error": (logits.argmax(-1) != labels).mean(),
                "soft_error": 1 - jnp.exp(of_label).mean(),
            }
            return metrics["loss"], (collections, metrics)

        gradients, (collections, metrics) = jax.grad(descended, has_aux=True)(state.params)
        updates, optimizer = tx.update(gradients, state.optimizer, state.params)
        return State(optax.apply_updates(state.params, updates), collections, optimizer), metrics

    def predict(state, x):
        """x [B, D..] -> log-probabilities [B, K]."""
        return log_probabilities(network.predict(state.params, state.collections, x))

    return init, update, predict


def _mixed(key, x, labels, alpha):
    """-> (mixed samples, the labels that they have 1 - λ of, λ)."""
    k_fraction, k_order = jax.random.split(key)
    fraction, order = jax.random.beta(k_fraction, alpha, alpha), jax.random.permutation(k_order, len(x))
    x = jnp.asarray(x, float)
    return fraction * x + (1 - fraction) * x[order], labels[order], fraction
