"""Robots: what moves on a table, and what an action does to it.

An action moves the targets of joints, each dimension its own (B.2); position actuators follow the targets. A robot is
Cartesian if its first joints are the tool's own coordinates x, y, then z and yaw: it needs no kinematics, and may begin
anywhere. Any other one is an arm: it begins in one posture, and its players are told where its tool is. The first
dimensions of an action may be those of an arm's tool, in place of the joints that carry it: see `following`.

Letters: A dimensions of an action, D those of joints; they are the same but where the tool is moved.
Lengths in m, angles in rad.
"""

from collections.abc import Callable
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp

from self_play.goals import multiply, rotate


class Robot(NamedTuple):
    """A robot. Plain Python values."""

    mjcf: str  # its model: text, or the path of a file; every joint is driven by a position actuator
    moves: tuple[tuple[str, ...], ...]  # [D] names of the joints that each dimension drives, to equal places
    scale: tuple  # [A] change of the target by a full action in one control step
    leash: tuple  # [A] greatest distance of the target from where the robot is
    low: tuple  # [D] bounds of the joints' targets
    high: tuple
    start: tuple  # [D] first position; a Cartesian one's x and y are drawn instead
    touching: tuple  # names of the bodies with a sense of touch
    cartesian: int = 0  # how many of the first dimensions are the tool's x, y, z, yaw
    reach: float = 0.0  # of a Cartesian robot, from its centre down to the point of its tool
    tool: str = ""  # of an arm, the site that is its tool
    carried_by: tuple[str, ...] = ()  # the joints that follow the tool, if the first dimensions are its x, y, z
    tool_turns: bool = False  # and then its yaw

    @property
    def has_fingers(self) -> bool:
        """Whether its dimensions are x, y, z, yaw and the opening of two fingers."""
        return self.cartesian == 4 and len(self.scale) == 5


def arm(
    file: str,
    *,
    moves: tuple,
    start: tuple,
    tool: str,
    touching: tuple,
    scale: float | tuple = 0.1,
    leash: float | tuple = 0.2,
    low: tuple | None = None,
    high: tuple | None = None,
    carried_by: tuple = (),
    tool_turns: bool = False,
) -> Robot:
    """A robot of your own, from an MJCF file.

    moves: for each dimension of an action, the joint or the joints that it drives. start: a position of each. tool: a
    site, which the players are told of. touching: bodies with a sense of touch. scale, leash: one number, or one for
    each dimension. low, high: bounds of the targets; None: of the joints.
    carried_by: the names of the joints, among those of `moves`, that follow the tool: an action moves the tool's x, y
    and z, with tool_turns its yaw too, level as it began, and after these the joints that are not named (`following`).
    """
    moves = tuple((names,) if isinstance(names, str) else tuple(names) for names in moves)
    if unknown := [name for name in carried_by if (name,) not in moves]:
        raise ValueError(f"carried_by: no dimension of moves drives joint {unknown[0]!r} alone")
    num_joints = len(moves)
    number = num_joints + (3 + tool_turns - len(carried_by) if carried_by else 0)
    scale, leash = (tuple(x) if isinstance(x, tuple | list) else (x,) * number for x in (scale, leash))
    of_joints, of_action = {"start": start, "low": low, "high": high}, {"scale": scale, "leash": leash}
    for given, length in ((of_joints, num_joints), (of_action, number)):
        for name, numbers in given.items():
            if numbers is not None and len(numbers) != length:
                raise ValueError(f"{name} must have a number for each dimension, {length}; got {len(numbers)}")
    low, high, start = (tuple(given or ()) for given in (low, high, start))
    own = {"tool": tool, "carried_by": tuple(carried_by), "tool_turns": tool_turns}
    return Robot(file, moves, scale, leash, low, high, start, tuple(touching), **own)


class Drive(NamedTuple):
    """How a robot is driven, as its compiled model has it. J joints of the robot, U actuators."""

    joints: tuple  # [D] the first joint that each dimension of joints drives
    driven_by: tuple  # [J] the dimension that drives each joint
    controls: tuple  # [U] the dimension that each actuator obeys
    low: tuple  # [D]
    high: tuple
    carrying: tuple  # the dimensions of joints that follow the tool, and all others
    others: tuple


