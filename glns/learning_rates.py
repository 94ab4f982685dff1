"""Learning rates: constant, decaying, or a schedule; and several of them, dealt out to the neurons of a network.

A network that mixes all of its neurons (`switching`) needs no tuned rate: where neurons differ in their rates, the
mixture follows those whose rate suits the stream at the time.

Letters: T time, U neurons of all layers.
"""

from collections.abc import Callable, Sequence
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from glns import settings


def schedule(learning_rate: Any, decay: Any, sizes: Sequence[int]) -> Callable:
    """The rates of a network's neurons: t [T] or [U, T], from 1, -> [T] or [U, T]; of several rates [U, T].

    learning_rate: a rate, then min(learning_rate, decay / t), and if decay is None constant; a schedule t -> rate; or
    several of either, and neuron k of a layer has number k mod their count. Raises ValueError where there is none, or a
    rate or the decay is not positive.
    """
    if not isinstance(learning_rate, list | tuple):
        return _one(learning_rate, decay)
    if not learning_rate:
        raise ValueError("learning_rate must be one or more, got none")
    rates = [_one(rate, decay) for rate in learning_rate]
    turns = np.concatenate([np.arange(size) % len(rates) for size in sizes])

    def of_neurons(t: jax.Array) -> jax.Array:
        of_all = jnp.stack([jnp.broadcast_to(rate(t), (len(turns), t.shape[-1])) for rate in rates])  # [.., U, T]
        return of_all[turns, np.arange(len(turns))]

    return of_neurons


def _one(rate: Any, decay: Any) -> Callable:
    if callable(rate):
        return rate
    settings.check_positive(learning_rate=rate)
    if decay is None:
        return lambda t: jnp.full(t.shape, rate, float)
    settings.check_positive(learning_rate_decay=decay)
    return lambda t: jnp.minimum(rate, decay / t)
