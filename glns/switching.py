"""Switching aggregation: a mixture of all neurons of a network, in place of its last neuron (Veness 2017, §5).

It is the Bayesian mixture over all SEQUENCES of neurons v_1, v_2, .. (arXiv 1712.01897), with the prior

    w(v_1:n) = w(v_<n) ((n - 1) / n [v_n = v_{n-1}] + 1 / (n (M - 1)) [v_n != v_{n-1}]),    w(v_1) = 1 / M,

so that the prediction follows the best neuron as it changes: shallow neurons learn first. It costs O(M) for each
example. It needs the neurons' predictions alone, so a stretch of the stream is mixed after the network has learned it.

Letters: A symbols, M neurons, T time.
"""

import math
from collections.abc import Sequence
from typing import NamedTuple

import jax
import jax.numpy as jnp

from glns import categorical
from glns.bernoulli import Rule

AGGREGATIONS = ("last", "switching")
_TINY = 1e-37  # a float32 that is not 0


class Mixture(NamedTuple):
    """What the mixture has learned. The weights sum to 1."""

    count: jax.Array  # [] int32, examples seen
    log_weights: jax.Array  # [M], of the neurons in the next prediction


def init(num_neurons: int) -> Mixture:
    """Equal weights."""
    if num_neurons < 2:
        raise ValueError(f"a mixture needs at least 2 neurons, got {num_neurons}")
    return Mixture(jnp.zeros((), jnp.int32), jnp.full(num_neurons, -math.log(num_neurons), float))


def learn(mixture: Mixture, likelihoods: jax.Array, counted: jax.Array | None = None) -> tuple[Mixture, jax.Array]:
    """Updates the weights by the likelihoods of a stream.

    likelihoods [T, M]: the probability that neuron k gave to the target of example t, times any factor of the example,
    for only their ratios count; counted [T] bool: False for an example that is to change nothing -> the mixture, and
    the weights [T, M] to predict each example with, which depend on the examples before it alone.

    The greatest likelihood of an example must not be too small for its float: no weight is less than 1 / (t (M - 1)),
    so then no sum vanishes, and the recurrence needs no logarithm.
    """
    m = likelihoods.shape[1]
    ones = jnp.ones(len(likelihoods), jnp.int32) if counted is None else counted
    seen = mixture.count + jnp.cumsum(ones, dtype=jnp.int32)
    t = jnp.maximum(seen, 1).astype(likelihoods.dtype)
    # u_k = 1 / ((t + 1)(M - 1)) + (t M - t - 1) / ((t + 1)(M - 1)) (u_k rho_k / tau), as printed.
    floors = 1 / ((t + 1) * (m - 1))

    def step(weights, example):
        likelihoods, floor, kept, counts = example
        posterior = weights * likelihoods
        after = floor + kept / jnp.sum(posterior) * posterior
        return after if counts is None else jnp.where(counts, after, weights), weights

    stream = likelihoods, floors, (t * (m - 1) - 1) * floors, counted
    weights, before = jax.lax.scan(step, jnp.exp(mixture.log_weights), stream)
    return Mixture(seen[-1], jnp.log(weights)), before


def mix(weights: jax.Array, logits: jax.Array) -> jax.Array:
    """The mixture's prediction of a bit. weights [M] that sum to 1, the neurons' logits [M] -> logit [].

    It costs one exponential for each neuron.
    """
    return _mix_halves(weights, _halves(logits))


class _Halves(NamedTuple):
    """The probabilities of both values of a bit by M neurons, so that none is lost however large logits are."""

    positive: jax.Array  # [M] bool: 1 is the likelier value
    likely: jax.Array  # [M], the probability of the likelier value
    rest: jax.Array  # [M], e**shift times that of the other
    shift: jax.Array  # []: the least size of the logits where all have one sign, 0 elsewhere


