"""Learning curves, and what all figures of curves share."""

from collections.abc import Collection, Iterable, Mapping
from typing import Any

import numpy as np
from matplotlib import colormaps
from matplotlib.axes import Axes
from matplotlib.axis import Axis
from matplotlib.figure import Figure

from bootstrap import gap
from experiments.figures.legends import by_number, counted, legend, literal, of_seeds, spread, words
from experiments.records import Records, curve, curve_at, paths

_FALLING = {"error", "kl", "loss", "mse", "nats", "rmse"}  # the words of metrics that fall towards 0


def curves(runs: Mapping[str, Records], *, metric: str, paper: float | None = None) -> Figure:
    """One metric of several runs over their steps: the mean over seeds, and a band from the least to the greatest.

    runs: label -> records. metric: its path, e.g. eval/test_error. paper: what a paper has of it at the end, if known.
    """
    of_runs = {label: curve_at(runs[label], metric) for label in by_number(runs)}
    counts = {len(values) for _, values in of_runs.values()}
    beside = 0.5 + 0.08 * max(map(len, runs)) if len(runs) > 1 else 0.0
    figure = Figure(figsize=(7 + beside, max(4.5, 0.22 * len(runs))), layout="constrained")
    axes = figure.subplots()
    for (label, (steps, values)), style in zip(of_runs.items(), _styles(len(runs)), strict=True):
        if len(counts) > 1 and np.isfinite(values).all():  # else the legend says it
            label = f"{label} ({of_seeds(values)})"
        range_band(axes, steps, values, label=label, marker="." if len(steps) < 40 else None, **style)
    (_, values), *others = of_runs.values()
    of = counted(counts) if others else of_seeds(values)
    axes.set(xlabel="step", ylabel=_said(metric), title=spread(of))
    axes.grid(alpha=0.3)
    scale_values(axes, metric, [values for _, values in of_runs.values()])
    references(axes, runs.values(), metric)
    if paper is not None:
        axes.axhline(paper, color="black", linewidth=1, linestyle="-.", label="the paper, at the end")
    if len(axes.lines) > 1:
        figure.legend(loc="outside right upper", fontsize="small")
    return figure


def _said(metric: str) -> str:
    """A metric, by its path, as an axis is named: eval/test_error is test error."""
    kind, _, name = metric.partition("/")
    return literal(words(name) + (", in training" if kind == "train" else ""))


_REFERENCES = {"_random": ("chance", ":"), "_oracle": ("oracle", "--")}


def references(axes: Axes, runs: Iterable[Records], metric: str) -> None:
    """Draws what chance and an oracle reach of a metric, a line each, where a run has measured it."""
    for end, (label, style) in _REFERENCES.items():
        for records in runs:
            if f"{metric}{end}" in paths(records):
                steps, values = curve_at(records, f"{metric}{end}")
                axes.plot(steps, mean(values), style, color="black", linewidth=1, label=label)
                break


def _styles(num_runs: int) -> list[dict[str, Any]]:
    """Colours and lines that tell runs apart; more than ten have a scale of colours, and pale bands."""
    if num_runs <= 10:
        return [{"color": f"C{i}"} for i in range(num_runs)]
    shades = colormaps["turbo"](np.linspace(0, 1, num_runs))
    return [{"color": shade, "linestyle": ("-", "--", ":")[i % 3], "band": 0.05} for i, shade in enumerate(shades)]


