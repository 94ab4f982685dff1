"""The tabletop: a scene of `scene.py` in one of Brax's physics pipelines. The only file that imports brax.

One game; the caller vmaps and jits. On XLA:CPU with several threads a loop over vmapped MJX steps may hang: two blocks
in 256 games do, one puck did not. XLA_FLAGS=--xla_cpu_enable_concurrency_optimized_scheduler=false prevents it; the
same as a compiler option of jit does not. MJX works in 1.1 kB a game for a puck, 25 kB for two blocks, of which 0.3 and
0.8 are the state.

Letters: A dimensions of an action, J joints of the gripper, L links of it that feel, N slots of objects.
"""

import contextlib
import functools
import importlib
import json
import warnings
from collections.abc import Callable
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp

from self_play import goals, observations
from self_play.goals import Poses
from self_play.observations import State
from self_play.scene import Scene, with_ghosts

NUM_BINS = 11  # of each dimension of an action, from -1 to 1 (B.2)
PIPELINES = ("mjx", "generalized", "positional", "spring")


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


def tabletop(scene: Scene, *, pipeline: str = "mjx") -> Tabletop:
    """The table of `scene` in a pipeline of Brax.

    MJX alone holds stacks and grasps, and is fast enough for pucks: 190,000 control steps a second on one core, of 256
    games. With `scene.pucks` as it is, spring (296,000) and positional (93,000) throw pucks metres away, and
    generalized makes 20,000.
    """
    if pipeline not in PIPELINES:
        raise ValueError(f"pipeline must be one of {', '.join(PIPELINES)}, got {pipeline!r}")
    begin, advance = (_mjx if pipeline == "mjx" else _brax)(scene, pipeline)
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


def random_places(scene, key):
    """-> (joints, Poses, mask). Each object in a cell of its own of a 3 x 3 grid, turned; the gripper over another."""
    k_cell, k_jitter, k_yaw, k_number = jax.random.split(key, 4)
    x, y = jnp.meshgrid(jnp.arange(-1.0, 2.0), jnp.arange(-1.0, 2.0))
    cells = jax.random.permutation(k_cell, jnp.stack([x.ravel(), y.ravel()], axis=-1))
    xy = scene.cell * cells + scene.room * jax.random.uniform(k_jitter, (9, 2), minval=-0.5, maxval=0.5)
    half = (not scene.planar) * jax.random.uniform(k_yaw, (scene.num_objects,), maxval=jnp.pi)  # pucks do not turn
    zero = jnp.zeros(scene.num_objects)
    rotation = jnp.stack([jnp.cos(half), zero, zero, jnp.sin(half)], axis=-1)
    position = jnp.concatenate([xy[: scene.num_objects], zero[:, None] + scene.height], axis=-1)
    number = jax.random.randint(k_number, (), scene.min_objects, scene.num_objects + 1)
    joints = jnp.array(scene.start).at[:2].set(xy[8])
    return joints, Poses(position, rotation), jnp.arange(scene.num_slots) < number


def _place(scene, begin, joints, poses, mask):
    """A state at rest. Absent objects lie beyond the table, apart from one another."""
    n = scene.num_objects
    aside = jnp.zeros((n, 3)).at[:, 0].set(scene.table[0] + 0.4 + 0.2 * jnp.arange(n)).at[:, 2].set(scene.height)
    objects = jnp.where(mask[:n, None], poses.position[:n], aside)
    objects = objects[:, :2] if scene.planar else jnp.concatenate([objects, poses.rotation[:n]], axis=-1)
    q, qd, memory = begin(jnp.concatenate([joints[jnp.array(scene.actuated)], objects.ravel()]))
    touch = jnp.zeros((scene.num_slots, len(scene.touching)), bool)
    return State(q, qd, memory, joints, jnp.zeros_like(joints), jnp.zeros(()), touch, mask)


def _step(scene, advance, state, action):
    """Moves the gripper's targets by the smoothed action, no farther ahead of its joints than the leash (B.2)."""
    keep = 0.3 ** (scene.substeps * scene.timestep / 0.08)  # the published environment's moving average, unbiased
    average = keep * state.average + (1 - keep) * (2 * action / (NUM_BINS - 1) - 1)
    weight = keep * state.weight + (1 - keep)
    joints, leash = state.q[jnp.array(scene.joints)], jnp.array(scene.leash)
    target = state.target + jnp.array(scene.scale) * average / weight
    target = jnp.clip(jnp.clip(target, jnp.array(scene.low), jnp.array(scene.high)), joints - leash, joints + leash)
    q, qd, memory, touch = advance(state.q, state.qd, state.memory, target[jnp.array(scene.actuated)])
    touch = jnp.pad(touch, ((0, scene.num_slots - scene.num_objects), (0, 0)))
    return State(q, qd, memory, target, average, weight, touch, state.mask)


