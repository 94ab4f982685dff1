"""Strips of episodes and pictures of tasks: what is on them."""

import json

import numpy as np
import pytest
from matplotlib.figure import Figure

from experiments import Records
from experiments.figures import scenes
from self_play import scene
from self_play.goals import Poses

UPRIGHT = [1.0, 0.0, 0.0, 0.0]


def film(bobs_turn, resolved, success):
    """A pusher, a puck on its way along x, and a ghost where Bob is to bring it."""
    geom = {
        "name": "Sphere",
        "pos": [0.0, 0.0, 0.0],
        "rot": UPRIGHT,
        "rgba": [0.1, 0.2, 0.3, 1.0],
        "size": [0.02, 0, 0],
    }
    geoms = {name: [{**geom, "link_idx": i}] for i, name in enumerate(("pusher", "object0", "ghost0"))}
    geoms["world"] = [{**geom, "name": "Plane", "link_idx": -1}]
    places = [
        [[0.0, 0.0, 0.02], [0.01 * t, 0.0, 0.03], [0.1, 0.0, 0.03 - (not his)]] for t, his in enumerate(bobs_turn)
    ]
    frames = [{"pos": of_frame, "rot": [UPRIGHT] * 3} for of_frame in places]
    told = {"bobs_turn": bobs_turn, "resolved": resolved, "success": success}
    text = json.dumps({"geoms": geoms, "states": {"x": frames}, **told})
    return {"run": Records([], artifact={"episode.json": text}.get)}


def titles(figure):
    return [axes.get_title() for axes in figure.axes]


def test_a_strip_shows_the_goal_that_took_bob_longest_of_those_that_he_reached():
    his = [False] * 4 + [True] * 2 + [False] * 5 + [True] * 3 + [False] * 2
    ends, wins = [False] * 16, [False] * 16
    ends[5] = ends[13] = wins[5] = True
    quick = scenes.arena(film(his, ends, wins), num_pictures=2)
    assert titles(quick) == ["Alice, step 0", "Alice, step 3", "Bob, step 0", "Bob, step 1"]
    figure = scenes.arena(film(his, ends, ends), num_pictures=2)
    assert titles(figure) == ["Alice, step 0", "Alice, step 4", "Bob, step 0", "Bob, step 2"]
    bodies = [len(axes.patches) - 2 for axes in figure.axes]  # but the table and its area
    assert bodies == [2, 2, 3, 3]
    missed = scenes.arena(film(his, ends, [False] * 16), num_pictures=2)
    assert titles(missed) == titles(quick)


def test_without_a_turn_of_bobs_the_beginning_is_shown():
    figure = scenes.arena(film([False] * 6, [False, False, True] * 2, [False] * 6), num_pictures=3)
    assert titles(figure) == ["Alice, step 0", "Alice, step 2", "Alice, step 5"]


def test_three_sides_of_a_block_are_seen():
    poses = Poses(np.array([[0.0, 0.0, 0.025], [0.1, 0.0, 0.025]]), np.array([UPRIGHT, UPRIGHT]))
    round_ones = scene.blocks(1, shapes=("cylinder", "capsule"))
    both, one = np.ones(2, bool), np.array([True, False])
    tasks = {"push_2": (scene.blocks(2), both), "two": (scene.pucks(2), both), "push_unseen": (round_ones, one)}
    figure = scenes.holdouts({name: (of, poses, poses, here) for name, (of, here) in tasks.items()})
    assert isinstance(figure, Figure)
    assert [len(axes.patches) - 2 for axes in figure.axes[:3]] == [2 * 2 * 3, 2 * 2, 2 * 2]


@pytest.mark.parametrize(
    ("shape", "size"), [("Cylinder", [0.05, 0.1]), ("Capsule", [0.05, 0.1]), ("Ellipsoid", [0.1] * 3)]
)
def test_a_round_shape_is_as_large_as_it_is(shape, size):
    """Seen from afar along its own axis: a disc."""
    axes, size = Figure().subplots(), np.array(size)
    down = np.stack([scenes._RIGHT, np.cross(scenes._TOWARD, scenes._RIGHT), scenes._TOWARD], axis=-1)
    scenes.draw(axes, [scenes.Body(size, np.zeros(3), down, np.ones(4), shape)])
    outline = axes.patches[2].get_xy()
    np.testing.assert_allclose(np.linalg.norm(outline, axis=-1), size[0], rtol=0.02)


def test_a_body_is_drawn_where_it_is():
    """Along the table's x and up, in m of the picture."""
    axes = Figure().subplots()
    for where in ([0.0, 0.0, 0.0], [0.2, 0.0, 0.0], [0.0, 0.0, 0.2]):
        scenes.draw(axes, [scenes.Body(np.ones(1), np.array(where), np.eye(3), np.ones(4))])
    centre, beside, above = (axes.patches[i].get_xy()[:-1].mean(axis=0) for i in (2, 5, 8))
    np.testing.assert_allclose(above - centre, [0.0, 0.2 * np.cos(np.radians(38))], atol=1e-9)
    right, up = beside - centre
    np.testing.assert_allclose(
        [right, up], [0.2 * np.cos(np.radians(25)), -0.2 * np.sin(np.radians(38)) * np.cos(np.radians(65))], atol=1e-9
    )


def test_a_shadow_lies_on_the_table_under_its_body_and_moves_away_as_it_rises():
    axes = Figure().subplots()
    half, places = np.array([0.02, 0.02, 0.02]), ([0.1, 0.0, 0.02], [0.1, 0.0, 0.22])
    scenes.draw(axes, [scenes.Body(half, np.array(place), np.eye(3), np.ones(4)) for place in places])
    low, high = (path.vertices[:-1].mean(axis=0) for path in axes.collections[0].get_paths())
    moved = -0.2 * scenes._LIGHT / scenes._LIGHT[2]
    moved[2] = 0.0
    np.testing.assert_allclose(high - low, moved @ scenes._SCREEN, atol=1e-9)
    under = np.array([0.1, 0.0, 0.0]) - 0.02 * scenes._LIGHT / scenes._LIGHT[2] * [1, 1, 0]
    np.testing.assert_allclose(low, under @ scenes._SCREEN, atol=1e-9)
