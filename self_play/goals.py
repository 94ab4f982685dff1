"""Goals: when they are reached, when they are valid, and their rewards (OpenAI et al. 2021, §3.1, A.1, A.2).

A goal is the pose of every object; the gripper does not count. Absent objects (mask False) never count.

Letters: N objects, S symmetries. Lengths in m, angles in rad; the table's top is z = 0, its centre x = y = 0.
"""

import itertools
from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np

MAX_DISTANCE = 0.04  # m, the paper's threshold (A.2)
MAX_ANGLE = 0.2  # rad, the paper's threshold (A.2)


class Poses(NamedTuple):
    """Poses of all objects."""

    position: jax.Array  # [N, 3] m
    rotation: jax.Array  # [N, 4] unit quaternions (w, x, y, z), of which q and -q are one rotation


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


SYMMETRIES = {  # rotations that leave an object looking the same, by the name of the setting
    "none": np.array([[1.0, 0.0, 0.0, 0.0]]),
    "cube": _cube(),
}


def symmetries_of(name: str) -> jax.Array:
    """The symmetries of that name [S, 4]."""
    if name not in SYMMETRIES:
        raise ValueError(f"symmetry must be one of {', '.join(SYMMETRIES)}, got {name!r}")
    return jnp.asarray(SYMMETRIES[name], jnp.float32)


def multiply(p: jax.Array, q: jax.Array) -> jax.Array:
    """The rotation q followed by the rotation p. p [4], q [4] -> [4]."""
    real = p[0] * q[0] - jnp.dot(p[1:], q[1:])
    return jnp.append(real, p[0] * q[1:] + q[0] * p[1:] + jnp.cross(p[1:], q[1:]))


def conjugate(q: jax.Array) -> jax.Array:
    """The opposite rotation. q [4] -> [4]."""
    return q * jnp.array([1.0, -1.0, -1.0, -1.0], q.dtype)


def rotation_to(start: jax.Array, goal: jax.Array, symmetries: jax.Array) -> jax.Array:
    """The smallest rotation from one orientation to another one, or to an orientation that looks like that one.

    start [4], goal [4], symmetries [S, 4] -> rotation vector [3] in rad, axes of the world.
    """
    turns = jax.vmap(lambda symmetry: multiply(multiply(goal, symmetry), conjugate(start)))(symmetries)
    turn = turns[jnp.argmax(jnp.abs(turns[:, 0]))]
    turn = jnp.where(turn[0] < 0, -turn, turn)
    sine = jnp.linalg.norm(turn[1:])
    return 2 * jnp.arctan2(sine, turn[0]) / jnp.where(sine > 0, sine, 1.0) * turn[1:]  # arctan2: exact at small angles


def distances(poses: Poses, goal: Poses, symmetries: jax.Array) -> tuple[jax.Array, jax.Array]:
    """Each object's distance from its goal. -> (distance [N] m, angle [N] rad)."""
    turns = jax.vmap(rotation_to, in_axes=(0, 0, None))(poses.rotation, goal.rotation, symmetries)
    return jnp.linalg.norm(goal.position - poses.position, axis=-1), jnp.linalg.norm(turns, axis=-1)


def reached(
    poses: Poses,
    goal: Poses,
    mask: jax.Array,
    symmetries: jax.Array,
    *,
    max_distance: float = MAX_DISTANCE,
    max_angle: float = MAX_ANGLE,
) -> jax.Array:
    """Which objects are at their goals: within both thresholds (A.2). mask [N] bool -> [N] bool."""
    distance, angle = distances(poses, goal, symmetries)
    return mask & (distance <= max_distance) & (angle <= max_angle)


def judge(
    start: Poses, goal: Poses, mask: jax.Array, symmetries: jax.Array, *, table: tuple, area: tuple, **thresholds
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


_MARGIN = 0.02  # m around the placement area that the published environment tolerates


def alice_reward(verdict: Verdict, success: jax.Array) -> jax.Array:
    """Alice's reward for a goal (Table 1). success [] bool: Bob reached it -> []."""
    return jnp.where(verdict.valid, 1.0 - 3.0 * ~verdict.in_area + 5.0 * ~success, 0.0)


def timestep_reward(verdict: Verdict, alice_steps: int, bob_steps: jax.Array) -> jax.Array:
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
