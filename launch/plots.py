"""Figures and tables of runs, from what their folders hold."""

import sys
from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np

from experiments import Records, outputs, records, renamed
from experiments import figures as drawn
from launch import cli, folder, metrics


def curves(runs: Sequence[Path], out: Path, names: Sequence[str] | None = None) -> list[Path]:
    """Draws one figure a metric into `out` and returns their paths. names: of metrics, else those that are logged."""
    of_runs = read(runs)
    out.mkdir(parents=True, exist_ok=True)
    paths = []
    for name in names or _logged(runs):
        having = {label: of_run for label, of_run in of_runs.items() if any(name in line for line in of_run.lines)}
        if not having:
            there = sorted({path for of_run in of_runs.values() for path in records.paths(of_run)})
            raise cli.UserError(f"no run has the metric {name!r}; there are {', '.join(there)}")
        paths.append(picture(out, name))
        drawn.curves(having, metric=name).savefig(paths[-1], dpi=150)
    return paths


def figures(runs: Sequence[Path], out: Path, names: Sequence[str] | None = None) -> list[Path]:
    """Draws figures into `out` and returns their paths: those named, as the first run's config has them, or all its."""
    config, of_runs, paths = _config(runs[0]), read(runs), []
    with cli.user_errors(ValueError):
        made = outputs.figures(config, names)
    for name, draw in made.items():
        with cli.user_errors(ValueError, KeyError, saying=f"figure {name}: "):
            figure = draw(of_runs)
            if not hasattr(figure, "savefig"):
                raise ValueError(f"returned {type(figure).__name__}, not a matplotlib Figure")
        out.mkdir(parents=True, exist_ok=True)
        paths.append(picture(out, name))
        figure.savefig(paths[-1], dpi=150)
    return paths


def table(runs: Sequence[Path]) -> str:
    """The last value of every logged metric of every run, as mean ± standard deviation over seeds."""
    of_runs, names = read(runs), _logged(runs)
    rows = [["run", "step", *names]]
    for label, of_run in of_runs.items():
        cells = []
        for name in names:
            last = next((line for line in reversed(of_run.lines) if name in line), None)
            seeds = records.seeds(last, name) if last else []
            spread = f" ± {np.std(seeds, ddof=1):.4f}" if len(seeds) > 1 else ""
            cells.append(f"{np.mean(seeds):.4f}{spread}" if seeds else "-")
        rows.append([label, str(of_run.lines[-1]["step"]), *cells])
    widths = [max(len(row[i]) for row in rows) for i in range(len(rows[0]))]
    return "\n".join("  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)) for row in rows)


def read(runs: Sequence[Path]) -> dict[str, Records]:
    """The records of runs, by label. What their configs name becomes importable."""
    of_runs = {}
    for run in runs:
        lines = metrics.read(run)
        if not lines:
            raise cli.UserError(f"{run} is not a run folder with metrics in it")
        config_file = folder.last_launch(run).get("config_file")
        if config_file and (place := str(Path(config_file).parent)) not in sys.path:
            sys.path.insert(0, place)
        label = run.resolve()
        label = f"{label.parent.name}/{label.name}" if len(runs) > 1 else label.name
        of_runs[label] = records.of_config(_config(run), lines, _artifacts(run))
    return of_runs


def picture(out: Path, name: str) -> Path:
    """Where the picture of a metric or of a figure lies."""
    return out / f"{file_name(name)}.png"


def file_name(name: str) -> str:
    """A name that may hold slashes and colons, as that of a file."""
    return name.replace("/", "_").replace(":", "_")


def _artifacts(run: Path) -> Callable[[str], str]:
    def artifact(name):
        paths = sorted(run.glob(f"*{name}"))
        if not paths:
            raise ValueError(f"{run} has no {name}: add its artifact to config.artifacts, and run to the end")
        return paths[0].read_text()

    return artifact


def _config(run: Path) -> dict:
    """The run's config. Raises UserError for a run of an older version."""
    config = folder.read_json(run / "config.json")
    with cli.user_errors(ValueError, saying=f"{run} is a run of an older version: "):
        renamed.check(config)
    return config


def _logged(runs: Sequence[Path]) -> list[str]:
    return list(dict.fromkeys(name for run in runs for name in _config(run).get("log_metrics", ())))
