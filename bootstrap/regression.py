"""Regression by minibatch descent as a Learner: any net, any optax transform.

Letters: B batch, D.. input shape, d targets.
"""

from collections.abc import Callable, Mapping
from typing import Any, NamedTuple

import flax.linen as nn
import jax
import jax.numpy as jnp
import optax

from bootstrap import settings
from bootstrap.nets import Begun, Net, body


class Normal(NamedTuple):
    """A Gaussian for every target; they are independent."""

    mean: jax.Array  # [B, d]
    variance: jax.Array  # [B, d]


class Moments(NamedTuple):
    """Running moments of features [..]."""

    count: jax.Array  # [] int32, examples seen
    mean: jax.Array  # [..]
    square: jax.Array  # [..], sum of squared deviations from the mean


class State(NamedTuple):
    """All that has been learned."""

    params: Any  # the net's, and the logarithm of the noise's variance
    collections: Mapping  # what else the net keeps: batch_stats, ..
    optimizer: optax.OptState
    inputs: Moments  # [D..]
    targets: Moments  # [d]


LOSSES = ("log_loss", "squared_error")


def learner(
    net: nn.Module | Net | Begun, tx: optax.GradientTransformation, *, loss: str = "log_loss"
) -> tuple[Callable, Callable, Callable]:
    """Descent on the log loss of a Gaussian with one learned variance: (init, update, predict) of a Learner.

    net: inputs [B, D..] -> means [B, d], a Linen module or two pure functions (see `bootstrap.Net`). Batches are
    (x [B, D..], y [B, d]); targets of another shape are a ValueError. Inputs and targets are standardised by the
    moments of all examples seen so far; predictions are `Normal`s in the units of y. Metrics are of the standardised
    batch before it is learned: loss, in nats an example, and mse.

    loss: "squared_error" is half the squared error of inputs and targets as they come, as in `bootstrap.gradient_flow`;
    the variance of its predictions is 1.
    """
    if loss not in LOSSES:
        raise ValueError(f"loss must be one of {', '.join(LOSSES)}; got {loss!r}")
    network, is_plain = body(net), loss == "squared_error"

    def init(key, example):
        x, y = example
        of_net, collections = network.init(key, x)
        params = {"net": of_net, "log_variance": jnp.zeros(())}
        empty = (Moments(jnp.zeros((), jnp.int32), *jnp.zeros((2, *leaf.shape[1:]))) for leaf in (x, y))
        return State(params, collections, tx.init(params), *empty)

    def update(key, state, batch):
        batch = tuple(jnp.asarray(array, float) for array in batch)
        moments = (state.inputs, state.targets)
        moments = moments if is_plain else tuple(map(_update_moments, moments, batch))  # empty ones change nothing
        x, y = map(_standardise, moments, batch)

        def descended(params):
            mean, collections = network.train(params["net"], state.collections, x, key)
            settings.check_shape(mean.shape, targets=y)
            error, variance = y - mean, jnp.exp(params["log_variance"])
            nats = 0.5 * (jnp.log(2 * jnp.pi * variance) + error**2 / variance).sum(axis=-1).mean()
            value = 0.5 * (error**2).sum(axis=-1).mean() if is_plain else nats
            return value, (collections, {"loss": value, "mse": (error**2).mean()})

        gradients, (collections, metrics) = jax.grad(descended, has_aux=True)(state.params)
        updates, optimizer = tx.update(gradients, state.optimizer, state.params)
        return State(optax.apply_updates(state.params, updates), collections, optimizer, *moments), metrics

    def predict(state, x):
        """x [B, D..] -> `Normal`."""
        x = _standardise(state.inputs, jnp.asarray(x, float))
        mean = network.predict(state.params["net"], state.collections, x)
        variance = jnp.broadcast_to(jnp.exp(state.params["log_variance"]), mean.shape)
        scale = _std(state.targets)[None]
        return Normal(state.targets.mean[None] + scale * mean, scale**2 * variance)

    return init, update, predict


def _update_moments(moments: Moments, x: jax.Array) -> Moments:
    """The moments after one more batch [B, ..] (Chan 1979)."""
    count, delta = moments.count + len(x), x.mean(axis=0) - moments.mean
    fraction = len(x) / count
    square = moments.square + len(x) * x.var(axis=0) + delta**2 * moments.count * fraction
    return Moments(count, moments.mean + delta * fraction, square)


def _standardise(moments: Moments, x: jax.Array) -> jax.Array:
    """(x - mean) / standard deviation. [B, ..] -> [B, ..]."""
    return (x - moments.mean[None]) / _std(moments)[None]


def _std(moments: Moments) -> jax.Array:
    std = jnp.sqrt(moments.square / jnp.maximum(moments.count, 1))
    return jnp.where(std > 0, std, 1.0)  # a constant feature stays 0
