"""Figures, drawn from the records of runs alone."""

from collections.abc import Mapping, Sequence

import numpy as np
from matplotlib.figure import Figure


def curves(runs: Mapping[str, Sequence[Mapping]], name: str) -> Figure:
    """One metric of several runs over their steps: the mean over seeds, and a band from the least to the greatest.

    runs: label -> records, each with `step`, the metric's mean under `name` and, for several seeds, its `name/seeds`.
    """
    figure = Figure(figsize=(7, 4.5), layout="constrained")
    axes = figure.subplots()
    least, greatest, num_seeds = float("inf"), 0.0, 1
    for label, records in runs.items():
        points = [record for record in records if name in record]
        steps = np.array([point["step"] for point in points])
        seeds = np.array([point.get(f"{name}/seeds", [point[name]]) for point in points])
        (line,) = axes.plot(steps, seeds.mean(axis=1), label=label, marker="." if len(steps) < 40 else None)
        axes.fill_between(steps, seeds.min(axis=1), seeds.max(axis=1), color=line.get_color(), alpha=0.2, linewidth=0)
        least, greatest, num_seeds = min(least, seeds.min()), max(greatest, seeds.max()), max(num_seeds, seeds.shape[1])
    axes.set(xlabel="step", ylabel=name, title=f"mean and range of {num_seeds} seeds" if num_seeds > 1 else None)
    axes.grid(alpha=0.3)
    if least > 0 and greatest > 10 * least:
        axes.set_yscale("log")
    if len(runs) > 1:
        axes.legend()
    return figure


def saliency(images: np.ndarray, maps: np.ndarray, labels: Sequence[str]) -> Figure:
    """Images [M, H, W] above the maps [M, H, W] of what speaks for their labels (red) and against them (blue).

    The colours reach as far as the greatest entry of each map.
    """
    figure = Figure(figsize=(1.1 * len(images), 2.6), layout="constrained")
    axes = figure.subplots(2, len(images), squeeze=False)
    for above, below, image, of_label, label in zip(*axes, images, maps, labels, strict=True):
        greatest = np.abs(of_label).max() or 1.0
        above.imshow(image, cmap="gray_r")
        below.imshow(of_label, cmap="RdBu_r", vmin=-greatest, vmax=greatest)
        above.set_title(label, fontsize="small")
        above.set_axis_off()
        below.set_axis_off()
    return figure
