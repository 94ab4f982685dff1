"""Figures and tables of runs, from what their folders hold."""

from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np
from matplotlib.figure import Figure

import experiments
from experiments.figures import curves as draw_curves
from experiments.registry import FILE_FIGURES
from launch import cli, folder, metrics


def curves(runs: Sequence[Path], out: Path, names: Sequence[str] | None = None) -> list[Path]:
    """Draws one figure a metric into `out` and returns their paths."""
    records = _records(runs)
    names = names or _shown(runs)
    out.mkdir(parents=True, exist_ok=True)
    paths = []
    for name in names:
        drawn = {label: lines for label, lines in records.items() if any(name in line for line in lines)}
        if not drawn:
            raise cli.Refusal(f"no run has the metric {name!r}; there are {', '.join(_names(records))}")
        paths.append(out / f"{name.replace('/', '_')}.png")
        draw_curves(drawn, name).savefig(paths[-1], dpi=150)
    return paths


def figures(runs: Sequence[Path], out: Path, names: Sequence[str] | None = None) -> list[Path]:
    """Draws figures of experiments.registry into `out`: those named, else those of the first run's config."""
    settings = folder.read_json(runs[0] / "config.json").get("figures", {})
    names = list(settings) if names is None else names
    if not names:
        return []
    records = _records(runs)
    out.mkdir(parents=True, exist_ok=True)
    paths = []
    for name in names:
        with cli.refusing(ValueError, KeyError, saying=f"figure {name}: "):
            of = settings.get(name, {})
            figure = _of_file(runs[0], name, of) if name in FILE_FIGURES else experiments.figure(name, records, of)
        paths.append(out / f"{name}.png")
        figure.savefig(paths[-1], dpi=150)
    return paths


def _of_file(run: Path, name: str, settings: Mapping) -> Figure:
    """A figure of experiments.registry.FILE_FIGURES, of the run's first seed."""
    file, make = FILE_FIGURES[name]
    paths = sorted(run.glob(f"*{file}"))
    if not paths:
        raise cli.Refusal(f"{run} has no {file}: set config.files to keep one, and run to the end")
    return make(folder.read_json(paths[0]), **settings)


def table(runs: Sequence[Path]) -> str:
    """The last value of every shown metric of every run, as mean ± deviation over seeds."""
    records, names = _records(runs), _shown(runs)
    rows = [["run", "step", *names]]
    for label, lines in records.items():
        cells = []
        for name in names:
            last = next((line for line in reversed(lines) if name in line), {})
            seeds = last.get(f"{name}/seeds", [last[name]] if last else [])
            spread = f" ± {np.std(seeds, ddof=1):.4f}" if len(seeds) > 1 else ""
            cells.append(f"{np.mean(seeds):.4f}{spread}" if seeds else "-")
        rows.append([label, str(lines[-1]["step"]), *cells])
    widths = [max(len(row[i]) for row in rows) for i in range(len(rows[0]))]
    return "\n".join("  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)) for row in rows)


def _records(runs: Sequence[Path]) -> dict[str, list[dict]]:
    records = {}
    for run in runs:
        lines = metrics.read(run)
        if not lines:
            raise cli.Refusal(f"{run} is not a run folder with metrics in it")
        label = run.resolve()
        records[f"{label.parent.name}/{label.name}" if len(runs) > 1 else label.name] = lines
    return records


def _shown(runs: Sequence[Path]) -> list[str]:
    return list(dict.fromkeys(name for run in runs for name in folder.read_json(run / "config.json")["show"]))


def _names(records: dict[str, list[dict]]) -> list[str]:
    lines = [line for run in records.values() for line in run]
    return sorted({name for line in lines for name in line if name != "step" and not name.endswith("/seeds")})
