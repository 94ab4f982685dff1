"""Explanations of a GLN's prediction: exact, at the cost of one prediction (Veness 2019, §4).

The contexts of an example do not depend on any weight, and given the contexts a network of Bernoulli neurons is linear
in logits. So its prediction IS a weighted sum of its inputs, and the weights are each input's contribution.

Letters: D inputs, N classes, S side width, V values.
"""

from collections.abc import Callable, Sequence
from functools import partial
from typing import NamedTuple

import chex
import jax
import jax.numpy as jnp

from glns import bernoulli, network, standardise
from glns.classification import State
from glns.context import Gate


class Map(NamedTuple):
    """The local linear map of an example: logit = weights . clip(inputs) + bias."""

    weights: jax.Array  # [D], in logits of the prediction per logit of the input
    bias: jax.Array  # []
    clipped: jax.Array  # [] bool: a neuron below the output was clipped, so it counts as a constant


def explain(
    layers: Sequence[network.Layer], inputs: jax.Array, side: jax.Array, *, rule: bernoulli.Rule, gate: Gate
) -> Map:
    """The map of one example through a Bernoulli network: inputs [D] logits, side [S] -> Map.

    The product of the layers' selected rows, logit p_L = W_L .. W_1 logit p_0 (Veness 2019, §4). A neuron whose
    prediction left [epsilon, 1 - epsilon] outputs the clip, a constant: its row becomes zero and its clipped logit is
    added to the bias. So the map gives the network's logit ALWAYS; `clipped` is True if any neuron was clipped.
    """
    chex.assert_rank([inputs, side], 1)
    dot = partial(jnp.matmul, precision="highest")
    inputs = bernoulli.clip(inputs, rule)
    weights, biases = jnp.eye(len(inputs), dtype=inputs.dtype), jnp.zeros_like(inputs)  # of the outputs below
    clipped = jnp.zeros((), bool)
    for layer in layers:
        if layer is not layers[0]:
            logits = dot(weights, inputs) + biases
            limits = bernoulli.clip(logits, rule)
            beyond = limits != logits
            weights, biases = jnp.where(beyond[:, None], 0, weights), jnp.where(beyond, limits, biases)
            clipped |= beyond.any()
        rows = jax.vmap(lambda table, context: table[context])(layer.weights, network.contexts(layer, side, gate))
        weights, biases = dot(rows[:, :-1], weights), dot(rows[:, :-1], biases) + rows[:, -1]  # the last input is 1
    return Map(weights[0], biases[0], clipped)


def saliency(
    state: State,
    x: jax.Array,
    *,
    rule: bernoulli.Rule,
    gate: Gate,
    feature_epsilon: float = 1 / 255,
    feature_scale: float = 1.0,
    standardised: bool = True,
    shared_gates: bool = False,
) -> Map:
    """The map of one example for every class of a `glns.learner`: those of the classes' last neurons.

    x [..], for example an image [H, W] -> Map with weights [N, ..], in logits per unit of the feature, bias [N] and
    clipped [N]. The settings must be those of the learner; its `gate` is context.half_spaces(num_half_spaces) unless
    it was given another.

    Where the network is certain, every neuron of a layer may be clipped; then x has no effect and the map is 0. To see
    such an x, use bernoulli.Rule(epsilon=1e-30), which clips nothing: this is the paper's product of selected rows.
    """
    x = jnp.asarray(x, float)
    features = standardise.features(feature_epsilon, feature_scale, standardised=standardised)
    inputs = features.apply(state.moments, x.reshape(-1))
    axes = ((network.Layer(0, None if shared_gates else 0),) * len(state.layers), None, None)
    of_classes = jax.vmap(partial(explain, rule=rule, gate=gate), in_axes=axes)(state.layers, inputs, inputs)
    return of_classes._replace(weights=of_classes.weights.reshape(-1, *x.shape))


def sensitivity(predict: Callable, x: jax.Array, index: tuple[int, ...], values: jax.Array) -> jax.Array:
    """The predictions for one example as one of its inputs takes other values; contexts may change with it.

    predict: x [V, ..] -> outputs [V, ..], for example partial(learner.predict, state). x [..], index of an input in x,
    values [V] -> outputs [V, ..].
    """
    x = jnp.asarray(x, float)
    swept = jnp.broadcast_to(x, (len(values), *x.shape)).at[:, *index].set(values)
    return predict(swept)
