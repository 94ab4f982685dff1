"""Objects: what lies on a table. Each is some parts, which are MuJoCo's primitives or a mesh, about one centre.

A family is a set of shapes from which objects are drawn. `TRAINING` and `UNSEEN` share none: a Bob who is trained on
one and examined on the other meets objects that he never saw (the paper trains on ShapeNet's and tests on YCB's; these
are of primitives).

Lengths in m, masses in kg.
"""

import math
from collections.abc import Callable, Sequence
from typing import NamedTuple

import numpy as np

from self_play.settings import check_counts, check_numbers


class Part(NamedTuple):
    """A primitive, or a mesh, in the coordinates of its object."""

    type: str  # MuJoCo's name: box, sphere, ellipsoid, capsule, cylinder, mesh
    size: tuple[float, ...]  # as MuJoCo has it; of a mesh, the factor of its three axes
    position: tuple[float, float, float] = (0.0, 0.0, 0.0)
    rotation: tuple[float, float, float, float] = (1.0, 0.0, 0.0, 0.0)
    file: str = ""  # of a mesh


class Object(NamedTuple):
    """An object. Plain Python values."""

    shape: str  # its name
    parts: tuple[Part, ...]
    half: tuple[float, float, float]  # half the sides of the box around it; it rests at height half[2]
    symmetry: str  # a name of goals.SYMMETRIES
    colour: tuple[float, float, float] = (0.8, 0.3, 0.2)
    mass: float | None = None  # None: of water, 1000 kg/m³
    friction: float = 0.7  # sliding

    @property
    def radius(self) -> float:
        """Of the circle around it, seen from above."""
        is_round = len(self.parts) == 1 and self.parts[0].type in ("sphere", "cylinder")
        return self.half[0] if is_round else math.hypot(*self.half[:2])


HALF_SIZE = 0.0254  # of the published environment's blocks
_LYING = (math.sqrt(0.5), 0.0, math.sqrt(0.5), 0.0)  # z turned to x


def box(x: float, y: float, z: float, shape: str = "box") -> Object:
    """A box with these half sizes."""
    alike = [name for name, two in (("square", x == y), ("square_x", y == z), ("square_y", x == z)) if two]
    symmetry = "cube" if len(alike) == 3 else alike[0] if alike else "box"
    return Object(shape, (Part("box", (x, y, z)),), (x, y, z), symmetry)


def cube(half_size: float = HALF_SIZE) -> Object:
    """The paper's block."""
    return box(half_size, half_size, half_size, "cube")


def sphere(radius: float = HALF_SIZE) -> Object:
    """A ball, which rolls."""
    return Object("sphere", (Part("sphere", (radius,)),), (radius,) * 3, "sphere")


def cylinder(radius: float = HALF_SIZE, half_height: float = HALF_SIZE) -> Object:
    """A cylinder that stands."""
    return Object("cylinder", (Part("cylinder", (radius, half_height)),), (radius, radius, half_height), "cylinder_z")


def capsule(radius: float = 0.02, half_length: float = 0.02) -> Object:
    """A capsule that lies along x, and rolls. half_length: of its straight part."""
    part = Part("capsule", (radius, half_length), rotation=_LYING)
    return Object("capsule", (part,), (radius + half_length, radius, radius), "cylinder_x")


def ellipsoid(x: float = 0.03, y: float = HALF_SIZE, z: float = 0.021) -> Object:
    """An ellipsoid with three different half axes. It lies still if z is the least."""
    return Object("ellipsoid", (Part("ellipsoid", (x, y, z)),), (x, y, z), "box")


def prism(cells: Sequence[tuple[int, int]], shape: str, symmetry: str, side: float = 0.028, height: float = 0.04):
    """Boxes with square bases side by side, at whole multiples of `side`, about the middle of them all.

    side: of the bases. The height does not follow it, so those of `SHAPES` are larger or smaller in their base alone.
    """
    low, high = np.min(cells, axis=0), np.max(cells, axis=0)
    centre = (low + high) / 2
    parts = [
        Part("box", (side / 2, side / 2, height / 2), (*np.round(side * (np.array(cell) - centre), 5).tolist(), 0.0))
        for cell in cells
    ]
    half = np.round(side * (high - low + 1) / 2, 5).tolist()
    return Object(shape, tuple(parts), (*half, height / 2), symmetry)


def ell(side: float = 0.028) -> Object:
    """An L of three squares."""
    return prism([(0, 0), (1, 0), (0, 1)], "L", "half_turn_xy", side)


def tee(side: float = 0.024) -> Object:
    """A T of four squares, its foot along -y."""
    return prism([(-1, 0), (0, 0), (1, 0), (0, -1)], "T", "half_turn_y", side)


def cross(side: float = 0.024) -> Object:
    """A cross of five squares."""
    return prism([(0, 0), (1, 0), (-1, 0), (0, 1), (0, -1)], "cross", "square", side)


