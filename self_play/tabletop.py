"""The tabletop: a scene of `scene.py` in one of four kinds of physics.

Each is a pair of functions of one game, and they have one state, so a checkpoint goes from one to another:

  begin    (q) -> (q, qd, solver_state)
  advance  (q, qd, solver_state, controls [J], factors: see `domain.factors`) -> (q, qd, solver_state,
           touch [objects, L]), one control step later

Functions are of one game; the caller vmaps and jits.

Letters: A dimensions of an action, D those of joints (see `robots`), J joints of the gripper, L links of it with a
sense of touch, N slots of objects.
"""

import functools
from collections.abc import Callable
from typing import NamedTuple

import jax
import jax.numpy as jnp

from self_play import c_mujoco, domain, following, goals, mjx, mjx_warp, mujoco_batch, observations
from self_play.goals import Poses
from self_play.observations import State
from self_play.scene import Scene

NUM_BINS = 11  # of each dimension of an action, from -1 to 1 (B.2)


class Tabletop(NamedTuple):
    """A scene and its physics, as pure functions of one game."""

    scene: Scene
    reset: Callable  # (key) -> State, objects and gripper in random places. The key is consumed
    place: Callable  # (joints [D], Poses, mask [N]) -> State, at rest
    step: Callable  # (State, action [A] int, 0 to NUM_BINS - 1) -> State, one control step later
    poses: Callable  # (State) -> Poses
    observe: Callable  # (State) -> Observation
    observe_goal: Callable  # (Poses, goal Poses, mask) -> [N, H]
    judge: Callable  # (start Poses, goal Poses, mask) -> goals.Verdict
    reached: Callable  # (Poses, goal Poses, mask) -> [N] bool


def build(scene: Scene) -> Tabletop:
    """The tabletop of `scene`. Two cores make 430,000 physics steps a second in 256 games of a puck (BENCHMARKS.md)."""
    begin, advance = _PIPELINES[physics_of(scene)](scene)
    place = functools.partial(_place, scene, begin)
    return Tabletop(
        scene=scene,
        reset=functools.partial(_reset, scene, place),
        place=place,
        step=functools.partial(_step, scene, advance),
        poses=functools.partial(observations.poses, scene),
        observe=functools.partial(observations.observe, scene),
        **of_goals(scene),
    )


def of_goals(scene: Scene) -> dict[str, Callable]:
    """The parts of a Tabletop that are about goals: by the scene's thresholds and symmetries, whatever its physics."""
    thresholds = {"max_distance": scene.max_distance, "max_angle": scene.max_angle}
    symmetries = observations.symmetries_of(scene)
    where = {"table": scene.table.top, "area": scene.table.area}
    return {
        "observe_goal": functools.partial(observations.observe_goal, scene, symmetries),
        "judge": lambda start, goal, mask: goals.judge(start, goal, mask, symmetries, **where, **thresholds),
        "reached": lambda poses, goal, mask: goals.reached(poses, goal, mask, symmetries, **thresholds),
    }


def physics_of(scene: Scene) -> str:
    """The kind of physics of a scene, a name in PHYSICS but "auto". Raises ValueError if it cannot be as it is set.

    "auto" is C where that is faster, for free bodies on a CPU: a block is stepped 16 times as fast in C as in MJX
    (BENCHMARKS.md). C needs a kernel that is built at install; without it, and only then, "auto" is "batch". All else
    is in MJX.
    """
    on_cpu = jax.default_backend() == "cpu"
    if scene.physics in ("c", "batch") and not on_cpu:
        raise ValueError(f"physics={scene.physics!r} is for CPUs; set physics='mjx'")
    if scene.physics == "c" and not c_mujoco.available():
        raise ValueError(
            "physics='c' was not built: install a C++ compiler and the package again; or set physics='batch'"
        )
    if scene.physics == "warp" and not mjx_warp.available():
        raise ValueError("physics='warp' needs warp-lang: pip install 'mujoco-mjx[warp]'; or set physics='mjx'")
    if scene.physics == "auto":
        in_c = "c" if c_mujoco.available() else "batch"
        return in_c if on_cpu and not scene.planar else "mjx"
    return scene.physics


_PIPELINES = {
    "mjx": mjx.pipeline,
    "c": c_mujoco.pipeline,
    "batch": mujoco_batch.pipeline,
    "warp": mjx_warp.pipeline,
}


