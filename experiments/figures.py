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


def retention(records: Sequence[Mapping], learners: Mapping[str, str], steps_per_task: int) -> Figure:
    """What several learners of one run keep of a sequence of tasks: of the first, and on average of those seen so far.

    records: of the run, with the metrics of `probes.retention`. learners: label -> the prefix of its metrics,
    "probe/" or "probe/NAME/".
    """
    figure = Figure(figsize=(9, 3.8), layout="constrained")
    of_first, of_seen = figure.subplots(1, 2, sharey=True)
    points = [record for record in records if record["step"] > 0 and "probe/task_1/test_error" in record]
    steps = [point["step"] for point in points]
    for label, prefix in learners.items():
        accuracies = [
            [1 - point[f"{prefix}task_{k}/test_error"] for k in range(1, -(-point["step"] // steps_per_task) + 1)]
            for point in points
        ]
        of_first.plot(steps, [of_tasks[0] for of_tasks in accuracies], label=label, marker=".")
        of_seen.plot(steps, [np.mean(of_tasks) for of_tasks in accuracies], label=label, marker=".")
    for axes, title in ((of_first, "the first task"), (of_seen, "mean of the tasks seen so far")):
        axes.set(xlabel=f"step, a new task every {steps_per_task}", title=title)
        axes.grid(alpha=0.3)
        for end in range(steps_per_task, steps[-1], steps_per_task):
            axes.axvline(end, color="black", alpha=0.15, linewidth=1)
    of_first.set_ylabel("test accuracy")
    of_first.legend()
    return figure


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
