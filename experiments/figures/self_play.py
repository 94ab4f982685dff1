"""Figures of what Alice and Bob learned, from the records and files of runs."""

from collections.abc import Mapping, Sequence

import numpy as np
from matplotlib.figure import Figure

_PANELS = {  # title -> the metrics in it
    "how often": ("valid_goals", "bob_success", "demo_fraction"),
    "of the objects to be moved": ("goal_rotated", "goal_lifted", "goal_stacked", "goal_direction"),
    "how far in m": ("goal_distance",),
}


def curriculum(runs: Mapping[str, Sequence[Mapping]]) -> Figure:
    """What goals Alice sets as both learn, and whether Bob reaches them and those of the holdouts.

    Means over seeds, with a band from the least to the greatest. runs: label -> records. A row of panels for each run.
    """
    figure = Figure(figsize=(11, 3.2 * len(runs)), layout="constrained")
    for (label, records), row in zip(runs.items(), figure.subplots(len(runs), 3, squeeze=False), strict=True):
        for axes, (title, names) in zip(row, _PANELS.items(), strict=True):
            shown = [f"train/{name}" for name in names]
            shown += ["probe/holdout_success"] if axes is row[0] else []
            for name in shown:
                _curve(axes, records, name)
            axes.set(xlabel="update", title=title, ylim=(0, None if axes is row[2] else 1.02))
            axes.grid(alpha=0.3)
            axes.legend(fontsize="small")
        if len(runs) > 1:
            row[0].set_ylabel(label)
    return figure


def _curve(axes, records, name):
    points = [record for record in records if name in record]
    if not points:
        raise ValueError(f"the run has no metric {name!r}; the figure is of runs of self-play")
    steps = [point["step"] for point in points]
    seeds = np.array([point.get(f"{name}/seeds", [point[name]]) for point in points])
    marker = "o" if name.startswith("probe/") else None
    (line,) = axes.plot(steps, seeds.mean(axis=1), label=name.split("/")[1].replace("_", " "), marker=marker)
    axes.fill_between(steps, seeds.min(axis=1), seeds.max(axis=1), color=line.get_color(), alpha=0.2, linewidth=0)


def payoff(versions: Mapping) -> Figure:
    """Which version of Bob reaches the goals of which version of Alice. versions: what `artifacts.payoff` tells."""
    updates, success = versions["updates"], np.array(versions["bob_success"], float)
    figure = Figure(figsize=(1.2 + 0.8 * len(updates), 0.8 + 0.8 * len(updates)), layout="constrained")
    axes = figure.subplots()
    axes.imshow(success, vmin=0, vmax=1, cmap="viridis")
    for i, j in np.argwhere(np.isfinite(success)):
        axes.text(
            j, i, f"{success[i, j]:.2f}", ha="center", va="center", color="black" if success[i, j] > 0.6 else "white"
        )
    ticks = range(len(updates))
    axes.set_xticks(ticks, updates)
    axes.set_yticks(ticks, updates)
    axes.set(xlabel="Bob after so many updates", ylabel="Alice after so many updates", title="goals that Bob reaches")
    return figure
