"""A gated linear network: layers of gated neurons that all predict the same target (Veness 2019, Algorithm 1).

There is no backward pass. Contexts do not depend on weights, and a layer does not depend on the layers above it. So a
stretch of the stream can go through the network layer by layer and is still learned exactly online, example by example.

Letters: D inputs, F fan-in (biases included), K neurons of a layer, R contexts, S side width, T time.
"""

from collections.abc import Callable, Iterable, Sequence
from functools import partial
from typing import Any, NamedTuple

import chex
import jax
import jax.numpy as jnp
import numpy as np

from glns import settings
from glns.context import Gate

_BLOCK = 64  # examples predicted at once


class Neuron(NamedTuple):
    """A family of gated neurons, written for ONE neuron; layers, classes and seeds are `vmap`s of it.

    init: (num_contexts, width) -> weights [R, F], for `width` neurons or inputs below.
    prepare_inputs: (outputs [width, ..]) -> inputs [F, ..]: a layer's inputs from the outputs below it, for one
      example. Clips, and adds the biases.
    predict: (weights, context, inputs [F, ..]) -> output [..].
    learn: (weights, contexts [T], inputs [T, F, ..], targets [T, ..], rates [T]) -> (weights, outputs [T, ..]),
      exactly online: output t is computed from the weights after examples 0 .. t - 1.

    Outputs and inputs may be any pytree, with further axes `..`: logits of a Bernoulli neuron, mean and variance of a
    Gaussian one.
    """

    init: Callable
    prepare_inputs: Callable
    predict: Callable
    learn: Callable


class Layer(NamedTuple):
    """One layer's neurons. Only `weights` learn."""

    weights: Any  # [K, R, F]
    gates: Any  # of each neuron, from `Gate.init`: every array starts with K


def undivided(what: Any, axis: str | None) -> Any:
    """The `divide` of one device, for arrays and functions alike.

    By such a function a learner names what it does for many independently. `divide(arrays, "neurons")`: their leading
    axis is of neurons, which devices may share; `divide(arrays, None)`: every device needs all of them, as of examples,
    which are a learner's time. A function of one neuron, for a `vmap`: a device need not wait in its loops for those of
    others. It changes no number.
    """
    del axis
    return what


def check_sizes(sizes: Sequence[int]) -> None:
    """Raises ValueError unless `sizes` are valid sizes of a network's layers."""
    of_layers = tuple(sizes) if isinstance(sizes, Iterable) else ()
    if not of_layers or of_layers[-1] != 1 or not all(map(settings.is_count, of_layers)):
        raise ValueError(f"sizes must be positive and end in 1, the output neuron; got {of_layers or sizes}")


def init(
    key: jax.Array,
    sizes: Sequence[int],
    input_dim: int,
    side_dim: int,
    *,
    neuron: Neuron,
    gate: Gate,
    divide: Callable = undivided,
) -> tuple[Layer, ...]:
    """Draws the gates; the weights come from `Neuron.init`. The key is consumed.

    sizes: neurons of each layer, the last 1: that neuron is the network's output.
    """
    settings.check_counts(1, input_dim=input_dim, side_dim=side_dim)
    k_layers = jax.vmap(lambda k_layer: jax.random.split(k_layer, max(sizes)))(jax.random.split(key, len(sizes)))
    k_neurons = jnp.concatenate([k_layer[:size] for k_layer, size in zip(k_layers, sizes, strict=True)])
    gates = jax.vmap(lambda k_neuron: gate.init(k_neuron, side_dim))(k_neurons)  # one draw compiles fastest

    def layer(last, size, width):
        weights = jax.vmap(lambda _: neuron.init(gate.num_contexts, width))(jnp.arange(size))
        return divide(Layer(weights, jax.tree.map(lambda leaf: leaf[last - size : last], gates)), "neurons")

    return tuple(map(layer, np.cumsum(sizes), sizes, (input_dim, *sizes[:-1])))


def contexts(layer: Layer, side: jax.Array, gate: Gate) -> jax.Array:
    """The context of every neuron. side [S] -> [K]; a `vmap` over examples is one matrix product."""
    num_neurons = len(jax.tree.leaves(layer.weights)[0])  # gates may have no arrays
    return jax.vmap(gate.context, in_axes=(0, None), axis_size=num_neurons)(layer.gates, side)


def predict(
    layers: Sequence[Layer],
    inputs: Any,
    side: jax.Array,
    *,
    neuron: Neuron,
    gate: Gate,
    divide: Callable = undivided,
) -> list:
    """The outputs of every neuron, layer by layer: inputs [T, D, ..], side [T, S] -> [T, K, ..] for each layer."""
    chex.assert_rank(side, 2)

    def block(inputs, side):
        outputs = [inputs]
        for layer in layers:
            of_layer = jax.vmap(jax.vmap(neuron.predict, in_axes=(None, 0, 0)), in_axes=(0, 0, None), out_axes=1)
            of_time = jax.vmap(partial(contexts, layer, gate=gate), out_axes=1)(side)
            inputs = jax.vmap(neuron.prepare_inputs)(outputs[-1])
            outputs.append(divide(of_layer(layer.weights, of_time, inputs), None))
        return outputs[1:]

    # In blocks: an example selects a row of every neuron, and the rows of all examples would not fit in memory.
    num_blocks = len(side) // _BLOCK
    cut = num_blocks * _BLOCK
    if cut == 0:
        return block(inputs, side)
    whole = jax.tree.map(lambda x: x[:cut].reshape(num_blocks, _BLOCK, *x.shape[1:]), (inputs, side))
    outputs = jax.tree.map(lambda x: x.reshape(cut, *x.shape[2:]), jax.lax.map(lambda one: block(*one), whole))
    if cut == len(side):
        return outputs
    last = block(*jax.tree.map(lambda x: x[cut:], (inputs, side)))
    return jax.tree.map(lambda *parts: jnp.concatenate(parts), outputs, last)


def learn(
    layers: Sequence[Layer],
    inputs: Any,
    side: jax.Array,
    targets: jax.Array,
    rates: jax.Array,
    *,
    neuron: Neuron,
    gate: Gate,
    divide: Callable = undivided,
) -> tuple[tuple[Layer, ...], list]:
    """Learns a stretch of the stream, exactly online: each example is predicted before its update.

    inputs [T, D, ..], side [T, S], targets [T, ..] -> the layers, and the outputs [T, K, ..] of each. rates: [T], or
    [U, T] with a rate for each of the U neurons of all layers.
    """
    chex.assert_rank([side, rates], [2, {1, 2}])
    sizes = [len(jax.tree.leaves(layer.weights)[0]) for layer in layers]
    of_layers = jnp.split(jnp.broadcast_to(rates, (sum(sizes), len(side))), np.cumsum(sizes)[:-1])
    of_layer = jax.vmap(divide(neuron.learn, "neurons"), in_axes=(0, 0, None, None, 0), out_axes=(0, 1))
    learned, outputs = [], [inputs]
    for layer, of_layer_rates in zip(layers, of_layers, strict=True):
        layer, of_layer_rates = divide(layer, "neurons"), divide(of_layer_rates, None)
        of_time = jax.vmap(partial(contexts, layer, gate=gate), out_axes=1)(side)
        inputs = jax.vmap(neuron.prepare_inputs)(outputs[-1])
        weights, of_neurons = of_layer(layer.weights, of_time, inputs, targets, of_layer_rates)
        learned.append(Layer(divide(weights, "neurons"), layer.gates))
        outputs.append(divide(of_neurons, None))  # the neurons above it take all of them
    return tuple(learned), outputs[1:]