def _halves(logits):
    positive = logits >= 0
    sizes = jnp.where(positive, logits, -logits)
    one_sign = jnp.all(positive) | ~jnp.any(positive)
    shift = jax.lax.stop_gradient(jnp.where(one_sign, jnp.min(sizes), 0.0))  # any shift gives the same logit
    small = jnp.exp(shift - sizes)
    likely = 1 / (1 + small * jnp.exp(-shift))
    return _Halves(positive, likely, small * likely, shift)


def _mix_halves(weights, halves):
    positive, likely, rest, shift = halves
    one, zero = (jnp.log(jnp.sum(weights * jnp.where(which, likely, rest))) for which in (positive, ~positive))
    return one - zero + jnp.where(positive[0], shift, -shift)


def mix_symbols(weights: jax.Array, log_probabilities: jax.Array) -> jax.Array:
    """As `mix`, of a symbol. weights [M], the neurons' log-probabilities [M, A] -> log-probabilities [A]."""
    return jax.nn.logsumexp(log_probabilities, axis=0, b=weights[:, None])


def aggregate(mixture: Mixture | None, outputs: Sequence[jax.Array]) -> jax.Array:
    """A network's prediction from its neurons' outputs.

    outputs: [T, K] for each layer, logits of a bit -> [T]; or [T, K, A], log-probabilities of a symbol -> [T, A]. If
    there is no mixture, it is the last neuron's prediction (Veness 2019).
    """
    if mixture is None:
        return outputs[-1][:, 0]
    of_neurons = jnp.concatenate(outputs, axis=1)
    one = mix if of_neurons.ndim == 2 else mix_symbols
    return jax.vmap(one, in_axes=(None, 0))(jnp.exp(mixture.log_weights), of_neurons)


def learn_aggregate(
    mixture: Mixture | None,
    outputs: Sequence[jax.Array],
    targets: jax.Array,
    rule: Rule,
    weights: jax.Array | None = None,
) -> tuple[Mixture | None, jax.Array]:
    """`aggregate` online: each example is predicted before the mixture learns its target.

    targets [T]: bits, or symbols. weights [T]: the power of each example's likelihood; of weight 0, an example changes
    nothing.

    The weights are updated by clipped predictions, as in the paper, so that one confident mistake does not cost a
    neuron all its weight. Unlike the paper, we mix unclipped predictions, as the last neuron's prediction is unclipped
    too: on digits the error is the same, and the log loss is 0.13 nats instead of 0.21.
    """
    if mixture is None:
        return None, aggregate(None, outputs)
    of_neurons = jnp.concatenate(outputs, axis=1)
    read = _of_bits if of_neurons.ndim == 2 else _of_symbols
    likelihoods, predicted = read(of_neurons, targets, rule)
    if weights is not None:
        greatest = likelihoods.max(axis=1, keepdims=True)
        likelihoods = (likelihoods / greatest) ** weights[:, None]
    mixture, of_examples = learn(mixture, likelihoods, None if weights is None else weights > 0)
    return mixture, predicted(of_examples)


def _of_bits(logits, targets, rule):
    """The clipped likelihoods [T, M] of targets [T], and weights [T, M] -> predictions: one exponential serves both."""
    halves = jax.vmap(_halves)(logits)
    is_likely = halves.positive == (targets[:, None] > 0)
    of_targets = jnp.where(is_likely, halves.likely, halves.rest * jnp.exp(-halves.shift)[:, None])
    clipped = jnp.clip(of_targets, jnp.maximum(rule.epsilon, _TINY), 1 - rule.epsilon)
    return clipped, lambda weights: jax.vmap(_mix_halves)(weights, halves)


def _of_symbols(log_probabilities, targets, rule):
    """The clipped likelihoods [T, M] of targets [T], and weights [T, M] -> predictions."""
    clipped = jax.vmap(jax.vmap(lambda output: categorical.clip(output, rule)))(log_probabilities)
    of_targets = jnp.exp(jnp.take_along_axis(clipped, targets[:, None, None], axis=-1)[..., 0])
    return of_targets, lambda weights: jax.vmap(mix_symbols)(weights, log_probabilities)
