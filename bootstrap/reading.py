"""Worlds of samples that no device need hold: rows of files, or of any data set, read as the steps need them."""

from collections.abc import Callable
from functools import partial
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np

from bootstrap.core import World
from bootstrap.settings import check_counts
from bootstrap.worlds import UNLIMITED, check_samples, epoch_order, paired


class Window(NamedTuple):
    """The rows that the device holds: the first ones, and those of the present steps."""

    first: Any  # x [n, ..], y [n]
    present: Any  # x [m, ..], y [m]: rows `start` to `start + m`
    start: Any  # [] uint32


def fed(
    read: Callable, num_kept: int, *, batch_size: int, num_samples: int | jax.Array = UNLIMITED, **settings: Any
) -> World:
    """`paired` worlds of rows that `read` gives: (first, count) -> (x [count, ..], y [count, ..]), NumPy arrays.

    num_kept: how many of the first rows stay in memory: as many as the largest real world has. num_samples: n, at most
    num_kept or, for the ideal world, UNLIMITED. Row i is sample i for every seed, which a sorted file is no sample for:
    `shuffled` gives each seed an order of its own. settings: see `paired`. Before steps are taken, their rows are to be
    read; ValueError says where fewer are left, or others come than before. A row that was not read has no label, so the
    loss is NaN:

        advance = jax.jit(lambda data, run: bootstrap.advance(key, learner, world._replace(data=data), run, num_steps))
        run, metrics = advance(world.read_rows(world.data, step, num_steps), run)

    The launcher does so, a call ahead of the device, for a data set that is `experiments.data.OnDisk`; of several
    processes each reads its part of them, and all read the first rows.
    """
    check_counts(1, num_kept=num_kept)
    _check_function(read, "lambda first, count: (x[first : first + count], y[first : first + count])")
    check_counts(1, UNLIMITED, num_samples=num_samples)
    is_traced = isinstance(num_samples, jax.core.Tracer)
    if not is_traced and not (num_samples <= num_kept or num_samples == UNLIMITED):
        raise ValueError(f"num_samples must be 1 to {num_kept}, as many as are kept, or UNLIMITED; got {num_samples}")
    first = _rows(read, 0, num_kept)
    world = paired(row, window(first), batch_size=batch_size, num_samples=num_samples, **settings)
    return world._replace(read_rows=partial(rows_of_steps, read, batch_size))


def shuffled(read: Callable, num_rows: int, key: jax.Array) -> Callable:
    """What `fed` reads, (first, count) -> (x, y), of rows in an order that a key draws, such as the run's own.

    read: (rows [count], whole numbers in any order) -> (x [count, ..], y [count, ..]). The order is a function of the
    key, so a run goes on where it stopped. The key is not consumed. Several seeds learn at once from a world each,
    whose data have the same shapes:

        worlds = [fed(shuffled(read, num_rows, key), ..) for key in keys]
        data = jax.tree.map(lambda *leaves: np.stack(leaves), *(world.data for world in worlds))
    """
    check_counts(1, UNLIMITED, num_rows=num_rows)
    _check_function(read, "lambda rows: (x[rows], y[rows])")
    key = jax.random.fold_in(key, UNLIMITED - 1)  # neither a step of the run nor its begin

    def of_order(first, count):
        if first + count > num_rows:
            raise ValueError(f"there are no rows {first} to {first + count - 1}: there are {num_rows}")
        return read(np.asarray(_order(key, np.arange(first, first + count, dtype=np.uint32), num_rows)))

    return of_order


def _check_function(read: Any, of_arrays: str) -> None:
    """Raises ValueError for what is no function, such as an array. of_arrays: the function for two of them."""
    if not callable(read):
        raise ValueError(
            f"read must be a function that gives rows, got a {type(read).__name__}; of arrays x and y: {of_arrays}"
        )


_order = jax.jit(epoch_order, static_argnums=2)


def window(first: Any) -> Window:
    """The first rows, before any others are read."""
    return Window(first, jax.tree.map(lambda leaf: leaf[:1], first), np.uint32(0))


def row(key: jax.Array, index: jax.Array, held: Window) -> Any:
    """Row `index` [], of the first rows or of those that were read for the present steps. The key is not used.

    A row that is in neither is NaN or, in whole numbers, the least or greatest: no label.
    """
    del key
    return jax.tree.map(
        lambda old, new: jnp.where(
            index < len(old), jnp.asarray(old)[index], jnp.asarray(new).at[index - held.start].get(mode="fill")
        ),
        held.first,
        held.present,
    )


def rows_of_steps(
    read: Callable, batch_size: int, held: Window, step: int, num_steps: int, part: tuple[int, int] = (0, 1)
) -> Window:
    """The window of the batches of these steps. Raises ValueError where there are fewer rows, or of another kind.

    part: (i, k), of the rows only the i-th of k equal parts, which behind each other are the window's; where k does not
    divide them, rows without a label follow the last one.
    """
    start, count, (i, k) = step * batch_size, num_steps * batch_size, part
    size = -(-count // k)
    begin, end = min(i * size, count), min((i + 1) * size, count)
    present = _rows(read, start + begin, end - begin) if begin < end else jax.tree.map(_none, held.first)
    for old, new in zip(held.first, present, strict=True):
        if (jnp.result_type(old), old.shape[1:]) != (jnp.result_type(new), new.shape[1:]):
            kinds = " and then ".join(f"{rows.dtype} {[len(rows), *rows.shape[1:]]}" for rows in (old, new))
            raise ValueError(f"read must give rows of one kind, it gave {kinds}")
    return Window(held.first, jax.tree.map(partial(_filled, size), present), np.uint32(start))


def _none(rows: Any) -> np.ndarray:
    """No rows, of the kind of these. It computes nothing with them: several processes may have them together."""
    return np.empty((0, *rows.shape[1:]), rows.dtype)


def _filled(size: int, rows: Any) -> Any:
    """The rows and, behind them, rows without a label, `size` in all."""
    if len(rows) == size:
        return rows
    no_label = np.asarray(jnp.zeros(1, rows.dtype).at[1].get(mode="fill"))
    return np.concatenate([rows, np.full((size - len(rows), *rows.shape[1:]), no_label)])


def _rows(read: Callable, first: int, count: int) -> Any:
    """What `read` gives. Raises ValueError where that is not (x [count, ..], y [count, ..])."""
    given = read(first, count)
    if not isinstance(given, tuple | list) or len(given) != 2:
        raise ValueError(f"read must give (x, y), two arrays; got a {type(given).__name__}")
    if len(given[0]) != count:
        raise ValueError(f"there are no rows {first} to {first + count - 1}: read gave {len(given[0])} of {count}")
    check_samples(*given)
    return jax.tree.map(_with_room, given)


def _with_room(rows: Any) -> Any:
    """Labels [n] of any dtype as int32, which has room for one that is none."""
    return np.asarray(rows, np.int32) if np.ndim(rows) == 1 and rows.dtype.kind in "iub" else rows
