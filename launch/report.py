"""Writes a page about runs: their numbers, curves, configs and pictures, in one HTML file that needs no network.

    python -m launch.report runs/rates/* --out=rates.html
    python -m launch.report runs/mine --out=mine.html --watch=10

With --watch the page is written anew every so many seconds until all runs are finished, and a browser that shows it
loads it anew as often.
"""

import contextlib
import time
from collections.abc import Sequence
from pathlib import Path

from absl import flags

from launch import cli, documents, folder, reports

_OUT = flags.DEFINE_string("out", None, "The HTML file.", required=True)
_WATCH = flags.DEFINE_float("watch", None, "Seconds after which to write it anew, while runs go on.", lower_bound=0.1)
flags.register_validator("watch", lambda seconds: seconds is None or seconds < 1e6, "seconds below a million")


def main(argv: list[str]) -> None:
    """Writes the page of the runs that the arguments name."""
    folders = [folder.place(name, "a run") for name in argv[1:]]
    if not folders:
        raise cli.UserError("name at least one run folder: python -m launch.report RUN [RUN ..]")
    out = folder.place(_OUT.value, "--out")
    if out.is_dir():
        raise cli.UserError(f"--out={out} is a folder; name the HTML file in it")
    seconds = _WATCH.value
    with contextlib.suppress(KeyboardInterrupt):  # it is how one ends watching
        while seconds and not all(map(_is_finished, folders)):
            _write(out, folders, seconds)
            time.sleep(seconds)
    _write(out, folders, None)


def _write(out: Path, folders: Sequence[Path], seconds: float | None) -> None:
    with cli.user_errors(OSError, saying=f"--out={out} cannot be written: "):
        out.parent.mkdir(parents=True, exist_ok=True)
        folder.replace_file(out, reports.page(folders, every=seconds))
    print(f"page: {out}", flush=True)


def _is_finished(workdir: Path) -> bool:
    """Raises UserError where it is no run folder."""
    return folder.finished_steps(workdir) == documents.read_config(workdir)["num_steps"]


if __name__ == "__main__":
    cli.run(main)
