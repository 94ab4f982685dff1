"""Scenes: a robot, objects and a table, composed into one MuJoCo model, and the constants that the tabletop needs.

Lengths in m, angles in rad, time in s. The table's top is z = 0, its centre x = y = 0. The table is an endless plane:
an object beyond the edge of the top counts as fallen (`goals.judge`), but stays where it is.

Letters: A dimensions of an action, N objects.
"""

import math
from collections.abc import Sequence
from typing import Any, NamedTuple

from self_play import composition
from self_play import objects as shapes_of
from self_play.goals import MAX_ANGLE, MAX_DISTANCE, SYMMETRIES
from self_play.objects import HALF_SIZE, Object
from self_play.robots import GRIPPER, PUSHER, Drive, Robot, drive_of
from self_play.settings import check_counts, check_numbers

# The table, the placement area (half of 1.215 x 1.531; 0.6075 x 0.58178 x 0.26) and the blocks' half-size are those of
# the published environment. The area is centred here, because our gripper has no base beside the table.
TABLE = (0.6075, 0.7655)
AREA = ((-0.30375, -0.29089, 0.0), (0.30375, 0.29089, 0.26))


class Table(NamedTuple):
    """A table. Objects begin each in a cell of its own of a 3 x 3 grid in the middle, and the gripper over another."""

    top: tuple = TABLE  # half of its length and width
    area: tuple = AREA  # lowest and highest corner of the placement area
    cell: float = 0.16  # side of a cell


class Scene(NamedTuple):
    """A scene. Plain Python values: settings of a program, not its arguments."""

    robot: Robot
    objects: tuple[Object, ...]  # all that there are
    table: Table
    mjcf: str  # the model of all of it: the robot's joints first, then the objects'
    drive: Drive  # how that model's robot is driven
    min_objects: int  # a game has `min_objects` to `max_objects` of them on its table
    max_objects: int
    num_slots: int  # N of the observations; slots beyond the objects are always empty
    planar: bool  # an object has two coordinates (x, y) instead of a pose, see `coordinates`
    substeps: int  # physics steps in a control step
    timestep: float  # of the physics
    max_distance: float = MAX_DISTANCE  # within which an object is at its goal
    max_angle: float = MAX_ANGLE
    mass_range: tuple[float, float] = (1.0, 1.0)  # of what is drawn for each game, see `domain`
    friction_range: tuple[float, float] = (1.0, 1.0)
    max_delay: int = 0
    focus: bool = False  # the players look at one object at a time, see `observations.focus`
    physics: str = "auto"  # a name of PHYSICS, see `tabletop.physics_of`

    @property
    def num_objects(self) -> int:
        """Of all that there are."""
        return len(self.objects)

    @property
    def num_dimensions(self) -> int:
        """A."""
        return len(self.robot.scale)

    @property
    def is_varied(self) -> bool:
        """Whether the physics of games differs."""
        return bool(self.max_delay) or {*self.mass_range, *self.friction_range} != {1.0}

    @property
    def has_equal_objects(self) -> bool:
        """Whether two of them are alike in everything."""
        return len(set(self.objects)) < len(self.objects)

    @property
    def heights(self) -> tuple[float, ...]:
        """Of the centres of the objects as they rest on the table."""
        return tuple(one.half[2] for one in self.objects)

    @property
    def room(self) -> float:
        """Side of a cell minus the diameter of the largest object, in any orientation."""
        return self.table.cell - 2 * max(one.radius for one in self.objects) - 0.005


PHYSICS = ("auto", "mjx", "c", "batch", "warp")
MAX_OBJECTS = 8  # on a 3 x 3 grid with a cell left for the gripper


def scene_of(mode: str = "pucks", num_objects: int = 1, *, physics: str = "auto", **settings: Any) -> Scene:
    """The scene of a mode, "pucks" or "blocks". physics: one of PHYSICS; "auto": the faster. settings: of the mode."""
    if mode not in SCENES:
        raise ValueError(f"mode must be one of {', '.join(SCENES)}, got {mode!r}")
    if physics not in PHYSICS:
        raise ValueError(f"physics must be one of {', '.join(PHYSICS)}, got {physics!r}")
    return SCENES[mode](num_objects, **settings)._replace(physics=physics)


