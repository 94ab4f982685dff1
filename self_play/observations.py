"""The physical state of one game, and what the players observe of it (OpenAI et al. 2021, B.3).

Letters: A dimensions of an action, F features of an object, G of the gripper, H of an object's goal, L links of the
gripper with a sense of touch, N slots of objects. Lengths in m, angles in rad, time in s; the table's top is z = 0.
"""

from typing import NamedTuple

import jax
import jax.numpy as jnp

from self_play import goals
from self_play.goals import Poses
from self_play.scene import Scene


class State(NamedTuple):
    """The whole physical state of a game: from it, the same actions lead to the same states, bit for bit.

    That holds for one compiled program and one number of games. Another program sums in another order, and contact is
    chaotic.
    """

    q: jax.Array  # positions: the gripper's joints, then each object's (x, y, z, quaternion), or (x, y) in the plane
    qd: jax.Array  # velocities, in the same order; an object turns about its own axes
    solver_state: jax.Array  # the solver's warm start
    target: jax.Array  # [A] commanded positions of the gripper, in the units of its joints
    average: jax.Array  # [A] moving average of the actions, biased to 0
    weight: jax.Array  # [] sum of the average's weights
    touch: jax.Array  # [N, L] bool, which object touches which link of the gripper
    mask: jax.Array  # [N] bool, which objects there are


class Observation(NamedTuple):
    """What both players observe. A slot without an object is zero."""

    gripper: jax.Array  # [G] joints in m and rad, yaw as (cos, sin); their velocities; target - joint; smoothed action
    objects: jax.Array  # [N, F] position, rotation, velocity, angular velocity, position - gripper's, touch
    mask: jax.Array  # [N] bool


def poses(scene: Scene, state: State) -> Poses:
    """Poses of the objects; a slot without an object is zero."""
    position, rotation, _, _ = _objects(scene, state)
    return Poses(position, rotation)


def observe(scene: Scene, state: State) -> Observation:
    """The observation of a state.

    A rotation is two columns of its matrix, which are continuous; the paper's Euler angles are not. In the plane an
    object is position, velocity, position - pusher's, each (x, y), and touch.
    """
    position, rotation, velocity, turning = _objects(scene, state)
    joints, speeds = state.q[jnp.array(scene.joints)], state.qd[jnp.array(scene.joints)]
    if scene.planar:
        place = [joints]
        objects = [position[:, :2], velocity[:, :2], position[:, :2] - joints[None]]
    else:
        place = [joints[:3], jnp.cos(joints[3:4]), jnp.sin(joints[3:4]), joints[4:]]
        axes = jax.vmap(_axes)(rotation)
        between_fingers = joints[None, :3] - jnp.array([[0.0, 0.0, scene.reach]], jnp.float32)
        turning = jnp.einsum("nij,nj->ni", axes, turning)
        objects = [position, axes[:, :, :2].reshape(-1, 6), velocity, turning, position - between_fingers]
    features = jnp.concatenate([*objects, state.touch.astype(jnp.float32)], axis=-1)
    smoothed = state.average / jnp.where(state.weight > 0, state.weight, 1.0)
    gripper = jnp.concatenate([*place, speeds, state.target - joints, smoothed])
    return Observation(gripper, jnp.where(state.mask[:, None], features, 0.0), state.mask)


def positions(scene: Scene, gripper: jax.Array, now: Poses) -> jax.Array:
    """The positions q of a State, from an Observation's gripper [G] and the objects' poses."""
    num_joints = len(scene.joints)
    if scene.planar:
        joints, objects = gripper[:num_joints], now.position[: scene.num_objects, :2]
    else:
        yaw = jnp.arctan2(gripper[4], gripper[3])
        joints = jnp.concatenate([gripper[:3], yaw[None], gripper[5 : num_joints + 1]])
        objects = jnp.concatenate(now, axis=-1)[: scene.num_objects]
    return jnp.concatenate([joints[jnp.array(scene.actuated)], objects.ravel()])


def observe_goal(scene: Scene, symmetries: jax.Array, now: Poses, goal: Poses, mask: jax.Array) -> jax.Array:
    """What Bob alone observes: each object's goal, absolute and relative. -> [N, H].

    Position and rotation of the goal; goal's position - object's; the smallest rotation, as a vector, to an orientation
    that looks like the goal's. In the plane only the positions.
    """
    way = goal.position - now.position
    if scene.planar:
        features = [goal.position[:, :2], way[:, :2]]
    else:
        turns = jax.vmap(goals.rotation_to, in_axes=(0, 0, None))(now.rotation, goal.rotation, symmetries)
        features = [goal.position, jax.vmap(_axes)(goal.rotation)[:, :, :2].reshape(-1, 6), way, turns]
    return jnp.where(mask[:, None], jnp.concatenate(features, axis=-1), 0.0)


def _objects(scene, state):
    """-> positions [N, 3], rotations [N, 4], velocities [N, 3], angular velocities about the objects' axes [N, 3]."""
    empty = ((0, scene.num_slots - scene.num_objects), (0, 0))
    q, qd = (x[len(scene.actuated) :].reshape(scene.num_objects, -1) for x in (state.q, state.qd))
    if scene.planar:
        height = jnp.full((scene.num_objects, 1), scene.height, jnp.float32)
        upright = jnp.tile(jnp.array([1.0, 0.0, 0.0, 0.0], jnp.float32), (scene.num_objects, 1))
        q, qd = jnp.concatenate([q, height, upright], axis=-1), jnp.pad(qd, ((0, 0), (0, 4)))
    q, qd = jnp.pad(q, empty), jnp.pad(qd, empty)
    return q[:, :3], q[:, 3:], qd[:, :3], qd[:, 3:]


def _axes(q):
    """The matrix of a rotation [4] -> [3, 3]; its columns are the turned axes."""
    turned = jax.vmap(lambda axis: goals.multiply(goals.multiply(q, axis), goals.conjugate(q)))(
        jnp.eye(4, dtype=jnp.float32)[1:]
    )
    return turned[:, 1:].T
