"""The tabletop: a scene of `scene.py` in MJX, through Brax, or in C MuJoCo, and frames for Brax's viewer.

Only this file imports brax. Functions are of one game; the caller vmaps and jits. In MJX a game takes 1.1 kB for a puck
and 25 kB for two blocks, of which 0.3 and 0.8 kB are kept between control steps; in C a thread takes 14 MB.

On XLA:CPU with several threads a loop over vmapped MJX steps may hang: two blocks in 256 games did, one puck did not.
XLA_FLAGS=--xla_cpu_enable_concurrency_optimized_scheduler=false prevents it; as a compiler option of jit it does not.

Letters: A dimensions of an action, J joints of the gripper, L links of it with a sense of touch, N slots of objects.
"""

import contextlib
import functools
import json
import warnings
from collections.abc import Callable
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp

from self_play import c_mujoco, goals, observations
from self_play.goals import Poses
from self_play.observations import State
from self_play.scene import Scene, with_ghosts

NUM_BINS = 11  # of each dimension of an action, from -1 to 1 (B.2)


class Tabletop(NamedTuple):
    """A scene and its physics, as pure functions of one game."""

    scene: Scene
    reset: Callable  # (key) -> State, objects and gripper in random places. The key is consumed
    place: Callable  # (joints [A], Poses, mask [N]) -> State, at rest
    step: Callable  # (State, action [A] int, 0 to NUM_BINS - 1) -> State, one control step later
    poses: Callable  # (State) -> Poses
    observe: Callable  # (State) -> Observation
    observe_goal: Callable  # (Poses, goal Poses, mask) -> [N, H]
    judge: Callable  # (start Poses, goal Poses, mask) -> goals.Verdict
    reached: Callable  # (Poses, goal Poses, mask) -> [N] bool


def build(scene: Scene) -> Tabletop:
    """The tabletop of `scene`. One core makes 190,000 control steps a second in 256 games of one puck."""
    begin, advance = {"mjx": _mjx, "c": c_mujoco.pipeline}[physics_of(scene)](scene)
    place = functools.partial(_place, scene, begin)
    symmetries = goals.symmetries_of(scene.symmetry)
    return Tabletop(
        scene=scene,
        reset=lambda key: place(*random_places(scene, key)),
        place=place,
        step=functools.partial(_step, scene, advance),
        poses=functools.partial(observations.poses, scene),
        observe=functools.partial(observations.observe, scene),
        observe_goal=functools.partial(observations.observe_goal, scene, symmetries),
        judge=lambda start, goal, mask: goals.judge(start, goal, mask, symmetries, table=scene.table, area=scene.area),
        reached=lambda poses, goal, mask: goals.reached(poses, goal, mask, symmetries),
    )


def physics_of(scene: Scene) -> str:
    """The pipeline of a scene, "mjx" or "c". Raises ValueError if there is none as its setting says.

    "auto" is C where that is faster, for free bodies on a CPU: one core steps a block six times as fast in C as in
    MJX, but a puck 0.7 times (`launch.bench`). C knows no other device, and needs a kernel that is built at install.
    """
    on_cpu = jax.default_backend() == "cpu"
    works = on_cpu and c_mujoco.available()
    if scene.physics == "c" and not works:
        why = "was not built: install a C++ compiler and the package again" if on_cpu else "is for CPUs"
        raise ValueError(f"physics='c' {why}; or set physics='mjx'")
    if scene.physics == "auto":
        return "c" if works and not scene.planar else "mjx"
    return scene.physics


def random_places(scene: Scene, key: jax.Array) -> tuple[jax.Array, Poses, jax.Array]:
    """Random places for the gripper and the objects: (joints [A], Poses, mask [N]). The key is consumed.

    Each object has a cell of its own in a 3 x 3 grid and a random yaw; the gripper is over another cell.
    """
    k_cell, k_jitter, k_yaw, k_number = jax.random.split(key, 4)
    x, y = jnp.meshgrid(*2 * [jnp.arange(-1, 2, dtype=jnp.float32)])
    cells = jax.random.permutation(k_cell, jnp.stack([x.ravel(), y.ravel()], axis=-1))
    xy = scene.cell * cells + scene.room * jax.random.uniform(k_jitter, (9, 2), jnp.float32, minval=-0.5, maxval=0.5)
    half = (not scene.planar) * jax.random.uniform(
        k_yaw, (scene.num_objects,), jnp.float32, maxval=jnp.pi
    )  # pucks do not turn
    zero = jnp.zeros(scene.num_objects, jnp.float32)
    rotation = jnp.stack([jnp.cos(half), zero, zero, jnp.sin(half)], axis=-1)
    position = jnp.concatenate([xy[: scene.num_objects], zero[:, None] + scene.height], axis=-1)
    number = jax.random.randint(k_number, (), scene.min_objects, scene.num_objects + 1, jnp.int32)
    joints = _float32(scene.start).at[:2].set(xy[8])
    return joints, Poses(position, rotation), jnp.arange(scene.num_slots) < number


