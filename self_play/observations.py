"""The physical state of one game, and what the players observe of it (OpenAI et al. 2021, B.3).

Letters: A dimensions of an action, F features of an object, G of the gripper, H of an object's goal, L links of the
gripper with a sense of touch, N slots of objects. Lengths in m, angles in rad, time in s; the table's top is z = 0.
"""

from typing import Any, NamedTuple

import jax
import jax.numpy as jnp

from self_play import coordinates, goals
from self_play.domain import Domain
from self_play.following import kinematics, near, places
from self_play.goals import Poses, Symmetries, in_slots
from self_play.scene import Scene


class State(NamedTuple):
    """The whole physical state of a game: from it, the same actions lead to the same states, bit for bit.

    That holds for one compiled program and one number of games. Another program sums in another order, and contact is
    chaotic.
    """

    q: jax.Array  # positions: the gripper's joints, then each object's (x, y, z, quaternion), or (x, y) in the plane
    qd: jax.Array  # velocities, in the same order; an object turns about its own axes
    solver_state: jax.Array  # the solver's warm start
    target: jax.Array  # [A] commanded positions of the gripper, in the units of its joints, or of its tool
    average: jax.Array  # [A] moving average of the actions, biased to 0
    weight: jax.Array  # [] sum of the average's weights
    touch: jax.Array  # [N, L] bool, which object touches which link of the gripper
    mask: jax.Array  # [N] bool, which objects there are
    domain: Domain | None = None  # what was drawn of the physics; None where nothing is


class Observation(NamedTuple):
    """What both players observe. A slot without an object is zero."""

    gripper: jax.Array  # [G] joints in m and rad, yaw as (cos, sin); their velocities; target - joint; smoothed action;
    # of an arm the position of its tool and two axes of it come first
    objects: jax.Array  # [N, F] position, rotation, velocity, angular velocity, position - tool's, the same cut, touch
    mask: jax.Array  # [N] bool


def is_sound(tree: Any) -> jax.Array:
    """Whether every float of a game is finite and at most 1e10, MuJoCo's bound (mjMAXVAL) of a simulation. -> [] bool.

    Beyond it, squares would overflow in the moments that all games share.
    """
    floats = [leaf for leaf in jax.tree.leaves(tree) if jnp.issubdtype(leaf.dtype, jnp.floating)]
    return jnp.stack([jnp.all(jnp.abs(leaf) <= 1e10) for leaf in floats]).all()


def poses(scene: Scene, state: State) -> Poses:
    """Poses of the objects. One that is absent lies beyond the table; a slot beyond all objects is zero."""
    motion = _motion(scene, state)
    return Poses(motion.position, motion.rotation)


def observe(scene: Scene, state: State) -> Observation:
    """The observation of a state; see `coordinates` for what is seen of an object."""
    along = jnp.array(scene.drive.joints)
    joints, speeds = state.q[along], state.qd[along]
    tool, seen = _tool(scene, state.q, joints)
    place = [
        jnp.stack([jnp.cos(joint), jnp.sin(joint)]) if i in _angles(scene) else joint[None]
        for i, joint in enumerate(joints)
    ]
    objects = coordinates_of(scene).features(_motion(scene, state), tool)
    features = jnp.concatenate([*objects, state.touch.astype(jnp.float32)], axis=-1)
    smoothed = state.average / jnp.where(state.weight > 0, state.weight, 1.0)
    here = places(scene, state.q)
    off = near(scene, state.target, here) - here
    gripper = jnp.concatenate([*seen, *place, speeds, off, smoothed])
    return Observation(gripper, jnp.where(state.mask[:, None], features, 0.0), state.mask)


