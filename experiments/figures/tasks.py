"""What is kept of tasks that come one after the other, how networks adapt to new ones, and what their rules are."""

from collections.abc import Mapping, Sequence

import numpy as np
from matplotlib.figure import Figure

from experiments.figures.learning_curves import mean, range_band
from experiments.figures.legends import by_number, counted, learners, legend, literal, words
from experiments.records import Records, curve, path


def retention(runs: Mapping[str, Records], *, steps_per_task: int) -> Figure:
    """What learners keep of a sequence of tasks: of the first, and on average of those seen so far. Means over seeds.

    The metrics are those of `evals.retention`. A line for the learner and each baseline of every run.
    """
    figure = Figure(figsize=(9, 3.8), layout="constrained")
    of_first, of_seen = figure.subplots(1, 2, sharey=True)
    last, counts = 0, set()
    for run, records in runs.items():
        for member, called in learners(records).items():
            steps, first, seen = kept(records, member, steps_per_task)
            label = legend(f"{run}, {called}" if len(runs) > 1 else called, first)
            of_first.plot(steps, mean(first), label=label, marker=".")
            of_seen.plot(steps, mean(seen), label=label, marker=".")
            last = max(last, steps[-1])
            counts.add(len(first))
    of_first.set_title(f"the first task, mean of {counted(counts)}")
    of_seen.set_title("mean of the tasks seen so far")
    for axes in (of_first, of_seen):
        axes.set(xlabel=f"step, a new task every {steps_per_task}")
        axes.grid(alpha=0.3)
        for end in range(steps_per_task, last, steps_per_task):
            axes.axvline(end, color="black", alpha=0.15, linewidth=1)
    of_first.set_ylabel("test accuracy")
    of_first.legend()
    return figure