def pucks(
    num_objects: int = 1,
    *,
    radius: float = 0.03,
    substeps: int = 4,
    timestep: float = 0.02,
    **settings: Any,
) -> Scene:
    """Simple mode: a pusher that moves in x and y, and pucks. A control step is 0.08 s.

    A puck is a ball that moves in the plane. Its side has no friction; a drag of 0.4 N s/m slows it. settings: see
    `compose`.
    """
    _check_sizes(radius=radius)
    _check_number(num_objects)
    puck = shapes_of.sphere(radius)._replace(shape="puck", symmetry="none", mass=0.1)
    robot = PUSHER._replace(mjcf=PUSHER.mjcf.replace('pos="0 0 0.03"', f'pos="0 0 {radius}"'))
    return compose(robot, (puck,) * num_objects, planar=True, substeps=substeps, timestep=timestep, **settings)


def blocks(
    num_objects: int = 1,
    *,
    half_size: float = HALF_SIZE,
    shapes: Sequence[str] = (),
    num_shapes: int | None = None,
    shape_seed: int = 0,
    robot: Robot = GRIPPER,
    step: float | None = None,
    leash: float | None = None,
    finger_step: float | None = None,
    **settings: Any,
) -> Scene:
    """The paper's table: free objects, and a two-finger gripper that moves in x, y, z and yaw. Control step: 0.04 s.

    Joints move the gripper instead of an arm; the paper's arm follows its tool, too (B.1). The paper's gripper can also
    tilt (B.2); ours cannot.
    num_objects: of cubes of half_size. With shapes, a family (`objects.SHAPES`), of which num_shapes objects are drawn
    by shape_seed (default: one of each, at least num_objects), it is the most that a game has on its table; which of
    them those are is drawn at each reset.
    step, finger_step: m, by which a full action moves the gripper's target, and a finger's, in a control step. leash:
    m, greatest distance of that target from the gripper. With steps of 2 cm and a leash of 5 cm a random Alice, who
    begins as an exam does, sets a valid goal in 0.7 % of turns of 50 steps; with the defaults, 5 cm, 10 cm and 4 mm, in
    11 % of 100. robot: another one. settings: see `compose`.
    """
    _check_sizes(half_size=half_size)
    _check_number(num_objects)
    if shapes:
        number = max(len(shapes), num_objects) if num_shapes is None else num_shapes
        objects = shapes_of.drawn(shapes, number, seed=shape_seed)
    else:
        objects = (shapes_of.cube(half_size),) * num_objects
    if robot is GRIPPER:
        own = robot.scale[0], robot.leash[0], robot.scale[4]
        step, leash, finger_step = (
            of_robot if given is None else given
            for given, of_robot in zip((step, leash, finger_step), own, strict=True)
        )
        check_numbers(above=0.0, step=step, leash=leash, finger_step=finger_step)
        scale = (step, step, step, robot.scale[3], finger_step)
        robot = robot._replace(scale=scale, leash=(leash, leash, leash, *robot.leash[3:]))
    elif (step, leash, finger_step) != (None, None, None):
        raise ValueError("step, leash and finger_step are of the gripper: another robot has its own scale and leash")
    return compose(robot, objects, max_objects=num_objects, **settings)


SCENES = {"pucks": pucks, "blocks": blocks}  # by the name of the mode


