"""The rows of arrays as a stream of samples: in an order that a seed draws, which `paired` shows, or as they stand.

bootstrap.paired(*bootstrap.rows(x, y), batch_size=32, num_samples=1000)
bootstrap.in_order(x, y, batch_size=32)
"""

from collections.abc import Callable
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np

from bootstrap import settings
from bootstrap.core import World
from bootstrap.worlds import UNLIMITED, check_samples, epoch_order


class Rows(NamedTuple):
    """What `paired` takes of samples that are not without end."""

    sample: Callable  # (key, index, data) -> (x, y)
    data: Any  # (x [n, ..], y [n, ..])
    limit: int  # n


def rows(x: jax.Array | np.ndarray, y: jax.Array | np.ndarray) -> Rows:
    """Rows x [n, D..], y [n, ..] in an order that each stream, and so each seed, draws for itself.

    The order of a file is no sample: it may be sorted. And seeds that share their samples know nothing of how much
    these matter. Nakkiran 2021 draws them anew for each run too. Raises ValueError where x and y are not equally many
    or a label is negative.
    """
    check_samples(x, y)

    def sample(key, index, data):
        return jax.tree.map(lambda leaf: leaf[place(key, index, len(x))], data)

    return Rows(sample, (x, y), len(x))


def place(key: jax.Array, index: jax.Array, n: int) -> jax.Array:
    """The row that comes at place `index` [] of the order that the key names, of n rows. -> []."""
    return epoch_order(jax.random.fold_in(key, UNLIMITED), index[None], n)[0]  # no sample has this number


def in_order(x: jax.Array | np.ndarray, y: jax.Array | np.ndarray, *, batch_size: int) -> World:
    """A World of rows as they stand, as a stream in time must be shown; after the last one the first comes again.

    x [n, D..], y [n, ..] -> batches (x [B, D..], y [B, ..]), the same for every seed. Raises ValueError where x and y
    are not equally many or a label is negative.
    """
    check_samples(x, y)
    settings.check_counts(1, batch_size=batch_size)

    def init(key, data):
        del key, data
        return jnp.zeros((), jnp.int32)

    def draw(key, data, place, act):
        del key, act
        n = len(data[0])
        rows = (place + jnp.arange(batch_size)) % n
        return (place + batch_size) % n, jax.tree.map(lambda leaf: jnp.asarray(leaf)[rows], data)

    return World((x, y), init, draw)
