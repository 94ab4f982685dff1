"""The real world beside the ideal one: the figures of Nakkiran 2021."""

from collections.abc import Mapping, Sequence
from itertools import product

import numpy as np
from matplotlib import cm
from matplotlib.figure import Figure

from bootstrap import gap
from experiments.analyses import stopping
from experiments.figures import legends
from experiments.figures.learning_curves import error_band, log_panels, mean
from experiments.figures.legends import by_number, counted, legend, literal, words
from experiments.records import Records, curve, member


def pair(
    runs: Mapping[str, Records],
    *,
    real: str = "real",
    ideal: str = "ideal",
    learners: Sequence[str] = ("",),
    score: str = "soft_error",
    stop_score: str = "soft_error",
    threshold: float = 0.01,
    theory: Mapping[str, str] | None = None,
) -> Figure:
    """A learner in the two worlds (Nakkiran 2021, figure 1), one panel a run: means and standard errors over seeds.

    real, ideal: cells of the grid. learners: who has a panel, "" the learner itself, others its baselines. Shaded is
    the bootstrap error up to the stopping time, the dashed line: the mean over seeds of when the real train soft error,
    or other stop_score, falls under the threshold. Of a seed in which it never does, it is the last step. Seeds that
    are NaN there are left out. theory: label -> metric of the run, drawn as dots over the curves.
    """
    shown = {
        _of_learner(label, records, name, len(runs), len(learners)): (records, member(real, name), member(ideal, name))
        for name, (label, records) in product(learners, runs.items())
    }
    figure, panels = log_panels(shown, score)
    for axes, (label, (records, real, ideal)) in zip(panels, shown.items(), strict=True):
        test, train = f"test_{score}", f"train_{score}"
        error_band(axes, records, train, real, label="real world, train", color="C0", linestyle=":")
        steps, of_real = error_band(axes, records, test, real, label="real world, test", color="C0")
        _, of_ideal = error_band(axes, records, test, ideal, label="ideal world, test", color="C1")
        for (name, metric), color in zip((theory or {}).items(), ("C0", "C1", "C2"), strict=False):
            steps_of, values = curve(records, metric)
            there = steps_of > 0
            axes.plot(steps_of[there], mean(values[:, there]), ".", color=color, markersize=7, label=name, zorder=3)
        reached, times = stopping(records, real, threshold, stop_score)
        at_stop = np.array(
            [gap.value_at(*curve(records, *where), times) for where in ((train, real), (test, real), (test, ideal))]
        )
        there = np.isfinite(at_stop).all(axis=0)
        if not there.any():
            axes.set_title(f"{literal(label)}\nno seed is finite at its stopping time", fontsize="small")
            continue
        stop = times[there].mean()
        inside = np.append(steps[steps < stop], stop)
        above, below = (np.interp(inside, steps, mean(of_world)) for of_world in (of_real, of_ideal))
        axes.fill_between(inside, above, below, color="C3", alpha=0.3, linewidth=0, label="bootstrap error")
        axes.axvline(stop, color="black", linestyle="--", linewidth=1)
        num_stopped, of = np.isfinite(reached).sum(), counted([len(reached)])
        learned = f"train {words(stop_score)} under {threshold:.3g} in {num_stopped} of {of}"
        title = f"{literal(label)}, at step {stop:.0f}, {learned}:\n{_gaps(*at_stop[:, there])}"
        axes.set_title(title, fontsize="small")
        axes.legend(fontsize="small")
    return figure


def _of_learner(run: str, records: Records, name: str, num_runs: int, num_learners: int) -> str:
    """What a panel is of: the run, the learner in it, or both."""
    called = legends.learners(records).get(name, words(name))
    if num_learners == 1 and not name:
        return run
    return called if num_runs == 1 else f"{run}, {called}"


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
    for axes, (label, records) in zip(panels, runs.items(), strict=True):
        members = reals or by_number(cell for cell in records.cells if cell != ideal)
        for name, shade in zip(members, np.linspace(0.9, 0.1, len(members)), strict=True):
            color = cm.viridis(shade)
            steps, of_real = error_band(axes, records, f"test_{score}", name, label=words(name), color=color)
            reached, _ = stopping(records, name, threshold)
            stops = reached[~np.isnan(reached)]
            if len(stops):
                axes.plot(stops.mean(), np.interp(stops.mean(), steps, mean(of_real)), "o", color=color, markersize=6)
        style = {"label": words(ideal), "color": "black", "linestyle": "--"}
        _, of_ideal = error_band(axes, records, f"test_{score}", ideal, **style)
        axes.set_title(f"{literal(label)}\nmean and standard error of {counted([len(of_ideal)])}", fontsize="medium")
        axes.legend(fontsize="small")
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
    least, and is that of the end there. Seeds that are NaN there are left out. pairs: see `analyses.gap`.
    """
    figure = Figure(figsize=(5.5, 5.5), layout="constrained")
    axes, shown, counts, lost = figure.subplots(), [], set(), []
    for i, (label, records) in enumerate(runs.items()):
        for name, members in (pairs or {"": ("real", "ideal")}).items():
            reached, times = stopping(records, members[0], threshold)
            at_stop = np.array([gap.value_at(*curve(records, f"test_{score}", one), times) for one in members])
            there = np.isfinite(at_stop).all(axis=0)
            counts.add(len(reached))
            if not there.any():
                lost.append(words(name) or label)
                continue
            (y, y_error), (x, x_error) = map(gap.mean_and_error, at_stop[:, there])
            face = "none" if np.isnan(reached[there]).any() else f"C{i}"
            axes.errorbar(x, y, np.nan_to_num(y_error), np.nan_to_num(x_error), fmt="o", color=f"C{i}", mfc=face)
            text = legend(words(name) or label, at_stop.T)
            axes.annotate(text, (x, y), (4, -9), textcoords="offset points", fontsize="x-small")
            shown += [x, y]
        axes.plot([], [], "o", color=f"C{i}", label=literal(label))
    axes.axline((0, 0), slope=1, color="black", linewidth=1)
    axes.set(xlabel=f"ideal world, test {words(score)}", ylabel=f"real world, test {words(score)}", aspect="equal")
    least, most = min(shown, default=0), max(shown, default=1)
    margin = 0.15 * (most - least) or 0.01
    axes.set(xlim=(least - margin, most + margin), ylim=(least - margin, most + margin))
    without = f"\nwithout {', '.join(lost)}: no seed is finite" if lost else ""
    axes.set_title(literal(f"mean and standard error of {counted(counts)}{without}"), fontsize="medium")
    axes.grid(alpha=0.3)
    if pairs and len(runs) > 1:
        axes.legend(fontsize="small")
    return figure
