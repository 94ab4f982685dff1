"""The World of a meta-learner: each step draws a batch of tasks, in turn from each family (Sandler 2021, §3.3).

Letters: B batch, D inputs, F families, S batches of a task, T tasks, n samples of a task.
"""

from collections.abc import Callable, Mapping, Sequence
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp

from blur.inner_run import undivided
from blur.settings import check_counts


class Tasks(NamedTuple):
    """A batch of tasks. The last batch of each task is held out: predicted, never learned."""

    inputs: jax.Array  # [T, S, B, D]
    labels: jax.Array  # [T, S, B] int32


class Stream(NamedTuple):
    """A position in the stream of tasks. The stream repeats after 2**32 tasks."""

    count: jax.Array  # [] uint32, tasks drawn so far
    seed: jax.Array  # [] uint32, selects the stream: drawn once, then constant
    part: jax.Array  # [] int32, of the present tasks, to be drawn next


def tasks(
    families: Mapping[str, Callable] | Sequence[Callable],
    data: Any = (),
    *,
    unroll: int,
    batch_size: int,
    num_tasks: int | None = None,
    num_parts: int = 1,
    divide: Callable = undivided,
) -> tuple[Any, Callable, Callable]:
    """Fresh tasks in every batch: (data, init, draw) of a World whose batches are `Tasks`, S = unroll + 1.

    families: pure functions (key, data, num_samples) -> (inputs [n, D], labels [n]). A call draws one task, and n
      samples of it. Task i of a stream depends on (seed, i) alone, and comes from family i mod len(families).
      All have inputs of one width, else ValueError; a mapping gives them the names by which it says so.
    num_tasks: T, a multiple of the number of families. None: one task from each.
    num_parts: every task is drawn so many times in a row, each time the next `unroll` batches of it, and after them the
      batch that comes then, for `blur.persistent`.
    divide: see `inner_run.undivided`. Every device draws all tasks: families differ, and learners divide them.
    """
    if not families:
        raise ValueError("families must be at least one, got none")
    names = tuple(families) if isinstance(families, Mapping) else range(len(families))
    families = tuple(families.values()) if isinstance(families, Mapping) else families
    num_tasks = len(families) if num_tasks is None else num_tasks
    check_counts(num_tasks=num_tasks, unroll=unroll, batch_size=batch_size, num_parts=num_parts)
    if num_tasks % len(families):
        raise ValueError(f"num_tasks must be a multiple of the number of families, got {num_tasks} of {len(families)}")

    _check_widths(names, families, data)

    def init(key, data):
        del data
        return Stream(jnp.zeros((), jnp.uint32), jax.random.bits(key, dtype=jnp.uint32), jnp.zeros((), jnp.int32))

    def draw(key, data, state, act):
        del key, act
        index = (state.count + jnp.arange(num_tasks, dtype=jnp.uint32)).reshape(-1, len(families))
        keys = jax.vmap(jax.vmap(jax.random.fold_in, (None, 0)), (None, 0))(jax.random.key(state.seed), index)
        drawn = _from_families(families, keys, data, (num_parts * unroll + 1) * batch_size)
        whole = (leaf.reshape(num_tasks, -1, batch_size, *leaf.shape[3:]) for leaf in drawn)
        inputs, labels = (jax.lax.dynamic_slice_in_dim(leaf, state.part * unroll, unroll + 1, 1) for leaf in whole)
        is_last = state.part == num_parts - 1
        count = state.count + jnp.where(is_last, jnp.uint32(num_tasks), jnp.uint32(0))
        return Stream(count, state.seed, (state.part + 1) % num_parts), divide(Tasks(inputs, labels), None)

    return data, init, draw


def _check_widths(names, families, data):
    def inputs_of(family):
        return jax.eval_shape(lambda key, data: family(key, data, 1)[0], jax.random.key(0), data)

    of_family = [inputs_of(family) for family in families]
    if len({inputs.shape for inputs in of_family}) > 1:
        widths = ", ".join(f"{name} {inputs.shape[1]}" for name, inputs in zip(names, of_family, strict=True))
        raise ValueError(f"the inputs of all families must have one width, one network learns them; got {widths}")


def _from_families(families, keys, data, num_samples):
    """A task for each key, n samples of each. keys [T / F, F] -> inputs [T / F, F, n, D], labels [T / F, F, n]."""

    def of_one(family, keys):
        return jax.vmap(lambda key: family(key, data, num_samples))(keys)

    drawn = [of_one(family, keys[:, i]) for i, family in enumerate(families)]
    return [jnp.stack(leaves, axis=1) for leaves in zip(*drawn, strict=True)]
