"""Arms whose actions move their tool: the joints that carry it follow, by inverse kinematics.

Each control step the joints' targets are where the tool would be as it is told, by damped least squares (Nakamura and
Hanafusa 1986) from where the joints are. Of any other robot the dimensions of an action are its joints.

Letters: A dimensions of an action, D dimensions of joints, J joints of the robot.
"""

import functools
from collections.abc import Callable

import jax
import jax.numpy as jnp

from self_play.goals import conjugate, multiply
from self_play.robots import tool_pose
from self_play.scene import Scene

DAMPING = 0.02  # m a rad: near a singular posture joints move less
RADIAN = 0.1  # m that an error of a radian is worth
ITERATIONS = 2


@functools.cache
def kinematics(scene: Scene) -> Callable:
    """Positions of an arm's joints [J] -> its tool's (position [3], rotation [4])."""
    from mujoco import MjModel  # pyrefly: ignore[missing-module-attribute]

    return tool_pose(scene.robot, MjModel.from_xml_string(scene.mjcf))


def places(scene: Scene, q: jax.Array) -> jax.Array:
    """Where the robot is in each dimension of an action. q: of a State -> [A]."""
    joints = q[jnp.array(scene.drive.joints)]
    if not scene.drive.carrying:
        return joints
    position, rotation = _tool(scene, q)
    turned = multiply(rotation, conjugate(_first_rotation(scene)))
    yaw = 2 * jnp.arctan2(turned[3], turned[0])
    yaw = yaw - 2 * jnp.pi * jnp.round(yaw / (2 * jnp.pi))
    tool = jnp.append(position, yaw) if scene.robot.tool_turns else position
    return jnp.concatenate([tool, joints[jnp.array(scene.drive.others, jnp.int32)]])


def near(scene: Scene, target: jax.Array, here: jax.Array) -> jax.Array:
    """The same target [A], the yaw of a tool as the angle that is nearest to that of `here` [A]: see `places`."""
    if not (scene.drive.carrying and scene.robot.tool_turns):
        return target
    return target.at[3].add(-2 * jnp.pi * jnp.round((target[3] - here[3]) / (2 * jnp.pi)))


def joint_targets(scene: Scene, q: jax.Array, target: jax.Array) -> jax.Array:
    """The targets of the joints for targets [A] of the dimensions of an action -> [D]."""
    drive = scene.drive
    if not drive.carrying:
        return target
    carrying, others = (jnp.array(dimensions, jnp.int32) for dimensions in (drive.carrying, drive.others))
    joints = jnp.array(drive.joints)
    tool = len(target) - len(drive.others)

    def error(of_carrying):
        position, rotation = _tool(scene, q.at[joints[carrying]].set(of_carrying))
        if not scene.robot.tool_turns:
            return target[:3] - position
        half = target[3] / 2
        yaw = jnp.stack([jnp.cos(half), 0.0 * half, 0.0 * half, jnp.sin(half)])
        turn = multiply(multiply(yaw, _first_rotation(scene)), conjugate(rotation))
        turn = 2 * RADIAN * jnp.where(turn[0] < 0, -1.0, 1.0) * turn[1:]  # of small angles
        return jnp.concatenate([target[:3] - position, turn])

    def nearer(_, of_carrying):
        off, slope = error(of_carrying), jax.jacfwd(error)(of_carrying)
        damped = slope @ slope.T + DAMPING**2 * jnp.eye(len(off), dtype=jnp.float32)
        return of_carrying - slope.T @ jnp.linalg.solve(damped, off)

    solved = jax.lax.fori_loop(0, ITERATIONS, nearer, q[joints[carrying]])
    every = jnp.zeros(len(drive.joints), jnp.float32).at[carrying].set(solved).at[others].set(target[tool:])
    return jnp.clip(every, jnp.array(drive.low, jnp.float32), jnp.array(drive.high, jnp.float32))


def _tool(scene, q):
    return kinematics(scene)(q[: len(scene.drive.driven_by)])


def _first_rotation(scene):
    joints = jnp.array(scene.robot.start, jnp.float32)
    return kinematics(scene)(joints[jnp.array(scene.drive.driven_by)])[1]
