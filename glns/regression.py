"""The Gaussian GLN as a Learner: standardised inputs and targets, a decaying rate (Budden 2020).

Letters: B batch, D inputs, d targets.
"""

from collections.abc import Callable, Sequence
from functools import partial
from typing import Any, NamedTuple

import chex
import jax
import jax.numpy as jnp

from glns import context, gaussian, network, settings, standardise
from glns.gaussian import Normal


class State(NamedTuple):
    """All that a Gaussian GLN has learned."""

    count: jax.Array  # [] int32, examples seen
    inputs: standardise.Moments  # [D]
    targets: standardise.Moments  # [d]
    layers: tuple[network.Layer, ...]


class Model(NamedTuple):
    """The settings of `regressor`, as init, update and predict read them."""

    sizes: tuple[int, ...]
    target_dim: int
    net: dict[str, Any]  # the neuron and the gate: keywords of the functions of `network`
    learning_rate: float
    learning_rate_decay: float
    input_variance: float
    feature_epsilon: float
    divide: Callable


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
    divide: Callable = network.undivided,
    **rule: Any,
) -> tuple[Callable, Callable, Callable]:
    """A Gaussian GLN, online: (init, update, predict) of a Learner.

    A batch is (x [B, ..], y [B, d]), or (x, y, weights [B]): a weight from 0 multiplies its example's rate, and an
    example of weight 0 changes nothing; predict gives a `Normal` of mean and variance [B, d], in the units of y. The
    examples of a batch are learned one after the other, so the batch size changes the speed and nothing else.

    sizes: neurons a layer, the last 1. num_half_spaces, offset_scale: see `context.half_spaces`.
    learning_rate, learning_rate_decay: the rate of example t = 1, 2, .. is min(learning_rate, learning_rate_decay / t).
    input_variance: see `base`; it is clipped to the rule's variances, as all inputs of a neuron are.
    feature_epsilon: see `standardise`. divide: see `network.undivided`; the axis is "neurons".
    rule: the fields of `gaussian.Rule`, for standardised targets.
    """
    network.check_sizes(sizes)
    settings.check_positive(
        learning_rate=learning_rate, learning_rate_decay=learning_rate_decay, input_variance=input_variance
    )
    settings.check_not_negative(feature_epsilon=feature_epsilon)
    neuron = gaussian.neuron(gaussian.Rule(**rule), target_dim)
    gate = context.half_spaces(num_half_spaces, offset_scale=offset_scale)
    model = Model(
        sizes=tuple(sizes),
        target_dim=target_dim,
        net={"neuron": neuron, "gate": gate, "divide": divide},
        learning_rate=learning_rate,
        learning_rate_decay=learning_rate_decay,
        input_variance=input_variance,
        feature_epsilon=feature_epsilon,
        divide=divide,
    )
    return partial(_init, model), partial(_update, model), partial(_predict, model)


def base(side: jax.Array, target_dim: int, variance: float) -> Normal:
    """The base predictions, inputs of the first layer: each standardised input, on each axis of the target.

    side [B, D] -> mean [B, D * d, d], variance [B, D * d], constant.
    """
    mean = jax.vmap(lambda x: jnp.kron(x[:, None], jnp.eye(target_dim)))(side)
    return Normal(mean, jnp.full(mean.shape[:2], variance))


def _init(model, key, example):
    """Draws the gates. The key is consumed."""
    x, y, *_ = example
    chex.assert_shape(y, (None, model.target_dim))
    dim = x[0].size
    layers = network.init(key, model.sizes, dim * model.target_dim, dim, **model.net)
    return State(jnp.zeros((), jnp.int32), standardise.init(dim), standardise.init(model.target_dim), layers)


def _update(model, key, state, batch):
    """Learns a batch. -> state, metrics."""
    del key
    x, y, *of_examples = (jnp.asarray(array, float) for array in model.divide(batch, None))
    weights = of_examples[0] if of_examples else jnp.ones(len(x))
    counted = weights > 0 if of_examples else None
    inputs, side = standardise.learn(state.inputs, x.reshape(len(x), -1), model.feature_epsilon, counted)
    targets, y = standardise.learn(state.targets, y, model.feature_epsilon, counted)
    seen = jnp.cumsum(weights > 0, dtype=jnp.int32)
    t = state.count + jnp.maximum(seen, 1)
    rates = weights * jnp.minimum(model.learning_rate, model.learning_rate_decay / t)
    layers, outputs = network.learn(state.layers, _base(model, side), side, y, rates, **model.net)
    return State(state.count + seen[-1], inputs, targets, layers), _metrics(_last(outputs), y, weights)


def _predict(model, state, x):
    """x [B, ..] -> Normal of mean and variance [B, d], in the units of the target."""
    side = standardise.apply(state.inputs, jnp.asarray(x, float).reshape(len(x), -1), model.feature_epsilon)
    side = jnp.where(state.count > 0, side, 0.0)  # before the first example there is no scale
    output = _last(network.predict(state.layers, _base(model, side), side, **model.net))
    std = jnp.sqrt(state.targets.square / jnp.maximum(state.count, 1)) + model.feature_epsilon
    scale = jnp.where(state.count > 0, std, 1.0)[None]
    return Normal(state.targets.mean[None] + scale * output.mean, scale**2 * output.variance[:, None])


def _base(model, side):
    return base(side, model.target_dim, model.input_variance)


def _last(outputs):
    return jax.tree.map(lambda leaf: leaf[:, 0], outputs[-1])


def _metrics(output, y, weights):
    """Means over the batch, weighted, for standardised targets: log loss in nats, and squared error of one target."""
    error = jnp.sum((y - output.mean) ** 2, axis=-1)
    loss = 0.5 * (y.shape[-1] * jnp.log(2 * jnp.pi * output.variance) + error / output.variance)
    return {"loss": jnp.average(loss, weights=weights), "mse": jnp.average(error, weights=weights) / y.shape[-1]}