def kept(records: Records, member: str, steps_per_task: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """What a member keeps of tasks in a row, after the first step.

    -> steps [E], accuracies [S, E] on the first task and, their mean, on the tasks begun so far.
    """
    steps, first = curve(records, "task_1/test_error", member)
    begun = steps > 0
    begun_tasks = -(-steps[begun] // steps_per_task)
    names = [path("eval", f"task_{k}/test_error", member) for k in range(1, max(begun_tasks) + 1)]
    num_seen = np.minimum(begun_tasks, sum(name in records.lines[-1] for name in names))  # the last task never ends
    tasks = [curve(records, f"task_{k}/test_error", member)[1][:, begun] for k in range(1, max(num_seen) + 1)]
    accuracies = 1 - np.stack(tasks)  # [tasks, S, E]
    seen = [accuracies[:number, :, i].mean(axis=0) for i, number in enumerate(num_seen)]
    return steps[begun], 1 - first[:, begun], np.stack(seen, axis=-1)


def transfer(
    runs: Mapping[str, Records],
    *,
    tested: Sequence[str],
    at: Sequence[int] = (10, 50),
    networks: str = "hidden neurons",
) -> Figure:
    """What genomes that runs have learned reach in other networks: a panel for each step of `at`, a line for each run.

    tested: labels of the eval `endurance`, as width_16, and `at` are steps of these, after the run. networks: what the
    number in a label counts. Means over seeds, the bar from the least to the greatest.
    """
    if not tested or not at:
        raise ValueError(f"tested must be some networks, and at some steps; got {tuple(tested)} and {tuple(at)}")
    figure = Figure(figsize=(4.5 * len(at), 3.6), layout="constrained")
    panels = figure.subplots(1, len(at), sharey=True, squeeze=False)[0]
    tested = by_number(tested)
    called = [name.partition("_")[2] for name in tested]
    for axes, step in zip(panels, at, strict=True):
        for label, records in runs.items():
            values = np.stack([_reached(records, name, step) for name in tested], axis=-1)  # [S, networks]
            off = np.abs(np.stack([values.min(0), values.max(0)]) - mean(values)[None])
            axes.errorbar(called, mean(values), off, label=literal(label), marker="o", capsize=3)
        axes.set(title=f"after {step} steps", xlabel=f"{networks} of the network that is taught")
        axes.grid(alpha=0.3)
    panels[0].set_ylabel("test accuracy")
    panels[-1].legend(title="genome of", fontsize="small")
    return figure


def endurance(
    runs: Mapping[str, Records],
    *,
    tested: str = "own",
    at: Sequence[int] = (10, 20, 50, 100, 200, 500, 1000),
    measured: str = "accuracy",
    panels: Mapping[str, Sequence[str]] | None = None,
    papers: Mapping[str, Sequence[float]] | None = None,
) -> Figure:
    """How networks go on learning by genomes that runs have learned, step after step: a line for each run.

    tested: the label of the eval `endurance`, and `at` the steps of it that are drawn. measured: "accuracy", or
    "synapses_rms". panels: title -> the runs in it. None: one panel. papers: title -> the step, the least and the
    greatest value that the paper shows. Means over seeds, the band from the least to the greatest.
    """
    panels, papers = panels or {words(tested): list(runs)}, papers or {}
    if unknown := {label for labels in panels.values() for label in labels} - set(runs):
        raise ValueError(f"panels has {min(unknown)!r}, which is no run; there are {', '.join(runs)}")
    if not at:
        raise ValueError("at must be some steps")
    columns = min(len(panels), 3)
    rows = -(-len(panels) // columns)
    figure = Figure(figsize=(0.5 + 4.2 * columns, 3.4 * rows), layout="constrained")
    grid = figure.subplots(rows, columns, sharey=True, squeeze=False)
    for axes, (title, labels) in zip(grid.flat, panels.items(), strict=False):
        for label in labels:
            values = np.stack([_reached(runs[label], tested, step, measured) for step in at], axis=-1)
            range_band(axes, np.array(at), values, label=label, marker=".", band=0.1)
        if title in papers:
            step, least, greatest = papers[title]
            axes.plot([step] * 2, [least, greatest], "s-", color="black", linewidth=4, alpha=0.6, label="the paper")
        axes.set(title=literal(title), xscale="log", xlabel="step")
        axes.set_xticks(at, at)
        axes.minorticks_off()
        axes.grid(alpha=0.3)
        axes.legend(fontsize="small", ncols=1 if len(labels) < 6 else 2)
    is_size = measured == "synapses_rms"
    for axes in grid[:, 0]:
        ylabel = "root mean square of the synapses" if is_size else "test accuracy"
        axes.set(ylabel=ylabel, yscale="log" if is_size else "linear")
    if not is_size:
        grid[0, 0].set_ylim(0, 1.15)
    for axes in grid.flat[len(panels) :]:
        axes.remove()
    return figure


def _reached(records: Records, tested: str, step: int, measured: str = "accuracy") -> np.ndarray:
    """What was measured [S] after so many steps of a network that tests the genome learned last."""
    return curve(records, f"{tested}/{measured}_at_{step}")[1][:, -1]


def adaptation(accuracies: Mapping[str, Mapping[str, np.ndarray]]) -> Figure:
    """How networks learn under several rules: a panel a task. accuracies: task -> rule -> [networks, steps].

    Lines are means over networks, bands reach from the least to the greatest.
    """
    figure = Figure(figsize=(3.2 * len(accuracies), 3), layout="constrained")
    panels = figure.subplots(1, len(accuracies), sharey=True, squeeze=False)[0]
    for axes, (task, rules) in zip(panels, accuracies.items(), strict=True):
        for rule, of_networks in rules.items():
            range_band(axes, np.arange(of_networks.shape[1]), of_networks, label=rule)
        axes.set(title=words(task), xlabel="batches learned")
        axes.grid(alpha=0.3)
    panels[0].set_ylabel("accuracy on the next batch")
    panels[0].legend(fontsize="small", loc="lower right")
    return figure


def asymmetry(jacobians: Mapping[str, np.ndarray]) -> Figure:
    """How far rules are from being gradients, whose Jacobians are symmetric (Sandler 2021, figure 2).

    jacobians: rule -> [W, W], see `blur.asymmetry`. Of every two synapses, the logarithm of by how much what one does
    to the other's change differs from the reverse; in grey what the paper shows. Pairs that do not differ at all are
    counted, and not seen.
    """
    figure = Figure(figsize=(7, 3.4), layout="constrained")
    axes = figure.subplots()
    axes.axvspan(-4, 0, color="black", alpha=0.1, label="the paper's learned rule")
    for rule, jacobian in jacobians.items():
        above = np.triu_indices(len(jacobian), 1)
        off = np.abs(jacobian - jacobian.T)[above]
        weights = np.full(np.count_nonzero(off), 1 / len(off))
        axes.hist(np.log(off[off > 0]), bins=list(range(-30, 6)), weights=weights, alpha=0.6, label=rule)
    axes.set(xlabel="ln |∂Δₖ / ∂wₘ − ∂Δₘ / ∂wₖ|", ylabel="fraction of all pairs")
    axes.legend(fontsize="small")
    return figure
