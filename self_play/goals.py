"""Goals: when they are reached, when they are valid, and their rewards (OpenAI et al. 2021, §3.1, A.1, A.2).

A goal is the pose of every object; the gripper does not count. Absent objects (mask False) never count.

Letters: N objects, S symmetries. Lengths in m, angles in rad; the table's top is z = 0, its centre x = y = 0.
"""

import itertools
from collections.abc import Callable
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np

MAX_DISTANCE = 0.04  # m, the paper's threshold (A.2)
MAX_ANGLE = 0.2  # rad, the paper's threshold (A.2)


class Poses(NamedTuple):
    """Poses of all objects."""

    position: jax.Array  # [N, 3] m
    rotation: jax.Array  # [N, 4] unit quaternions (w, x, y, z), of which q and -q are one rotation


def in_slots(of_objects: Any, num_slots: int) -> Any:
    """Arrays [n, ..] of objects, such as Poses, as [num_slots, ..]; the slots without one are zero."""
    return jax.tree.map(lambda leaf: jnp.pad(leaf, ((0, num_slots - len(leaf)), (0, 0))), of_objects)


def of_source(goal: Any, num_objects: int, num_slots: int) -> Poses:
    """What a source of goals returned, in all slots. Raises ValueError unless it is the Poses of all objects."""
    shapes = [jnp.shape(leaf) for leaf in jax.tree.leaves(goal)]
    count = shapes[0][0] if shapes and shapes[0] else 0
    if not isinstance(goal, Poses) or shapes != [(count, 3), (count, 4)] or not num_objects <= count <= num_slots:
        raise ValueError(
            f"a source of goals returns Poses, position [n, 3] and rotation [n, 4], n from {num_objects} objects to "
            f"{num_slots} slots; got {type(goal).__name__} of {', '.join(map(str, shapes)) or 'nothing'}"
        )
    return in_slots(goal, num_slots)


class Verdict(NamedTuple):
    """The checks of a goal, in the paper's order (A.1)."""

    moved: jax.Array  # [] bool, some object moved by more than a threshold
    on_table: jax.Array  # [] bool, every object is on the table
    in_area: jax.Array  # [] bool, every object is in the placement area

    @property
    def valid(self) -> jax.Array:
        """[] bool. A goal outside the placement area is valid, but costs Alice 3 points."""
        return self.moved & self.on_table


def _cube() -> np.ndarray:
    """The 24 rotations that map a cube to itself [24, 4]: 1, 2 or 4 components of equal size, up to the sign."""
    signs = [np.array(signs) for signs in itertools.product((-1, 0, 1), repeat=4)]
    halves = [q for q in signs if np.count_nonzero(q) in (1, 2, 4) and q[np.nonzero(q)[0][0]] > 0]
    return np.array([q / np.linalg.norm(q) for q in halves])


def _square(axis: int) -> np.ndarray:
    """The 8 rotations of the cube that map this axis of its to itself or its opposite [8, 4]."""
    along = [np.hypot(q[0], q[1 + axis]) for q in _cube()]
    return _cube()[np.isclose(along, 0) | np.isclose(along, 1)]


_HALF_TURNS = {axis: np.insert(np.eye(3)[i], 0, 0.0) for i, axis in enumerate("xyz")}
_STAYS = np.array([1.0, 0.0, 0.0, 0.0])
_ROUND = {f"cylinder_{axis}": np.eye(3)[i] for i, axis in enumerate("xyz")}  # the axis of each

SYMMETRIES = {  # rotations that leave an object looking the same, by the name of the setting
    "none": _STAYS[None],
    "cube": _cube(),
    "square": _square(2),  # a box that is square seen along z
    "square_x": _square(0),
    "square_y": _square(1),
    "box": np.stack([_STAYS, *_HALF_TURNS.values()]),
    "half_turn_z": np.stack([_STAYS, _HALF_TURNS["z"]]),
    "half_turn_y": np.stack([_STAYS, _HALF_TURNS["y"]]),
    "half_turn_xy": np.stack([_STAYS, np.array([0.0, 0.5, 0.5, 0.0]) ** 0.5]),  # about the diagonal of x and y
    "cylinder_x": np.stack([_STAYS, _HALF_TURNS["y"]]),  # and any turn about x
    "cylinder_y": np.stack([_STAYS, _HALF_TURNS["z"]]),
    "cylinder_z": np.stack([_STAYS, _HALF_TURNS["x"]]),
    "sphere": _STAYS[None],  # and any turn
}