def drive_of(robot: Robot, model: Any) -> Drive:
    """How `robot` is driven, in a model whose first joints are its own. Raises ValueError where it cannot be."""
    names = [model.joint(i).name for i in range(model.njnt)]
    of_joint = {name: i for i, move in enumerate(robot.moves) for name in move}
    for name in of_joint:
        if name not in names:
            raise ValueError(f"moves: no joint {name!r} in the robot's MJCF; there are {', '.join(names)}")
    if missing := [name for name in names if name not in of_joint]:
        raise ValueError(f"moves: no dimension drives joint {missing[0]!r}: name it, or weld it in the MJCF")
    if model.nq != model.njnt:
        raise ValueError("a robot's joints must be hinges and slides; its MJCF has others")
    actuated = [int(model.actuator_trnid[i, 0]) for i in range(model.nu) if model.actuator_trntype[i] == 0]
    if len(actuated) < model.nu or sorted(actuated) != list(range(model.njnt)):
        raise ValueError("each joint of a robot needs one position actuator of its own, and there may be no others")
    if wrong := [names[j] for i, j in enumerate(actuated) if not _is_servo(model, i)]:
        raise ValueError(f"the actuator of joint {wrong[0]!r} is no position servo: make it a <position> without gear")
    sites, bodies = (
        [each(i).name for i in range(n)] for each, n in ((model.site, model.nsite), (model.body, model.nbody))
    )
    if robot.tool not in sites and not robot.cartesian:
        raise ValueError(f"tool: no site {robot.tool!r} in the robot's MJCF; there are {', '.join(sites)}")
    if unknown := [name for name in robot.touching if name not in bodies]:
        raise ValueError(f"touching: no body {unknown[0]!r} in the robot's MJCF; there are {', '.join(bodies[1:])}")
    joints = [names.index(move[0]) for move in robot.moves]
    limits = [tuple(map(float, model.jnt_range[j])) if model.jnt_limited[j] else (-1e3, 1e3) for j in joints]
    low, high = (given or tuple(limit[i] for limit in limits) for i, given in enumerate((robot.low, robot.high)))
    return Drive(
        joints=tuple(joints),
        driven_by=tuple(of_joint[name] for name in names),
        controls=tuple(of_joint[names[j]] for j in actuated),
        low=low,
        high=high,
        carrying=tuple(i for i, move in enumerate(robot.moves) if move[0] in robot.carried_by),
        others=tuple(i for i, move in enumerate(robot.moves) if move[0] not in robot.carried_by),
    )


def _is_servo(model, i):
    """Whether actuator i pulls its joint to its control: force = gain (control - joint) - damping, at once."""
    gain, bias = model.actuator_gainprm[i], model.actuator_biasprm[i]
    is_linear = (model.actuator_gaintype[i], model.actuator_biastype[i], model.actuator_dyntype[i]) == (0, 1, 0)
    return is_linear and gain[0] == -bias[1] > 0 and bias[0] == 0 and model.actuator_gear[i, 0] == 1


def tool_pose(robot: Robot, model: Any) -> Callable:
    """The forward kinematics of an arm: positions of its joints [J] -> the tool's (position [3], rotation [4])."""
    site = model.site(robot.tool)
    chain, body = [], int(site.bodyid[0])
    while body:
        joints = range(model.body_jntadr[body], model.body_jntadr[body] + model.body_jntnum[body])
        of_joints = model.jnt_type, model.jnt_axis, model.jnt_pos, model.qpos0
        axes = [(j, *(of[j] for of in of_joints)) for j in joints]
        chain.append((model.body_pos[body], model.body_quat[body], axes))
        body = int(model.body_parentid[body])

    def forward(q):
        position, rotation = jnp.zeros(3, jnp.float32), jnp.array([1.0, 0.0, 0.0, 0.0], jnp.float32)
        for offset, turn, axes in reversed(chain):
            position = position + rotate(rotation, _float32(offset))
            rotation = multiply(rotation, _float32(turn))
            for j, kind, axis, about, at_rest in axes:
                moved = q[j] - jnp.float32(at_rest)
                if kind != _HINGE:
                    position = position + rotate(rotation, _float32(axis) * moved)
                    continue
                anchor = position + rotate(rotation, _float32(about))
                half = jnp.cos(moved / 2), jnp.sin(moved / 2)
                rotation = multiply(rotation, jnp.append(half[0], half[1] * _float32(axis)))
                position = anchor - rotate(rotation, _float32(about))
        position = position + rotate(rotation, _float32(site.pos))
        return position, multiply(rotation, _float32(site.quat))

    return forward


