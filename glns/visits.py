"""Visits: how often each neuron's contexts were seen. They are counted at almost no cost and depend on no weight.

The contexts of all neurons are the signature of an input (Veness 2019, §2); their visits measure how often similar
inputs were seen.

Letters: R contexts, S side width, T time, U neurons of all layers.
"""

from collections.abc import Sequence

import jax
import jax.numpy as jnp

from glns import network
from glns.context import Gate


def signature(layers: Sequence[network.Layer], side: jax.Array, gate: Gate) -> jax.Array:
    """The contexts of all neurons, layer by layer. side [S] -> [U] int32."""
    return jnp.concatenate([network.contexts(layer, side, gate) for layer in layers])


def learn(counts: jax.Array, contexts: jax.Array, weights: jax.Array) -> tuple[jax.Array, jax.Array]:
    """Counts the visits of ONE neuron's contexts over a stretch of the stream; all neurons are a `vmap`.

    counts [R], contexts [T], weights [T] int32: 1, or 0 for an example that is not to count -> counts [R], and visits
    [T]: the count of each example's context before that example.
    """

    def step(counts, example):
        context, weight = example
        return counts.at[context].add(weight), counts[context]

    return jax.lax.scan(step, counts, (contexts, weights))


def lookup(counts: jax.Array, signature: jax.Array) -> jax.Array:
    """The visits of each neuron's present context. counts [U, R], signature [U] -> visits [U]."""
    return jnp.take_along_axis(counts, signature[:, None], axis=1)[:, 0]