def z_shape(side: float = 0.024) -> Object:
    """A Z of four squares."""
    return prism([(-1, 1), (0, 1), (0, 0), (1, 0)], "Z", "half_turn_z", side)


def u_shape(side: float = 0.024) -> Object:
    """A U of five squares, open to y."""
    return prism([(-1, 1), (-1, 0), (0, 0), (1, 0), (1, 1)], "U", "half_turn_y", side)


def p_shape(side: float = 0.024) -> Object:
    """A P of five squares, which looks the same in no other way."""
    return prism([(0, -1), (0, 0), (0, 1), (1, 0), (1, 1)], "P", "none", side)


def mesh(file: str, *, scale: float = 1.0, symmetry: str = "none") -> Object:
    """A mesh in a file that MuJoCo reads (.stl, .obj, .msh), in m times `scale`. It collides as its convex hull."""
    from mujoco import MjSpec, mjtGeom  # pyrefly: ignore[missing-module-attribute]

    spec = MjSpec()
    spec.add_mesh(name="mesh", file=file, scale=[scale] * 3)
    spec.worldbody.add_body(name="it").add_geom(type=mjtGeom.mjGEOM_MESH, meshname="mesh")
    try:
        model = spec.compile()
    except ValueError as error:
        raise ValueError(f"MuJoCo cannot read the mesh {file!r}: {' '.join(str(error).split())}") from error
    w, *u = model.geom_quat[0]
    turned = model.mesh_vert + 2 * np.cross(u, np.cross(u, model.mesh_vert) + w * model.mesh_vert) + model.geom_pos[0]
    low, high = turned.min(axis=0), turned.max(axis=0)
    part = Part("mesh", (scale,) * 3, tuple(np.round(-(low + high) / 2, 5).tolist()), file=file)
    return Object("mesh", (part,), tuple(np.round((high - low) / 2, 5).tolist()), symmetry)


SHAPES: dict[str, Callable[..., Object]] = {  # by name; each of the usual size times a factor, see `drawn`
    "cube": lambda by=1.0: cube(by * HALF_SIZE),
    "bar": lambda by=1.0: box(by * 0.02, by * 0.04, by * HALF_SIZE, "bar"),
    "flat": lambda by=1.0: box(by * 0.03, by * 0.03, by * 0.015, "flat"),
    "tall": lambda by=1.0: box(by * 0.018, by * 0.018, by * 0.04, "tall"),
    "cylinder": lambda by=1.0: cylinder(by * HALF_SIZE, by * HALF_SIZE),
    "capsule": lambda by=1.0: capsule(by * 0.02, by * 0.02),
    "sphere": lambda by=1.0: sphere(by * HALF_SIZE),
    "ellipsoid": lambda by=1.0: ellipsoid(by * 0.03, by * HALF_SIZE, by * 0.021),
    "L": lambda by=1.0: ell(by * 0.028),
    "T": lambda by=1.0: tee(by * 0.024),
    "cross": lambda by=1.0: cross(by * 0.024),
    "Z": lambda by=1.0: z_shape(by * 0.024),
    "U": lambda by=1.0: u_shape(by * 0.024),
    "P": lambda by=1.0: p_shape(by * 0.024),
}
TRAINING = ("cube", "bar", "flat", "tall", "capsule", "Z", "U", "P")  # families
UNSEEN = ("cylinder", "L", "T", "cross")
_COLOURS = ((0.8, 0.3, 0.2), (0.2, 0.5, 0.7), (0.9, 0.7, 0.2), (0.5, 0.3, 0.6), (0.3, 0.6, 0.3), (0.5, 0.4, 0.3))


def drawn(shapes: Sequence[str], number: int, *, seed: int = 0, spread: float = 0.1) -> tuple[Object, ...]:
    """Objects of a family: the shapes in turn, each of its usual size times 1 ± spread, prisms in their base.

    Sizes to 0.01 mm.
    """
    if unknown := [shape for shape in shapes if shape not in SHAPES]:
        raise ValueError(f"no shape {unknown[0]!r}; there are {', '.join(SHAPES)}")
    if not shapes:
        raise ValueError(f"shapes must name some of {', '.join(SHAPES)}")
    check_counts(number=number)
    check_numbers(0.0, 0.3, spread=spread)
    factors = np.random.default_rng(seed).uniform(1 - spread, 1 + spread, number)
    made = [SHAPES[shapes[i % len(shapes)]](round(float(factor), 3)) for i, factor in enumerate(factors)]
    return tuple(_rounded(one)._replace(colour=_COLOURS[i % len(_COLOURS)]) for i, one in enumerate(made))


def _rounded(one: Object) -> Object:
    """Its numbers to 0.01 mm, so that they are the same in MJCF."""

    def short(numbers):
        return tuple(round(number, 5) for number in numbers)

    parts = tuple(part._replace(size=short(part.size), position=short(part.position)) for part in one.parts)
    return one._replace(parts=parts, half=short(one.half))