class Symmetries(NamedTuple):
    """What an object's symmetries are, or those of several objects, with a leading axis [N]."""

    rotations: jax.Array  # [S, 4]
    axis: jax.Array | None = None  # [3] any turn about it is one, too; zero: none. None: nothing here is round
    is_ball: jax.Array | None = None  # [] bool, any turn is one

    @property
    def in_axes(self) -> int | None:
        """The axis of the objects, for a `vmap` over them; None if all are alike."""
        return 0 if self.rotations.ndim == 3 else None


def symmetries_of(*names: str) -> Symmetries:
    """The symmetries of that name, or of objects with those names; without a leading axis if all names are equal."""
    for name in names:
        if name not in SYMMETRIES:
            raise ValueError(f"symmetry must be one of {', '.join(SYMMETRIES)}, got {name!r}")
    each = [SYMMETRIES[name] for name in names]
    most = max(map(len, each))
    rotations = [np.concatenate([some, np.repeat(_STAYS[None], most - len(some), axis=0)]) for some in each]
    axes = [_ROUND.get(name, np.zeros(3)) for name in names]
    balls = [name == "sphere" for name in names]
    has_round = any(balls) or np.any(axes)
    arrays = [np.array(rotations, np.float32)]
    arrays += [np.array(axes, np.float32), np.array(balls)] if has_round else []
    alike = len(set(names)) == 1
    return Symmetries(*(jnp.asarray(array[0] if alike else array) for array in arrays))


def multiply(p: jax.Array, q: jax.Array) -> jax.Array:
    """The rotation q followed by the rotation p. p [4], q [4] -> [4]."""
    real = p[0] * q[0] - jnp.dot(p[1:], q[1:])
    return jnp.append(real, p[0] * q[1:] + q[0] * p[1:] + jnp.cross(p[1:], q[1:]))


def conjugate(q: jax.Array) -> jax.Array:
    """The opposite rotation. q [4] -> [4]."""
    return q * jnp.array([1.0, -1.0, -1.0, -1.0], q.dtype)


def rotate(q: jax.Array, vector: jax.Array) -> jax.Array:
    """A vector [3] turned by the rotation q [4]."""
    return multiply(multiply(q, jnp.append(jnp.zeros((), q.dtype), vector)), conjugate(q))[1:]


def rotation_to(start: jax.Array, goal: jax.Array, symmetries: Symmetries) -> jax.Array:
    """The smallest rotation from one orientation to another one, or to an orientation that looks like that one.

    start [4], goal [4], symmetries of one object -> rotation vector [3] in rad, axes of the world.
    """
    goals = jax.vmap(lambda symmetry: multiply(goal, symmetry))(symmetries.rotations)
    if symmetries.axis is not None:
        goals = jax.vmap(_spun, in_axes=(None, 0, None))(start, goals, symmetries.axis)
    turns = jax.vmap(lambda goal: multiply(goal, conjugate(start)))(goals)
    turn = turns[jnp.argmax(jnp.abs(turns[:, 0]))]
    turn = jnp.where(turn[0] < 0, -turn, turn)
    sine = jnp.linalg.norm(turn[1:])
    vector = 2 * jnp.arctan2(sine, turn[0]) / jnp.where(sine > 0, sine, 1.0) * turn[1:]  # exact at small angles
    return vector if symmetries.is_ball is None else jnp.where(symmetries.is_ball, 0.0, vector)


def _spun(start, goal, axis):
    """`goal` turned about the object's own axis so that it is nearest to `start`.

    With d = start* goal, the real part of d times a turn by a about the axis u is d0 cos(a/2) - (d_v u) sin(a/2): it is
    greatest where (cos, sin) = (d0, -d_v u) / their norm.
    """
    between = multiply(conjugate(start), goal)
    cosine, sine = between[0], -jnp.dot(between[1:], axis)
    norm = jnp.hypot(cosine, sine)
    cosine = jnp.where(norm > 0, cosine, 1.0)
    return multiply(goal, jnp.append(cosine, sine * axis) / jnp.where(norm > 0, norm, 1.0))


def rotations_to(poses: Poses, goal: Poses, symmetries: Symmetries) -> jax.Array:
    """Each object's smallest rotation to its goal [N, 3], see `rotation_to`."""
    each = jax.vmap(rotation_to, in_axes=(0, 0, symmetries.in_axes))
    return each(poses.rotation, goal.rotation, symmetries)


def distances(poses: Poses, goal: Poses, symmetries: Symmetries) -> tuple[jax.Array, jax.Array]:
    """Each object's distance from its goal. -> (distance [N] m, angle [N] rad)."""
    turns = rotations_to(poses, goal, symmetries)
    return jnp.linalg.norm(goal.position - poses.position, axis=-1), jnp.linalg.norm(turns, axis=-1)


