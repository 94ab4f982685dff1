"""The frame: a Learner lives in a World, and `advance` joins them. Read this file first.

    learner = Learner(init, update, predict)      # who learns
    world = World(data, init, draw)               # where it learns
    run = begin(key, learner, world)
    run, metrics = advance(key, learner, world, run, num_steps)

Everything is pure. Seeds, rates and populations are `vmap`s of `begin` and `advance`; the caller jits.
"""

from collections.abc import Callable
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
    """

    data: Any
    init: Callable
    draw: Callable


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


def advance(
    key: jax.Array, learner: Learner, world: World, run: Run, num_steps: int, *, slab: int = 1, unroll: int = 1
) -> tuple[Run, dict]:
    """Takes `num_steps` steps: draw a batch, update the learner. -> (run, metrics), each metric [num_steps].

    The key of a step is fold_in(key, step), so no key is carried, and a run taken up from any saved step goes on as if
    it had never stopped.

    Two settings choose the form of the loop, not what it computes. slab: so many batches are drawn before the learner
    learns the first of them, in a world that does not use `act`. unroll: so many steps are one turn of the loop.
    """

    def draw(step, state, act):
        k_draw, _ = jax.random.split(jax.random.fold_in(key, step))
        return world.draw(k_draw, world.data, state, act)

    def learn(step, state, batch):
        _, k_update = jax.random.split(jax.random.fold_in(key, step))
        return learner.update(k_update, state, batch)

    def one(run, _):
        world_state, batch = draw(run.step, run.world, lambda inputs: learner.predict(run.learner, inputs))
        learner_state, metrics = learn(run.step, run.learner, batch)
        return Run(run.step + 1, learner_state, world_state), metrics

    def several(run, _):
        steps = run.step + jnp.arange(slab)
        world_state, batches = jax.lax.scan(lambda state, step: draw(step, state, _no_act), run.world, steps)
        learner_state, metrics = jax.lax.scan(
            lambda state, drawn: learn(drawn[0], state, drawn[1]), run.learner, (steps, batches), unroll=unroll
        )
        return Run(run.step + slab, learner_state, world_state), metrics

    num_slabs, rest = divmod(num_steps, slab) if slab > 1 else (0, num_steps)
    parts = []
    if num_slabs:
        run, metrics = jax.lax.scan(several, run, length=num_slabs)
        parts.append(jax.tree.map(lambda values: values.reshape(-1, *values.shape[2:]), metrics))
    if rest:
        run, metrics = jax.lax.scan(one, run, length=rest, unroll=unroll)
        parts.append(metrics)
    return run, jax.tree.map(lambda *values: jnp.concatenate(values), *parts)


def _no_act(inputs):
    del inputs
    raise ValueError("slab must be 1 in a world in which the learner acts: its batches cannot be drawn ahead")
