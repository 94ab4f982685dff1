"""Figures and tables of runs, from what their folders hold."""

import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import NamedTuple

import numpy as np

from experiments import Records, outputs, records
from experiments import figures as drawn
from experiments.figures import learning_curves
from launch import cli, documents


class Runs(NamedTuple):
    """Runs that have records, by label."""

    configs: dict[str, dict]
    records: dict[str, Records]


def read(folders: Sequence[Path]) -> Runs:
    """The runs in these folders, without those that have no records yet. What their configs name becomes importable.

    Raises UserError where one is no run or is damaged, or where none has records.
    """
    runs = Runs({}, {})
    for label, folder in labels(folders).items():
        if not (folder / "config.json").exists():
            raise cli.UserError(f"{folder} is not a run folder: it has no config.json")
        config, lines = documents.read_config(folder), documents.read_records(folder)
        if not lines:
            print(f"{folder} has no records yet", file=sys.stderr)
            continue
        documents.make_importable(folder)
        runs.configs[label] = config
        runs.records[label] = records.of_config(config, lines, _artifacts(folder))
    if not runs.records:
        raise cli.UserError("no run has records yet; draw it after its first evaluation")
    return runs


def labels(folders: Sequence[Path]) -> dict[str, Path]:
    """Folders by the shortest ends of their paths, in whole parts, that tell them apart. One named twice is one."""
    paths = list(dict.fromkeys(folder.resolve() for folder in folders))
    ends = shortest_ends([path.parts for path in paths])
    return {str(Path(*end)): path for end, path in zip(ends, paths, strict=True)}


def shortest_ends(names: Sequence[tuple[str, ...]]) -> list[tuple[str, ...]]:
    """The shortest end of each name, in whole parts, that no other one has."""

    def end(name):
        others = [other for other in names if other != name]
        ends = (name[-n:] for n in range(1, len(name) + 1))
        return next((one for one in ends if all(other[-len(one) :] != one for other in others)), name)

    return [end(name) for name in names]


def curves(runs: Runs, out: Path, names: Sequence[str] | None = None) -> list[Path]:
    """Draws one figure a metric into `out` and returns their paths. names: of metrics, else those that are logged."""
    there = sorted({path for run in runs.records.values() for path in records.paths(run)})
    if unknown := [name for name in names or () if name not in there]:
        raise cli.UserError(f"no run has the metric {unknown[0]!r}; there are {', '.join(there)}")
    chosen = names or [name for name in _logged(runs) if name in there]
    if not chosen:
        raise cli.UserError(f"the runs log no metric that they have; choose with --metrics from {', '.join(there)}")
    out.mkdir(parents=True, exist_ok=True)
    for name in chosen:
        having = {label: run for label, run in runs.records.items() if any(name in line for line in run.lines)}
        drawn.curves(having, metric=name).savefig(picture(out, name), dpi=150)
    return [picture(out, name) for name in chosen]


def figures(runs: Runs, out: Path, names: Sequence[str] | None = None) -> list[Path]:
    """Draws figures into `out` and returns their paths: those named, as the first run's config has them, or all its."""
    config, paths = next(iter(runs.configs.values())), []
    with cli.user_errors(Exception, saying="config.figures: "):
        made = outputs.figures(config, names)
    for name, draw in made.items():
        with cli.user_errors(Exception, saying=f"figure {name}: "):  # a user's function may raise any
            figure = draw(runs.records)
            if not hasattr(figure, "savefig"):
                raise ValueError(f"returned {type(figure).__name__}, not a matplotlib Figure")
        out.mkdir(parents=True, exist_ok=True)
        paths.append(picture(out, name))
        figure.savefig(paths[-1], dpi=150)
    return paths


def table(runs: Runs) -> str:
    """The last value of every logged metric of every run, as mean ± standard error over seeds."""
    names = _logged(runs)
    rows = [["run", "step", *names]]
    for label in drawn.by_number(runs.records):
        run = runs.records[label]
        rows.append([label, str(run.lines[-1]["step"]), *(_last(run, name) for name in names)])
    return aligned(rows)


def aligned(rows: Sequence[Sequence[str]]) -> str:
    """Rows of text as a table."""
    widths = [max(len(row[i]) for row in rows) for i in range(len(rows[0]))]
    return "\n".join("  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)) for row in rows)


def _last(run: Records, name: str) -> str:
    """The last value of a metric as text, without seeds that are NaN."""
    lines = [line for line in run.lines if name in line]
    if not lines:
        return "-"
    last = np.array(records.seeds(lines[-1], name), float)
    there = last[np.isfinite(last)]
    mean, error = learning_curves.mean_and_error(there)
    shown = f"{mean:.4f}" if len(there) else "-"
    spread = f" ± {error:.4f}" if len(there) > 1 else ""
    return shown + spread + ("" if len(there) == len(last) else f" ({len(there)} of {len(last)} seeds)")


def picture(out: Path, name: str) -> Path:
    """Where the picture of a metric or of a figure lies."""
    return out / f"{file_name(name)}.png"


def file_name(name: str) -> str:
    """A name that may hold slashes and colons, as that of a file."""
    return name.replace("/", "_").replace(":", "_")


def _artifacts(run: Path) -> Callable[[str], str]:
    def artifact(name):
        files = drawn.by_number(path.name for path in run.glob(f"*{name}"))
        if not files:
            raise ValueError(f"{run} has no {name}: add its artifact to config.artifacts, and run to the end")
        return (run / files[0]).read_text()

    return artifact


def _logged(runs: Runs) -> list[str]:
    return list(dict.fromkeys(name for config in runs.configs.values() for name in config["log_metrics"]))
