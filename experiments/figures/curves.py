"""Figures, drawn from the records of runs alone."""

import re
from collections.abc import Collection, Mapping, Sequence
from itertools import product
from typing import Any

import numpy as np
from matplotlib import cm
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from bootstrap import gap
from experiments import analyses


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


def retention(records: Sequence[Mapping], learners: Mapping[str, str], steps_per_task: int) -> Figure:
    """What several learners of one run keep of a sequence of tasks: of the first, and on average of those seen so far.

    records: of the run, with the metrics of `evals.retention`. learners: label -> the prefix of its metrics,
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


def adaptation(accuracies: Mapping[str, Mapping[str, np.ndarray]]) -> Figure:
    """How networks learn under several rules: a panel a task. accuracies: task -> rule -> [networks, steps].

    Lines are means over networks, bands reach from the least to the greatest.
    """
    figure = Figure(figsize=(3.2 * len(accuracies), 3), layout="constrained")
    panels = figure.subplots(1, len(accuracies), sharey=True, squeeze=False)[0]
    for axes, (task, rules) in zip(panels, accuracies.items(), strict=True):
        for rule, curves in rules.items():
            steps = np.arange(curves.shape[1])
            (line,) = axes.plot(steps, curves.mean(axis=0), label=rule)
            axes.fill_between(
                steps, curves.min(axis=0), curves.max(axis=0), color=line.get_color(), alpha=0.2, linewidth=0
            )
        axes.set(title=task.replace("_", " "), xlabel="batches learned")
        axes.grid(alpha=0.3)
    panels[0].set_ylabel("accuracy on the next batch")
    panels[0].legend(fontsize="small", loc="lower right")
    return figure


def pair(
    runs: Mapping[str, Sequence[Mapping]],
    *,
    real: str = "real",
    ideal: str = "ideal",
    rivals: Sequence[str] = (),
    score: str = "soft_error",
    threshold: float = 0.01,
) -> Figure:
    """A learner in the two worlds (Nakkiran 2021, figure 1), one panel a run: means and standard errors over seeds.

    real, ideal: the cells. rivals: those that have a panel too. Shaded is the bootstrap error up to the stopping time,
    the dashed line: the mean over seeds of when the real train soft error falls under the threshold. Of a seed in which
    it never does, it is the last step.
    """
    shown = {label: (records, real, ideal) for label, records in runs.items()}
    for label, rival in product(runs, rivals):
        shown[f"{label}, {rival}"] = runs[label], f"{real}/{rival}", f"{ideal}/{rival}"
    figure, panels = _panels(shown, score)
    for axes, (label, (records, real, ideal)) in zip(panels, shown.items(), strict=True):
        names = [f"probe/{real}/train_{score}", f"probe/{real}/test_{score}", f"probe/{ideal}/test_{score}"]
        _band(axes, records, names[0], label="real world, train", color="C0", linestyle=":")
        steps, of_real = _band(axes, records, names[1], label="real world, test", color="C0")
        _, of_ideal = _band(axes, records, names[2], label="ideal world, test", color="C1")
        reached, times = analyses.stopping(records, real, threshold)
        stop, share = times.mean(), 1 - np.isnan(reached).mean()
        inside = np.append(steps[steps < stop], stop)
        shaded = (np.interp(inside, steps, curve) for curve in (of_real, of_ideal))
        axes.fill_between(
            inside, next(shaded), next(shaded), color="C3", alpha=0.3, linewidth=0, label="bootstrap error"
        )
        axes.axvline(stop, color="black", linestyle="--", linewidth=1)
        train, test, online = (gap.value_at(*analyses.curve(records, name), times) for name in names)
        error, spread = gap.mean_and_error(test - online)
        plus = f" ± {spread:.3f}" if np.isfinite(spread) else ""
        when = f"at step {stop:.0f}, train soft error under {threshold:.0%} in {share:.0%} of the seeds"
        axes.set_title(
            f"{label}, {when}:\nbootstrap error {error:.3f}{plus}, test less train {(test - train).mean():.3f}",
            fontsize="small",
        )
    panels[0].legend(fontsize="small")
    return figure


def race(runs: Mapping[str, Sequence[Mapping]], *, first: int = 100, measure: str = "test_error") -> Figure:
    """A learner by a genome (red) and its rivals, SGD at many rates, from step to step, one panel a run (figure 6).

    Means over seeds; the learner's band is from the least to the greatest. Rivals are darker the greater their rate,
    dashed with momentum.
    """
    figure = Figure(figsize=(1 + 4 * len(runs), 4), layout="constrained")
    panels = figure.subplots(1, len(runs), sharey=True, squeeze=False)[0]
    for axes, (label, records) in zip(panels, runs.items(), strict=True):
        names = [name for name in records[-1] if re.fullmatch(rf"probe/[^/]+/{measure}", name)]
        for number, name in enumerate(names):
            steps, errors = analyses.curve(records, name)
            style = "--" if "momentum" in name else "-"
            colour = cm.Blues(0.25 + 0.75 * number / len(names))
            axes.plot(steps, 1 - errors.mean(axis=0), style, color=colour, linewidth=1, label=name.split("/")[1])
        steps, errors = analyses.curve(records, f"probe/{measure}")
        axes.plot(steps, 1 - errors.mean(axis=0), color="tab:red", linewidth=2, label="BLUR")
        least, greatest = 1 - errors.max(axis=0), 1 - errors.min(axis=0)
        axes.fill_between(steps, least, greatest, color="tab:red", alpha=0.2, linewidth=0)
        axes.set(xlabel="step", title=label, xlim=(0, first))
        axes.grid(alpha=0.3)
    panels[0].set_ylabel("test accuracy")
    panels[-1].legend(fontsize="x-small", loc="center left", bbox_to_anchor=(1, 0.5))
    return figure


def fan(
    runs: Mapping[str, Sequence[Mapping]],
    *,
    reals: Sequence[str] | None = None,
    ideal: str = "ideal",
    score: str = "soft_error",
    threshold: float = 0.01,
) -> Figure:
    """Several real worlds beside one ideal world, one panel a run: test curves, means and standard errors over seeds.

    reals: the cells, by default all others; a dot is a real world's stopping time, where it has one.
    """
    figure, panels = _panels(runs, score)
    for axes, records in zip(panels, runs.values(), strict=True):
        cells = reals or _real_cells(records, but=ideal)
        for cell, shade in zip(cells, np.linspace(0.9, 0.1, len(cells)), strict=True):
            color = cm.viridis(shade)
            name = f"probe/{cell}/test_{score}"
            steps, of_real = _band(axes, records, name, label=cell, color=color)
            reached, _ = analyses.stopping(records, cell, threshold)
            stops = reached[~np.isnan(reached)]
            if len(stops):
                axes.plot(stops.mean(), np.interp(stops.mean(), steps, of_real), "o", color=color, markersize=6)
        _band(axes, records, f"probe/{ideal}/test_{score}", label=ideal, color="black", linestyle="--")
    panels[0].legend(fontsize="small")
    return figure


def scatter(
    runs: Mapping[str, Sequence[Mapping]],
    *,
    pairs: Mapping[str, Sequence[str]] | None = None,
    score: str = "soft_error",
    threshold: float = 0.01,
) -> Figure:
    """Test errors in the real world against the ideal world, at the real world's stopping time (Nakkiran 2021, fig. 2).

    One point a pair, one colour a run; bars are standard errors over seeds. An open point never stopped, in one seed at
    least, and is that of the end there. pairs: as of `analyses.gap`.
    """
    figure = Figure(figsize=(5.5, 5.5), layout="constrained")
    axes, most = figure.subplots(), 0.0
    for i, (label, records) in enumerate(runs.items()):
        for name, cells in (pairs or {"": ("real", "ideal")}).items():
            reached, times = analyses.stopping(records, cells[0], threshold)
            at_stop = [gap.value_at(*analyses.curve(records, f"probe/{cell}/test_{score}"), times) for cell in cells]
            (y, y_error), (x, x_error) = map(gap.mean_and_error, at_stop)
            face = "none" if np.isnan(reached).any() else f"C{i}"
            axes.errorbar(x, y, np.nan_to_num(y_error), np.nan_to_num(x_error), fmt="o", color=f"C{i}", mfc=face)
            axes.annotate(name or label, (x, y), (4, -9), textcoords="offset points", fontsize="x-small")
            most = max(most, x, y)
        axes.plot([], [], "o", color=f"C{i}", label=label)
    axes.plot([0, 1.1 * most], [0, 1.1 * most], color="black", linewidth=1)
    axes.set(xlabel=f"ideal world, test {_words(score)}", ylabel=f"real world, test {_words(score)}", aspect="equal")
    axes.set(xlim=(0, 1.1 * most), ylim=(0, 1.1 * most))
    axes.grid(alpha=0.3)
    if pairs and len(runs) > 1:
        axes.legend(fontsize="small")
    return figure


def _panels(labels: Collection[str], score: str) -> tuple[Figure, list[Axes]]:
    """A figure with a panel for each label, over the logarithm of the steps."""
    figure = Figure(figsize=(0.5 + 5.5 * len(labels), 4.2), layout="constrained")
    panels = list(np.atleast_1d(figure.subplots(1, len(labels), sharey=True)))
    for axes, label in zip(panels, labels, strict=True):
        axes.set(xlabel="step", xscale="log", title=label)
        axes.grid(alpha=0.3)
    panels[0].set_ylabel(_words(score))
    return figure, panels


def _band(axes: Axes, records: Sequence[Mapping], name: str, **style: Any) -> tuple[np.ndarray, np.ndarray]:
    """Draws a metric from the first step on, its mean and standard error over seeds. -> steps [E], mean [E]."""
    steps, values = analyses.curve(records, name)
    steps, values = steps[steps > 0], values[:, steps > 0]  # step 0 is not on a logarithmic axis
    mean, error = (np.array(numbers) for numbers in zip(*map(gap.mean_and_error, values.T), strict=True))
    axes.plot(steps, mean, **style)
    if len(values) > 1:
        axes.fill_between(steps, mean - error, mean + error, color=style["color"], alpha=0.2, linewidth=0)
    return steps, mean


def _real_cells(records: Sequence[Mapping], but: str) -> list[str]:
    """The cells whose train error was recorded, but one, in order of the numbers in their names."""
    names = {name for record in records for name in record if name.endswith("/train_soft_error")}
    cells = {name.removeprefix("probe/").removesuffix("/train_soft_error") for name in names} - {but}
    return sorted(cells, key=lambda cell: ([int(digits) for digits in re.findall(r"\d+", cell)], cell))


def _words(score: str) -> str:
    return score.replace("_", " ")
