"""Films: a GIF of what happened, with OpenGL and without."""

import io
import os
import subprocess
import sys

import mujoco
import numpy as np
import pytest
from PIL import Image

import self_play
from experiments import artifacts, films
from self_play import scene
from self_play.goals import Poses

STEPS = 6
RENDER = """
import sys, numpy as np, self_play
from self_play import scene
from self_play.goals import Poses
upright = np.tile(np.array([1.0, 0, 0, 0]), (2, 1, 1))
goal = Poses(np.array([[[0.1, 0.1, 0.03]], [[0.1, 0.1, 0.03]]]), upright)
q = np.array([[0.0, 0.0, 0.2, 0.0], [0.0, 0.0, -0.2, 0.0]])
try:
    images = self_play.render_images(scene.pucks(), q, goal, np.array([False, True]), width=96, height=72)
except RuntimeError as error:
    sys.exit(f"no OpenGL: {error}")
assert images.shape == (2, 72, 96, 3) and images.dtype == np.uint8
red, green = (np.argwhere((images[i, :, :, a] > images[i, :, :, b] + 50.0)) for i, a, b in ((0, 0, 1), (1, 1, 0)))
left = np.argwhere(images[1, :, :, 0] > images[1, :, :, 1] + 50.0)
assert len(red) and len(left) and red[:, 1].mean() > 48 > left[:, 1].mean()
assert len(green) and not np.any(images[0, :, :, 1] > images[0, :, :, 0] + 50.0)
"""


def recorded():
    """A puck that moves along x; its goal is shown from the fourth step on."""
    q = np.zeros((STEPS, 4))
    q[:, 2] = np.linspace(-0.2, 0.2, STEPS)
    goal = Poses(np.tile(np.array([0.2, 0.1, 0.03]), (STEPS, 1, 1)), np.tile(np.array([1.0, 0, 0, 0]), (STEPS, 1, 1)))
    return scene.pucks(), q, goal, np.arange(STEPS) > 2


def test_a_film_without_opengl():
    images = films.drawn(self_play.render_frames(*recorded()), width=120, height=90)
    assert images.shape == (STEPS, 90, 120, 3)
    red = [np.argwhere(image[..., 0] > image[..., 1] + 50.0)[:, 1].mean() for image in images]
    assert np.all(np.diff(red) > 5)
    green = [np.any(image[..., 1] > image[..., 0] + 30.0) for image in images]
    assert green == [False] * 3 + [True] * 3
    film = Image.open(io.BytesIO(films.gif(images, every=2, frame_seconds=0.1)))
    assert (film.format, film.n_frames, film.size, film.info["duration"]) == ("GIF", 3, (120, 90), 100)
    film.seek(2)
    np.testing.assert_allclose(np.array(film.convert("RGB"), float), images[4], atol=60)


def test_the_artifact_draws_where_there_is_no_opengl(monkeypatch):
    def no_opengl(*args):
        raise RuntimeError("no OpenGL")

    frames = self_play.render_frames(*recorded())
    monkeypatch.setattr(artifacts, "_game", lambda context, num_frames: (scene.pucks(), lambda run: "recording"))
    monkeypatch.setattr(self_play, "images_of", no_opengl)
    monkeypatch.setattr(self_play, "frames_of", lambda of, recording: frames)
    made = artifacts.film(None, every=3)
    assert made.files == ("episode.gif",)
    assert Image.open(io.BytesIO(made.write(None)["episode.gif"])).n_frames == 2
    with pytest.raises(ValueError, match="every must be at least 1, and frame_seconds above 0; got 0 and 0"):
        artifacts.film(None, every=0)


def test_opengl_that_is_missing_is_looked_for_once(monkeypatch):
    """A second look would end the process."""
    looks = []

    def renderer(*args):
        looks.append(args)
        raise ValueError("no display")

    monkeypatch.setattr(mujoco, "Renderer", renderer)
    self_play.films._missing.cache_clear()
    for _ in range(2):
        with pytest.raises(RuntimeError, match=r"MuJoCo finds no OpenGL; set MUJOCO_GL to .* \(no display\)"):
            self_play.render_images(*recorded())
    self_play.films._missing.cache_clear()
    assert len(looks) == 1


def test_mujocos_own_pictures():
    """The puck is on the right, then on the left, with its goal; in a process of its own, for the display's sake."""
    environment = {**os.environ, "MUJOCO_GL": "egl"}
    done = subprocess.run([sys.executable, "-c", RENDER], env=environment, capture_output=True, text=True, check=False)
    if "no OpenGL" in done.stderr or "EGL" in done.stderr:
        pytest.skip("there is no OpenGL: " + done.stderr.strip().splitlines()[-1])
    assert done.returncode == 0, done.stderr
