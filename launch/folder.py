"""The run folder: one run, one folder, one process at a time, and never a half-written file.

config.json      what was asked, resolved; the run is refused with any other
run.json         what it ran with: the first launch and every later one (git commit, versions, devices, argv, time)
metrics.jsonl    the truth: one JSON object a line, with its step (`launch.metrics`)
checkpoints/     (`launch.checkpoints`)
summary.json     written once, at the end: a run that has it is finished
figures/  tb/    drawn from metrics.jsonl; its mirror for TensorBoard
"""

import datetime
import fcntl
import importlib.metadata
import json
import os
import subprocess
import sys
from pathlib import Path
from typing import IO, Any

import jax
import ml_collections

from launch.cli import Refusal

_PACKAGES = ("jax", "jaxlib", "flax", "optax", "chex", "numpy", "orbax-checkpoint", "ml_collections")


def claim(workdir: Path, config: ml_collections.ConfigDict) -> IO:
    """Makes the folder this process's own until the returned file is closed or the process ends, however it ends.

    Refuses a folder that another process runs in, that holds a run with another config, or that cannot be written.
    """
    try:
        workdir.mkdir(parents=True, exist_ok=True)
        lock = (workdir / ".lock").open("w")
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        raise Refusal(f"another process is running in {workdir}; wait for it, or give another --workdir") from None
    except OSError as error:
        raise Refusal(f"cannot write to --workdir={workdir}: {error.strerror}") from error
    wanted, path = json.loads(config.to_json()), workdir / "config.json"
    if path.exists():
        _refuse_changes(path, wanted)
    elif any((workdir / name).exists() for name in ("metrics.jsonl", "checkpoints", "summary.json")):
        raise Refusal(f"{workdir} holds a run but no config.json to compare with; give another --workdir")
    else:
        write_json(path, wanted)
    return lock


def _refuse_changes(path: Path, wanted: dict) -> None:
    old, new = (_flat(value) for value in (read_json(path), wanted))
    changes = [
        f"{key}: {old.get(key)!r} -> {new.get(key)!r}"
        for key in sorted({*old, *new})
        if repr(old.get(key)) != repr(new.get(key))  # by their text: nan is nan
    ]
    if changes:
        raise Refusal(
            f"{path.parent} holds a run with another config ({'; '.join(changes)}); "
            "give another --workdir, or the old values to go on with it"
        )


def _flat(value: Any, prefix: str = "") -> dict:
    if not isinstance(value, dict):
        return {prefix: value}
    parts = (_flat(inner, f"{prefix}.{key}" if prefix else key) for key, inner in value.items())
    return {key: inner for part in parts for key, inner in part.items()}


def read_json(path: Path) -> Any:
    """The file's value; a Refusal where it is not JSON."""
    try:
        return json.loads(path.read_text())
    except (OSError, ValueError) as error:
        raise Refusal(f"cannot read {path}: {error}") from error


def write_json(path: Path, value: Any) -> None:
    """Writes the file whole or not at all."""
    replace_text(path, json.dumps(value, indent=2) + "\n")


def replace_text(path: Path, text: str) -> None:
    """Puts text in the file's place in one move: whoever reads it, whenever, sees the old or the new."""
    partial = path.with_name(f".{path.name}.part")
    with partial.open("w") as file:
        file.write(text)
        file.flush()
        os.fsync(file.fileno())
    partial.replace(path)


def note_launch(workdir: Path, step: int) -> None:
    """Adds this launch, which begins at `step`, to run.json."""
    launch = {
        "step": step,
        "time": datetime.datetime.now(datetime.UTC).isoformat(timespec="seconds"),
        "argv": sys.argv,
        "git_commit": _git_commit(),
        "versions": {"python": sys.version.split()[0]} | {name: importlib.metadata.version(name) for name in _PACKAGES},
        "devices": [str(device) for device in jax.devices()],
        "num_processes": jax.process_count(),
    }
    path = workdir / "run.json"
    if path.exists():
        first = read_json(path)
        write_json(path, {**first, "resumed": [*first.get("resumed", []), launch]})
    else:
        write_json(path, launch)


def _git_commit() -> str | None:
    """The checkout's commit, with -dirty where files differ from it."""
    command = ["git", "-C", str(Path(__file__).parent), "describe", "--always", "--dirty", "--abbrev=40", "--exclude=*"]
    try:
        return subprocess.run(command, capture_output=True, text=True, check=True).stdout.strip()
    except (OSError, subprocess.CalledProcessError):
        return None
