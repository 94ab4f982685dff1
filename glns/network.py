"""A gated linear network: layers of gated neurons that all predict the same target (Veness 2019, Algorithm 1).

There is no backward pass. Contexts do not depend on weights, and a layer never depends on the layers above it, so a
stretch of the stream goes through the network layer by layer and is still learned exactly online, example by example.

Letters: C half-spaces, D inputs, F fan-in (the bias included), K neurons of a layer, S side width, T time.
"""

from collections.abc import Sequence
from functools import partial
from typing import NamedTuple

import chex
import jax
import jax.numpy as jnp

from glns import bernoulli, context

_BLOCK = 32  # examples predicted at once


class Layer(NamedTuple):
    """One layer's neurons. Only `weights` learn."""

    weights: jax.Array  # [K, 2**C, F]
    half_spaces: context.HalfSpaces  # [K, C, S], [K, C]


def init(
    key: jax.Array,
    sizes: Sequence[int],
    input_dim: int,
    side_dim: int,
    *,
    num_half_spaces: int,
    offset_scale: float = 1.0,
) -> tuple[Layer, ...]:
    """Draws the half-spaces and sets every weight to 1 / F, the geometric mean of the inputs (Veness 2019, §2).

    sizes: neurons of each layer, the last of them 1: its neuron is the network's output. The key is consumed.
    """
    fan_ins = [size + 1 for size in (input_dim, *sizes[:-1])]
    draw = partial(context.half_spaces, num_half_spaces=num_half_spaces, side_dim=side_dim, offset_scale=offset_scale)
    return tuple(
        Layer(
            jnp.full((size, 2**num_half_spaces, fan_in), 1.0 / fan_in),
            jax.vmap(draw)(jax.random.split(k_layer, size)),
        )
        for k_layer, size, fan_in in zip(jax.random.split(key, len(sizes)), sizes, fan_ins, strict=True)
    )


def contexts(layer: Layer, side: jax.Array) -> jax.Array:
    """The context of every neuron. side [S] -> [K]; a `vmap` over examples is one matrix product."""
    return jax.vmap(context.half_space_context, in_axes=(0, None))(layer.half_spaces, side)


def with_bias(logits: jax.Array, rule: bernoulli.Rule) -> jax.Array:
    """What a layer reads: the clipped logits below it and, last, a bias of logit 1. [.., F - 1] -> [.., F]."""
    clipped = bernoulli.clip(logits, rule)
    return jnp.concatenate([clipped, jnp.ones_like(clipped[..., :1])], axis=-1)


def predict(layers: Sequence[Layer], inputs: jax.Array, side: jax.Array, rule: bernoulli.Rule) -> list[jax.Array]:
    """The logits of every neuron, layer by layer: inputs [T, D] logits, side [T, S] -> a [T, K] a layer."""
    chex.assert_rank([inputs, side], 2)
    of_layer = jax.vmap(bernoulli.predict, in_axes=(0, 0, None))

    def one(example):
        inputs, side = example
        logits = [inputs]
        for layer in layers:
            logits.append(of_layer(layer.weights, contexts(layer, side), with_bias(logits[-1], rule)))
        return logits[1:]

    # In blocks: an example selects a row of every neuron, which for all examples at once would not fit in memory.
    return jax.lax.map(one, (inputs, side), batch_size=_BLOCK)


def learn(
    layers: Sequence[Layer],
    inputs: jax.Array,
    side: jax.Array,
    targets: jax.Array,
    rates: jax.Array,
    rule: bernoulli.Rule,
) -> tuple[tuple[Layer, ...], list[jax.Array]]:
    """Learns a stretch of the stream, exactly online: the prediction of example t comes before its update.

    inputs [T, D] logits, side [T, S], targets [T] in {0, 1}, rates [T] -> the layers, and the logits [T, K] of each.
    """
    chex.assert_rank([inputs, side, targets, rates], [2, 2, 1, 1])
    of_layer = jax.vmap(partial(bernoulli.learn, rule=rule), in_axes=(0, 0, None, None, None), out_axes=(0, 1))
    learned, logits = [], [inputs]
    for layer in layers:
        of_time = jax.vmap(partial(contexts, layer), out_axes=1)(side)
        weights, layer_logits = of_layer(layer.weights, of_time, with_bias(logits[-1], rule), targets, rates)
        learned.append(Layer(weights, layer.half_spaces))
        logits.append(layer_logits)
    return tuple(learned), logits[1:]
