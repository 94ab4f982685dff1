"""A page about runs: one HTML file with all in it, pictures too, that opens without a network."""

import base64
import datetime
import html
import json
import tempfile
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

from experiments.figures import legends
from launch import cli, documents, folder, plots, tables

_STYLE = """
body { font: 15px/1.45 system-ui, sans-serif; margin: 2em auto; max-width: 72em; padding: 0 1em; color: #222; }
h1, h2 { font-weight: 600; } h2 { margin-top: 2em; border-bottom: 1px solid #ddd; }
table { border-collapse: collapse; display: block; overflow-x: auto; }
th, td { padding: .25em .8em .25em 0; text-align: left; border-bottom: 1px solid #eee; white-space: nowrap; }
table:not(:has(th)) td:last-child { white-space: normal; overflow-wrap: anywhere; }
figure { display: inline-block; margin: .5em 1em .5em 0; vertical-align: top; max-width: min(100%, 34em); }
figure img { max-width: 100%; } figcaption { color: #666; }
iframe { width: 100%; height: 38em; border: 0; }
pre { background: #f6f6f6; padding: 1em; overflow-x: auto; }
"""


def page(folders: Sequence[Path], *, every: float | None = None) -> str:
    """The page about the runs in these folders. every: seconds after which a browser is to load it anew.

    Raises UserError where a folder is no run or is damaged, or where none has records.
    """
    runs, workdirs = plots.read(folders), plots.labels(folders)
    title = _text(", ".join(runs.records))
    refresh = f'<meta http-equiv="refresh" content="{every:g}">' if every else ""
    parts = [
        f"<h1>{title}</h1>",
        "<h2>Numbers</h2>",
        _table(tables.rows_of_text(tables.of_runs(runs, workdirs))),
        "<h2>Curves</h2>",
        _curves(runs),
        *(_about(label, workdirs[label], runs) for label in runs.records),
    ]
    screen = '<meta name="viewport" content="width=device-width, initial-scale=1">'
    head = f'<meta charset="utf-8">{screen}<title>{title}</title>{refresh}<style>{_STYLE}</style>'
    return f'<!DOCTYPE html>\n<html lang="en"><head>{head}</head>\n<body>\n' + "\n".join(parts) + "\n</body></html>\n"


def _curves(runs: plots.Runs) -> str:
    with tempfile.TemporaryDirectory() as place:
        try:
            paths = plots.curves(runs, Path(place))
        except cli.UserError as error:  # the runs log nothing that they have
            return f"<p>{_text(error)}</p>"
        return _pictures(paths)


def _about(label: str, workdir: Path, runs: plots.Runs) -> str:
    """What a run is, how far it is, what it took, and the pictures that it left."""
    config, step = runs.configs[label], runs.records[label].lines[-1]["step"]
    launches, last = documents.read_launches(workdir), documents.last_launch(workdir)
    finished = folder.finished_steps(workdir) == config["num_steps"]
    of_end = documents.read_summary(workdir) if finished else {}
    state = "finished" if finished else "stopped" if last.get("stopped") else "not finished"
    known = {
        "state": f"{state}, step {step} of {config['num_steps']}, {legends.counted([config['num_seeds']])}",
        "stopped at": None if finished else last.get("stopped"),
        "diverged": ", ".join(f"{one['member']} seed {one['seed']}" for one in of_end.get("diverged_at", ())),
        "seconds": f"{of_end['wall_seconds']:.0f}, of them {of_end['compile_seconds']:.0f} compiling" if of_end else "",
        "steps a second": f"{of_end['steps_per_second']:.3g}" if of_end else _rate_so_far(workdir, last, step),
        "most memory": f"{of_end['peak_memory_bytes'] / 1e9:.2f} GB" if "peak_memory_bytes" in of_end else "",
        "fingerprint": of_end.get("fingerprint"),
        "devices": ", ".join(last.get("devices", ())),
        "versions": ", ".join(f"{name} {version}" for name, version in last.get("versions", {}).items()),
        "code": last.get("git_commit"),
        "launches": f"{len(launches)}, the last: {' '.join(last.get('argv', ()))}",
        "folder": workdir,
    }
    drawn = {plots.file_name(name) for name in config["log_metrics"]}
    films = sorted(workdir.glob("*.html"))
    pictures = [path for path in sorted((workdir / "figures").glob("*.png")) if path.stem not in drawn]
    pictures += sorted(workdir.glob("*.gif"))
    return "\n".join(
        [
            f"<h2>{_text(label)}</h2>",
            _table([[name, value] for name, value in known.items() if value], head=False),
            _pictures(pictures),
            *(f'<iframe title="{path.stem}" srcdoc="{_text(path.read_text())}"></iframe>' for path in films),
            f"<details><summary>config</summary><pre>{_text(json.dumps(config, indent=2))}</pre></details>",
        ]
    )


def _rate_so_far(workdir: Path, launch: Mapping, step: int) -> str:
    """Of the newest launch up to its last record; "" before there is one."""
    if step <= launch.get("step", step) or "time" not in launch:
        return ""
    began = datetime.datetime.fromisoformat(launch["time"]).timestamp()
    seconds = (workdir / "metrics.jsonl").stat().st_mtime - began
    return f"{(step - launch['step']) / seconds:.3g} so far, compiling included" if seconds > 0 else ""


def _pictures(paths: Iterable[Path]) -> str:
    """Pictures as part of the page."""
    figures = []
    for path in paths:
        source = f"data:image/{path.suffix[1:]};base64,{base64.b64encode(path.read_bytes()).decode()}"
        name = _text(path.stem)
        figures.append(f'<figure><img src="{source}" alt="{name}"><figcaption>{name}</figcaption></figure>')
    return "\n".join(figures)


def _table(rows: Sequence[Sequence[Any]], *, head: bool = True) -> str:
    kinds = ["th" if head and i == 0 else "td" for i in range(len(rows))]
    lines = ["".join(f"<{kind}>{_text(cell)}</{kind}>" for cell in row) for kind, row in zip(kinds, rows, strict=True)]
    return "<table>" + "".join(f"<tr>{line}</tr>" for line in lines) + "</table>"


def _text(value: Any) -> str:
    return html.escape(str(value))
