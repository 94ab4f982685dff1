"""The forms of the loop over steps and rows (cells and seeds). They compute the same up to rounding.

On a CPU small networks learn faster side by side, larger ones one after the other; the steps of a convolution are many
times as fast written out, a few a call, as inside a loop. XLA's CPU backend computes a product of this size on one core
alone, so threads, each with an equal part of the rows, use the other cores. LOG.md has the measurements.
"""

import functools
import math
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp

LOOPS = ("vmap", "map", "calls")


class Form(NamedTuple):
    """How a lone CPU computes its rows; other devices have them side by side.

    loop: "vmap": side by side. "map": one after the other inside the program. "calls": one after the other, in calls of
      `steps_per_call` steps written out, for convolutions.
    slab: of `bootstrap.advance`.
    """

    loop: str = "vmap"
    slab: int = 1
    steps_per_call: int = 4


def one_by_one(function: Callable, in_axes: Sequence[int | None]) -> Callable:
    """As jax.vmap, but one after the other. in_axes: 0 or None each."""

    def over(*args):
        mapped = [arg for arg, axis in zip(args, in_axes, strict=True) if axis == 0]

        def one(slices):
            rest = iter(slices)
            return function(*(arg if axis is None else next(rest) for arg, axis in zip(args, in_axes, strict=True)))

        return jax.lax.map(one, mapped)

    return over


def in_calls(advance_one: Callable, steps_per_call: int, call: Callable) -> Callable:
    """(stage, num_steps, rows, data, run) -> (run, mean metrics), one row after the other, in calls of a few steps."""

    @functools.partial(jax.jit, static_argnums=(0, 1), donate_argnums=4)
    def several(stage, num_steps, row, data, run):
        run, metrics = advance_one(stage, num_steps, row, data, run, unroll=num_steps)
        return run, jax.tree.map(lambda values: values.sum(axis=0), metrics)

    def advance(stage, num_steps, rows, data, run):
        sizes = [min(steps_per_call, num_steps - start) for start in range(0, num_steps, steps_per_call)]
        ended = []
        for row, of_row in call(_each, (), (rows, run)):
            totals = []
            for size in sizes:
                of_row, metrics = call(several, (stage, size), row, data, of_row)
                totals.append(metrics)
            ended.append((of_row, totals))
        return call(_means, (num_steps,), ended)

    return advance


def in_threads(advance: Callable, num_shares: int, num_cores: int, call: Callable) -> Callable:
    """The same `advance` of equal shares of the rows, in a thread for each core."""
    pool = ThreadPoolExecutor(num_cores)

    def over(stage, num_steps, rows, data, run):
        def one(share):
            return jax.block_until_ready(advance(stage, num_steps, share[0], data, share[1]))

        return call(_joined, (), list(pool.map(one, call(_shares, (num_shares,), (rows, run)))))

    return over


def num_shares(num_rows: int, num_cores: int) -> int:
    """Into how many equal shares, which one program serves, rows are dealt out to threads: those that are done soonest.

    So 4 rows are 2 shares for 2 cores, and 3 rows 3, of which one core computes two. 1 where there are no cores.
    """
    numbers = [number for number in range(1, num_rows + 1) if num_rows % number == 0]
    return min(numbers, key=lambda number: num_rows // number * math.ceil(number / num_cores)) if num_cores else 1


@jax.jit
def _each(tree):
    return [jax.tree.map(lambda leaf: leaf[i], tree) for i in range(len(jax.tree.leaves(tree)[0]))]  # noqa: B023


@functools.partial(jax.jit, static_argnums=0)
def _shares(number, tree):
    parts = jax.tree.map(lambda leaf: jnp.split(leaf, number), tree)
    return [jax.tree.map(lambda _, part: part[i], tree, parts) for i in range(number)]  # noqa: B023


@jax.jit
def _joined(shares: list) -> Any:
    return jax.tree.map(lambda *leaves: jnp.concatenate(leaves), *shares)


@functools.partial(jax.jit, static_argnums=0)
def _means(num_steps, ended):
    run = jax.tree.map(lambda *leaves: jnp.stack(leaves), *(of_row for of_row, _ in ended))
    totals = [jax.tree.map(lambda *values: sum(values) / num_steps, *totals) for _, totals in ended]
    return run, jax.tree.map(lambda *values: jnp.stack(values), *totals)
