"""Scenes: the MJCF text of a table with objects and a gripper, and the constants that the tabletop needs of it.

Lengths in m, angles in rad, time in s. The table's top is z = 0, its centre x = y = 0. The table is an endless plane:
an object beyond the edge of the top counts as fallen (`goals.judge`), but stays where it is.

Letters: A dimensions of an action, N objects.
"""

from typing import Any, NamedTuple

from self_play.settings import check_counts, check_numbers

# The table, the placement area (half of 1.215 x 1.531; 0.6075 x 0.58178 x 0.26) and the blocks' half-size are those of
# the published environment. The area is centred here, because our gripper has no base beside the table.
TABLE = (0.6075, 0.7655)
AREA = ((-0.30375, -0.29089, 0.0), (0.30375, 0.29089, 0.26))
HALF_SIZE = 0.0254
CELL = 0.16  # m, side of a cell of the start grid


class Scene(NamedTuple):
    """A scene. Plain Python values: settings of a program, not its arguments."""

    mjcf: str
    num_objects: int  # in the scene; a game has `min_objects` to `num_objects` of them on its table
    min_objects: int
    num_slots: int  # N of the observations; slots beyond num_objects are always empty
    planar: bool  # an object has two coordinates (x, y) instead of a pose
    height: float  # of the centre of an object that lies on the table
    room: float  # side of a cell minus the diameter of an object, in any orientation
    symmetry: str  # of the objects, a name of goals.SYMMETRIES
    actuated: tuple  # for each joint of the gripper, the dimension of the action that drives it
    joints: tuple  # [A] the joint that each dimension drives (one of the two fingers)
    scale: tuple  # [A] change of the joint's target by a full action in one control step
    leash: tuple  # [A] greatest distance of the target from the joint
    low: tuple  # [A] bounds of the target
    high: tuple
    start: tuple  # [A] first position of the gripper; x and y are drawn instead
    reach: float  # from the gripper's centre down to the point between its fingers
    touching: tuple  # names of the gripper's links with a sense of touch
    substeps: int  # physics steps in a control step
    timestep: float  # of the physics
    cell: float = CELL  # side of a cell of the 3 x 3 start grid
    table: tuple = TABLE  # half the length and width of the table's top
    area: tuple = AREA  # lowest and highest corner of the placement area
    physics: str = "auto"  # a name of PHYSICS, see `tabletop.physics_of`


PHYSICS = ("auto", "mjx", "c")
MAX_OBJECTS = 8  # on a 3 x 3 grid with a cell left for the gripper


def scene_of(mode: str = "pucks", num_objects: int = 1, *, physics: str = "auto", **settings: Any) -> Scene:
    """The scene of a mode, "pucks" or "blocks". physics: "mjx", "c", or "auto": the faster. settings: of the mode."""
    if mode not in SCENES:
        raise ValueError(f"mode must be one of {', '.join(SCENES)}, got {mode!r}")
    if physics not in PHYSICS:
        raise ValueError(f"physics must be one of {', '.join(PHYSICS)}, got {physics!r}")
    return SCENES[mode](num_objects, **settings)._replace(physics=physics)


def pucks(
    num_objects: int = 1,
    *,
    min_objects: int | None = None,
    num_slots: int | None = None,
    radius: float = 0.03,
    substeps: int = 4,
    timestep: float = 0.02,
) -> Scene:
    """Simple mode: a pusher that moves in x and y, and pucks. A control step is 0.08 s.

    A puck is a ball that moves in the plane. Its side has no friction; a drag of 0.4 N s/m slows it.
    """
    checked = _checked(num_objects, min_objects, num_slots, substeps, timestep, radius=radius)
    mjcf = _PUCKS.format(
        timestep=timestep,
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
    contact_slots: int | None = None,
    substeps: int = 4,
    timestep: float = 0.01,
    step: float = 0.05,
    leash: float = 0.1,
    finger_step: float = 0.004,
) -> Scene:
    """The paper's table: free blocks, and a two-finger gripper that moves in x, y, z and yaw. Control step: 0.04 s.

    Joints move the gripper instead of an arm; the paper's arm follows its tool, too (B.1). The paper's gripper can also
    tilt (B.2); ours cannot.
    contact_slots: number of contacts that are solved for, the closest ones. The default is enough for every block on
    a surface, one grasp and one more pair. For two blocks it is 1.7 times as fast as all 36. MJX alone knows it.
    step, finger_step: m, by which a full action moves the gripper's target, and a finger's, in a control step. leash:
    m, greatest distance of that target from the gripper. With steps of 2 cm and a leash of 5 cm a random Alice, who
    begins as an exam does, sets a valid goal in 0.7 % of turns of 50 steps; with the defaults in 11 % of 100.
    """
    checked = _checked(num_objects, min_objects, num_slots, substeps, timestep, half_size=half_size)
    contact_slots = 4 * num_objects + 12 if contact_slots is None else contact_slots
    check_counts(contact_slots=contact_slots)
    mjcf = _BLOCKS.format(
        timestep=timestep,
        tolerance=_TOLERANCE,
        contact_slots=contact_slots,
        blocks="".join(_BLOCK.format(i=i, half=half_size, x=0.1 * i) for i in range(num_objects)),
        table=_TABLE.format(collides='contype="1" conaffinity="0"'),
    )
    room = CELL - 2 * 2**0.5 * half_size - 0.005
    check_numbers(above=0.0, step=step, leash=leash, finger_step=finger_step)
    law = {"scale": (step, step, step, 0.15, finger_step), "leash": (leash, leash, leash, 0.3, 0.05)}
    return Scene(mjcf=mjcf, planar=False, height=half_size, room=room, symmetry="cube", **checked, **law, **_GRIPPER)


