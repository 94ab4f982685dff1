"""The physics of a scene in MJX-Warp, MuJoCo's own kernels for NVIDIA GPUs: physics="warp", an optional extra.

It also runs on a CPU, far more slowly than anything else here; tests do that. A game with more contacts than there is
room for is a broken game, as one with numbers that are not finite.
"""

import functools
import importlib.util
import math
from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from self_play.composition import sensing
from self_play.mjx import library_settings, varied_model
from self_play.parallel import over_games, pipeline_of
from self_play.scene import Scene


def available() -> bool:
    """Whether warp-lang is installed."""
    return importlib.util.find_spec("warp") is not None


@functools.cache
def pipeline(scene: Scene) -> tuple[Callable, Callable]:
    """The physics of a scene, as `tabletop` has it: (begin, advance)."""
    links = scene.robot.touching
    with library_settings(), jax.ensure_compile_time_eval():  # a caller may be tracing, and the result is cached
        import warp  # pyrefly: ignore[missing-import]
        from mujoco import mjx

        warp.config.log_level = warp.LOG_WARNING  # else it writes a line for each of its kernels
        # CUDA graphs that are captured once; by default one is captured anew whenever XLA moves a buffer.
        staged = None if jax.default_backend() == "cpu" else warp.JaxCallableGraphMode.WARP_STAGED
        model = sensing(scene.mjcf, scene.num_objects, links)
        on_device = mjx.put_model(model, impl="warp", graph_mode=staged)
        on_device = on_device.tree_replace({"opt._impl.warn_overflow": 0})  # it would print in each step
    contacts, rows = room(model, sum(len(one.parts) for one in scene.objects))

    def call(*operands):
        of_games = operands[0].shape[:-1]
        flat = [operand.reshape(-1, operand.shape[-1]) for operand in operands]
        with library_settings(), jax.ensure_compile_time_eval():
            blank = mjx.make_data(model, impl="warp", naconmax=contacts * math.prod(of_games), njmax=rows)
            blank = jax.tree.map(np.asarray, blank)
        blank = jax.tree.map(lambda leaf: _filled(leaf) if leaf.size else jnp.asarray(leaf), blank)

        def one(q, qd, solver_state, controls, factors):
            varied = varied_model(on_device, model, scene.num_objects, factors) if scene.is_varied else on_device
            data = blank.replace(qpos=q, qvel=qd, qacc_warmstart=solver_state, ctrl=controls)
            data = jax.lax.fori_loop(0, scene.substeps, lambda _, data: mjx.step(varied, data), data)
            fits = data._impl.overflow & _NO_ROOM == 0
            after = (jnp.where(fits, x, jnp.nan) for x in (data.qpos, data.qvel, data.qacc_warmstart))
            return *after, data.sensordata.reshape(scene.num_objects, len(links)) > 0

        with library_settings():
            results = jax.vmap(one)(*flat)
        return tuple(x.reshape(*of_games, *x.shape[1:]) for x in results)

    return pipeline_of(over_games(call), model.nv, scene.num_objects)


_NO_ROOM = 1 | 2 | 4 | 8 | 16  # of mujoco_warp's OverflowType: rows, their entries, pairs, contacts, convex pairs


def room(model: Any, num_parts: int) -> tuple[int, int]:
    """-> (naconmax: contacts, of a game on average; njmax: rows of constraints, of each game at most).

    num_parts: of all objects. Each part rests on up to 4 contacts, and two boxes meet in up to 8; a grasp has two such
    pairs, and the hand may touch a third. A pyramid of friction has 2 (condim - 1) rows. A joint has one for its limit,
    each of its dimensions one for its friction, a weld six.
    """
    collides = (model.geom_contype != 0) | (model.geom_conaffinity != 0)
    of_contact = max(1, 2 * (int(model.geom_condim[collides].max()) - 1))
    return 4 * num_parts + 16, of_contact * (8 * num_parts + 24) + model.njnt + model.nv + 6 * model.neq


def _filled(leaf):
    """An array that is the same everywhere as an operation of the program, not as a constant in it."""
    first = leaf.flat[0]
    return jnp.full(leaf.shape, first, leaf.dtype) if (leaf == first).all() else jnp.asarray(leaf)
