"""Regression by minibatch descent as a Learner: any flax Linen body, any optax transform.

Letters: B batch, D.. input shape, d targets.
"""

from collections.abc import Callable
from typing import Any, NamedTuple

import flax.linen as nn
import jax
import jax.numpy as jnp
import optax


class Normal(NamedTuple):
    """A Gaussian for every target, independent of each other."""

    mean: jax.Array  # [B, d]
    variance: jax.Array  # [B, d]


class Moments(NamedTuple):
    """Running moments of features [..]."""

    count: jax.Array  # [] int32, examples seen
    mean: jax.Array  # [..]
    square: jax.Array  # [..], sum of squared deviations from the mean


class State(NamedTuple):
    """All that has been learned."""

    params: Any  # the body's, and the logarithm of the noise's variance
    optimizer: optax.OptState
    inputs: Moments  # [D..]
    targets: Moments  # [d]


def learner(net: nn.Module, tx: optax.GradientTransformation) -> tuple[Callable, Callable, Callable]:
    """Descent on the log loss of a Gaussian with one learned variance: (init, update, predict) of a Learner.

    net: inputs [B, D..] -> means [B, d]; its parameters are all that it keeps. Inputs and targets are standardised by
    the moments of all that was seen so far. Batches are (x [B, D..], y [B, d]); predictions are `Normal`s in the units
    of y. Metrics are in deviations of y, before the batch is learned.
    """

    def init(key, example):
        x, y = example
        params = {"net": net.init(key, x)["params"], "log_variance": jnp.zeros(())}
        empty = (Moments(jnp.zeros((), jnp.int32), *jnp.zeros((2, *leaf.shape[1:]))) for leaf in (x, y))
        return State(params, tx.init(params), *empty)

    def update(key, state, batch):
        del key
        moments = tuple(map(_seen, (state.inputs, state.targets), batch))
        x, y = map(_standard, moments, batch)

        def loss(params):
            error, variance = y - _mean(params, x), jnp.exp(params["log_variance"])
            nats = 0.5 * (jnp.log(2 * jnp.pi * variance) + error**2 / variance).sum(axis=-1).mean()
            return nats, {"loss": nats, "mse": (error**2).mean()}

        gradients, metrics = jax.grad(loss, has_aux=True)(state.params)
        updates, optimizer = tx.update(gradients, state.optimizer, state.params)
        return State(optax.apply_updates(state.params, updates), optimizer, *moments), metrics

    def predict(state, x):
        """x [B, D..] -> `Normal`."""
        mean = _mean(state.params, _standard(state.inputs, x))
        variance = jnp.broadcast_to(jnp.exp(state.params["log_variance"]), mean.shape)
        scale = _deviation(state.targets)[None]
        return Normal(state.targets.mean[None] + scale * mean, scale**2 * variance)

    def _mean(params, x) -> Any:
        return net.apply({"params": params["net"]}, x)

    return init, update, predict


def _seen(moments: Moments, x: jax.Array) -> Moments:
    """The moments with a batch [B, ..] more (Chan 1979)."""
    count, delta = moments.count + len(x), x.mean(axis=0) - moments.mean
    share = len(x) / count
    square = moments.square + len(x) * x.var(axis=0) + delta**2 * moments.count * share
    return Moments(count, moments.mean + delta * share, square)


def _standard(moments: Moments, x: jax.Array) -> jax.Array:
    """In deviations from the mean. [B, ..] -> [B, ..]."""
    return (x - moments.mean[None]) / _deviation(moments)[None]


def _deviation(moments: Moments) -> jax.Array:
    deviation = jnp.sqrt(moments.square / jnp.maximum(moments.count, 1))
    return jnp.where(deviation > 0, deviation, 1.0)  # a constant feature stays 0
