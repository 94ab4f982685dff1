"""C MuJoCo where the kernel was not built: MuJoCo's own batches, called from within a compiled program through Python.

The same bits as `c_mujoco`. A program that calls back is compiled anew in each process, and of several devices the
first steps all games.

Letters: G games, J joints of the gripper, L links of it with a sense of touch, N objects.
"""

import functools
import threading
from collections.abc import Callable
from typing import Any

import jax
import numpy as np

from self_play.composition import sensing
from self_play.parallel import pipeline_of
from self_play.scene import Scene


@functools.cache
def pipeline(scene: Scene) -> tuple[Callable, Callable]:
    """The physics of a scene, as `tabletop` has it: (begin, advance)."""
    from mujoco import mjtDisableBit  # pyrefly: ignore[missing-module-attribute]

    links = scene.robot.touching
    model = sensing(scene.mjcf, scene.num_objects, links)
    model.opt.disableflags |= mjtDisableBit.mjDSBL_AUTORESET  # a game that breaks is seen to be broken
    ready, lock = functools.cache(functools.partial(_batch, model, scene.num_objects)), threading.Lock()

    def call_back(*operands):
        of_games = operands[0].shape[:-1]
        rows = [np.asarray(operand).reshape(-1, operand.shape[-1]) for operand in operands]
        with lock:
            *after, touch = _step(*ready(len(rows[0])), scene, *rows)
        after = [x.astype(np.float32).reshape(*of_games, -1) for x in after]
        return *after, touch.reshape(*of_games, scene.num_objects, len(links))

    def step(*operands):
        q, qd, solver_state, *_ = operands
        touch = jax.ShapeDtypeStruct((*q.shape[:-1], scene.num_objects, len(links)), bool)
        results = *(jax.ShapeDtypeStruct(x.shape, x.dtype) for x in (q, qd, solver_state)), touch
        return tuple(jax.pure_callback(call_back, results, *operands, vmap_method="broadcast_all"))

    return pipeline_of(step, model.nv, scene.num_objects)


_OF_BODIES = ("body_mass", "body_subtreemass", "body_inertia", "body_invweight0")
_OF_DOFS = ("dof_M0", "dof_invweight0", "dof_damping")


def _batch(model: Any, num_objects: int, num_games: int) -> tuple[Any, Callable]:
    """-> (a batch of games, (factors [G, N + 1]) -> None, which gives them their masses and frictions)."""
    from mujoco.batch import Batch

    batch = Batch(model, num_games)
    fields = {name: batch.expand(name) for name in (*_OF_BODIES, *_OF_DOFS, "geom_friction")}
    bodies = [model.body(f"object{i}").id for i in range(num_objects)]
    of_dof = [bodies.index(body) if body in bodies else num_objects for body in model.dof_bodyid]

    def vary(factors):  # as `Vary` of physics.cc
        mass, friction = factors[:, :-1], factors[:, -1:]
        for name in _OF_BODIES:
            own = getattr(model, name)[bodies]
            of_body = mass.reshape(*mass.shape, *(1,) * (own.ndim - 1))
            fields[name][:, bodies] = own / of_body if "invweight" in name else of_body * own
        mass = np.pad(mass, ((0, 0), (0, 1)), constant_values=1.0)[:, of_dof]
        fields["dof_M0"][:] = mass * model.dof_M0
        fields["dof_invweight0"][:] = model.dof_invweight0 / mass
        is_objects = np.array(of_dof) < num_objects
        fields["dof_damping"][:] = np.where(is_objects, friction, 1.0) * model.dof_damping
        fields["geom_friction"][:, :, 0] = friction * model.geom_friction[:, 0]

    return batch, vary


def _step(batch, vary, scene, q, qd, solver_state, controls, factors):
    """One control step of the games of a batch. -> (q, qd, solver_state [G, ..], touch [G, N L])."""
    from mujoco.batch import SimulationError

    fields = [batch.bind(name) for name in ("qpos", "qvel", "qacc_warmstart", "ctrl")]
    sound = _are_sound(q, qd, solver_state, controls)
    for field, given in zip(fields, (q, qd, solver_state, controls), strict=True):
        field[:] = np.where(sound[:, None], given, field)
    batch.bind("time")[:] = 0.0
    batch.warning[:] = 1  # messages come with the first of a kind, and would go to a file in the folder of the process
    vary(factors.astype(np.float64))
    ids = np.flatnonzero(sound)
    touches = batch.bind("sensordata")
    try:
        batch.step(ids, nstep=scene.substeps)
    except SimulationError as error:
        sound[error.ids] = False
    sound &= _are_sound(*fields[:3])
    broken = ~sound[:, None]
    after = [np.where(broken, np.nan, field) for field in fields[:3]]
    if not sound.all():
        batch.reset(np.flatnonzero(~sound))  # nothing of a broken game stays
    return *after, ~broken & (touches > 0)


def _are_sound(*arrays):
    """Which games' numbers are finite and below MuJoCo's own bound (mjMAXVAL) [G]."""
    return np.all([np.all(np.abs(array) <= 1e10, axis=1) for array in arrays], axis=0)