def random_places(scene: Scene, key: jax.Array) -> tuple[jax.Array, Poses, jax.Array]:
    """Random places for the gripper and the objects: (joints [D], Poses, mask [N]). The key is consumed.

    Each object has a cell of its own in a 3 x 3 grid and a random yaw; the gripper is over another cell, an arm where
    it always begins. Of objects that differ, which are on the table is random too.
    """
    k_cell, k_jitter, k_yaw, k_number = jax.random.split(key, 4)
    n = scene.num_objects
    x, y = jnp.meshgrid(*2 * [jnp.arange(-1, 2, dtype=jnp.float32)])
    cells = jax.random.permutation(k_cell, jnp.stack([x.ravel(), y.ravel()], axis=-1))
    jitter = jax.random.uniform(k_jitter, (9, 2), jnp.float32, minval=-0.5, maxval=0.5)
    xy = scene.table.cell * cells + scene.room * jitter
    turns = observations.coordinates_of(scene).turns
    half = turns * jax.random.uniform(k_yaw, (n,), jnp.float32, maxval=jnp.pi)
    zero = jnp.zeros(n, jnp.float32)
    rotation = jnp.stack([jnp.cos(half), zero, zero, jnp.sin(half)], axis=-1)
    position = jnp.concatenate([xy[:n], _float32(scene.heights)[:, None]], axis=-1)
    number = jax.random.randint(k_number, (), scene.min_objects, scene.max_objects + 1, jnp.int32)
    order = jnp.arange(scene.num_slots)
    if len(set(scene.objects)) > 1:
        order = order.at[:n].set(jax.random.permutation(jax.random.fold_in(k_number, 1), n))
    joints = _float32(scene.robot.start)
    joints = joints.at[:2].set(xy[8]) if scene.robot.cartesian else joints
    return joints, Poses(position, rotation), order < number


def _reset(scene, place, key):
    if not scene.is_varied:
        return place(*random_places(scene, key))
    k_places, k_domain = jax.random.split(key)
    state = place(*random_places(scene, k_places))
    return state._replace(domain=domain.draw(scene, k_domain, state.target))


def _place(scene, begin, joints, poses, mask):
    """A state at rest, with the scene's own physics. joints [D]. Absent objects are beyond the table, apart."""
    n = scene.num_objects
    objects = jax.tree.map(lambda leaf, away: jnp.where(mask[:n, None], leaf[:n], away), poses, _aside(scene))
    objects = observations.coordinates_of(scene).of_poses(objects)
    q, qd, solver_state = begin(jnp.concatenate([joints[jnp.array(scene.drive.driven_by)], objects.ravel()]))
    touch = jnp.zeros((scene.num_slots, len(scene.robot.touching)), bool)
    target = following.places(scene, q)
    average, weight = jnp.zeros_like(target), jnp.zeros((), jnp.float32)
    return State(q, qd, solver_state, target, average, weight, touch, mask, domain.nominal(scene, target))


def _aside(scene):
    """Where absent objects are: beyond the table, and in the air, where they touch nothing. See `_held`."""
    n = scene.num_objects
    x = scene.table.top[0] + 0.4 + 0.2 * jnp.arange(n, dtype=jnp.float32)
    position = jnp.stack([x, jnp.zeros(n), jnp.full(n, 0.5)], axis=-1).astype(jnp.float32)
    return Poses(position, jnp.tile(_float32([[1.0, 0.0, 0.0, 0.0]]), (n, 1)))


def _held(scene, mask, q, qd, solver_state):
    """The same numbers after a step, but absent objects are back in their places: what falls touches nothing.

    So they take next to none of the solver's time. Of pucks, which do not fall, nothing changes.
    """
    n, first = scene.num_objects, len(scene.drive.driven_by)
    here = mask[:n, None]
    aside = observations.coordinates_of(scene).of_poses(_aside(scene))
    objects = jnp.where(here, q[first:].reshape(n, -1), aside)
    still = (jnp.where(here, x[first:].reshape(n, -1), 0.0) for x in (qd, solver_state))
    return tuple(
        jnp.concatenate([x[:first], moved.ravel()])
        for x, moved in zip((q, qd, solver_state), (objects, *still), strict=True)
    )


def _step(scene, advance, state, action):
    """Moves the gripper's targets by the smoothed action, but not beyond the leash around its joints (B.2)."""
    robot, drive = scene.robot, scene.drive
    keep = 0.3 ** (scene.substeps * scene.timestep / 0.08)  # the published environment's moving average, unbiased
    average = keep * state.average + (1 - keep) * (2 * action.astype(jnp.float32) / (NUM_BINS - 1) - 1)
    weight = keep * state.weight + (1 - keep)
    here, leash = following.places(scene, state.q), _float32(robot.leash)
    target = following.near(scene, state.target, here) + _float32(robot.scale) * average / weight
    if not drive.carrying:
        target = jnp.clip(target, _float32(drive.low), _float32(drive.high))
    target = jnp.clip(target, here - leash, here + leash)
    told, varied = domain.send(state.domain, target)
    controls = following.joint_targets(scene, state.q, told)[jnp.array(drive.controls)]
    factors = domain.factors(state.domain)
    q, qd, solver_state, touch = advance(state.q, state.qd, state.solver_state, controls, factors)
    if scene.min_objects < scene.num_objects and not scene.planar:
        q, qd, solver_state = _held(scene, state.mask, q, qd, solver_state)
    touch = goals.in_slots(touch, scene.num_slots)
    return State(q, qd, solver_state, target, average, weight, touch, state.mask, varied)


def _float32(numbers):
    return jnp.array(numbers, jnp.float32)
