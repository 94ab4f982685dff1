"""Pictures of samples and tasks, for tours, and of what a run has drawn."""

import json
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from matplotlib.figure import Figure

from experiments.records import Records


def saliency(images: np.ndarray, maps: np.ndarray, labels: Sequence[str]) -> Figure:
    """Images [M, H, W] above the maps [M, H, W] of what speaks for their labels, see `saliency_panels`."""
    figure = Figure(figsize=(1.1 * len(images), 2.8), layout="constrained")
    axes = figure.subplots(2, len(images), squeeze=False)
    saliency_panels(axes, images, maps)
    for above, label in zip(axes[0], labels, strict=True):
        above.set_title(label, fontsize="small")
    figure.supxlabel("red speaks for the label above, blue against it", fontsize="small")
    return figure


def saliency_panels(axes: np.ndarray, images: np.ndarray, maps: np.ndarray) -> None:
    """Draws images [M, H, W] into the first row of axes [2, M], and below what speaks for (red) and against (blue).

    The colours reach as far as the greatest entry of each map.
    """
    for above, below, image, of_label in zip(*axes, images, maps, strict=True):
        greatest = np.abs(of_label).max() or 1.0
        above.imshow(image, cmap="gray_r")
        below.imshow(of_label, cmap="RdBu_r", vmin=-greatest, vmax=greatest)
        above.set_axis_off()
        below.set_axis_off()


def pictures(rows: Mapping[str, np.ndarray]) -> Figure:
    """Rows of images, each under its label. rows: label -> images [n, H, W] of zeros and ones."""
    width = len(next(iter(rows.values())))
    figure = Figure(figsize=(0.8 * width, 1.1 * len(rows)), layout="constrained")
    for (label, images), axes in zip(rows.items(), np.atleast_1d(figure.subplots(len(rows))), strict=True):
        framed = [np.pad(image, 1, constant_values=0.3) for image in images]
        axes.imshow(np.concatenate(framed, axis=1), cmap="gray_r", vmin=0, vmax=1)
        axes.set_title(label, loc="left", fontsize=9)
        axes.set_axis_off()
    return figure


def paintings(runs: Mapping[str, Records]) -> Figure:
    """What a model of images has drawn, beside images that it never saw: the artifact `paintings` of the first run."""
    rows = json.loads(next(iter(runs.values())).artifact("paintings.json"))
    return pictures({label: np.array(images) for label, images in rows.items()})


def distributions(samples: Mapping[str, tuple[np.ndarray, np.ndarray]]) -> Figure:
    """Samples (x, y) of several distributions: images [n, H, W] or [n, H, W, 3], six a class, or points [n, 2]."""
    figure = Figure(figsize=(10, 8), layout="constrained")
    panels = figure.subplots(2, len(samples) // 2).ravel()
    for axes, (label, (x, y)) in zip(panels, samples.items(), strict=True):
        axes.set(title=label, aspect="equal")
        axes.set_axis_off()
        if x.ndim == 2:
            axes.scatter(*x.T, c=y, s=6, cmap="tab10", vmax=9)
        else:
            axes.imshow(np.hstack([np.clip(np.vstack(x[y == k][:6]), 0, 1) for k in range(y.max() + 1)]), cmap="gray_r")
    return figure


def prequential(right: Mapping[str, Sequence[bool]]) -> Figure:
    """The accuracy over a stream, each row predicted before it was learned. right: model -> [n], in 40 windows."""
    figure = Figure(figsize=(7, 3), layout="constrained")
    axes = figure.subplots()
    for label, of_model in right.items():
        windows = np.array_split(np.asarray(of_model, float), 40)
        axes.plot(np.cumsum([len(window) for window in windows]), [window.mean() for window in windows], label=label)
    axes.set(xlabel="rows", ylabel="accuracy of the last rows", ylim=(0, 1))
    axes.legend(loc="lower right")
    return figure


def plane(tasks: Mapping[str, tuple[Any, Any]]) -> Figure:
    """Tasks in the plane, a panel each. tasks: name -> points [n, 2] and their classes [n]."""
    rows = -(-len(tasks) // 5)
    figure = Figure(figsize=(10, 2.2 * rows), layout="constrained")
    panels = figure.subplots(rows, 5, squeeze=False).ravel()
    for axes in panels:
        axes.set_axis_off()
    for axes, (name, (points, labels)) in zip(panels, tasks.items(), strict=False):
        axes.scatter(*np.transpose(points), c=np.asarray(labels), s=4, cmap="tab10", vmin=0, vmax=9)
        axes.set(title=name.replace("_", " "), xlim=(-1.3, 1.3), ylim=(-1.3, 1.3), aspect="equal")
    return figure
