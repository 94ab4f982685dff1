"""What a run recorded, and where in it a metric is.

A metric's path is KIND/CELL/BASELINE/METRIC: kind is train, eval, analysis or time; CELL is left out in a run without
a grid, BASELINE for the learner itself. Paths are composed and taken apart here alone.
"""

import math
from collections.abc import Callable, Iterable, Mapping, Sequence
from types import MappingProxyType
from typing import NamedTuple

import numpy as np

SEEDS = "/seeds"  # the path of a metric's values, one a seed, ends in it; the metric itself is their mean


def _no_artifact(name: str) -> str:
    raise ValueError(f"the run has no {name}")


class Records(NamedTuple):
    """A run as analyses and figures see it."""

    lines: Sequence[Mapping]  # of metrics.jsonl, by step
    cells: tuple[str, ...] = ("",)  # of the config's grid
    baselines: tuple[str, ...] = ()
    artifact: Callable[[str], str] = _no_artifact  # file name -> its text, of the first seed
    chosen: Sequence[int] | None = None  # the seeds to look at, by their places; None for all
    settings: Mapping[str, Mapping] = MappingProxyType({})  # the config's, of the learner by "" and of its baselines


def of_config(config: Mapping, lines: Sequence[Mapping], artifact: Callable[[str], str] = _no_artifact) -> Records:
    """The records of a run with this config."""
    cells, baselines = tuple(config.get("grid") or ("",)), config.get("baselines") or {}
    return Records(lines, cells, tuple(baselines), artifact, settings={"": config["learner"], **baselines})


def member(cell: str = "", baseline: str = "") -> str:
    """The name of a learner in a cell of the grid, for `curve` and for the settings of analyses and figures."""
    return joined(cell, baseline)


def members(cells: Iterable[str], baselines: Sequence[str]) -> list[str]:
    """The names of all learners: in each cell the learner itself, then its baselines."""
    return [member(cell, baseline) for cell in cells for baseline in ("", *baselines)]


def owner(metric: str, baselines: Iterable[str]) -> str:
    """The baseline whose metric this is, of `bootstrap.beside`; "" where it is the learner's own."""
    return max((name for name in baselines if metric.startswith(f"{name}/")), key=len, default="")


def without_cell(path: str, cell: str) -> str:
    """Where a metric of this cell would be recorded in a run without a grid; any other path as it is."""
    kind, _, rest = path.partition("/")
    return joined(kind, rest.removeprefix(f"{cell}/")) if cell else path


def in_cell(path: str, cell: str) -> str:
    """The inverse of `without_cell`: where a metric of this cell is recorded."""
    kind, _, rest = path.partition("/")
    return joined(kind, cell, rest)


def path(kind: str, metric: str, member: str = "") -> str:
    """Where a metric of a member is recorded."""
    return joined(kind, member, metric)


def curve(records: Records, metric: str, member: str = "", *, kind: str = "eval") -> tuple[np.ndarray, np.ndarray]:
    """A metric over a run: the steps [E] at which it was recorded, and its values [S, E], one row a seed.

    A value is NaN from where the seed diverged. Raises ValueError where the metric was not recorded.
    """
    return curve_at(records, path(kind, metric, member))


def curve_at(records: Records, where: str) -> tuple[np.ndarray, np.ndarray]:
    """As `curve`, of a metric by its path."""
    points = [line for line in records.lines if where in line]
    if not points:
        there = ", ".join(paths(records)) or "none"
        raise ValueError(f"the run has no metric {where!r}; there are {there}")
    values = np.array([seeds(point, where) for point in points]).T
    return np.array([point["step"] for point in points]), values if records.chosen is None else values[records.chosen]


def without_diverged(records: Records, metric: str, members: Iterable[str]) -> tuple[Records, int]:
    """-> (the records of the seeds in which none of the members diverged, by a metric of theirs; how many others)."""
    finite = np.all([np.isfinite(curve(records, metric, name)[1]).all(axis=1) for name in members], axis=0)
    return records._replace(chosen=list(np.flatnonzero(finite))), int((~finite).sum())


def paths(records: Records) -> list[str]:
    """The paths of all metrics that were recorded."""
    return sorted({key for line in records.lines for key in line if key != "step" and not key.endswith(SEEDS)})


def seeds(line: Mapping, where: str) -> list[float]:
    """The values [S] of a metric in a line of the records, NaN for a seed that has diverged."""
    return [math.nan if value is None else value for value in line.get(f"{where}{SEEDS}", [line[where]])]


def invented(paths: Sequence[str], steps: Sequence[int], num_seeds: int) -> list[dict]:
    """Lines with all these metrics, of falling values: for trying analyses and figures before there are any."""
    lines = []
    for i, step in enumerate(steps):
        values = dict.fromkeys(paths, 1 / (i + 2))
        of_seeds = {f"{name}{SEEDS}": [value] * num_seeds for name, value in values.items()} if num_seeds > 1 else {}
        lines.append({"step": step, **values, **of_seeds})
    return lines


def joined(*parts: str) -> str:
    """A path of these parts, without those that are empty."""
    return "/".join(part for part in parts if part)
