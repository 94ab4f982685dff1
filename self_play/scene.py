"""Scenes: settings -> the MJCF text of a table with objects and a gripper, and what the arena must know of it.

Lengths in m, angles in rad, time in s; the table's top is z = 0, its centre x = y = 0. The table is an endless plane:
an object beyond the edge of its top has left it (`goals.judge`), and lies there rather than falling.

Letters: A dimensions of an action, N objects.
"""

from typing import Any, NamedTuple

# The published environment's table and placement area (half of 1.215 x 1.531; 0.6075 x 0.58178 x 0.26), here centred:
# our gripper has no base beside the table. Its blocks' half-size, and its control step of 0.04 s.
TABLE = (0.6075, 0.7655)
AREA = ((-0.30375, -0.29089, 0.0), (0.30375, 0.29089, 0.26))
HALF_SIZE = 0.0254
CELL = 0.16  # m, of the grid in which objects begin


class Scene(NamedTuple):
    """A scene. Plain Python values: settings of a program, not its arguments."""

    mjcf: str
    num_objects: int  # in the scene; a game has `min_objects` to `num_objects` of them on its table
    min_objects: int
    num_slots: int  # N of the observations: slots beyond num_objects are always empty
    planar: bool  # objects have two coordinates (x, y), not a pose
    height: float  # of an object's centre when it lies on the table
    room: float  # side of a cell less what an object covers whichever way it is turned
    symmetry: str  # of the objects, a name of goals.SYMMETRIES
    actuated: tuple  # the dimension of the action that each of the gripper's joints follows
    joints: tuple  # [A] the joint that each dimension moves (of the fingers, one)
    scale: tuple  # [A] by how much a full action moves the joint's target in one control step
    leash: tuple  # [A] how far the target may run ahead of the joint
    low: tuple  # [A] bounds of the target
    high: tuple
    start: tuple  # [A] where the gripper begins, x and y apart
    reach: float  # from the gripper's centre down to between its fingers
    touching: tuple  # names of the gripper's links whose contact with objects is felt
    substeps: int  # physics steps in a control step
    timestep: float  # of the physics
    cell: float = CELL  # side of a cell of the 3 x 3 grid in which objects begin
    table: tuple = TABLE  # half the length and width of the table's top
    area: tuple = AREA  # lowest and highest corner of the placement area


MAX_OBJECTS = 8  # on a 3 x 3 grid, with a cell left for the pusher


def pucks(
    num_objects: int = 1,
    *,
    min_objects: int | None = None,
    num_slots: int | None = None,
    radius: float = 0.03,
    substeps: int = 4,
    timestep: float = 0.02,
    iterations: int = 4,
    line_search: int = 4,
) -> Scene:
    """Simple mode: a pusher moved in x and y, and pucks that it pushes. A control step is 0.08 s.

    A puck is a ball that moves in the plane, without friction at its side, slowed by a drag of 0.4 N s/m.
    With these iterations they are where a converged solver puts them, to rounding; with one they are not, nor, of two
    pucks and more, with two. A line search of one step is as exact, but slower.
    """
    checked = _checked(num_objects, min_objects, num_slots, substeps, timestep, radius=radius)
    mjcf = _PUCKS.format(
        timestep=timestep,
        iterations=iterations,
        line_search=line_search,
        tolerance=_TOLERANCE,
        pucks="".join(_PUCK.format(i=i, radius=radius) for i in range(num_objects)),
        table=_TABLE.format(collides='contype="0" conaffinity="0"'),
        height=radius,
    )
    room = CELL - 2 * radius - 0.005
    return Scene(mjcf=mjcf, planar=True, height=radius, room=room, symmetry="none", **checked, **_PUSHER)


_PUSHER: dict[str, Any] = {  # the gripper's part of a Scene
    "actuated": (0, 1),
    "joints": (0, 1),
    "scale": (0.05, 0.05),
    "leash": (0.1, 0.1),
    "low": (-0.32, -0.32),
    "high": (0.32, 0.32),
    "start": (0.0, 0.0),
    "reach": 0.0,
    "touching": ("pusher",),
}


