"""Switching aggregation: a mixture over all the neurons of a network, not its last one alone (Veness 2017, §5).

It is the Bayesian mixture over all SEQUENCES of neurons v_1, v_2, .. (arXiv 1712.01897), with the prior

    w(v_1:n) = w(v_<n) ((n - 1) / n [v_n = v_{n-1}] + 1 / (n (M - 1)) [v_n != v_{n-1}]),    w(v_1) = 1 / M,

so that the prediction follows the best neuron as it changes: the shallow ones learn first. It costs O(M) an example,
and needs no more than the neurons' predictions, so a stretch of the stream is mixed after the network has learned it.

Letters: M neurons, T time.
"""

import math
from collections.abc import Sequence
from typing import NamedTuple

import jax
import jax.numpy as jnp

from glns.bernoulli import Rule, clip

AGGREGATIONS = ("last", "switching")


class Mixture(NamedTuple):
    """What the mixture has learned."""

    count: jax.Array  # [] int32, examples seen
    log_weights: jax.Array  # [M], of the neurons in the next prediction; the weights sum to 1


def init(num_neurons: int) -> Mixture:
    """Equal weights."""
    if num_neurons < 2:
        raise ValueError(f"a mixture needs at least 2 neurons, got {num_neurons}")
    return Mixture(jnp.zeros((), jnp.int32), jnp.full(num_neurons, -math.log(num_neurons), float))


def learn(mixture: Mixture, log_likelihoods: jax.Array) -> tuple[Mixture, jax.Array]:
    """Takes in how well each neuron predicted each example, in logarithms, so that nothing underflows.

    log_likelihoods [T, M], log of the probability that neuron k gave the target of example t -> the mixture, and the
    log-weights [T, M] with which each example is to be predicted: those which the examples before it left.
    """

    def step(mixture, log_likelihoods):
        t, m = mixture.count + 1, log_likelihoods.size
        posterior = jax.nn.log_softmax(mixture.log_weights + log_likelihoods)  # log(u_k rho_k / tau)
        # u_k = 1 / ((t + 1)(M - 1)) + (t M - t - 1) / ((t + 1)(M - 1)) (u_k rho_k / tau), as printed.
        scale = jnp.log((t + 1.0) * (m - 1.0))
        kept = jnp.log(t * (m - 1.0) - 1.0) + posterior
        return Mixture(t, jnp.logaddexp(-scale, kept - scale)), mixture.log_weights

    return jax.lax.scan(step, mixture, log_likelihoods)


def mix(log_weights: jax.Array, logits: jax.Array) -> jax.Array:
    """The mixture's prediction of a bit. log_weights [M], the neurons' logits [M] -> logit []."""
    one, zero = (jax.nn.logsumexp(log_weights + jax.nn.log_sigmoid(z)) for z in (logits, -logits))
    return one - zero


def aggregate(mixture: Mixture | None, logits: Sequence[jax.Array]) -> jax.Array:
    """A Bernoulli network's prediction, from those of its neurons: logits, a [T, K] a layer -> logits [T].

    Without a mixture it is the last neuron's (Veness 2019).
    """
    if mixture is None:
        return logits[-1][:, 0]
    return jax.vmap(mix, in_axes=(None, 0))(mixture.log_weights, jnp.concatenate(logits, axis=-1))


def learn_aggregate(
    mixture: Mixture | None, logits: Sequence[jax.Array], targets: jax.Array, rule: Rule
) -> tuple[Mixture | None, jax.Array]:
    """`aggregate` online: every example is predicted, then the mixture sees its target. targets [T] of 0 and 1.

    The weights come from clipped predictions, as the paper's are, lest one confident mistake cost a neuron all its
    weight. What is mixed is not clipped, unlike the paper's, for the same reason that the last neuron's is not: on
    digits the error is the same, and the log loss 0.13 in place of 0.21.
    """
    if mixture is None:
        return None, aggregate(None, logits)
    of_neurons = jnp.concatenate(logits, axis=-1)
    of_targets = (2 * targets - 1)[:, None] * clip(of_neurons, rule)
    mixture, log_weights = learn(mixture, jax.nn.log_sigmoid(of_targets))
    return mixture, jax.vmap(mix)(log_weights, of_neurons)
