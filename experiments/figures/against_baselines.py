"""A learner and its baselines, step by step."""

from collections.abc import Mapping

import numpy as np
from matplotlib import colormaps
from matplotlib.figure import Figure

from experiments.figures.learning_curves import mean, range_band
from experiments.figures.legends import counted, learners, legend, literal
from experiments.records import Records, curve


def race(runs: Mapping[str, Records], *, log_from: int | None = None) -> Figure:
    """The test accuracy of a learner (red) and of its baselines (blue) over the steps, one panel a run.

    Means over seeds; the learner's band is from the least to the greatest. Baselines are in the order of their numbers,
    so darker the greater the rate, and dashed with momentum. With a genome and SGD at many rates it is figure 6 of
    Sandler 2021.

    log_from: the first step of a logarithmic axis; what is 0.2 below the learner's worst accuracy there is cut off.
    """
    if lone := [label for label, records in runs.items() if not records.baselines]:
        raise ValueError(f"a race needs baselines, and {lone[0]} has none")
    called = [learners(records) for records in runs.values()]
    legends = [
        {name: legend(names[name], curve(records, "test_error", name)[1]) for name in names}
        for records, names in zip(runs.values(), called, strict=True)
    ]
    same = all(of_panel == legends[0] for of_panel in legends)
    figure = Figure(figsize=(len(runs) * 4 + 2 * (1 if same else len(runs)), 4), layout="constrained")
    panels = figure.subplots(1, len(runs), sharey=True, squeeze=False)[0]
    for axes, (label, records), names, written in zip(panels, runs.items(), called, legends, strict=True):
        own, *baselines = names
        shades = colormaps["Blues"](np.linspace(0.25, 1, len(baselines)))
        for name, shade in zip(baselines, shades, strict=True):
            steps, errors = curve(records, "test_error", name)
            style = "--" if "momentum" in names[name] else "-"
            axes.plot(steps, 1 - mean(errors), style, color=shade, linewidth=1, label=written[name])
        steps, errors = curve(records, "test_error", own)
        range_band(axes, steps, 1 - errors, color="tab:red", linewidth=2, label=names[own])
        title = f"{literal(label)}\nmean of {counted([len(errors)])}"
        axes.set(xlabel="step", title=title, xlim=(0, steps[-1] or None))
        if log_from is not None and (steps >= log_from).any():
            least = np.nanmin(1 - mean(errors)[steps >= log_from]) - 0.2
            axes.set(xscale="log", xlim=(log_from, steps[-1]), ylim=(max(0, least), None))
        axes.grid(alpha=0.3)
        if axes is panels[-1] or not same:
            axes.legend(fontsize="x-small", loc="center left", bbox_to_anchor=(1, 0.5))
    panels[0].set_ylabel("test accuracy")
    return figure