FINGER_REACH = 0.065  # m, from the gripper's centre to 3 mm below the fingertips, which never touch the table

_GRIPPER: dict[str, Any] = {  # the gripper's part of a Scene: x, y, z, yaw, fingers
    "actuated": (0, 1, 2, 3, 4, 4),
    "joints": (0, 1, 2, 3, 4),
    "low": (AREA[0][0], AREA[0][1], FINGER_REACH, -3.2, 0.0),
    "high": (AREA[1][0], AREA[1][1], FINGER_REACH + 0.25, 3.2, 0.045),
    "start": (0.0, 0.0, FINGER_REACH + 0.12, 0.0, 0.04),
    "reach": 0.05,
    "touching": ("left_finger", "right_finger"),
}


def with_ghosts(scene: Scene) -> str:
    """The MJCF text of a scene with a second, transparent copy of each object, which touches nothing: its goal."""
    shape = f'type="sphere" size="{scene.height}"' if scene.planar else f'type="box" size="{3 * f"{scene.height} "}"'
    ghosts = "".join(_GHOST.format(i=i, shape=shape) for i in range(scene.num_objects))
    return scene.mjcf.replace("</worldbody>", f"{ghosts}\n  </worldbody>")


SCENES = {"pucks": pucks, "blocks": blocks}  # by the name of the mode


def _checked(num_objects, min_objects, num_slots, substeps, timestep, **sizes) -> dict[str, Any]:
    """-> the checked numbers of a Scene, by name. Raises ValueError."""
    min_objects = num_objects if min_objects is None else min_objects
    num_slots = num_objects if num_slots is None else num_slots
    check_counts(num_objects=num_objects, min_objects=min_objects, num_slots=num_slots, substeps=substeps)
    check_numbers(above=0.0, timestep=timestep)
    if not 1 <= num_objects <= MAX_OBJECTS:
        raise ValueError(f"num_objects must be 1 to {MAX_OBJECTS}, got {num_objects}")
    if not 1 <= min_objects <= num_objects:
        raise ValueError(f"min_objects must be 1 to num_objects ({num_objects}), got {min_objects}")
    if num_slots < num_objects:
        raise ValueError(f"more objects than slots: num_objects is {num_objects}, num_slots {num_slots}")
    for name, size in sizes.items():
        if not 0.01 <= size <= 0.04:
            raise ValueError(f"{name} must be 0.01 to 0.04 m, got {size}")
    counts = {"num_objects": num_objects, "min_objects": min_objects, "num_slots": num_slots}
    return {**counts, "substeps": substeps, "timestep": timestep}


# The solver's tolerance. MuJoCo's default, 1e-8, takes about twice the iterations and is no better in float32.
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

# With 4 iterations pucks are where a converged solver puts them, to rounding; with 1 they are not, and with 2 two pucks
# are not. A line search of 1 step is as exact, but slower.
_PUCKS = """<mujoco model="pucks">
  <option timestep="{timestep}" iterations="4" ls_iterations="4" tolerance="{tolerance}"
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

_BLOCKS = """<mujoco model="blocks">
  <option timestep="{timestep}" iterations="4" ls_iterations="8" tolerance="{tolerance}"/>
  <custom><numeric name="max_contact_points" data="{contact_slots}"/></custom>
  <default><geom friction="0.7 0.005 0.0001"/></default>
  <worldbody>{table}
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
    </body>{blocks}
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
"""
