"""The rows of arrays as a stream of samples, which `paired` shows.

bootstrap.paired(*bootstrap.rows(x, y), batch_size=32, num_samples=1000)
"""

from collections.abc import Callable
from typing import Any, NamedTuple

import jax
import numpy as np

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
