"""The tabletop: a scene of `scene.py` in MJX, through Brax, or in C MuJoCo.

Only this file imports brax. Functions are of one game; the caller vmaps and jits. In MJX a game takes 1.1 kB for a puck
and 25 kB for two blocks, of which 0.3 and 0.8 kB are kept between control steps; in C a thread takes 14 MB.

On XLA:CPU with several threads a loop over vmapped MJX steps may hang: two blocks in 256 games did, one puck did not.
XLA_FLAGS=--xla_cpu_enable_concurrency_optimized_scheduler=false prevents it; as a compiler option of jit it does not.

Letters: A dimensions of an action, J joints of the gripper, L links of it with a sense of touch, N slots of objects.
"""

import contextlib
import functools
import warnings
from collections.abc import Callable
from typing import NamedTuple

import jax
import jax.numpy as jnp

from self_play import c_mujoco, domain, following, goals, observations
from self_play.goals import Poses
from self_play.observations import State
from self_play.scene import Scene

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
    symmetries = symmetries_of(scene)
    where = {"table": scene.table.top, "area": scene.table.area}
    return {
        "observe_goal": functools.partial(observations.observe_goal, scene, symmetries),
        "judge": lambda start, goal, mask: goals.judge(start, goal, mask, symmetries, **where, **thresholds),
        "reached": lambda poses, goal, mask: goals.reached(poses, goal, mask, symmetries, **thresholds),
    }


def symmetries_of(scene: Scene) -> goals.Symmetries:
    """The symmetries of the objects in the slots of a scene; empty slots have those of the last object."""
    names = [one.symmetry for one in scene.objects]
    return goals.symmetries_of(*names, *names[-1:] * (scene.num_slots - len(names)))


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
    """A state at rest, with the scene's own physics. Absent objects are beyond the table, apart from one another."""
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
    target = state.target + _float32(robot.scale) * average / weight
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


@contextlib.contextmanager
def library_settings():
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

    -> begin: (q) -> (q, qd, solver_state); advance: (q, qd, solver_state, controls [J], factors: see `domain.factors`)
    -> (.., touch [objects, L]).
    MJX's state is large. Between control steps only what its step reads is kept; that is exact.
    """
    with library_settings(), jax.ensure_compile_time_eval():  # a caller may be tracing, and the result is cached
        from brax.io import mjcf  # here, because it takes seconds: who builds no table does not wait
        from brax.mjx import pipeline

        system = mjcf.loads(scene.mjcf)
    with library_settings():
        blank = jax.eval_shape(pipeline.init, system, *(jnp.zeros(n, jnp.float32) for n in (system.nq, system.nv)))

    def begin(q):
        return q, *2 * [jnp.zeros(system.nv, jnp.float32)]

    def advance(q, qd, solver_state, controls, factors):
        varied = system if factors is None else _varied(system, scene.num_objects, factors)
        state = jax.tree.map(lambda leaf: jnp.zeros(leaf.shape, leaf.dtype), blank)
        state = state.replace(q=q, qd=qd, qpos=q, qvel=qd, qacc_warmstart=solver_state)
        with library_settings():
            state = jax.lax.fori_loop(0, scene.substeps, lambda _, state: pipeline.step(varied, state, controls), state)
        return state.q, state.qd, state.qacc_warmstart, _touch(scene, system, state.contact)

    return begin, advance


def _varied(system, num_objects, factors):
    """The system with the masses and frictions of a game, as `Vary` of physics.cc has them."""
    model = system.mj_model
    bodies = jnp.array([model.body(f"object{i}").id for i in range(num_objects)])
    mass = jnp.ones(model.nbody, jnp.float32).at[bodies].set(factors[:-1])
    drag = jnp.ones(model.nbody, jnp.float32).at[bodies].set(factors[-1])
    of_dof = jnp.array(model.dof_bodyid)
    return system.replace(
        body_mass=mass * system.body_mass,
        body_subtreemass=mass * system.body_subtreemass,
        body_inertia=mass[:, None] * system.body_inertia,
        body_invweight0=system.body_invweight0 / mass[:, None],
        dof_M0=mass[of_dof] * system.dof_M0,
        dof_invweight0=system.dof_invweight0 / mass[of_dof],
        dof_damping=drag[of_dof] * system.dof_damping,
        geom_friction=jnp.asarray(system.geom_friction).at[:, 0].multiply(factors[-1]),
    )


def _touch(scene, system, contact):
    """Which object touches which link with a sense of touch. -> [num_objects, L] bool."""
    first, second = contact.link_idx
    objects = jnp.array([system.link_names.index(f"object{i}") for i in range(scene.num_objects)])
    links = jnp.array([system.link_names.index(name) for name in scene.robot.touching])

    def one(a, b):
        return jnp.any((contact.dist < 0) & (((first == a) & (second == b)) | ((first == b) & (second == a))))

    return jax.vmap(jax.vmap(one, in_axes=(None, 0)), in_axes=(0, None))(objects, links)
