"""Pictures of the tabletop of self-play: episodes and holdout tasks, goals drawn as ghosts.

Bodies are seen from afar, without perspective, the farthest drawn first.
"""

import itertools
import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import NamedTuple

import numpy as np
from matplotlib import colormaps
from matplotlib.axes import Axes
from matplotlib.collections import PolyCollection
from matplotlib.figure import Figure
from matplotlib.patches import Polygon
from scipy.spatial import ConvexHull

from experiments.records import Records
from self_play.scene import AREA, TABLE


class Body(NamedTuple):
    """A box, a ball or another round shape."""

    size: np.ndarray  # [3] half of its sides, or [1] its radius, m; as MuJoCo has it
    position: np.ndarray  # [3] m
    rotation: np.ndarray  # [3, 3]
    colour: np.ndarray  # [4]
    shape: str = ""  # Ellipsoid, Capsule or Cylinder


_AZIMUTH, _ELEVATION = np.radians(-65), np.radians(38)
_TOWARD = np.array(
    [np.cos(_ELEVATION) * np.cos(_AZIMUTH), np.cos(_ELEVATION) * np.sin(_AZIMUTH), np.sin(_ELEVATION)]
)  # the eye
_RIGHT = np.array([-np.sin(_AZIMUTH), np.cos(_AZIMUTH), 0.0])
_SCREEN = np.stack([_RIGHT, np.cross(_TOWARD, _RIGHT)], axis=-1)  # [3, 2]
_LIGHT = np.array([0.2, -0.4, 0.9])
_CORNERS = np.array(list(itertools.product((-1, 1), repeat=3)))


def arena(runs: Mapping[str, Records], *, num_pictures: int = 8) -> Figure:
    """A strip of one goal of the artifact `episode` of the first run: Alice's turn above, Bob's below, goals as ghosts.

    Of the goals that Bob reached, that which took him longest; if none, the first. Without any, the film's beginning.
    """
    frames = json.loads(next(iter(runs.values())).artifact("episode.json"))
    rows = turns(frames)
    figure = Figure(figsize=(1.9 * num_pictures, 1.75 * len(rows)), layout="constrained")
    panels = figure.subplots(len(rows), num_pictures, squeeze=False)
    for (name, steps), row in zip(rows.items(), panels, strict=True):
        strip(row, frames, steps, name)
    return figure


def turns(frames: Mapping) -> dict[str, Sequence[int]]:
    """The frames of the turns that `arena` shows, by the name of the player."""
    of_goals, ends = _turns(np.array(frames["bobs_turn"]), np.array(frames["resolved"])), np.array(frames["success"])
    if not of_goals:
        return {"Alice": range(min(len(ends), 100))}
    reached = [turn for turn in of_goals if ends[turn[1][-1]]]
    hers, his = max(reached or of_goals[:1], key=lambda turn: len(turn[1]))
    return {"Alice": hers, "Bob": his}


def strip(row: Sequence[Axes], frames: Mapping, steps: Sequence[int], name: str) -> None:
    """Draws some frames of a turn from its first to its last, one in each of the axes."""
    for step, axes in zip(np.linspace(steps[0], steps[-1], len(row)).round().astype(int), row, strict=True):
        draw(axes, bodies(frames, step))
        axes.set_title(f"{name}, step {step - steps[0]}", fontsize="small")