def blocks(
    num_objects: int = 1,
    *,
    min_objects: int | None = None,
    num_slots: int | None = None,
    half_size: float = HALF_SIZE,
    tilt: bool = False,
    contact_slots: int | None = None,
    substeps: int = 4,
    timestep: float = 0.01,
    iterations: int = 4,
    line_search: int = 8,
) -> Scene:
    """The paper's table: free blocks, and a two-finger gripper moved in x, y, z, yaw (and tilt). Control step: 0.04 s.

    The gripper is moved by its joints rather than by an arm: the paper's arm too follows its tool alone (B.1).
    contact_slots: so many contacts, the closest, are solved for; the default serves every block lying on something, a
    grasp, and one more pair. For two blocks that is 1.7 times as fast as all 36.
    """
    checked = _checked(num_objects, min_objects, num_slots, substeps, timestep, half_size=half_size)
    contact_slots = 4 * num_objects + 12 if contact_slots is None else contact_slots
    if contact_slots < 1:
        raise ValueError(f"contact_slots must be positive, got {contact_slots}")
    mjcf = _BLOCKS.format(
        timestep=timestep,
        iterations=iterations,
        line_search=line_search,
        tolerance=_TOLERANCE,
        contact_slots=contact_slots,
        blocks="".join(_BLOCK.format(i=i, half=half_size, x=0.1 * i) for i in range(num_objects)),
        table=_TABLE.format(collides='contype="1" conaffinity="0"'),
        tilt_joint=_TILT if tilt else "",
        tilt_motor=_TILT_MOTOR if tilt else "",
    )
    room = CELL - 2 * 2**0.5 * half_size - 0.005
    return Scene(mjcf=mjcf, planar=False, height=half_size, room=room, symmetry="cube", **checked, **_gripper(tilt))


def _gripper(tilt: bool) -> dict[str, Any]:
    """The gripper's part of a Scene."""
    low, high = AREA
    turn = ((0.15, 0.3, -3.2, 3.2, 0.0), (0.15, 0.3, -1.0, 1.0, 0.0))[: 1 + tilt]  # scale, leash, low, high, start
    return {
        "actuated": (0, 1, 2, 3, 4, 5, 5) if tilt else (0, 1, 2, 3, 4, 4),
        "joints": tuple(range(5 + tilt)),
        "scale": (0.02, 0.02, 0.02, *(t[0] for t in turn), 0.01),
        "leash": (0.05, 0.05, 0.05, *(t[1] for t in turn), 0.05),
        "low": (low[0], low[1], FINGER_REACH, *(t[2] for t in turn), 0.0),
        "high": (high[0], high[1], FINGER_REACH + 0.25, *(t[3] for t in turn), 0.045),
        "start": (0.0, 0.0, FINGER_REACH + 0.12, *(t[4] for t in turn), 0.04),
        "reach": 0.05,
        "touching": ("left_finger", "right_finger"),
    }


def with_ghosts(scene: Scene) -> str:
    """The MJCF text of a scene with a ghost of each object besides, which touches nothing: where it is to go."""
    shape = f'type="sphere" size="{scene.height}"' if scene.planar else f'type="box" size="{3 * f"{scene.height} "}"'
    ghosts = "".join(_GHOST.format(i=i, shape=shape) for i in range(scene.num_objects))
    return scene.mjcf.replace("</worldbody>", f"{ghosts}\n  </worldbody>")


SCENES = {"pucks": pucks, "blocks": blocks}  # by the name of the mode


def _checked(num_objects, min_objects, num_slots, substeps, timestep, **sizes) -> dict[str, Any]:
    """-> the counts of a Scene by name, or the error of a setting that makes none."""
    min_objects = num_objects if min_objects is None else min_objects
    num_slots = num_objects if num_slots is None else num_slots
    if not 1 <= num_objects <= MAX_OBJECTS:
        raise ValueError(f"num_objects must be 1 to {MAX_OBJECTS}, got {num_objects}")
    if not 1 <= min_objects <= num_objects:
        raise ValueError(f"min_objects must be 1 to num_objects ({num_objects}), got {min_objects}")
    if num_slots < num_objects:
        raise ValueError(f"more objects than slots: num_objects is {num_objects}, num_slots {num_slots}")
    if substeps < 1 or timestep <= 0:
        raise ValueError(f"substeps and timestep must be positive, got {substeps} and {timestep}")
    for name, size in sizes.items():
        if not 0.01 <= size <= 0.04:
            raise ValueError(f"{name} must be 0.01 to 0.04 m, got {size}")
    counts = {"num_objects": num_objects, "min_objects": min_objects, "num_slots": num_slots}
    return {**counts, "substeps": substeps, "timestep": timestep}


