"""Minibatch SGD as a Learner: any flax Linen body, any optax transform (Nakkiran 2021, §2).

Letters: B batch, D.. input shape, K classes.
"""

import inspect
from collections.abc import Callable, Mapping
from typing import Any, NamedTuple

import flax.linen as nn
import jax
import jax.numpy as jnp
import optax


class State(NamedTuple):
    """All that an SGD classifier has learned."""

    params: Any
    collections: Mapping  # what else the body keeps: batch_stats, ..
    optimizer: optax.OptState


def cosine(learning_rate: float | jax.Array, num_steps: int, *, every: int = 1) -> optax.Schedule:
    """From `learning_rate` to 0 in `num_steps`, along half a cosine, in stairs of `every` steps.

    The published code's are of 390 steps, an epoch of 50,000 samples (Nakkiran 2021).
    """
    decay = optax.cosine_decay_schedule(learning_rate, num_steps)
    return lambda step: decay(jnp.asarray(step) // every * every)


def learner(net: nn.Module, tx: optax.GradientTransformation) -> tuple[Callable, Callable, Callable]:
    """Cross-entropy descent: (init, update, predict) of a Learner.

    net: inputs [B, D..] -> logits [B, K]. If its `__call__` takes `train`, it is told which of the two it is, and
    a `dropout` stream is there if it asks for one. A metric describes the batch before the batch is learned.
    """
    takes_train = "train" in inspect.signature(net.__call__).parameters

    def forward(params, collections, x, *, train, **kwargs) -> Any:
        mode = {"train": train} if takes_train else {}
        return net.apply({"params": params, **collections}, x, **mode, **kwargs)

    def init(key, example):
        x, _ = example
        mode: Any = {"train": False} if takes_train else {}
        collections = dict(net.init(key, x, **mode))
        params = collections.pop("params")
        return State(params, collections, tx.init(params))

    def update(key, state, batch):
        x, labels = batch

        def loss(params):
            logits, collections = forward(
                params, state.collections, x, train=True, rngs={"dropout": key}, mutable=list(state.collections)
            )
            log_probabilities = jax.nn.log_softmax(logits)
            of_label = jnp.take_along_axis(log_probabilities, labels[:, None], axis=-1)[:, 0]
            metrics = {
                "loss": -of_label.mean(),  # nats
                "error": (logits.argmax(-1) != labels).mean(),
                "soft_error": 1 - jnp.exp(of_label).mean(),  # 1 - p of the true label
            }
            return metrics["loss"], (dict(collections), metrics)

        gradients, (collections, metrics) = jax.grad(loss, has_aux=True)(state.params)
        updates, optimizer = tx.update(gradients, state.optimizer, state.params)
        return State(optax.apply_updates(state.params, updates), collections, optimizer), metrics

    def predict(state, x):
        """x [B, D..] -> log-probabilities [B, K]."""
        return jax.nn.log_softmax(forward(state.params, state.collections, x, train=False))

    return init, update, predict