def holdouts(tasks: Mapping[str, tuple], *, columns: int = 6) -> Figure:
    """Holdout tasks, a panel each: where objects are, and a goal as ghosts.

    tasks: name -> (Scene, Poses, Poses of the goal, mask). Each object has its colour, and a
    block's upper side at the start is pale.
    """
    rows = -(-len(tasks) // columns)
    figure = Figure(figsize=(2 * columns, 1.9 * rows), layout="constrained")
    panels = figure.subplots(rows, columns, squeeze=False).ravel()
    for axes in panels:
        axes.set_axis_off()
    for axes, (name, (scene, start, goal, mask)) in zip(panels, tasks.items(), strict=False):
        draw(axes, [*_at(scene, start, mask, 1.0), *_at(scene, goal, mask, 0.4)])
        axes.set_title(name.replace("_", " "), fontsize="small")
    return figure


def draw(axes: Axes, bodies: Iterable[Body]) -> None:
    """Draws bodies and their shadows on the table, with the placement area's outline."""
    high, bodies = AREA[1], list(bodies)
    for (right, above), colour in ((TABLE, "0.9"), (high[:2], "0.8")):
        corners = np.array([[-right, -above, 0], [right, -above, 0], [right, above, 0], [-right, above, 0]])
        axes.add_patch(Polygon(corners @ _SCREEN, color=colour, linewidth=0))
    shades = [(0, 0, 0, 0.2 * body.colour[3]) for body in bodies]
    axes.add_collection(PolyCollection([_shadow(body) for body in bodies], facecolors=shades, linewidths=0))
    faces = [face for body in bodies for face in _faces(body)]
    for corners, colour in sorted(faces, key=lambda face: face[0].mean(axis=0) @ _TOWARD):
        axes.add_patch(Polygon(corners @ _SCREEN, facecolor=colour, edgecolor=(0, 0, 0, 0.4), linewidth=0.4))
    across = 1.15 * np.hypot(high[0], high[1])
    axes.set(xlim=(-across, across), ylim=(-0.78 * across, 0.9 * across), aspect="equal")
    axes.set_axis_off()


def _shadow(body):
    """Its outline on the table, as the light casts it: corners [n, 2] of the picture."""
    points = body.position + _surface(body) @ body.rotation.T
    cast = (points - points[:, 2:] * (_LIGHT / _LIGHT[2])) @ _SCREEN
    return cast[ConvexHull(cast).vertices]


def _faces(body):
    """-> corners [n, 3] and colour of each face that the eye sees."""
    if len(body.size) == 1:
        angles = np.linspace(0, 2 * np.pi, 32, endpoint=False)
        outline = np.stack([np.cos(angles), np.sin(angles)], axis=-1) @ _SCREEN.T
        yield body.position + body.size * outline, body.colour
        return
    if body.shape:
        points = body.position + _surface(body) @ body.rotation.T
        yield points[ConvexHull(points @ _SCREEN).vertices], body.colour
        if body.shape == "Cylinder":
            end = body.rotation[:, 2] * np.sign(body.rotation[:, 2] @ _TOWARD)
            lit = np.append(0.4 * body.colour[:3] + 0.6, body.colour[3])
            yield points[(points - body.position) @ end > 0.99 * body.size[1]] + 1e-4 * end, lit
        return
    for axis in range(3):
        for sign in (-1, 1):
            normal = sign * body.rotation[:, axis]
            if normal @ _TOWARD <= 0:
                continue
            first, second = (body.rotation[:, (axis + i) % 3] * body.size[(axis + i) % 3] for i in (1, 2))
            centre = body.position + normal * body.size[axis]
            corners = np.stack([centre + a * first + b * second for a, b in ((-1, -1), (1, -1), (1, 1), (-1, 1))])
            colour = (0.6 + 0.4 * max(0.0, normal @ _LIGHT)) * body.colour[:3]
            colour = 0.4 * colour + 0.6 if axis == 2 and sign == 1 else colour
            yield corners, np.append(colour, body.colour[3])


def _surface(body):
    """Points on it [n, 3], in its own coordinates: a box's corners, a cylinder's two edges."""
    if not body.shape and len(body.size) == 3:
        return body.size * _CORNERS
    angle = np.linspace(0, 2 * np.pi, 32, endpoint=False)
    ring = np.stack([np.cos(angle), np.sin(angle), np.zeros(32)], axis=-1)
    if body.shape == "Cylinder":
        radius, half = body.size[:2]
        return np.concatenate([radius * ring + [0, 0, sign * half] for sign in (-1, 1)])
    up = np.linspace(-1, 1, 15)[:, None, None]
    ball = (ring * np.sqrt(1 - up**2) + up * [0, 0, 1]).reshape(-1, 3)
    if body.shape == "Capsule":
        return body.size[0] * ball + [0, 0, body.size[1]] * np.sign(ball)
    return body.size * ball


def _at(scene, poses, mask, alpha):
    """The parts of the objects that are there."""
    colours = colormaps["tab10"](np.arange(scene.num_objects), alpha=alpha)
    for one, position, rotation, here, colour in zip(scene.objects, *poses, mask, colours, strict=False):
        turn = _matrix(np.asarray(rotation, np.float64))
        for part in one.parts if here else ():
            place = np.asarray(position, np.float64) + turn @ part.position
            size = np.array(one.half if part.type == "mesh" else part.size)
            shape = "" if part.type in ("box", "sphere", "mesh") else part.type.capitalize()
            yield Body(size, place, turn @ _matrix(np.array(part.rotation)), colour, shape)


def bodies(frames: Mapping, step: int) -> Iterator[Body]:
    """The bodies of a frame, but those under the table."""
    places = frames["states"]["x"][step]
    for geoms in frames["geoms"].values():
        for geom in geoms:
            if geom["link_idx"] < 0 or places["pos"][geom["link_idx"]][2] < -0.5:
                continue
            turn = _matrix(np.array(places["rot"][geom["link_idx"]]))
            position = places["pos"][geom["link_idx"]] + turn @ np.array(geom["pos"])
            shape = "" if geom["name"] in ("Box", "Sphere") else geom["name"]
            size = np.array(geom["size"][: 1 if geom["name"] == "Sphere" else 3])
            yield Body(size, position, turn @ _matrix(np.array(geom["rot"])), np.array(geom["rgba"]), shape)


def _turns(bobs_turn, resolved):
    """-> the steps of Alice's turn and those of Bob's for each goal that he tried and that was resolved."""
    turns, alice, bob = [], [], []
    for step, (his, ends) in enumerate(zip(bobs_turn, resolved, strict=True)):
        (bob if his else alice).append(step)
        if ends:
            turns += [(alice, bob)] if bob and alice else []
            alice, bob = [], []
    return turns


def _matrix(q):
    """A unit quaternion (w, x, y, z) as a matrix [3, 3]."""
    w, x, y, z = q
    cross = np.array([[0, -z, y], [z, 0, -x], [-y, x, 0]])
    return np.eye(3) + 2 * w * cross + 2 * cross @ cross