def compose(
    robot: Robot,
    objects: Sequence[Object],
    *,
    table: Table = Table(),  # noqa: B008
    min_objects: int | None = None,
    max_objects: int | None = None,
    num_slots: int | None = None,
    planar: bool = False,
    symmetry: str | None = None,
    substeps: int = 4,
    timestep: float = 0.01,
    max_distance: float = MAX_DISTANCE,
    max_angle: float = MAX_ANGLE,
    contact_slots: int | None = None,
    mass_range: tuple[float, float] = (1.0, 1.0),
    friction_range: tuple[float, float] = (1.0, 1.0),
    max_delay: int = 0,
    focus: bool = False,
) -> Scene:
    """The scene of a robot and objects of your own. Raises ValueError.

    min_objects, max_objects: how many of them a game has on its table. Default: all. num_slots: see `Scene`. symmetry:
    in place of the objects' own, a name of goals.SYMMETRIES: with "none" a turned cube is another goal.
    max_distance, max_angle: thresholds of success. focus: see `observations.focus`. contact_slots: number of contacts
    that are solved for, the closest ones. The default is enough for every block on a surface, one grasp and one more
    pair. For two blocks it is 1.7 times as fast as all 36. MJX alone knows it. mass_range, friction_range, max_delay:
    domain randomisation, what is drawn of a game's physics, see `domain`. Default: nothing.
    """
    objects = tuple(objects)
    if not 1 <= len(objects) <= MAX_OBJECTS:
        raise ValueError(f"a scene must have 1 to {MAX_OBJECTS} objects, got {len(objects)}")
    max_objects = len(objects) if max_objects is None else max_objects
    min_objects = max_objects if min_objects is None else min_objects
    num_slots = len(objects) if num_slots is None else num_slots
    check_counts(min_objects=min_objects, max_objects=max_objects, num_slots=num_slots, substeps=substeps)
    check_numbers(above=0.0, timestep=timestep, max_distance=max_distance, max_angle=max_angle)
    if max_objects > len(objects):
        most = f"max_objects (num_objects of a mode) must be at most the number of objects, {len(objects)}"
        raise ValueError(f"{most}; got {max_objects}")
    if not 1 <= min_objects <= max_objects:
        raise ValueError(f"min_objects must be 1 to max_objects, {max_objects}; got {min_objects}")
    if num_slots < len(objects):
        raise ValueError(f"num_slots must be at least the number of objects, {len(objects)}; got {num_slots}")
    if symmetry is not None:
        objects = tuple(one._replace(symmetry=symmetry) for one in objects)
    for one in objects:
        if one.symmetry not in SYMMETRIES:
            raise ValueError(f"symmetry must be one of {', '.join(SYMMETRIES)}, got {one.symmetry!r}")
    if not planar:
        contact_slots = 4 * len(objects) + 12 if contact_slots is None else contact_slots
        check_counts(contact_slots=contact_slots)
    drive = drive_of(robot, composition.spec_of(robot).compile())
    mjcf = composition.composed(robot, objects, table.top, planar, timestep, contact_slots)
    scene = Scene(robot, objects, table, mjcf, drive, min_objects, max_objects, num_slots, planar, substeps, timestep)
    if scene.room < 0:
        raise ValueError(f"the largest object does not fit into a cell of {table.cell} m: make it smaller")
    if (farthest := table.cell + scene.room / 2) > min(table.top):
        beyond = f"objects begin up to {farthest:.3f} m from the table's centre, and its top is {table.top}"
        raise ValueError(f"{beyond}: make the top larger, or the cell smaller")
    check_counts(0, max_delay=max_delay)
    scene = scene._replace(max_distance=max_distance, max_angle=max_angle, max_delay=max_delay, focus=focus)
    mass_range, friction_range = _bounds("mass_range", mass_range), _bounds("friction_range", friction_range)
    return scene._replace(mass_range=mass_range, friction_range=friction_range)


def with_ghosts(scene: Scene) -> str:
    """The MJCF text of a scene with a second, transparent copy of each object, which touches nothing: its goal."""
    of_scene = scene.robot, scene.objects, scene.table.top, scene.planar, scene.timestep
    return composition.composed(*of_scene, contact_slots=None, ghosts=True)


def _bounds(name, bounds):
    """(low, high) of a factor."""
    low, high = bounds if isinstance(bounds, tuple | list) and len(bounds) == 2 else (math.nan, math.nan)
    if not 0 < low <= high < math.inf:
        raise ValueError(f"{name} must be (low, high), factors above 0; got {bounds}")
    return float(low), float(high)


def _check_number(num_objects):
    check_counts(num_objects=num_objects)
    if num_objects > MAX_OBJECTS:
        raise ValueError(f"num_objects must be 1 to {MAX_OBJECTS}, got {num_objects}")


def _check_sizes(**sizes):
    for name, size in sizes.items():
        if not 0.01 <= size <= 0.04:
            raise ValueError(f"{name} must be 0.01 to 0.04 m, got {size}")
