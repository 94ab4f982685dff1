"""Other forms of `core.advance`: batches drawn ahead, steps unrolled. They compute the same, up to rounding.

Drawing many batches at once and then learning them is faster where a batch is made by a small program of its own.
"""

import jax
import jax.numpy as jnp

from bootstrap import core, settings
from bootstrap.core import Learner, Run, World


def advance(
    key: jax.Array, learner: Learner, world: World, run: Run, num_steps: int, *, prefetch: int = 1, unroll: int = 1
) -> tuple[Run, dict]:
    """Takes `num_steps` steps. -> (run, metrics), each metric [num_steps].

    prefetch: this number of batches is drawn before the learner learns the first of them. Raises ValueError where it is
    above 1 and the world uses `act`. unroll: this number of steps is one turn of the loop.
    """
    settings.check_counts(1, num_steps=num_steps, prefetch=prefetch, unroll=unroll)
    if prefetch == 1:
        return jax.lax.scan(lambda run, _: core.step(key, learner, world, run), run, length=num_steps, unroll=unroll)

    def draw(state, step):
        k_draw, _ = core.step_keys(key, step)
        return world.draw(k_draw, world.data, state, _no_act)

    def learn(state, drawn):
        step, batch = drawn
        _, k_update = core.step_keys(key, step)
        return learner.update(k_update, state, batch)

    def several(run, size):
        steps = run.step + jnp.arange(size)
        world_state, batches = jax.lax.scan(draw, run.world, steps)
        learner_state, metrics = jax.lax.scan(learn, run.learner, (steps, batches), unroll=min(unroll, size))
        return Run(run.step + size, learner_state, world_state), metrics

    num_turns, rest = divmod(num_steps, prefetch)
    parts = []
    if num_turns:
        run, metrics = jax.lax.scan(lambda run, _: several(run, prefetch), run, length=num_turns)
        parts.append(jax.tree.map(lambda values: values.reshape(-1, *values.shape[2:]), metrics))
    if rest:
        run, metrics = several(run, rest)
        parts.append(metrics)
    return run, jax.tree.map(lambda *values: jnp.concatenate(values), *parts)


def _no_act(inputs):
    del inputs
    raise ValueError("prefetch must be 1 in a world in which the learner acts: its batches cannot be drawn ahead")