def reached(
    poses: Poses,
    goal: Poses,
    mask: jax.Array,
    symmetries: Symmetries,
    *,
    max_distance: float = MAX_DISTANCE,
    max_angle: float = MAX_ANGLE,
) -> jax.Array:
    """Which objects are at their goals: within both thresholds (A.2). mask [N] bool -> [N] bool."""
    distance, angle = distances(poses, goal, symmetries)
    return mask & (distance <= max_distance) & (angle <= max_angle)


def judge(
    start: Poses, goal: Poses, mask: jax.Array, symmetries: Symmetries, *, table: tuple, area: tuple, **thresholds
) -> Verdict:
    """Judges the goal that Alice reached from `start` (A.1). thresholds: see `reached`.

    table: half the length and width of the top (x, y). area: lowest and highest corners of the placement area
    (x, y, z). The centres of the objects count.
    """
    x, y, z = goal.position.T
    # Fallen: a quarter of the table's height (0.486 m) below its top, as in the published environment.
    off = (jnp.abs(x) > table[0]) | (jnp.abs(y) > table[1]) | (z < -0.12)
    low, high = (jnp.asarray(corner, jnp.float32)[None] for corner in area)
    outside = jnp.any((goal.position < low - _MARGIN) | (goal.position > high + _MARGIN), axis=-1)
    return Verdict(
        moved=jnp.any(mask & ~reached(start, goal, mask, symmetries, **thresholds)),
        on_table=~jnp.any(mask & off),
        in_area=~jnp.any(mask & outside),
    )


def kinds(reached: Callable, now: Poses, goal: Poses, here: jax.Array) -> dict[str, jax.Array]:
    """What a goal asks of each object, [N] each. reached: a Tabletop's. here [N] bool: the objects that count.

    moved          the object is not at its goal. The others below are meant for such objects only
    distance       to the goal, m
    rotated        its turn alone would keep it from its goal
    lifted         the goal is higher by more than the paper's threshold
    stacked        the goal is lifted and lies on another object's goal
    to_x, to_y     unit vector towards the goal; its mean over goals is long if all lie in one direction
    """
    way = goal.position - now.position
    lifted = way[:, 2] > MAX_DISTANCE
    between = goal.position[:, None] - goal.position[None]  # from j to i
    above = (jnp.linalg.norm(between[..., :2], axis=-1) < MAX_DISTANCE) & (between[..., 2] > 0)
    flat = jnp.maximum(jnp.linalg.norm(way[:, :2], axis=-1), 1e-6)
    return {
        "moved": here & ~reached(now, goal, here),
        "distance": jnp.linalg.norm(way, axis=-1),
        "rotated": here & ~reached(now._replace(position=goal.position), goal, here),
        "lifted": lifted,
        "stacked": lifted & jnp.any(above & here[None], axis=1),
        "to_x": way[:, 0] / flat,
        "to_y": way[:, 1] / flat,
    }


_MARGIN = 0.02  # m around the placement area that the published environment tolerates


def alice_reward(verdict: Verdict, success: jax.Array) -> jax.Array:
    """Alice's reward for a goal (Table 1). success [] bool: Bob reached it -> []."""
    return jnp.where(verdict.valid, 1.0 - 3.0 * ~verdict.in_area + 5.0 * ~success, 0.0)


def timestep_reward(verdict: Verdict, alice_steps: int | jax.Array, bob_steps: jax.Array) -> jax.Array:
    """Alice's reward with Bob's time in place of his failure (Sukhbaatar et al. 2018, eq. 2; C.2): 0.01 a step.

    bob_steps []: steps that Bob took, or all of his turn if he failed. The steps beyond Alice's count. The rest of
    Table 1 stays; the paper leaves this open.
    """
    return jnp.where(verdict.valid, 1.0 - 3.0 * ~verdict.in_area + 0.01 * jnp.maximum(0, bob_steps - alice_steps), 0.0)


def bob_reward(reached_tm1: jax.Array, reached_t: jax.Array, mask: jax.Array) -> tuple[jax.Array, jax.Array]:
    """Bob's reward for one step (Table 1). reached [N] bool before and after -> (reward [], success [] bool).

    +1 for each object that comes to its goal, -1 for each that leaves it, +5 when all are there; the turn then ends.
    Before Bob's first step `reached_tm1` is that of his start. So an object that Alice did not move pays only after it
    has left its goal. The paper leaves this open; the published environment does the same.
    """
    change = jnp.sum(mask * (reached_t.astype(jnp.float32) - reached_tm1))
    success = jnp.any(mask) & jnp.all(reached_t | ~mask)
    return change + 5.0 * success, success
