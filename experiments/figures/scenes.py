"""Pictures of the tabletop of self-play: episodes and holdout tasks, goals drawn as ghosts.

Bodies are seen from afar, without perspective, the farthest drawn first.
"""

import json
from collections.abc import Iterable, Mapping, Sequence
from typing import NamedTuple

import numpy as np
from matplotlib import colormaps
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.patches import Polygon

from experiments.records import Records
from self_play.scene import AREA, TABLE


class Body(NamedTuple):
    """A box or a ball."""

    size: np.ndarray  # [3] half of its sides, or [1] its radius, m
    position: np.ndarray  # [3] m
    rotation: np.ndarray  # [3, 3]
    colour: np.ndarray  # [4]


_AZIMUTH, _ELEVATION = np.radians(-65), np.radians(38)
_TOWARD = np.array(
    [np.cos(_ELEVATION) * np.cos(_AZIMUTH), np.cos(_ELEVATION) * np.sin(_AZIMUTH), np.sin(_ELEVATION)]
)  # the eye
_RIGHT = np.array([-np.sin(_AZIMUTH), np.cos(_AZIMUTH), 0.0])
_SCREEN = np.stack([_RIGHT, np.cross(_TOWARD, _RIGHT)], axis=-1)  # [3, 2]
_LIGHT = np.array([0.2, -0.4, 0.9])


def arena(runs: Mapping[str, Records], *, num_pictures: int = 8) -> Figure:
    """A strip of one goal of the artifact `episode` of the first run: Alice's turn above, Bob's below, goals as ghosts.

    Of the goals that Bob tried, the first that he reached; if none, the first. Without any, the film's beginning.
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
    shown = next((turn for turn in of_goals if ends[turn[1][-1]]), of_goals[0] if of_goals else None)
    return {"Alice": shown[0], "Bob": shown[1]} if shown else {"Alice": range(min(len(ends), 100))}


def strip(row: Sequence[Axes], frames: Mapping, steps: Sequence[int], name: str) -> None:
    """Draws some frames of a turn from its first to its last, one in each of the axes."""
    for step, axes in zip(np.linspace(steps[0], steps[-1], len(row)).round().astype(int), row, strict=True):
        draw(axes, _bodies(frames, step))
        axes.set_title(f"{name}, step {step - steps[0]}", fontsize="small")


def holdouts(tasks: Mapping[str, tuple], *, columns: int = 6) -> Figure:
    """Holdout tasks, a panel each: where objects are, and a goal as ghosts. name -> (Scene, Poses, Poses of the goal).

    Each object has its colour, and a block's upper side at the start is pale.
    """
    rows = -(-len(tasks) // columns)
    figure = Figure(figsize=(2 * columns, 1.9 * rows), layout="constrained")
    panels = figure.subplots(rows, columns, squeeze=False).ravel()
    for axes in panels:
        axes.set_axis_off()
    for axes, (name, (scene, start, goal)) in zip(panels, tasks.items(), strict=False):
        size = np.full(1 if scene.planar else 3, scene.height)
        draw(axes, [*_at(start, size, 1.0), *_at(goal, size, 0.4)])
        axes.set_title(name.replace("_", " "), fontsize="small")
    return figure


def draw(axes: Axes, bodies: Iterable[Body]) -> None:
    """Draws bodies on the table, with the placement area's outline."""
    high = AREA[1]
    for (right, above), colour in ((TABLE, "0.9"), (high[:2], "0.8")):
        corners = np.array([[-right, -above, 0], [right, -above, 0], [right, above, 0], [-right, above, 0]])
        axes.add_patch(Polygon(corners @ _SCREEN, color=colour, linewidth=0))
    faces = [face for body in bodies for face in _faces(body)]
    for corners, colour in sorted(faces, key=lambda face: face[0].mean(axis=0) @ _TOWARD):
        axes.add_patch(Polygon(corners @ _SCREEN, facecolor=colour, edgecolor=(0, 0, 0, 0.4), linewidth=0.4))
    across = 1.15 * np.hypot(high[0], high[1])
    axes.set(xlim=(-across, across), ylim=(-0.78 * across, 0.9 * across), aspect="equal")
    axes.set_axis_off()


def _faces(body):
    """-> corners [n, 3] and colour of each face that the eye sees."""
    if len(body.size) == 1:
        angles = np.linspace(0, 2 * np.pi, 32, endpoint=False)
        outline = np.stack([np.cos(angles), np.sin(angles)], axis=-1) @ _SCREEN.T
        yield body.position + body.size * outline, body.colour
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


def _at(poses, size, alpha):
    colours = colormaps["tab10"](np.arange(len(poses.position)), alpha=alpha)
    placed = zip(*(np.asarray(leaf, np.float64) for leaf in poses), colours, strict=True)
    return [Body(size, position, _matrix(rotation), colour) for position, rotation, colour in placed]


def _bodies(frames, step):
    """The bodies of a frame, but those under the table."""
    places = frames["states"]["x"][step]
    for geoms in frames["geoms"].values():
        for geom in geoms:
            if geom["link_idx"] < 0 or places["pos"][geom["link_idx"]][2] < -0.5:
                continue
            turn = _matrix(np.array(places["rot"][geom["link_idx"]]))
            position = places["pos"][geom["link_idx"]] + turn @ np.array(geom["pos"])
            size = np.array(geom["size"][: 3 if geom["name"] == "Box" else 1])
            yield Body(size, position, turn @ _matrix(np.array(geom["rot"])), np.array(geom["rgba"]))


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