def scale_values(axes: Axes, metric: str, values: Collection[np.ndarray]) -> None:
    """Makes the axis of a metric's values linear or logarithmic, by its name and by what it has to show.

    Errors and losses fall by orders of magnitude, and what counts there are factors: 0.02 is half of 0.04. Success
    rates, accuracies, other fractions and all else are linear, for there differences count. 0 has no logarithm: where
    an error is 0, the axis is linear from there to the least positive value. Where one is negative, as the log loss of
    a density may be, the whole axis is.
    """
    there = np.concatenate([np.ravel(of_run) for of_run in values])
    there = there[np.isfinite(there)]
    falls = _FALLING & set(metric.split("/")[-1].split("_"))
    if not falls or not (there > 0).any() or (there < 0).any():
        return
    least = there[there > 0].min()
    if (there == 0).any():
        axes.set_yscale("symlog", linthresh=least, subs=range(2, 10))
        axes.set_ylim(bottom=0)
    else:
        axes.set_yscale("log")
    _plain_ticks(axes.yaxis, least, there.max())


def _plain_ticks(axis: Axis, low: float, high: float) -> None:
    """Writes the numbers of a logarithmic axis plainly; of those between powers of 10 the more, the shorter it is."""
    told = (2, 3, 4, 6, 8) if high < 10 * low else (2, 5) if high < 1000 * low else ()

    def between(value, place):
        del place
        return f"{value:g}" if value > 0 and round(value / 10 ** np.floor(np.log10(value))) in told else ""

    axis.set_major_formatter("{x:g}")
    axis.set_minor_formatter(between)
    axis.grid(alpha=0.3, which="both" if len(told) > 2 else "major")


def log_panels(labels: Collection[str], score: str) -> tuple[Figure, list[Axes]]:
    """A figure with a panel for each label, over the logarithm of the steps.

    The errors on it are linear, as in Nakkiran 2021: what it shows is their difference.
    """
    figure = Figure(figsize=(0.5 + 5.5 * len(labels), 4.2), layout="constrained")
    panels = list(np.atleast_1d(figure.subplots(1, len(labels), sharey=True)))
    for axes, label in zip(panels, labels, strict=True):
        axes.set(xlabel="step", xscale="log", title=literal(label))
        axes.grid(alpha=0.3)
    panels[0].set_ylabel(words(score))
    return figure, panels


def error_band(
    axes: Axes, records: Records, metric: str, member: str, *, label: str, color: Any, **style: Any
) -> tuple[np.ndarray, np.ndarray]:
    """Draws a metric from the first step on, its mean and standard error over seeds. -> steps [E], values [S, E]."""
    steps, values = curve(records, metric, member)
    steps, values = steps[steps > 0], values[:, steps > 0]  # step 0 is not on a logarithmic axis
    if not len(steps):
        raise ValueError(f"{words(metric)} has no value after step 0 yet")
    mean, error = (np.array(numbers) for numbers in zip(*map(mean_and_error, values.T), strict=True))
    axes.plot(steps, mean, color=color, label=legend(label, values), **style)
    if len(values) > 1:
        axes.fill_between(steps, mean - error, mean + error, color=color, alpha=0.2, linewidth=0)
    _plain_ticks(axes.xaxis, steps[0], steps[-1])
    return steps, values


def mean_and_error(values: np.ndarray) -> tuple[float, float]:
    """`gap.mean_and_error` of the seeds [S] that are not NaN; NaN where all are."""
    there = values[~np.isnan(values)]
    return gap.mean_and_error(there) if len(there) else (np.nan, np.nan)


def mean(values: np.ndarray) -> np.ndarray:
    """The mean [E] over those of the seeds [S, E] that are not NaN; NaN where all are."""
    return np.ma.masked_invalid(values).mean(axis=0).filled(np.nan)


def range_band(
    axes: Axes, steps: np.ndarray, values: np.ndarray, *, label: str, band: float = 0.2, **style: Any
) -> None:
    """Draws the mean of values [S, E], and a band from the least to the greatest, of the seeds that are not NaN.

    band: its opacity.
    """
    there = np.ma.masked_invalid(values)
    (line,) = axes.plot(steps, mean(values), label=legend(label, values), **style)
    low, high = there.min(axis=0), there.max(axis=0)
    axes.fill_between(steps, low, high, color=line.get_color(), alpha=band, linewidth=0)
