"""Checks a kind of device that is new to you, and measures what matters on it, in at most half an hour.

    python -m launch.check_device --out=DIR

Each part has a process and a time limit of its own, and every line is kept in DIR/lines.jsonl as soon as it is
measured, so what hangs or dies costs its own part alone. DIR/table.md is the same as a table for BENCHMARKS.md. On a
CPU the sizes are small, and the numbers say only that it works.
"""

import datetime
import json
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Sequence
from pathlib import Path

from absl import flags

from launch import checks, cli, folder

_OUT = flags.DEFINE_string("out", None, "Folder for lines.jsonl and table.md.")
_MINUTES = flags.DEFINE_float("minutes", 30.0, "How long it may take in all.", lower_bound=0.1)
flags.register_validator("minutes", lambda minutes: minutes < 1e6, "minutes below a million")
_PARTS = flags.DEFINE_list("parts", list(checks.PARTS), "Which parts, in this order.")
_SMALL = flags.DEFINE_bool("small", None, "Small sizes. Default: on a CPU.")
_PART = flags.DEFINE_enum(
    "part", None, list(checks.PARTS), "Measure this part alone, in this process, and print its lines."
)
_RECORD = flags.DEFINE_bool(
    "record", False, "Record the papers' smoke runs on this CPU, to be compared with elsewhere."
)


def main(argv: list[str]) -> int:
    """Runs the parts; returns 1 where one of them failed or ran out of time."""
    cli.no_arguments(argv)
    if _RECORD.value:
        checks.runs.record()
        return 0
    if _PART.value:
        return _measure(_PART.value)
    if not _PARTS.value:
        raise cli.UserError(f"--parts is empty; there are {', '.join(checks.PARTS)}")
    if unknown := [name for name in _PARTS.value if name not in checks.PARTS]:
        raise cli.UserError(f"no part {unknown[0]!r}; there are {', '.join(checks.PARTS)}")
    if _OUT.value is None:
        raise cli.UserError("say with --out=DIR where the lines and the table go")
    out = folder.place(_OUT.value, "--out")
    with cli.user_errors(OSError, saying=f"cannot write to --out={out}, name another folder: "):
        out.mkdir(parents=True, exist_ok=True)
        lines = _run_parts(_PARTS.value, out / "lines.jsonl", time.monotonic() + 60 * _MINUTES.value)
        (out / "table.md").write_text(table(lines, datetime.date.today()))
    print(f"table: {out / 'table.md'}")
    return int(any(line["unit"] == "failed" for line in lines))


def _measure(name: str) -> int:
    import jax

    small = jax.default_backend() == "cpu" if _SMALL.value is None else _SMALL.value
    for line, value, unit in checks.PARTS[name].lines(small):
        print(json.dumps({"part": name, "name": line, "value": value, "unit": unit}), flush=True)
    return 0


def _run_parts(names: Sequence[str], path: Path, deadline: float) -> list[dict]:
    """Measures the parts one after the other, and writes each line as it comes."""
    lines = []
    with path.open("w") as file:
        for name in names:
            seconds = min(checks.PARTS[name].seconds, deadline - time.monotonic())
            for line in _lines_of_part(name, seconds) if seconds > 0 else [_failed(name, "time", "none is left")]:
                lines.append(line)
                file.write(json.dumps(line) + "\n")
                file.flush()
                print(f"{line['part']:10} {line['name']:40} {_number(line['value']):>14} {line['unit']}", flush=True)
    return lines


def _lines_of_part(name: str, seconds: float):
    """The lines of a part, as its process prints them; one more where it fails or its time is over."""
    size = [] if _SMALL.value is None else [f"--small={_SMALL.value}"]
    command = [sys.executable, "-m", "launch.check_device", f"--part={name}", *size]
    late = threading.Event()
    pipes = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE, "text": True}
    with subprocess.Popen(command, **pipes, start_new_session=True) as process:
        errors: list[str] = []
        reader = threading.Thread(target=lambda: errors.extend(process.stderr or ()))
        reader.start()
        # With the runs that it has begun.
        limit = threading.Timer(seconds, lambda: (late.set(), os.killpg(process.pid, signal.SIGKILL)))
        limit.start()
        for text in process.stdout or ():
            if text.startswith("{"):
                yield json.loads(text)
        status = process.wait()
        limit.cancel()
        reader.join()
    if late.is_set():
        yield _failed(name, "time", f"over after {seconds:.0f} s")
    elif status:
        reason = errors[-1].strip() if errors else f"status {status}"
        yield _failed(name, "error", reason[:200])


def _failed(part: str, name: str, reason: str) -> dict:
    return {"part": part, "name": name, "value": reason, "unit": "failed"}


def table(lines: Sequence[dict], day: datetime.date) -> str:
    """The lines in Markdown."""
    rows = [f"| {line['part']} | {line['name']} | {_number(line['value'])} | {line['unit']} |" for line in lines]
    head = [
        f"`python -m launch.check_device`, {day.isoformat()}",
        "",
        "| part | line | value | unit |",
        "|---|---|---|---|",
    ]
    return "\n".join([*head, *rows]) + "\n"


def _number(value: float | str) -> str:
    if isinstance(value, str):
        return value
    return f"{value:,.0f}" if abs(value) >= 1000 else f"{value:.4g}"


if __name__ == "__main__":
    cli.run(main)