def _place(scene, begin, joints, poses, mask):
    """A state at rest. Absent objects lie beyond the table, apart from one another."""
    n = scene.num_objects
    aside = (
        jnp.zeros((n, 3), jnp.float32)
        .at[:, 0]
        .set(scene.table[0] + 0.4 + 0.2 * jnp.arange(n))
        .at[:, 2]
        .set(scene.height)
    )
    objects = jnp.where(mask[:n, None], poses.position[:n], aside)
    objects = objects[:, :2] if scene.planar else jnp.concatenate([objects, poses.rotation[:n]], axis=-1)
    q, qd, solver_state = begin(jnp.concatenate([joints[jnp.array(scene.actuated)], objects.ravel()]))
    touch = jnp.zeros((scene.num_slots, len(scene.touching)), bool)
    return State(q, qd, solver_state, joints, jnp.zeros_like(joints), jnp.zeros((), jnp.float32), touch, mask)


def _step(scene, advance, state, action):
    """Moves the gripper's targets by the smoothed action, but not beyond the leash around its joints (B.2)."""
    keep = 0.3 ** (scene.substeps * scene.timestep / 0.08)  # the published environment's moving average, unbiased
    average = keep * state.average + (1 - keep) * (2 * action.astype(jnp.float32) / (NUM_BINS - 1) - 1)
    weight = keep * state.weight + (1 - keep)
    joints, leash = state.q[jnp.array(scene.joints)], _float32(scene.leash)
    target = state.target + _float32(scene.scale) * average / weight
    target = jnp.clip(jnp.clip(target, _float32(scene.low), _float32(scene.high)), joints - leash, joints + leash)
    q, qd, solver_state, touch = advance(state.q, state.qd, state.solver_state, target[jnp.array(scene.actuated)])
    touch = jnp.pad(touch, ((0, scene.num_slots - scene.num_objects), (0, 0)))
    return State(q, qd, solver_state, target, average, weight, touch, state.mask)


def _float32(numbers):
    return jnp.array(numbers, jnp.float32)


@contextlib.contextmanager
def _brax_settings():
    """Silences Brax's and MJX's own deprecation warnings and messages, lets them promote ranks, and keeps 32 bits.

    Products are exact: with those of less precision that GPUs and TPUs take by default, contact solvers may fail.
    """
    quiet, unprinted = warnings.catch_warnings(), contextlib.redirect_stdout(None)
    exact = jax.default_matmul_precision("highest")
    with quiet, unprinted, exact, jax.numpy_rank_promotion("allow"), jax.enable_x64(False):
        warnings.filterwarnings("ignore", category=DeprecationWarning)
        warnings.filterwarnings("ignore", "Brax System, piplines and environments", UserWarning)
        yield


@functools.cache
def _mjx(scene):
    """The physics of a scene.

    -> begin: (q) -> (q, qd, solver_state); advance: (q, qd, solver_state, controls [J]) -> (.., touch [objects, L]).
    MJX's state is large. Between control steps only what its step reads is kept; that is exact.
    """
    with _brax_settings(), jax.ensure_compile_time_eval():  # a caller may be tracing, and the result is cached
        from brax.io import mjcf  # here, because it takes seconds: who builds no table does not wait
        from brax.mjx import pipeline

        system = mjcf.loads(scene.mjcf)
    with _brax_settings():
        blank = jax.eval_shape(pipeline.init, system, *(jnp.zeros(n, jnp.float32) for n in (system.nq, system.nv)))

    def begin(q):
        return q, *2 * [jnp.zeros(system.nv, jnp.float32)]

    def advance(q, qd, solver_state, controls):
        state = jax.tree.map(lambda leaf: jnp.zeros(leaf.shape, leaf.dtype), blank)
        state = state.replace(q=q, qd=qd, qpos=q, qvel=qd, qacc_warmstart=solver_state)
        with _brax_settings():
            state = jax.lax.fori_loop(0, scene.substeps, lambda _, state: pipeline.step(system, state, controls), state)
        return state.q, state.qd, state.qacc_warmstart, _touch(scene, system, state.contact)

    return begin, advance


def _touch(scene, system, contact):
    """Which object touches which link with a sense of touch. -> [num_objects, L] bool."""
    first, second = contact.link_idx
    objects = jnp.array([system.link_names.index(f"object{i}") for i in range(scene.num_objects)])
    links = jnp.array([system.link_names.index(name) for name in scene.touching])

    def one(a, b):
        return jnp.any((contact.dist < 0) & (((first == a) & (second == b)) | ((first == b) & (second == a))))

    return jax.vmap(jax.vmap(one, in_axes=(None, 0)), in_axes=(0, None))(objects, links)


class _Frame(NamedTuple):
    x: Any  # places of all links


def render_frames(scene: Scene, q: jax.Array, goal: Poses, has_goal: jax.Array) -> dict:
    """Frames, as a dict for JSON in the form of Brax's viewer; goals are drawn as transparent objects. Not for jit.

    q [T, ..]: positions of a State. goal [T, N]. has_goal [T] bool: whether the frame shows its goal.
    """
    with _brax_settings():
        from brax import kinematics
        from brax.io import json as brax_json
        from brax.io import mjcf

        system = mjcf.loads(with_ghosts(scene))
        ghosts = jnp.concatenate(goal, axis=-1)[:, : scene.num_objects]
        ghosts = ghosts.at[:, :, 2].add(jnp.where(has_goal, 0.0, -1.0)[:, None])  # hidden: under the table
        positions = jnp.concatenate([q, ghosts.reshape(len(q), -1)], axis=-1)
        places = jax.vmap(lambda q: kinematics.forward(system, q, jnp.zeros(system.qd_size()))[0])(positions)
        frames: Any = [_Frame(jax.tree.map(lambda leaf, t=t: leaf[t], jax.device_get(places))) for t in range(len(q))]
        return json.loads(brax_json.dumps(system, frames))
