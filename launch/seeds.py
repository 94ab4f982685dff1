"""Runs that differ in their seed alone, each launched by itself, as the seeds of one run."""

import itertools
import json
import re
from collections.abc import Mapping, Sequence

import numpy as np

from experiments import Records, records
from launch import diverged, folder, metrics, plots

_MAY_DIFFER = ("seed", "num_seeds", "num_steps", *folder.PRESENTATION)


def together(runs: plots.Runs) -> plots.Runs:
    """The runs, those that differ in nothing but their seeds as one, with the config of the first of them.

    What is only shown of them may differ, and how long they are. A seed whose run has no value at a step of another's,
    because it diverged or was stopped, is null there, as one that diverged within a run. Raises ValueError where two
    of them have a seed in common.
    """
    groups: dict[str, list[str]] = {}
    for label, config in runs.configs.items():
        same = {key: value for key, value in config.items() if key not in _MAY_DIFFER}
        groups.setdefault(json.dumps(same, sort_keys=True), []).append(label)
    result = plots.Runs({}, {})
    for labels in groups.values():
        label = shared(labels)
        if label in result.configs or (label in runs.configs and label not in labels):
            label = _named_after_first(labels)
        _check(labels, [runs.configs[one] for one in labels])
        result.configs[label] = runs.configs[labels[0]]
        numbers = [runs.configs[one]["num_seeds"] for one in labels]
        result.records[label] = _as_one([runs.records[one] for one in labels], numbers)
    return result


def shared(labels: Sequence[str]) -> str:
    """What labels have in common but for a sweep's "seed=N"."""
    if len(labels) == 1:
        return labels[0]
    bare = {re.sub(r"(^|[,/])seed=\d+", "", label).strip(",/") for label in labels}
    return bare.pop() if len(bare) == 1 and bare != {""} else _named_after_first(labels)


def _named_after_first(labels):
    return f"{labels[0]} and {len(labels) - 1} more"


def _check(labels: Sequence[str], configs: Sequence[Mapping]) -> None:
    ranges = sorted((config["seed"], config["seed"] + config["num_seeds"]) for config in configs)
    for (_, end), (start, _) in itertools.pairwise(ranges):
        if start < end:
            raise ValueError(f"two of the runs {', '.join(labels)} have seed {start}; leave one of them out")


def _as_one(runs: Sequence[Records], num_seeds: Sequence[int]) -> Records:
    """The first of the runs, with the seeds of all."""
    if len(runs) == 1:
        return runs[0]
    by_step = [{line["step"]: line for line in run.lines} for run in runs]
    steps = sorted({step for of_run in by_step for step in of_run})
    lines = [{"step": step, **_line([of_run.get(step, {}) for of_run in by_step], num_seeds)} for step in steps]
    return runs[0]._replace(lines=lines)


def _line(lines: Sequence[Mapping], num_seeds: Sequence[int]) -> dict:
    """The metrics that any of these lines has, with the values of all seeds; of what counts seeds, the sum."""
    names = {name for line in lines for name in line if name != "step" and not name.endswith(records.SEEDS)}
    counts = {name: sum(line.get(name, 0) for line in lines) for name in names if diverged.is_count(name)}
    values = {}
    for name in names - counts.keys():
        of_runs = [
            records.seeds(line, name) if name in line else [np.nan] * number
            for line, number in zip(lines, num_seeds, strict=True)
        ]
        values[name] = np.ma.masked_invalid(list(itertools.chain(*of_runs)))
    return metrics.record(values) | counts
