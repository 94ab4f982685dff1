"""Runs that differ in their seed alone, each launched by itself, as the seeds of one run."""

import itertools
import json
import re
from collections.abc import Mapping, Sequence

import numpy as np

from experiments import Records, records
from launch import folder, metrics, plots

_OTHER = ("seed", "num_seeds", "num_steps", *folder.PRESENTATION)


def joined(runs: plots.Runs) -> plots.Runs:
    """The runs, those that differ in nothing but their seeds as one, under what their labels share.

    What is only shown of them may differ, and how long they are: it has the records of the steps that all of them have.
    Raises ValueError where two of them have a seed in common, or no step.
    """
    groups: dict[str, list[str]] = {}
    for label, config in runs.configs.items():
        same = {key: value for key, value in config.items() if key not in _OTHER}
        groups.setdefault(json.dumps(same, sort_keys=True), []).append(label)
    together = plots.Runs({}, {})
    for labels in groups.values():
        label = shared(labels)
        label = labels[0] if label in together.configs else label
        _check(label, [runs.configs[one] for one in labels])
        together.configs[label] = runs.configs[labels[0]]
        together.records[label] = _as_one(label, [runs.records[one] for one in labels])
    return together


def shared(labels: Sequence[str]) -> str:
    """What labels begin with, without a sweep's "seed="; the first one where that is nothing."""
    if len(labels) == 1:
        return labels[0]
    alike = itertools.takewhile(lambda letters: len(set(letters)) == 1, zip(*labels, strict=False))
    beginning = "".join(letters[0] for letters in alike)
    return re.sub(r"[,/=_-]*(seed)?[,/=_-]*$", "", beginning) or labels[0]


def _check(label: str, configs: Sequence[Mapping]) -> None:
    ranges = sorted((config["seed"], config["seed"] + config["num_seeds"]) for config in configs)
    for (_, end), (start, _) in itertools.pairwise(ranges):
        if start < end:
            raise ValueError(f"two runs of {label} have seed {start}; leave one of them out")


def _as_one(label: str, runs: Sequence[Records]) -> Records:
    """The first of the runs, with the seeds of all."""
    if len(runs) == 1:
        return runs[0]
    by_step = [{line["step"]: line for line in run.lines} for run in runs]
    lines = []
    for step in by_step[0]:
        if all(step in of_run for of_run in by_step):
            lines.append({"step": step, **_line([of_run[step] for of_run in by_step])})
    if not lines:
        raise ValueError(f"the runs of {label} have no step in common; draw them apart")
    return runs[0]._replace(lines=lines)


def _line(lines: Sequence[Mapping]) -> dict:
    """The metrics that all of these lines have, with the values of all their seeds."""
    names = [name for name in lines[0] if name != "step" and not name.endswith(records.SEEDS)]
    values = {
        name: np.ma.masked_invalid([value for line in lines for value in records.seeds(line, name)])
        for name in names
        if all(name in line for line in lines)
    }
    return metrics.record(values)
