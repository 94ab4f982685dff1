"""Tables of runs: a row each, and of each cell of a grid, with the keys in which they differ and their last numbers."""

import csv
import io
import json
import math
import statistics
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

from experiments import figures, grid, records
from launch import cli, documents, folder, plots


class Value(NamedTuple):
    """A metric over the seeds of a run."""

    mean: float | None  # None: of no seed
    standard_error: float | None  # None: of fewer than two
    num_finite: int
    num_seeds: int


class Row(NamedTuple):
    """A run, or a cell of its grid."""

    run: str
    cell: str
    step: int
    num_steps: int
    is_finished: bool
    stopped: str | None  # why it stopped by itself, as a run that has diverged
    keys: dict[str, Any]
    metrics: dict[str, Value]


def table(folders: Sequence[Path], names: Sequence[str] | None = None, sort: str | None = None) -> list[Row]:
    """The rows of the runs in these folders. names: of metrics, as without a grid; else those that the runs log.

    sort: the metric to sort by. Raises UserError where a folder is no run, or where no run has a metric.
    """
    return of_runs(plots.read(folders), plots.labels(folders), names, sort)


def of_runs(
    runs: plots.Runs, workdirs: Mapping[str, Path], names: Sequence[str] | None = None, sort: str | None = None
) -> list[Row]:
    """The same, of runs that are read already. workdirs: their folders, by label."""
    configs = {
        (label, cell): grid.merged(_own(config), changes, f"grid.{cell}")
        for label, config in runs.configs.items()
        for cell, changes in (config.get("grid") or {"": {}}).items()
    }
    finished = {
        label: folder.finished_steps(workdirs[label]) == config["num_steps"] for label, config in runs.configs.items()
    }
    last = {
        label: documents.read_summary(workdirs[label]) if is_finished else _last(runs.records[label].lines)
        for label, is_finished in finished.items()
    }
    there = {records.without_cell(path, cell) for label, cell in configs for path in last[label] if _is_metric(path)}
    asked = [*(names or ()), *([sort] if sort else ())]
    if unknown := [name for name in asked if name not in there]:
        raise cli.UserError(f"no run has the metric {unknown[0]!r}; there are {', '.join(sorted(there))}")
    chosen = [*(names or (name for name in _logged(runs.configs) if name in there)), *asked]
    keys = _differing(configs)
    rows = [
        Row(
            run=label,
            cell=cell,
            step=runs.records[label].lines[-1]["step"],
            num_steps=runs.configs[label]["num_steps"],
            is_finished=finished[label],
            stopped=None if finished[label] else documents.last_launch(workdirs[label]).get("stopped"),
            keys={key: grid.flat(config).get(key) for key in keys},
            metrics={name: _value(last[label], name, cell) for name in dict.fromkeys(chosen)},
        )
        for (label, cell), config in configs.items()
    ]
    if sort:
        return sorted(rows, key=lambda row: _order(row.metrics[sort].mean))
    names = figures.by_number([f"{row.run}/{row.cell}" for row in rows])
    return sorted(rows, key=lambda row: (*map(_order, row.keys.values()), names.index(f"{row.run}/{row.cell}")))


def _own(config: Mapping) -> dict:
    """The keys that a run can be told from another by."""
    return {key: value for key, value in config.items() if key not in (*folder.PRESENTATION, "grid", "num_steps")}


def _differing(configs: Mapping[Any, Mapping]) -> list[str]:
    """The keys, dotted, that do not have one value everywhere."""
    flat = [grid.flat(config) for config in configs.values()]
    keys = dict.fromkeys(key for values in flat for key in values)
    return [key for key in keys if len({repr(values.get(key)) for values in flat}) > 1]


def _logged(configs: Mapping[str, Mapping]) -> list[str]:
    """The metrics that the runs log, without their cells."""
    found = []
    for config in configs.values():
        for path in config["log_metrics"]:
            names = [records.without_cell(path, cell) for cell in config.get("grid") or ("",)]
            found.append(min(names, key=len))  # a cell's name may begin with that of another
    return list(dict.fromkeys(found))


def _is_metric(name: str) -> bool:
    return "/" in name and not name.endswith(records.SEEDS)


def _last(lines: Sequence[Mapping]) -> dict:
    """The last value of each metric."""
    return {name: value for line in lines for name, value in line.items()}


def _value(last: Mapping, name: str, cell: str) -> Value:
    path = records.in_cell(name, cell)
    path = path if path in last else name
    of_seeds = records.seeds(last, path) if path in last else []
    finite = [value for value in of_seeds if math.isfinite(value)]
    mean = statistics.fmean(finite) if finite else None
    error = statistics.stdev(finite) / math.sqrt(len(finite)) if len(finite) > 1 else None
    return Value(mean, error, len(finite), len(of_seeds))


def _order(value: Any) -> tuple:
    """Numbers by size, then everything else by its text, what is missing last."""
    is_number = isinstance(value, int | float)
    return (value is None, not is_number, value if is_number else 0, str(value))


def text(rows: Sequence[Row]) -> str:
    """For people."""
    return plots.aligned(rows_of_text(rows)) + "\n"


def rows_of_text(rows: Sequence[Row]) -> list[list[str]]:
    """A row of names, and one for each row: keys by their shortest ends, numbers as mean ± standard error."""
    keys = dict(zip(rows[0].keys, plots.shortest_ends([tuple(key.split(".")) for key in rows[0].keys]), strict=True))
    has_cells = any(row.cell for row in rows)
    lines = [["run", *(["cell"] if has_cells else []), *map(".".join, keys.values()), "step", *rows[0].metrics]]
    for row in rows:
        values = ["-" if value is None else str(value) for value in row.keys.values()]
        step = (
            str(row.step) if row.is_finished else f"{row.step} of {row.num_steps}{', stopped' if row.stopped else ''}"
        )
        lines.append([row.run, *([row.cell] if has_cells else []), *values, step, *map(_shown, row.metrics.values())])
    return lines


def _shown(value: Value) -> str:
    if value.mean is None:
        return f"- (0 of {value.num_seeds})" if value.num_seeds else "-"
    error = "" if value.standard_error is None else f" ± {value.standard_error:.2g}"
    missing = "" if value.num_finite == value.num_seeds else f" ({value.num_finite} of {value.num_seeds})"
    return f"{value.mean:.4g}{error}{missing}"


def csv_text(rows: Sequence[Row]) -> str:
    """CSV: whole keys, and a column for each part of a `Value`."""
    parts = ("", "/standard_error", "/num_finite", "/num_seeds")
    file = io.StringIO()
    lines = csv.writer(file, lineterminator="\n")
    names = [f"{name}{part}" for name in rows[0].metrics for part in parts]
    lines.writerow(["run", "cell", "step", "num_steps", "is_finished", "stopped", *rows[0].keys, *names])
    for row in rows:
        values = [number for value in row.metrics.values() for number in value]
        known = [row.run, row.cell, row.step, row.num_steps, row.is_finished, row.stopped]
        lines.writerow([*known, *row.keys.values(), *values])
    return file.getvalue()


def json_text(rows: Sequence[Row]) -> str:
    """JSON: a list of rows."""
    values = [
        row._asdict() | {"metrics": {name: value._asdict() for name, value in row.metrics.items()}} for row in rows
    ]
    return json.dumps(values, indent=2) + "\n"
