"""Figures of what Alice and Bob learned, from the records and artifacts of runs."""

import json
from collections.abc import Mapping

import numpy as np
from matplotlib.figure import Figure

from experiments.figures.learning_curves import mean, range_band, references
from experiments.figures.legends import counted, literal, spread, words
from experiments.records import Records, curve, path, paths
from self_play.scene import MAX_OBJECTS
from self_play.starts import NUM_KINDS

_PANELS = {  # title -> the metrics in it
    "how often": ("valid_goals", "bob_success", "demo_fraction"),
    "of the objects to be moved": ("goal_rotated", "goal_lifted", "goal_stacked", "goal_direction"),
    "how far in m": ("goal_distance",),
}


def curriculum(runs: Mapping[str, Records]) -> Figure:
    """What goals Alice sets as both learn, and whether Bob reaches them and those of the holdouts.

    Means over seeds, with a band from the least to the greatest. A row of panels for each run; of runs with several
    objects the last one tells goals apart by how many objects they move.
    """
    has_several = any(map(_by_number, runs.values()))
    columns = {**_PANELS, "reached, by the number of objects": ()} if has_several else _PANELS
    figure = Figure(figsize=(3.7 * len(columns), 3.2 * len(runs)), layout="constrained")
    rows = figure.subplots(len(runs), len(columns), squeeze=False)
    for (label, records), row in zip(runs.items(), rows, strict=True):
        panels = {title: names or _by_number(records) for title, names in columns.items()}
        for axes, (title, names) in zip(row, panels.items(), strict=True):
            for name in names:
                range_band(axes, *curve(records, name, kind="train"), label=words(name))
            if axes is row[0]:
                range_band(axes, *curve(records, "holdout_success"), label="holdout success", marker="o")
                references(axes, [records], path("eval", "holdout_success"))
            axes.set(xlabel="update", title=title)
            if axes is not row[2]:
                axes.set_ylim(-0.02, 1.02)
            axes.grid(alpha=0.3)
            if names:
                axes.legend(fontsize="small")
        _, values = curve(records, "holdout_success")
        row[0].set_ylabel(f"{literal(label)}\n{spread(counted([len(values)]))}")
    return figure


def _by_number(records):
    """The metrics of the goals that move one object, two, .., of a run with several."""
    names, there = (f"objects_{number}_success" for number in range(1, MAX_OBJECTS + 1)), paths(records)
    return tuple(name for name in names if path("train", name) in there)


def wave(runs: Mapping[str, Records]) -> Figure:
    """Bob's running success by where his gripper began, over the updates: it moves outward from grasping to the exam's.

    Of worlds with bob_shares, see `self_play.starts`; means over seeds, a panel for each run.
    """
    figure = Figure(figsize=(8, 2.6 * len(runs)), layout="constrained")
    panels = figure.subplots(len(runs), 1, squeeze=False)[:, 0]
    for axes, (label, records) in zip(panels, runs.items(), strict=True):
        rows = [curve(records, f"start_success_{kind}", kind="train") for kind in range(NUM_KINDS)]
        steps, success = rows[0][0], np.stack([mean(values) for _, values in rows])
        axes.imshow(
            success, vmin=0, vmax=1, cmap="viridis", aspect="auto", extent=(0, steps[-1], NUM_KINDS - 0.5, -0.5)
        )
        axes.set_yticks([0, 2, 4, NUM_KINDS - 1], ["grasping", "over it", "leaving it", "as in the exam"])
        axes.set(xlabel="update", title=f"{literal(label)}, {counted([len(rows[0][1])])}")
    figure.colorbar(panels[0].images[0], ax=list(panels), label="success")
    return figure


def payoff(runs: Mapping[str, Records]) -> Figure:
    """Which version of Bob reaches the goals of which version of Alice, of the artifact `payoff` of the first run."""
    records = next(iter(runs.values()))
    versions = json.loads(records.artifact("payoff.json"))
    updates, success = versions["updates"], np.array(versions["bob_success"], float)
    side = 0.8 * max(4, len(updates))
    figure = Figure(figsize=(1.2 + side, 0.8 + side), layout="constrained")
    axes = figure.subplots()
    axes.imshow(success, vmin=0, vmax=1, cmap="viridis")
    for i, j in np.argwhere(np.isfinite(success)):
        colour = "black" if success[i, j] > 0.6 else "white"
        axes.text(j, i, f"{success[i, j]:.2f}", ha="center", va="center", color=colour)
    ticks = range(len(updates))
    axes.set_xticks(ticks, updates)
    axes.set_yticks(ticks, updates)
    axes.set(xlabel="Bob after this many updates", ylabel="Alice after this many")
    axes.set_title("goals that Bob reaches, first seed")
    return figure