def positions(scene: Scene, gripper: jax.Array, now: Poses) -> jax.Array:
    """The positions q of a State, from an Observation's gripper [G] and the objects' poses."""
    joints, at = [], 0 if scene.robot.cartesian else 9
    for i in range(len(scene.drive.joints)):
        is_angle = i in _angles(scene)
        joints.append(jnp.arctan2(gripper[at + 1], gripper[at]) if is_angle else gripper[at])
        at += 1 + is_angle
    objects = coordinates_of(scene).of_poses(jax.tree.map(lambda leaf: leaf[: scene.num_objects], now))
    return jnp.concatenate([jnp.stack(joints)[jnp.array(scene.drive.driven_by)], objects.ravel()])


def observe_goal(scene: Scene, symmetries: Symmetries, now: Poses, goal: Poses, mask: jax.Array) -> jax.Array:
    """What Bob alone observes: each object's goal, absolute, relative, and cut, see `coordinates`. -> [N, H]."""
    features = coordinates_of(scene).goal_features(now, goal, symmetries)
    return jnp.where(mask[:, None], jnp.concatenate(features, axis=-1), 0.0)


def symmetries_of(scene: Scene) -> Symmetries:
    """The symmetries of the objects in the slots of a scene; empty slots have those of the last object."""
    names = [one.symmetry for one in scene.objects]
    return goals.symmetries_of(*names, *names[-1:] * (scene.num_slots - len(names)))


def settled(scene: Scene, now: Poses, goal: Poses, mask: jax.Array, held: jax.Array) -> jax.Array:
    """Which objects players need not look at any more: those at their goals, of those that are held the well placed.

    Held at the edge of its goal, an object that is looked away from is carried off again: so within half of the
    thresholds. held [N] bool -> [N] bool.
    """
    symmetries = symmetries_of(scene)

    def within(share):
        limits = {"max_distance": share * scene.max_distance, "max_angle": share * scene.max_angle}
        return goals.reached(now, goal, mask, symmetries, **limits)

    return within(1.0) & (within(0.5) | ~held)


def focus(scene: Scene, q: jax.Array, now: Poses, goal: Poses, mask: jax.Array, among: jax.Array) -> jax.Array:
    """The object to look at: of those `among` the nearest to the tool, but lower goals come first. [N] -> [N] bool.

    That is prior knowledge of how to handle several objects one after the other. All that there are, if among none.
    q: of a State.
    """
    tool, _ = _tool(scene, q, q[jnp.array(scene.drive.joints)])
    distance = jnp.linalg.norm(now.position[:, : len(tool)] - tool[None], axis=-1)
    order = jnp.where(among, distance + _LOWER_FIRST * goal.position[:, 2], jnp.inf)
    return jnp.where(jnp.any(among), jnp.arange(len(order)) == jnp.argmin(order), mask)


_LOWER_FIRST = 3.0  # m of distance that a goal is put off for each m of its height


def coordinates_of(scene: Scene) -> Any:
    """How the objects of a scene move: one of `coordinates`."""
    return coordinates.Plane if scene.planar else coordinates.Space


def _angles(scene):
    """The dimensions of an action that turn by more than a joint's range: the yaw of a Cartesian robot."""
    return (3,) if scene.robot.cartesian == 4 else ()


def _tool(scene, q, joints):
    """-> (the tool's position [2 or 3], what the players are told of it)."""
    robot = scene.robot
    if robot.cartesian:
        reach = jnp.array([0.0, 0.0, robot.reach], jnp.float32)[: min(robot.cartesian, 3)]
        return joints[: min(robot.cartesian, 3)] - reach, []
    position, rotation = kinematics(scene)(q[: len(scene.drive.driven_by)])
    return position, [position, coordinates.axes_of(rotation)[:, :2].ravel()]


def _motion(scene, state):
    """Where the objects are and how they move, absent ones too; a slot beyond all of them is zero."""
    first = len(scene.drive.driven_by)
    q, qd = (x[first:].reshape(scene.num_objects, -1) for x in (state.q, state.qd))
    heights = jnp.array(scene.heights, jnp.float32)
    return in_slots(coordinates_of(scene).motion(q, qd, heights), scene.num_slots)
