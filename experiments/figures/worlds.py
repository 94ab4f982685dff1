"""The real world beside the ideal one: the figures of Nakkiran 2021."""

from collections.abc import Mapping, Sequence
from itertools import product

import numpy as np
from matplotlib import cm
from matplotlib.figure import Figure

from bootstrap import gap
from experiments.analyses import stopping
from experiments.figures.learning_curves import by_number, error_band, log_panels, words
from experiments.records import Records, curve, member


def pair(
    runs: Mapping[str, Records],
    *,
    real: str = "real",
    ideal: str = "ideal",
    learners: Sequence[str] = ("",),
    score: str = "soft_error",
    threshold: float = 0.01,
) -> Figure:
    """A learner in the two worlds (Nakkiran 2021, figure 1), one panel a run: means and standard errors over seeds.

    real, ideal: cells of the grid. learners: who has a panel, "" the learner itself, others its baselines. Shaded is
    the bootstrap error up to the stopping time, the dashed line: the mean over seeds of when the real train soft error
    falls under the threshold. Of a seed in which it never does, it is the last step.
    """
    shown = {
        f"{label}, {name}" if name else label: (records, member(real, name), member(ideal, name))
        for name, (label, records) in product(learners, runs.items())
    }
    figure, panels = log_panels(shown, score)
    for axes, (label, (records, real, ideal)) in zip(panels, shown.items(), strict=True):
        test, train = f"test_{score}", f"train_{score}"
        error_band(axes, records, train, real, label="real world, train", color="C0", linestyle=":")
        steps, of_real = error_band(axes, records, test, real, label="real world, test", color="C0")
        _, of_ideal = error_band(axes, records, test, ideal, label="ideal world, test", color="C1")
        reached, times = stopping(records, real, threshold)
        inside = np.append(steps[steps < times.mean()], times.mean())
        above, below = (np.interp(inside, steps, of_world) for of_world in (of_real, of_ideal))
        axes.fill_between(inside, above, below, color="C3", alpha=0.3, linewidth=0, label="bootstrap error")
        axes.axvline(times.mean(), color="black", linestyle="--", linewidth=1)
        at_stop = [
            gap.value_at(*curve(records, *where), times) for where in ((train, real), (test, real), (test, ideal))
        ]
        axes.set_title(f"{label}, {_stop(reached, times, threshold)}:\n{_gaps(*at_stop)}", fontsize="small")
    panels[0].legend(fontsize="small")
    return figure


def _stop(reached: np.ndarray, times: np.ndarray, threshold: float) -> str:
    fraction = 1 - np.isnan(reached).mean()
    return f"at step {times.mean():.0f}, train soft error under {threshold:.0%} in {fraction:.0%} of the seeds"


def _gaps(train: np.ndarray, test: np.ndarray, ideal: np.ndarray) -> str:
    error, spread = gap.mean_and_error(test - ideal)
    plus = f" ± {spread:.3f}" if np.isfinite(spread) else ""
    return f"bootstrap error {error:.3f}{plus}, test - train {(test - train).mean():.3f}"


def fan(
    runs: Mapping[str, Records],
    *,
    reals: Sequence[str] | None = None,
    ideal: str = "ideal",
    score: str = "soft_error",
    threshold: float = 0.01,
) -> Figure:
    """Several real worlds beside one ideal world, one panel a run: test curves, means and standard errors over seeds.

    reals: members, by default all other cells, by the numbers in their names. A dot is a real world's stopping time,
    where it has one.
    """
    figure, panels = log_panels(runs, score)
    for axes, records in zip(panels, runs.values(), strict=True):
        members = reals or by_number(cell for cell in records.cells if cell != ideal)
        for name, shade in zip(members, np.linspace(0.9, 0.1, len(members)), strict=True):
            color = cm.viridis(shade)
            steps, of_real = error_band(axes, records, f"test_{score}", name, label=name, color=color)
            reached, _ = stopping(records, name, threshold)
            stops = reached[~np.isnan(reached)]
            if len(stops):
                axes.plot(stops.mean(), np.interp(stops.mean(), steps, of_real), "o", color=color, markersize=6)
        error_band(axes, records, f"test_{score}", ideal, label=ideal, color="black", linestyle="--")
    panels[0].legend(fontsize="small")
    return figure


def scatter(
    runs: Mapping[str, Records],
    *,
    pairs: Mapping[str, Sequence[str]] | None = None,
    score: str = "soft_error",
    threshold: float = 0.01,
) -> Figure:
    """Test errors in the real world against the ideal world, at the real world's stopping time (Nakkiran 2021, fig. 2).

    One point a pair, one colour a run; bars are standard errors over seeds. An open point never stopped, in one seed at
    least, and is that of the end there. pairs: see `analyses.gap`.
    """
    figure = Figure(figsize=(5.5, 5.5), layout="constrained")
    axes, most = figure.subplots(), 0.0
    for i, (label, records) in enumerate(runs.items()):
        for name, members in (pairs or {"": ("real", "ideal")}).items():
            reached, times = stopping(records, members[0], threshold)
            at_stop = [gap.value_at(*curve(records, f"test_{score}", one), times) for one in members]
            (y, y_error), (x, x_error) = map(gap.mean_and_error, at_stop)
            face = "none" if np.isnan(reached).any() else f"C{i}"
            axes.errorbar(x, y, np.nan_to_num(y_error), np.nan_to_num(x_error), fmt="o", color=f"C{i}", mfc=face)
            axes.annotate(name or label, (x, y), (4, -9), textcoords="offset points", fontsize="x-small")
            most = max(most, x, y)
        axes.plot([], [], "o", color=f"C{i}", label=label)
    axes.plot([0, 1.1 * most], [0, 1.1 * most], color="black", linewidth=1)
    axes.set(xlabel=f"ideal world, test {words(score)}", ylabel=f"real world, test {words(score)}", aspect="equal")
    axes.set(xlim=(0, 1.1 * most), ylim=(0, 1.1 * most))
    axes.grid(alpha=0.3)
    if pairs and len(runs) > 1:
        axes.legend(fontsize="small")
    return figure