_HINGE = 3  # mujoco.mjtJoint.mjJNT_HINGE


def _float32(numbers) -> jax.Array:
    return jnp.asarray(numbers, jnp.float32)


PUSHER = Robot(
    mjcf="""<mujoco model="pusher">
  <option gravity="0 0 0"/>
  <worldbody>
    <body name="pusher" pos="0 0 0.03">
      <joint name="x" type="slide" axis="1 0 0" damping="40"/>
      <joint name="y" type="slide" axis="0 1 0" damping="40"/>
      <geom type="sphere" size="0.02" mass="1" condim="1" rgba="0.2 0.3 0.8 1"/>
    </body>
  </worldbody>
  <actuator>
    <position joint="x" kp="400" forcerange="-40 40"/>
    <position joint="y" kp="400" forcerange="-40 40"/>
  </actuator>
</mujoco>
""",
    moves=(("x",), ("y",)),
    scale=(0.05, 0.05),
    leash=(0.1, 0.1),
    low=(-0.32, -0.32),
    high=(0.32, 0.32),
    start=(0.0, 0.0),
    touching=("pusher",),
    cartesian=2,
)

FINGER_REACH = 0.065  # m, from the gripper's centre to 3 mm below the fingertips, which never touch the table

# What collides: the table (1) with objects, objects (2) with everything, the gripper (4) with objects.
GRIPPER = Robot(
    mjcf="""<mujoco model="gripper">
  <default><geom friction="0.7 0.005 0.0001"/></default>
  <worldbody>
    <body name="carriage">
      <joint name="x" type="slide" axis="1 0 0" damping="90"/>
      <joint name="y" type="slide" axis="0 1 0" damping="90"/>
      <joint name="z" type="slide" axis="0 0 1" damping="110"/>
      <geom type="sphere" size="0.01" mass="0.3" contype="0" conaffinity="0"/>
      <body name="hand">
        <joint name="yaw" type="hinge" axis="0 0 1" damping="1" armature="0.02"/>
        <geom type="box" size="0.015 0.06 0.008" mass="0.3" contype="4" conaffinity="0" rgba="0.2 0.3 0.8 1"/>
        <body name="left_finger" pos="0 0.006 -0.035">
          <joint name="left" type="slide" axis="0 1 0" damping="15" armature="0.1"/>
          <geom type="box" size="0.011 0.006 0.027" mass="0.05" friction="1.2 0.01 0.0001" contype="4" conaffinity="0"/>
        </body>
        <body name="right_finger" pos="0 -0.006 -0.035">
          <joint name="right" type="slide" axis="0 -1 0" damping="15" armature="0.1"/>
          <geom type="box" size="0.011 0.006 0.027" mass="0.05" friction="1.2 0.01 0.0001" contype="4" conaffinity="0"/>
        </body>
      </body>
    </body>
  </worldbody>
  <actuator>
    <position joint="x" kp="3000" forcerange="-40 40"/>
    <position joint="y" kp="3000" forcerange="-40 40"/>
    <position joint="z" kp="4000" forcerange="-40 40"/>
    <position joint="yaw" kp="20" forcerange="-5 5"/>
    <position joint="left" kp="400" forcerange="-10 10"/>
    <position joint="right" kp="400" forcerange="-10 10"/>
  </actuator>
</mujoco>
""",
    moves=(("x",), ("y",), ("z",), ("yaw",), ("left", "right")),
    scale=(0.05, 0.05, 0.05, 0.15, 0.004),
    leash=(0.1, 0.1, 0.1, 0.3, 0.05),
    low=(-0.30375, -0.29089, FINGER_REACH, -3.2, 0.0),
    high=(0.30375, 0.29089, FINGER_REACH + 0.25, 3.2, 0.045),
    start=(0.0, 0.0, FINGER_REACH + 0.12, 0.0, 0.04),
    touching=("left_finger", "right_finger"),
    cartesian=4,
    reach=0.05,
)
