"""The page on which a recording plays, drawn by Node on a canvas that notes what is filled."""

import json
import re
import shutil
import subprocess

import numpy as np
import pytest

from self_play import html_page

CANVAS = """
const source = require("fs").readFileSync(0, "utf8").match(/<script>([^]*)<\\/script>/)[1];
let filled = [], path = [], tick;
const pen = {
  clearRect() { filled = []; }, beginPath() { path = []; }, closePath() {}, stroke() {},
  moveTo(x, y) { path.push([x, y]); }, lineTo(x, y) { path.push([x, y]); },
  fill() { filled.push({ path, color: this.fillStyle, alpha: this.globalAlpha }); },
};
const elements = {};
const element = id => elements[id] ??= { getContext: () => pen, clientWidth: 800, clientHeight: 600 };
global.document = { getElementById: element };
global.window = { devicePixelRatio: 1 };
global.requestAnimationFrame = f => { tick = f; };
eval(source);
const shown = [];
for (const at of [0, 1000, 2000]) {
  if (at) tick(at);
  shown.push({ said: elements.said.textContent, filled });
}
console.log(JSON.stringify(shown));
"""
SHAPES = {
    "Box": [0.1, 0.2, 0.05],
    "Sphere": [0.1, 0, 0],
    "Capsule": [0.05, 0.1, 0],
    "Cylinder": [0.1, 0.05, 0],
    "Ellipsoid": [0.1, 0.2, 0.05],
}


def film(name, height, alpha=1.0):
    """Three steps of one shape, red, which rises."""
    upright = [1.0, 0.0, 0.0, 0.0]
    geom = {"name": name, "pos": [0, 0, 0], "rot": upright, "rgba": [1, 0, 0, alpha], "size": SHAPES[name]}
    table = {"name": "Plane", "pos": [0, 0, 0], "rot": upright, "rgba": [1, 1, 1, 1], "size": [0.6, 0.7, 0.1]}
    states = [{"pos": [[0, 0, height + 0.1 * step]], "rot": [upright]} for step in range(3)]
    ends = {"bobs_turn": [False, True, True], "resolved": [False, False, True], "success": [False, False, True]}
    return {"geoms": {"world": [table], "it": [geom]}, "link_names": ["it"], "states": {"x": states}, **ends}


def drawn(frames):
    node = shutil.which("node")
    if node is None:
        pytest.skip("Node is not installed")
    done = subprocess.run([node, "-e", CANVAS], input=html_page(frames), capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


def red(step):
    return np.array(
        [p for one in step["filled"] if re.match(r"rgb\([1-9]\d*,0,0\)", one["color"]) for p in one["path"]]
    )


def test_it_needs_no_network():
    page = html_page(film("Box", 0.1) | {"note": "</script><b>"})
    assert "http" not in page
    assert page.count("</script>") == 1


@pytest.mark.parametrize("name", SHAPES)
def test_a_shape_is_drawn_where_it_is(name):
    first, *_, last = drawn(film(name, 0.2))
    assert [first["said"].strip(), last["said"]] == ["step 1 of 3  Alice's turn", "step 3 of 3  Bob's turn: reached"]
    for step in (first, last):
        assert np.isfinite(red(step)).all()
    assert abs(red(first)[:, 0].mean() - 400) < 10  # in the middle of the canvas
    assert red(last)[:, 1].mean() < red(first)[:, 1].mean() - 30  # it has risen


def test_a_hidden_goal_is_not_drawn():
    assert len(red(drawn(film("Box", -1.0, alpha=0.3))[0])) == 0
    assert len(red(drawn(film("Box", 0.2, alpha=0.3))[0])) > 0
