"""The MuJoCo model of a scene, composed by MjSpec of a robot's own, a table, and a body for each object."""

import functools
import itertools
from collections.abc import Sequence
from typing import Any

from self_play.objects import Object
from self_play.robots import Robot


def spec_of(robot: Robot) -> Any:
    """The MjSpec of a robot. Raises ValueError."""
    from mujoco import MjSpec  # pyrefly: ignore[missing-module-attribute]

    is_text = robot.mjcf.lstrip().startswith("<")
    try:
        spec = MjSpec.from_string(robot.mjcf) if is_text else MjSpec.from_file(robot.mjcf)
    except ValueError as error:
        raise ValueError(f"MuJoCo cannot read the robot's MJCF: {' '.join(str(error).split())}") from error
    _keep_files(spec, "" if is_text else robot.mjcf.rpartition("/")[0])
    return spec


def _keep_files(spec, folder):
    """Names the files of a model by paths that lead to them from where Python runs, as those of objects do.

    folder: of the model's own file; a text lies in none.
    """
    for things, of_kind in (
        (spec.meshes, spec.meshdir),
        (spec.hfields, spec.meshdir),
        (spec.textures, spec.texturedir),
    ):
        for thing in things:
            if thing.file:
                thing.file = _joined(folder, _joined(of_kind, thing.file))
    spec.meshdir = spec.texturedir = spec.modelfiledir = ""


def _joined(folder, path):
    return path if path.startswith("/") or not folder else f"{folder}/{path}"


# The solver's tolerance. MuJoCo's default, 1e-8, takes about twice the iterations and is no better in float32. With 4
# iterations pucks are where a converged solver puts them, to rounding; with 1 they are not, and with 2 two pucks are
# not. A line search of 1 step is as exact for them, but slower.
_SOLVER = {"tolerance": 1e-5, "iterations": 4}
_FRICTION = (0.005, 1e-4)  # of turning and rolling


@functools.cache
def composed(
    robot: Robot,
    objects: tuple[Object, ...],
    top: tuple,
    planar: bool,
    timestep: float,
    contact_slots: int | None,
    *,
    ghosts: bool = False,
) -> str:
    """The MJCF text of a robot, objects and a table. ghosts: with a transparent copy of each object, its goal.

    top: half the length and width of the table. planar, contact_slots: see `scene.compose`; None: no limit.
    """
    from mujoco import mjtGeom  # pyrefly: ignore[missing-module-attribute]

    spec = spec_of(robot)
    for name, value in {**_SOLVER, "ls_iterations": 4 if planar else 8, "timestep": timestep}.items():
        setattr(spec.option, name, value)
    if contact_slots is not None:
        spec.add_numeric(name="max_contact_points", data=[contact_slots])
    spec.worldbody.add_light(pos=[0, 0, 2])
    spec.worldbody.add_geom(
        name="table",
        type=mjtGeom.mjGEOM_PLANE,
        size=[*top, 0.1],
        rgba=[0.8, 0.8, 0.8, 1],
        contype=int(not planar),
        conaffinity=0,
        **({} if planar else {"friction": [0.7, *_FRICTION]}),
    )
    for i, one in enumerate(objects):
        _add(spec, f"object{i}", one, 0.1 * i, planar)
    for i, one in enumerate(objects if ghosts else ()):
        _add(spec, f"ghost{i}", one, 0.1 * i, planar, ghost=True)
    spec.compile()
    return spec.to_xml()


def _add(spec, name, one, x, planar, ghost=False):
    """Adds an object's body. Objects collide (2) with everything (7), pucks with each other and the pusher (1)."""
    from mujoco import mjtGeom, mjtJoint  # pyrefly: ignore[missing-module-attribute]

    is_puck = planar and not ghost
    body = spec.worldbody.add_body(name=name, pos=[0 if is_puck else x, 0, one.half[2]])
    if is_puck:
        for axis, letter in enumerate("xy"):
            along = [float(axis == i) for i in range(3)]
            body.add_joint(name=f"{name}_{letter}", type=mjtJoint.mjJNT_SLIDE, axis=along, damping=0.4)
    else:
        body.add_freejoint()
    weight = {"density": 1000.0} if one.mass is None else {"mass": one.mass / len(one.parts)}
    collides = {"condim": 1} if planar else {"contype": 2, "conaffinity": 7, "friction": [one.friction, *_FRICTION]}
    if ghost:
        collides = {"contype": 0, "conaffinity": 0}
    for part in one.parts:
        shape = {"size": [*part.size, 0, 0][:3]}
        if part.file:
            mesh = f"{part.file} {part.size[0]}"
            if mesh not in [known.name for known in spec.meshes]:
                spec.add_mesh(name=mesh, file=part.file, scale=list(part.size))
            shape = {"meshname": mesh}
        rgba = [0.2, 0.7, 0.3, 0.35] if ghost else [*one.colour, 1]
        body.add_geom(
            type=mjtGeom(_GEOMS[part.type]),
            pos=list(part.position),
            quat=list(part.rotation),
            rgba=rgba,
            **shape,
            **weight,
            **collides,
        )


_GEOMS = {"sphere": 2, "capsule": 3, "ellipsoid": 4, "cylinder": 5, "box": 6, "mesh": 7}  # of mujoco.mjtGeom


def sensing(mjcf: str, num_objects: int, links: Sequence[str]) -> Any:
    """The compiled model of a scene's text, with a sensor for each object and link: whether the two are in contact.

    They are the only ones; a robot's own are left out.
    """
    from mujoco import MjSpec, mjtObj, mjtSensor  # pyrefly: ignore[missing-module-attribute]

    spec, body = MjSpec.from_string(mjcf), mjtObj.mjOBJ_BODY
    for sensor in list(spec.sensors):
        spec.delete(sensor)
    for i, link in itertools.product(range(num_objects), links):
        both = {"objtype": body, "objname": f"object{i}", "reftype": body, "refname": link}
        sensor = spec.add_sensor(name=f"object{i} {link}", type=mjtSensor.mjSENS_CONTACT, **both)
        sensor.intprm[:3] = 1, 0, 1  # the number of contacts, of the first as they come, one
    return spec.compile()
