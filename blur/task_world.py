"""The World of a meta-learner: every step draws a task from each family (Sandler 2021, §3.3).

Letters: B batch, D inputs, P population, S batches of a task, T tasks.
"""

from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp


class Tasks(NamedTuple):
    """What one meta-step is made of. The last batch of a task is held out: it is predicted, never learned."""

    inputs: jax.Array  # [T, S, B, D]
    labels: jax.Array  # [T, S, B] int32
    members: jax.Array | None = None  # [P] int32, 0 .. P - 1: what a launcher that spreads leading axes spreads


class Stream(NamedTuple):
    """Where a world stands in its stream of tasks, which repeats after 2**32 of them."""

    count: jax.Array  # [] uint32, tasks drawn so far
    seed: jax.Array  # [] uint32, which stream: drawn once, then constant


def tasks(
    families: Sequence[Callable],
    data: Any = (),
    *,
    unroll: int,
    batch_size: int,
    num_tasks: int | None = None,
    population: int | None = None,
) -> tuple[Any, Callable, Callable]:
    """Fresh tasks in every batch: (data, init, draw) of a World whose batches are `Tasks`, S = unroll + 1.

    families: of (key, data, num_samples) -> (inputs [n, D], labels [n]), each of which draws one task and n samples of
      it, pure. Task i of a stream depends on (seed, i) alone, and is of family i mod their number.
    num_tasks: T, a multiple of the number of families, which it is by default.
    population: P, where the work is to be spread over the genomes as well, or instead: see `Tasks.members`.
    """
    num_tasks = len(families) if num_tasks is None else num_tasks
    if not families or num_tasks < 1 or num_tasks % len(families):
        raise ValueError(f"num_tasks must be a multiple of the number of families, got {num_tasks} of {len(families)}")
    if min(unroll, batch_size) < 1:
        raise ValueError(f"unroll and batch_size must be at least 1, got {unroll} and {batch_size}")
    num_batches = unroll + 1

    def init(key, data):
        del data
        return Stream(jnp.zeros((), jnp.uint32), jax.random.bits(key, dtype=jnp.uint32))

    def draw(key, data, state, act):
        del key, act
        index = (state.count + jnp.arange(num_tasks, dtype=jnp.uint32)).reshape(-1, len(families))
        keys = jax.vmap(jax.vmap(jax.random.fold_in, (None, 0)), (None, 0))(jax.random.key(state.seed), index)

        def of_family(family, keys):
            return jax.vmap(lambda key: family(key, data, num_batches * batch_size))(keys)

        drawn = [of_family(family, keys[:, i]) for i, family in enumerate(families)]
        inputs, labels = (
            jnp.stack(leaves, axis=1).reshape(num_tasks, num_batches, batch_size, *leaves[0].shape[2:])
            for leaves in zip(*drawn, strict=True)
        )
        members = None if population is None else jnp.arange(population)
        return Stream(state.count + num_tasks, state.seed), Tasks(inputs, labels, members)

    return data, init, draw
