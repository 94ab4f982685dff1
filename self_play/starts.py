"""Where the gripper begins an episode: on one path from grasping an object to the place that the exams give it.

That is a reverse curriculum (Florensa et al. 2017), and it is prior knowledge, which the paper's players do without:
they learn on thousands of cores. Objects and goals stay as they are, and exams begin at the path's end alone. Every
place has a number, its way:

  0 to GRASPED  the fingers press on the object
  to AROUND     they are around it, ever wider open
  to ABOVE      the gripper is ever higher over it, and ever less turned as it is
  to 1          it is ever nearer to the place that the exam draws; at 1 it is there

Letters: A dimensions of an action, K kinds of starts, N slots of objects. Lengths in m, angles in rad.
"""

import jax
import jax.numpy as jnp

from self_play import domain
from self_play.goals import Poses
from self_play.observations import State
from self_play.scene import Scene
from self_play.tabletop import Tabletop

GRASPED, AROUND, ABOVE = 0.05, 0.25, 0.5
HEIGHT, TURN = 0.12, 0.5  # over the object at ABOVE, and how much the gripper is turned against it there, at most
NUM_KINDS = 9  # K: eight equal parts of the path, and its end
SHARES = ("exam", "equal", "success")  # of the kinds
TRIALS = 30  # of a kind, that its running success looks back on


def shares(rule: str, success: jax.Array) -> jax.Array:
    """How often each kind of start is drawn. success [K], a running mean -> [K], with sum 1.

    rule: "exam", the path's end alone; "equal"; or "success", the more the less certain success is: p (1 - p) + 0.02.
    """
    if rule == "exam":
        return jnp.zeros(NUM_KINDS, jnp.float32).at[-1].set(1.0)
    weights = jnp.ones(NUM_KINDS, jnp.float32) if rule == "equal" else success * (1 - success) + 0.02
    return weights / jnp.sum(weights)


def update_success(success: jax.Array, kind: jax.Array, solved: jax.Array) -> jax.Array:
    """The running success of each kind, [K], after trials of kinds [T] (-1: none), solved [T] bool."""
    of_kind = kind[None] == jnp.arange(NUM_KINDS)[:, None]
    number = jnp.sum(of_kind, axis=1)
    mean = jnp.sum(of_kind & solved[None], axis=1) / jnp.maximum(number, 1)
    kept = (1 - 1 / TRIALS) ** number.astype(jnp.float32)
    return (kept * success + (1 - kept) * mean).astype(jnp.float32)


def way_of_kind(key: jax.Array, kind: jax.Array) -> jax.Array:
    """A random way in the part of the path that a kind is, [] -> []; the last kind is the path's end."""
    way = (kind + jax.random.uniform(key, dtype=jnp.float32)) / (NUM_KINDS - 1)
    return jnp.minimum(way, 1.0)


def way_of_alice(key: jax.Array, grasps: float) -> jax.Array:
    """A random way for Alice: she grasps in this share of her episodes, and is around an object in the others."""
    k_grasps, k_way = jax.random.split(key)
    along = jax.random.uniform(k_way, dtype=jnp.float32)
    grasped = jax.random.uniform(k_grasps, dtype=jnp.float32) < grasps
    return jnp.where(grasped, GRASPED * along, GRASPED + (AROUND - GRASPED) * along)


def on_the_way(
    table: Tabletop,
    key: jax.Array,
    state: State,
    way: jax.Array,
    among: jax.Array | None = None,
    poses: Poses | None = None,
) -> State:
    """The gripper of a state, at rest, moved to another place of the path to a random object. The key is consumed.

    The path ends where the gripper's target is: of a fresh state, as the exam draws it. among [N] bool: the objects to
    choose from; None: all that are there. poses: where all objects are from now on; None: where they were.
    """
    scene, now = table.scene, table.poses(state) if poses is None else poses
    k_object, k_turn, k_press = jax.random.split(key, 3)
    which = jax.random.categorical(k_object, jnp.where(state.mask if among is None else among, 0.0, -jnp.inf))
    joints = _joints(scene, k_turn, which, jax.tree.map(lambda leaf: leaf[which], now), state.target, way)
    placed = table.place(joints, now, state.mask)
    press = jnp.where(way < GRASPED, jax.random.uniform(k_press, dtype=jnp.float32), 1.0)
    return placed._replace(
        target=placed.target.at[4].multiply(press), domain=domain.at_rest(state.domain, placed.target)
    )


def _joints(scene: Scene, key, which, pose: Poses, drawn, way):
    """The gripper's place on the path to an object's pose. drawn [A]: the place that the exam draws -> [A]."""
    position, rotation = pose
    opening, period, offset, half = _grasps(scene, which)
    yaw = 2 * jnp.arctan2(rotation[3], rotation[0]) + offset
    yaw = yaw - period * jnp.round(yaw / period)
    opened, raised, gone = (
        jnp.clip((way - first) / (last - first), 0.0, 1.0)
        for first, last in ((GRASPED, AROUND), (AROUND, ABOVE), (ABOVE, 1.0))
    )
    fingers = half + opened * opening
    off = raised * jax.random.uniform(key, dtype=jnp.float32, minval=-TURN, maxval=TURN)
    above = position[2] + scene.robot.reach + HEIGHT * raised
    at_object = jnp.stack([*position[:2], above, yaw + off, fingers])
    return jnp.where(gone < 1, at_object + gone * (drawn - at_object), drawn)


def _grasps(scene: Scene, which):
    """How object number `which` is grasped, by the nearest pair of its sides that are least apart.

    -> how much farther the fingers open, the period of the yaws, the first of them, half the width between fingers;
    numbers if all objects are alike, else arrays [].
    """
    rows = []
    for one in scene.objects:
        x, y = one.half[:2]
        period = jnp.pi / 2 if x == y else jnp.pi
        half = min(x, y)
        rows.append((scene.robot.start[4] - half, period, jnp.pi / 2 if x < y else 0.0, half))
    return rows[0] if len(set(rows)) == 1 else jnp.array(rows, jnp.float32)[which]
