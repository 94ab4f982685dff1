"""Visits: how often each neuron's contexts were seen. They come free with the contexts and depend on no weight.

The contexts of all neurons are an input's signature (Veness 2019, §2): their visits say how well a network knows it.

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


def learn(counts: jax.Array, contexts: jax.Array, amounts: jax.Array) -> tuple[jax.Array, jax.Array]:
    """Counts the visits of ONE neuron's contexts over a stretch of the stream; all neurons are a `vmap`.

    counts [R], contexts [T], amounts [T] int32: what each example counts, 1 or, for one to pass over, 0
    -> counts [R], and visits [T]: those of its own context that each example finds, of this stretch and before.
    """

    def step(counts, example):
        context, amount = example
        return counts.at[context].add(amount), counts[context]

    return jax.lax.scan(step, counts, (contexts, amounts))


def seen(counts: jax.Array, signature: jax.Array) -> jax.Array:
    """The visits of each neuron's present context. counts [U, R], signature [U] -> visits [U]."""
    return jnp.take_along_axis(counts, signature[:, None], axis=1)[:, 0]


def novelty(visits: jax.Array, *, rare: int = 0) -> jax.Array:
    """The share of neurons whose present context was seen `rare` times at most. visits [U] -> [], in 0 .. 1."""
    return jnp.mean(visits <= rare)
