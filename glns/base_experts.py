"""Experts: predictions of a class beside those of a network's neurons, for the mixture of `switching` (ours).

Linear neurons, which are Bernoulli neurons without gates at several rates, and naive Bayes know a simple law from few
examples, which gated neurons divide among their contexts. Each also has a calibration, for the size of its logit is
wrong where labels are noisy or features depend on each other, and a mixture that follows the log loss would pass it
over. A calibration is a neuron whose one input is the expert's logit, and whose context is the interval in which that
lies, as in the probability maps of compressors. So its contexts depend on what was learned, unlike those of a network;
still every example is predicted before it is learned.

Written for ONE network; networks of classes are a `vmap`. Letters: D features, E experts, L linear neurons, R
intervals, T time.
"""

from typing import NamedTuple

import jax
import jax.numpy as jnp

from glns import standardise
from glns.network import Neuron

_EDGES = (-3.0, -2.0, -1.25, -0.75, -0.4, -0.15, 0.0, 0.15, 0.4, 0.75, 1.25, 2.0, 3.0)  # logits between intervals
_RATE = 0.03  # of calibrations
_RATES = (0.001, 0.003, 0.01, 0.03, 0.1, 0.3, 1.0)  # of linear neurons
NUMBER = 2 * (len(_RATES) + 1)  # predictions that the experts of a network give


class Experts(NamedTuple):
    """What the experts of a network have learned. Its naive Bayes needs the classes of all networks."""

    linear: jax.Array  # [L, 1, D + 1]
    calibrations: jax.Array  # [E, R, 2], E = L + 1: of the linear neurons and of naive Bayes
    examples: standardise.Moments  # [D], of the inputs of the class


def init(dim: int, neuron: Neuron) -> Experts:
    """A calibration changes nothing at first. neuron: `bernoulli.neuron`."""
    linear = jnp.broadcast_to(neuron.init(1, dim), (len(_RATES), 1, dim + 1))
    as_it_is = jnp.array([1.0, 0.0])  # the weights of the logit and of the bias
    calibrations = jnp.broadcast_to(as_it_is, (len(_RATES) + 1, len(_EDGES) + 1, 2))
    return Experts(linear, calibrations, standardise.init(dim))


def learn(
    experts: Experts,
    features: jax.Array,
    bayes: jax.Array,
    targets: jax.Array,
    weights: jax.Array | None,
    neuron: Neuron,
) -> tuple[Experts, jax.Array]:
    """Learns a stretch of the stream; `examples` are learned by `naive_bayes.learn`.

    features [T, D], bayes [T]: the logits of naive Bayes, targets [T], weights [T] of examples, which multiply rates
    -> the experts, and their logits [T, 2 E], each before its example is learned.
    """
    inputs = jax.vmap(neuron.prepare_inputs)(features)
    of_linear = jax.vmap(neuron.learn, in_axes=(0, None, None, None, 0), out_axes=(0, 1))
    weights = jnp.ones_like(targets) if weights is None else weights
    rates = jnp.outer(jnp.array(_RATES, weights.dtype), weights)
    linear, logits = of_linear(experts.linear, jnp.zeros(len(targets), jnp.int32), inputs, targets, rates)
    logits, contexts, inputs = _calibrated(logits, bayes, neuron)
    of_calibrations = jax.vmap(neuron.learn, in_axes=(0, 1, 1, None, None), out_axes=(0, 1))
    calibrations, calibrated = of_calibrations(experts.calibrations, contexts, inputs, targets, _RATE * weights)
    return Experts(linear, calibrations, experts.examples), jnp.concatenate([logits, calibrated], axis=1)


def predict(experts: Experts, features: jax.Array, bayes: jax.Array, neuron: Neuron) -> jax.Array:
    """features [T, D], bayes [T] -> logits [T, 2 E]."""
    inputs = jax.vmap(neuron.prepare_inputs)(features)
    of_linear = jax.vmap(jax.vmap(neuron.predict, in_axes=(0, None, None)), in_axes=(None, None, 0))
    logits = of_linear(experts.linear, jnp.zeros((), jnp.int32), inputs)
    logits, contexts, inputs = _calibrated(logits, bayes, neuron)
    of_calibrations = jax.vmap(jax.vmap(neuron.predict), in_axes=(None, 0, 0))
    return jnp.concatenate([logits, of_calibrations(experts.calibrations, contexts, inputs)], axis=1)


def _calibrated(logits, bayes, neuron):
    """The logits [T, E] of all experts, and the contexts [T, E] and inputs [T, E, 2] of their calibrations."""
    inputs = jax.vmap(jax.vmap(lambda logit: neuron.prepare_inputs(logit[None])))
    bayes = inputs(bayes[:, None])[..., 0]  # clipped: it is far too sure
    logits = jnp.concatenate([logits, bayes], axis=1)
    contexts = jnp.searchsorted(jnp.array(_EDGES, logits.dtype), logits, method="compare_all")
    return logits, contexts, inputs(logits)
