"""The Gaussian GLN as a Learner: standardised inputs and targets, a decaying rate (Budden 2020)."""

from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

import chex
import jax
import jax.numpy as jnp

from glns import context, gaussian, network, standardise
from glns.gaussian import Normal


class State(NamedTuple):
    """All that a GLN has learned of a regression. D inputs, d targets."""

    count: jax.Array  # [] int32, examples seen
    inputs: standardise.Moments  # [D]
    targets: standardise.Moments  # [d]
    layers: tuple[network.Layer, ...]


def regressor(
    sizes: Sequence[int],
    num_half_spaces: int,
    *,
    target_dim: int = 1,
    offset_scale: float = 1.0,
    learning_rate: float = 0.1,
    learning_rate_decay: float = 1000.0,
    input_variance: float = 1.0,
    feature_epsilon: float = 1e-6,
    **rule: Any,
) -> tuple[Callable, Callable, Callable]:
    """A Gaussian GLN, online: (init, update, predict) of a Learner.

    Batches are (x [B, ..], y [B, d]); predictions are `Normal`s in the units of y. Within a batch the examples are
    learned one after the other, so the batch size changes the speed and nothing else.

    sizes: neurons a layer, the last 1. learning_rate, learning_rate_decay: the rate of example t = 1, 2, .. is
    min(learning_rate, learning_rate_decay / t). input_variance: see `base`; like all that enters a neuron it is clipped
    to the rule's variances. feature_epsilon: see `standardise`. num_half_spaces, offset_scale: see
    `context.half_spaces`. rule: see `gaussian.Rule`, in deviations of the targets, as the metrics are.
    """
    network.check_sizes(sizes)
    if target_dim < 1:
        raise ValueError(f"target_dim must be at least 1, got {target_dim}")
    if min(learning_rate, learning_rate_decay, input_variance, feature_epsilon) <= 0:
        raise ValueError("learning_rate, learning_rate_decay, input_variance and feature_epsilon must be positive")
    net = {
        "neuron": gaussian.neuron(gaussian.Rule(**rule), target_dim),
        "gate": context.half_spaces(num_half_spaces, offset_scale=offset_scale),
    }

    def init(key, example):
        x, y = example
        chex.assert_shape(y, (None, target_dim))
        dim = x[0].size
        layers = network.init(key, sizes, dim * target_dim, dim, **net)
        return State(jnp.zeros((), jnp.int32), standardise.init(dim), standardise.init(target_dim), layers)

    def update(key, state, batch):
        del key
        x, y = batch
        inputs, side = standardise.learn(state.inputs, x.reshape(len(x), -1), feature_epsilon)
        targets, y = standardise.learn(state.targets, y, feature_epsilon)
        t = state.count + 1 + jnp.arange(len(x))
        rates = jnp.minimum(learning_rate, learning_rate_decay / t)
        layers, outputs = network.learn(state.layers, base(side, target_dim, input_variance), side, y, rates, **net)
        return State(state.count + len(x), inputs, targets, layers), _metrics(_last(outputs), y)

    def predict(state, x):
        """x [B, ..] -> Normal of mean and variance [B, d], in the units of the target."""
        side = standardise.apply(state.inputs, x.reshape(len(x), -1), feature_epsilon)
        side = jnp.where(state.count > 0, side, 0.0)  # before the first example there is no scale
        output = _last(network.predict(state.layers, base(side, target_dim, input_variance), side, **net))
        deviation = jnp.sqrt(state.targets.square / jnp.maximum(state.count, 1)) + feature_epsilon
        scale = jnp.where(state.count > 0, deviation, 1.0)[None]
        return Normal(state.targets.mean[None] + scale * output.mean, scale**2 * output.variance[:, None])

    return init, update, predict


def base(side: jax.Array, target_dim: int, variance: float) -> Normal:
    """The predictions that the network starts from: each standardised input, along each axis of the target.

    side [B, D] -> mean [B, D * d, d], variance [B, D * d], constant.
    """
    mean = jax.vmap(lambda x: jnp.kron(x[:, None], jnp.eye(target_dim)))(side)
    return Normal(mean, jnp.full(mean.shape[:2], variance))


def _last(outputs):
    return jax.tree.map(lambda leaf: leaf[:, 0], outputs[-1])


def _metrics(output, y):
    """Means over the batch: log loss in nats, and squared error of a target."""
    error = jnp.sum((y - output.mean) ** 2, axis=-1)
    nats = 0.5 * (y.shape[-1] * jnp.log(2 * jnp.pi * output.variance) + error / output.variance)
    return {"loss": nats.mean(), "mse": error.mean() / y.shape[-1]}
