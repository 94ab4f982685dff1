"""Films of episodes as GIFs, which play wherever pictures are shown."""

import io
from collections.abc import Mapping

import numpy as np
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from PIL import Image

import self_play
from experiments.figures import scenes
from self_play import Recording, Scene


def pictures(scene: Scene, recording: Recording, **size: int) -> np.ndarray:
    """Pictures of a recording [T, height, width, 3] uint8: MuJoCo's own where there is OpenGL, else `drawn`.

    size: width and height.
    """
    try:
        return self_play.images_of(scene, recording, **size)
    except RuntimeError:  # there is no OpenGL
        return drawn(self_play.frames_of(scene, recording), **size)


def drawn(frames: Mapping, *, width: int = 480, height: int = 360) -> np.ndarray:
    """Pictures of the frames of `self_play.frames_of`, drawn as the figure `arena` is [T, height, width, 3] uint8."""
    figure = Figure(figsize=(width / 100, height / 100), dpi=100)
    canvas, axes = FigureCanvasAgg(figure), figure.add_axes((0, 0, 1, 1))
    images = []
    for step in range(len(frames["states"]["x"])):
        axes.clear()
        scenes.draw(axes, scenes.bodies(frames, step))
        canvas.draw()
        images.append(np.asarray(canvas.buffer_rgba())[..., :3].copy())
    return np.stack(images)


def gif(images: np.ndarray, *, every: int = 2, frame_seconds: float = 0.08) -> bytes:
    """A GIF of every `every`-th picture [T, height, width, 3] uint8, each shown for frame_seconds, over and over."""
    first, *others = (Image.fromarray(image).quantize(64) for image in images[::every])
    file = io.BytesIO()
    first.save(file, "GIF", save_all=True, append_images=others, duration=round(1000 * frame_seconds), loop=0)
    return file.getvalue()
