"""Learning curves, and what all figures of curves share."""

import re
from collections.abc import Collection, Iterable, Mapping
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from bootstrap import gap
from experiments.records import Records, curve, curve_at


def curves(runs: Mapping[str, Records], *, metric: str) -> Figure:
    """One metric of several runs over their steps: the mean over seeds, and a band from the least to the greatest.

    runs: label -> records. metric: its path, e.g. eval/test_error.
    """
    figure = Figure(figsize=(7, 4.5), layout="constrained")
    axes = figure.subplots()
    low, high, num_seeds = float("inf"), 0.0, 1
    for label, records in runs.items():
        steps, values = curve_at(records, metric)
        range_band(axes, steps, values, label=label, marker="." if len(steps) < 40 else None)
        low, high, num_seeds = min(low, values.min()), max(high, values.max()), max(num_seeds, len(values))
    axes.set(xlabel="step", ylabel=metric, title=f"mean and range of {num_seeds} seeds" if num_seeds > 1 else None)
    axes.grid(alpha=0.3)
    if low > 0 and high > 10 * low:
        axes.set_yscale("log")
    if len(runs) > 1:
        axes.legend()
    return figure


def log_panels(labels: Collection[str], score: str) -> tuple[Figure, list[Axes]]:
    """A figure with a panel for each label, over the logarithm of the steps."""
    figure = Figure(figsize=(0.5 + 5.5 * len(labels), 4.2), layout="constrained")
    panels = list(np.atleast_1d(figure.subplots(1, len(labels), sharey=True)))
    for axes, label in zip(panels, labels, strict=True):
        axes.set(xlabel="step", xscale="log", title=label)
        axes.grid(alpha=0.3)
    panels[0].set_ylabel(words(score))
    return figure, panels


def error_band(
    axes: Axes, records: Records, metric: str, member: str, *, color: Any, **style: Any
) -> tuple[np.ndarray, np.ndarray]:
    """Draws a metric from the first step on, its mean and standard error over seeds. -> steps [E], mean [E]."""
    steps, values = curve(records, metric, member)
    steps, values = steps[steps > 0], values[:, steps > 0]  # step 0 is not on a logarithmic axis
    mean, error = (np.array(numbers) for numbers in zip(*map(gap.mean_and_error, values.T), strict=True))
    axes.plot(steps, mean, color=color, **style)
    if len(values) > 1:
        axes.fill_between(steps, mean - error, mean + error, color=color, alpha=0.2, linewidth=0)
    return steps, mean


def range_band(axes: Axes, steps: np.ndarray, values: np.ndarray, **style: Any) -> None:
    """Draws the mean of values [S, E], and a band from the least to the greatest."""
    (line,) = axes.plot(steps, values.mean(axis=0), **style)
    low, high = values.min(axis=0), values.max(axis=0)
    axes.fill_between(steps, low, high, color=line.get_color(), alpha=0.2, linewidth=0)


def by_number(names: Iterable[str]) -> list[str]:
    """Names in the order of the numbers in them: n20 before n100."""
    return sorted(names, key=lambda name: ([int(digits) for digits in re.findall(r"\d+", name)], name))


def words(name: str) -> str:
    """A name as it is read."""
    return name.replace("_", " ")