@contextlib.contextmanager
def _brax_manners():
    """Brax and MJX warn of their own deprecations, print that there is no Warp, and let ranks be promoted."""
    with warnings.catch_warnings(), contextlib.redirect_stdout(None), jax.numpy_rank_promotion("allow"):
        warnings.filterwarnings("ignore", category=DeprecationWarning)
        warnings.filterwarnings("ignore", "Brax System, piplines and environments", UserWarning)
        yield


def _load(scene, pipeline):
    """-> (pipeline, System). Brax is imported here: it takes seconds, which those who build no table do not pay."""
    with _brax_manners(), jax.ensure_compile_time_eval():  # a caller may be tracing, and what is loaded is kept
        from brax.io import mjcf

        return importlib.import_module(f"brax.{pipeline}.pipeline"), mjcf.loads(scene.mjcf)


def film(scene: Scene, q: jax.Array, goal: Poses, shown: jax.Array) -> dict:
    """Frames for Brax's viewer: what `brax.io.json` makes of a scene and its states, the goal drawn as ghosts.

    q [T, ..]: positions of a State; goal [T, ..]; shown [T] bool, whether the frame has a goal.
    """
    with _brax_manners():
        from brax import kinematics
        from brax.io import json as brax_json
        from brax.io import mjcf

        system = mjcf.loads(with_ghosts(scene))
        ghosts = jnp.concatenate(goal, axis=-1)[:, : scene.num_objects]
        ghosts = ghosts.at[:, :, 2].add(jnp.where(shown, 0.0, -1.0)[:, None])  # under the table
        whole = jnp.concatenate([q, ghosts.reshape(len(q), -1)], axis=-1)
        places = jax.vmap(lambda q: kinematics.forward(system, q, jnp.zeros(system.qd_size()))[0])(whole)
        frames: Any = [_Frame(jax.tree.map(lambda leaf, t=t: leaf[t], jax.device_get(places))) for t in range(len(q))]
        return json.loads(brax_json.dumps(system, frames))


class _Frame(NamedTuple):
    x: Any  # where each link is


def page(frames: dict) -> str:
    """The HTML page of a film: Brax's own viewer, whose script the browser fetches from a public server."""
    with _brax_manners():
        from brax.io import html

        return html.render_from_json(json.dumps(frames), height=480, colab=False, base_url=None)


@functools.cache
def _mjx(scene, pipeline):
    """-> begin: (q) -> (q, qd, memory); advance: (q, qd, memory, controls [J]) -> (q, qd, memory, touch).

    Of MJX's state, which is large, only what its step reads is kept between control steps; that is exact.
    """
    physics, system = _load(scene, pipeline)
    with _brax_manners():
        blank = jax.eval_shape(physics.init, system, jnp.zeros(system.nq), jnp.zeros(system.nv))

    def begin(q):
        return q, jnp.zeros(system.nv), jnp.zeros(system.nv)

    def advance(q, qd, memory, controls):
        state = jax.tree.map(lambda leaf: jnp.zeros(leaf.shape, leaf.dtype), blank)
        state = state.replace(q=q, qd=qd, qpos=q, qvel=qd, qacc_warmstart=memory)
        state = _substeps(scene, physics, system, state, controls)
        return state.q, state.qd, state.qacc_warmstart, _touch(scene, system, state.contact)

    return begin, advance


def _brax(scene, pipeline):
    """As `_mjx`, of Brax's own pipelines: the memory is their whole state."""
    physics, system = _load(scene, pipeline)
    from brax import contact

    def begin(q):
        with _brax_manners():
            state = physics.init(system, q, jnp.zeros(system.qd_size()))
        return state.q, state.qd, state

    def advance(q, qd, memory, controls):
        del q, qd
        state = _substeps(scene, physics, system, memory, controls)
        with _brax_manners():
            contacts = contact.get(system, state.x)
        return state.q, state.qd, state, _touch(scene, system, contacts)

    return begin, advance


def _substeps(scene, physics, system, state, controls):
    with _brax_manners():
        return jax.lax.fori_loop(0, scene.substeps, lambda _, state: physics.step(system, state, controls), state)


def _touch(scene, system, contact):
    """Which object touches which feeling link of the gripper. -> [num_objects, L] bool."""
    first, second = contact.link_idx
    objects = jnp.array([system.link_names.index(f"object{i}") for i in range(scene.num_objects)])
    links = jnp.array([system.link_names.index(name) for name in scene.touching])

    def one(a, b):
        return jnp.any((contact.dist < 0) & (((first == a) & (second == b)) | ((first == b) & (second == a))))

    return jax.vmap(jax.vmap(one, in_axes=(None, 0)), in_axes=(0, None))(objects, links)
