"""The frame: a Learner lives in a World, and `advance` joins them. Read this file first.

    learner = Learner(init, update, predict)      # who learns
    world = World(data, init, draw)               # where it learns
    run = begin(key, learner, world)
    run, metrics = advance(key, learner, world, run, num_steps)

Everything is pure. Seeds, rates and populations are `vmap`s of `begin` and `advance`; the caller jits.
"""

from collections.abc import Callable
from functools import partial
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp


class Learner(NamedTuple):
    """Who learns.

    init: (key, example) -> state. `example` is a batch of zeros: its shapes and dtypes count, its values do not.
    update: (key, state, batch) -> (state, metrics). metrics: a flat dict of float scalars, the same names every step.
    predict: (state, inputs) -> outputs. A classifier's outputs are log-probabilities [B, K].
    """

    init: Callable
    update: Callable
    predict: Callable


class World(NamedTuple):
    """Where it learns.

    data: arrays. An argument of the compiled program, never closed over.
    init: (key, data) -> state.
    draw: (key, data, state, act) -> (state, batch). `act(inputs)` is the learner's present `predict`, for worlds in
      which it moves; a supervised world deletes it. `act` is None before there is a learner: then draw any batch.

    The rest is optional: what a world tells to those who measure and to those who run it.
    first_samples: (data, state, count) -> (x, y, weights), the samples [count, ..] that it shows first; a weight of 0
      marks those that it never shows.
    as_test: (test) -> test, the test samples as this world would show them, e.g. with its label noise.
    read_rows: (data, step, num_steps, part) -> data with the rows that these steps draw, for data read as they are
      needed. Of several processes each reads its part, (i, k) the i-th of k, by default all: what is read anew then has
      a k-th of its rows, equally many in each part, and all that it had before is the same object.
    prefetch: how many batches are worth drawing at once, where drawing is a program of its own (`bootstrap.prefetch`).
    """

    data: Any
    init: Callable
    draw: Callable
    first_samples: Callable | None = None
    as_test: Callable | None = None
    read_rows: Callable | None = None
    prefetch: int = 1


def undivided(what: Any, axis: str | None) -> Any:
    """The `divide` of one device, for arrays and functions alike.

    A learner or a world that does the same for many independently takes such a function, and names them by it.
    `divide(arrays, "population")`: their leading axis is of a population, which devices may share; `divide(arrays,
    None)`: every device needs all of them. A function of one of them, for a `vmap`: a device need not wait in its loops
    for those of others. It changes no number.
    """
    del axis
    return what


class Run(NamedTuple):
    """All that is ever saved."""

    step: jax.Array  # [] int32, steps taken
    learner: Any
    world: Any


_BEGIN = jnp.iinfo(jnp.uint32).max  # begin's place in the stream of keys fold_in(key, step): no step reaches it


def begin(key: jax.Array, learner: Learner, world: World) -> Run:
    """A run at step 0. The key is the run's: give `advance` the same one."""
    # Not split(key): its children are the keys of steps 0, 1, ..: split(key)[i] == fold_in(key, i).
    k_world, k_draw, k_learner = jax.random.split(jax.random.fold_in(key, _BEGIN), 3)
    world_state = world.init(k_world, world.data)
    _, batch = jax.eval_shape(world.draw, k_draw, world.data, world_state, None)
    example = jax.tree.map(lambda leaf: jnp.zeros(leaf.shape, leaf.dtype), batch)
    return Run(jnp.zeros((), jnp.int32), learner.init(k_learner, example), world_state)


def advance(key: jax.Array, learner: Learner, world: World, run: Run, num_steps: int) -> tuple[Run, dict]:
    """Takes `num_steps` steps: draw a batch, update the learner. -> (run, metrics), each metric [num_steps].

    The key of a step is fold_in(key, step), so no key is carried, and a run resumed from any saved step goes on as if
    it had never stopped. `bootstrap.prefetch` has other forms of this loop.
    """
    return jax.lax.scan(lambda run, _: step(key, learner, world, run), run, length=num_steps)


def step(key: jax.Array, learner: Learner, world: World, run: Run) -> tuple[Run, dict]:
    """One step. -> (run, metrics), each metric []."""
    k_draw, k_update = step_keys(key, run.step)
    world_state, batch = world.draw(k_draw, world.data, run.world, partial(learner.predict, run.learner))
    learner_state, metrics = learner.update(k_update, run.learner, batch)
    return Run(run.step + 1, learner_state, world_state), metrics


def step_keys(key: jax.Array, step: jax.Array) -> jax.Array:
    """The keys of the draw and of the update of a step. The run's key is not consumed."""
    return jax.random.split(jax.random.fold_in(key, step))
