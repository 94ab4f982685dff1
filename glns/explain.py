"""Explanations of a GLN's prediction: exact, at the cost of one prediction (Veness 2019, §4).

The contexts of an example do not depend on any weight, and given the contexts a network of Bernoulli neurons is linear
in logits. So its prediction IS a weighted sum of its inputs, and the weights are each input's contribution. A mixture
of all neurons has a tangent.

Letters: D inputs, N classes, S side width, V values.
"""

from collections.abc import Callable, Sequence
from functools import partial
from typing import NamedTuple

import chex
import jax
import jax.numpy as jnp

from glns import bernoulli, network, standardise, switching
from glns.classification import State
from glns.context import Gate


class Map(NamedTuple):
    """The local linear map of an example: logit = weights . clip(inputs) + bias."""

    weights: jax.Array  # [D], in logits of the prediction per logit of the input
    bias: jax.Array  # []
    clipped: jax.Array  # [] bool: a neuron below the output was clipped, so it counts as a constant


def explain(
    layers: Sequence[network.Layer],
    inputs: jax.Array,
    side: jax.Array,
    mixture: switching.Mixture | None = None,
    *,
    rule: bernoulli.Rule,
    gate: Gate,
) -> Map:
    """The map of one example through a Bernoulli network: inputs [D] logits, side [S] -> Map.

    The product of the layers' selected rows, logit p_L = W_L .. W_1 logit p_0 (Veness 2019, §4). A neuron whose
    prediction left [epsilon, 1 - epsilon] outputs the clip, a constant: its row becomes zero and its clipped logit is
    added to the bias. So the map gives the network's logit ALWAYS; `clipped` is True if any neuron was clipped.

    mixture: of a network that predicts by `switching`. Its logit is not linear in the neurons', so its map (ours) is
    the tangent: it gives the mixture's logit, and its weights are the derivatives.
    """
    chex.assert_rank([inputs, side], 1)
    inputs = bernoulli.clip(inputs, rule)
    weights, biases, clipped = _of_neurons(layers, inputs, side, rule, gate)
    if mixture is None:
        return Map(weights[-1], biases[-1], clipped)
    dot = partial(jnp.matmul, precision="highest")
    logit, parts = jax.value_and_grad(switching.mix, 1)(jnp.exp(mixture.log_weights), dot(weights, inputs) + biases)
    weights = dot(parts, weights)
    return Map(weights, logit - dot(weights, inputs), clipped)


def _of_neurons(layers, inputs, side, rule, gate):
    """The maps of all U neurons: weights [U, D], biases [U], and whether a neuron below another was clipped []."""
    dot = partial(jnp.matmul, precision="highest")
    weights, biases = jnp.eye(len(inputs), dtype=inputs.dtype), jnp.zeros_like(inputs)  # of the outputs below
    clipped, maps = jnp.zeros((), bool), []
    for layer in layers:
        if layer is not layers[0]:
            logits = dot(weights, inputs) + biases
            limits = bernoulli.clip(logits, rule)
            beyond = limits != logits
            weights, biases = jnp.where(beyond[:, None], 0, weights), jnp.where(beyond, limits, biases)
            clipped |= beyond.any()
        rows = jax.vmap(lambda table, context: table[context])(layer.weights, network.contexts(layer, side, gate))
        weights, biases = dot(rows[:, :-1], weights), dot(rows[:, :-1], biases) + rows[:, -1]  # the last input is 1
        maps.append((weights, biases))
    return *map(jnp.concatenate, zip(*maps, strict=True)), clipped


def saliency(
    state: State,
    x: jax.Array,
    *,
    rule: bernoulli.Rule,
    gate: Gate,
    side: Callable = lambda features: features,
    feature_epsilon: float = 1 / 255,
    feature_scale: float = 1.0,
    standardised: bool = True,
    shared_gates: bool = False,
) -> Map:
    """The map of one example for every class of a `glns.learner`: of what the class's network predicts.

    x [..], for example an image [H, W] -> Map with weights [N, ..], in logits per unit of the feature, bias [N] and
    clipped [N]. The settings must be those of the learner; its `gate` is context.half_spaces(num_half_spaces) unless
    it was given another. How it aggregates is known from the state.

    Where the network is certain, every neuron of a layer may be clipped; then x has no effect and the map is 0. To see
    such an x, use bernoulli.Rule(epsilon=1e-30), which clips nothing: this is the paper's product of selected rows.
    """
    if state.experts is not None:
        raise ValueError("saliency is of networks alone: give the learner experts=False, or ask a `glns.estimator`")
    x = jnp.asarray(x, float)
    features = standardise.features(feature_epsilon, feature_scale, standardised=standardised)
    inputs = features.apply(state.moments, x.reshape(-1))
    axes = ((network.Layer(0, None if shared_gates else 0),) * len(state.layers), None, None, 0)
    of_classes = jax.vmap(partial(explain, rule=rule, gate=gate), in_axes=axes)
    maps = of_classes(state.layers, inputs, side(inputs), state.mixture)
    return maps._replace(weights=maps.weights.reshape(-1, *x.shape))


def sensitivity(predict: Callable, x: jax.Array, index: tuple[int, ...], values: jax.Array) -> jax.Array:
    """The predictions for one example as one of its inputs takes other values; contexts may change with it.

    predict: x [V, ..] -> outputs [V, ..], for example partial(learner.predict, state). x [..], index of an input in x,
    values [V] -> outputs [V, ..].
    """
    x = jnp.asarray(x, float)
    swept = jnp.broadcast_to(x, (len(values), *x.shape)).at[:, *index].set(values)
    return predict(swept)
