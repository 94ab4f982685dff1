"""A learner and its baselines, step by step."""

from collections.abc import Mapping

from matplotlib import cm
from matplotlib.figure import Figure

from experiments.figures.learning_curves import range_band
from experiments.records import Records, curve


def race(runs: Mapping[str, Records], *, learner: str = "learner", first: int = 100) -> Figure:
    """The test accuracy of a learner (red) and of its baselines over the first steps, one panel a run.

    Means over seeds; the learner's band is from the least to the greatest. Baselines are darker the later they stand in
    the config, and dashed where they are called momentum. learner: what the learner is called. With a genome and SGD at
    many rates it is figure 6 of Sandler 2021.
    """
    figure = Figure(figsize=(1 + 4 * len(runs), 4), layout="constrained")
    panels = figure.subplots(1, len(runs), sharey=True, squeeze=False)[0]
    for axes, (label, records) in zip(panels, runs.items(), strict=True):
        for number, name in enumerate(records.baselines):
            steps, errors = curve(records, "test_error", name)
            style = "--" if "momentum" in name else "-"
            colour = cm.Blues(0.25 + 0.75 * number / len(records.baselines))
            axes.plot(steps, 1 - errors.mean(axis=0), style, color=colour, linewidth=1, label=name)
        steps, errors = curve(records, "test_error")
        range_band(axes, steps, 1 - errors, color="tab:red", linewidth=2, label=learner)
        axes.set(xlabel="step", title=label, xlim=(0, first))
        axes.grid(alpha=0.3)
    panels[0].set_ylabel("test accuracy")
    panels[-1].legend(fontsize="x-small", loc="center left", bbox_to_anchor=(1, 0.5))
    return figure
