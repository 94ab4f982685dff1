"""What is kept of tasks that come one after the other, and how networks adapt to new ones."""

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
    runs: Mapping[str, Records], *, at: Sequence[int] = (10, 50), tested: Sequence[str] | None = None
) -> Figure:
    """What genomes reach in networks of several sizes: a panel for each step of `at`, a line for each run.

    tested: of runs that learn a genome, the labels of the networks in the eval `endurance`, as width_16, and `at` are
    steps of these, after the run. None: the networks are those of a run's learner and of its baselines that learn by a
    genome as well. Means over seeds, the bar from the least to the greatest.
    """
    figure = Figure(figsize=(4.5 * len(at), 3.6), layout="constrained")
    panels = figure.subplots(1, len(at), sharey=True, squeeze=False)[0]
    for axes, step in zip(panels, at, strict=True):
        for label, records in runs.items():
            reached = _of_members(label, records, step) if tested is None else _of_evals(records, step, tested)
            values = np.stack(list(reached.values()), axis=-1)  # [S, networks]
            off = np.abs(np.stack([values.min(0), values.max(0)]) - mean(values)[None])
            axes.errorbar(list(reached), mean(values), off, label=literal(label), marker="o", capsize=3)
        axes.set(title=f"after {step} steps", xlabel="hidden neurons of the network that is taught")
        axes.grid(alpha=0.3)
    panels[0].set_ylabel("test accuracy")
    panels[-1].legend(title="genome of", fontsize="small")
    return figure


def _of_members(label: str, records: Records, step: int) -> dict[str, np.ndarray]:
    """The test accuracies [S] at a step, by the hidden layers of members that learn by a genome."""
    members = [name for name in ("", *records.baselines) if "genome" in records.settings.get(name, {})]
    if not members:
        raise ValueError(f"a figure of transfer needs learners with a genome, and {label} has none")
    hidden = ["-".join(map(str, records.settings[name]["sizes"][:-1])) for name in members]
    return dict(zip(hidden, [1 - _at_step(records, name, step) for name in members], strict=True))


def _of_evals(records: Records, step: int, tested: Sequence[str]) -> dict[str, np.ndarray]:
    """The last accuracies [S] of networks after so many steps, by what follows the _ in their labels, a number."""
    return {
        name.partition("_")[2]: curve(records, f"{name}/accuracy_at_{step}")[1][:, -1] for name in by_number(tested)
    }


def _at_step(records: Records, member: str, step: int) -> np.ndarray:
    """The test errors [S] of a member at a step."""
    steps, errors = curve(records, "test_error", member)
    if step not in steps:
        raise ValueError(f"the run has no evaluation at step {step}; there are {', '.join(map(str, steps))}")
    return errors[:, steps == step][:, 0]


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