FINGER_REACH = 0.065  # m, from the gripper's centre down to 3 mm below the fingertips: they never touch the table

# Of the solver. It takes about half as many iterations as at MuJoCo's 1e-8, which in float32 is no better.
_TOLERANCE = "1e-5"

_TABLE = """
    <light pos="0 0 2"/>
    <geom name="table" type="plane" size="0.6075 0.7655 0.1" rgba="0.8 0.8 0.8 1" {collides}/>"""

_PUCK = """
    <body name="object{i}" pos="0 0 {radius}">
      <joint name="object{i}_x" type="slide" axis="1 0 0" damping="0.4"/>
      <joint name="object{i}_y" type="slide" axis="0 1 0" damping="0.4"/>
      <geom type="sphere" size="{radius}" mass="0.1" condim="1" rgba="0.8 0.3 0.2 1"/>
    </body>"""

_PUCKS = """<mujoco model="pucks">
  <option timestep="{timestep}" iterations="{iterations}" ls_iterations="{line_search}" tolerance="{tolerance}"
    gravity="0 0 0"/>
  <worldbody>{table}
    <body name="pusher" pos="0 0 {height}">
      <joint name="x" type="slide" axis="1 0 0" damping="40"/>
      <joint name="y" type="slide" axis="0 1 0" damping="40"/>
      <geom type="sphere" size="0.02" mass="1" condim="1" rgba="0.2 0.3 0.8 1"/>
    </body>{pucks}
  </worldbody>
  <actuator>
    <position joint="x" kp="400" forcerange="-40 40"/>
    <position joint="y" kp="400" forcerange="-40 40"/>
  </actuator>
</mujoco>
"""

_GHOST = """
    <body name="ghost{i}">
      <freejoint/>
      <geom {shape} contype="0" conaffinity="0" rgba="0.2 0.7 0.3 0.35"/>
    </body>"""

# Kinds of things that collide: the table (1) with blocks, blocks (2) with everything, the gripper (4) with blocks.
_BLOCK = """
    <body name="object{i}" pos="{x} 0 {half}">
      <freejoint/>
      <geom type="box" size="{half} {half} {half}" density="1000" contype="2" conaffinity="7" rgba="0.8 0.3 0.2 1"/>
    </body>"""

_TILT = """
        <joint name="tilt" type="hinge" axis="0 1 0" damping="1" armature="0.02"/>"""
_TILT_MOTOR = """
    <position joint="tilt" kp="20" forcerange="-5 5"/>"""

_BLOCKS = """<mujoco model="blocks">
  <option timestep="{timestep}" iterations="{iterations}" ls_iterations="{line_search}" tolerance="{tolerance}"/>
  <custom><numeric name="max_contact_points" data="{contact_slots}"/></custom>
  <default><geom friction="0.7 0.005 0.0001"/></default>
  <worldbody>{table}
    <body name="carriage">
      <joint name="x" type="slide" axis="1 0 0" damping="90"/>
      <joint name="y" type="slide" axis="0 1 0" damping="90"/>
      <joint name="z" type="slide" axis="0 0 1" damping="110"/>
      <geom type="sphere" size="0.01" mass="0.3" contype="0" conaffinity="0"/>
      <body name="hand">
        <joint name="yaw" type="hinge" axis="0 0 1" damping="1" armature="0.02"/>{tilt_joint}
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
    </body>{blocks}
  </worldbody>
  <actuator>
    <position joint="x" kp="3000" forcerange="-40 40"/>
    <position joint="y" kp="3000" forcerange="-40 40"/>
    <position joint="z" kp="4000" forcerange="-40 40"/>
    <position joint="yaw" kp="20" forcerange="-5 5"/>{tilt_motor}
    <position joint="left" kp="400" forcerange="-10 10"/>
    <position joint="right" kp="400" forcerange="-10 10"/>
  </actuator>
</mujoco>
"""
