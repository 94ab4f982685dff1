"""The run folder: one run, one folder, one process at a time, and never a half-written file.

config.json      what was asked, resolved; the run is refused where another would change its numbers
run.json         what it ran with: the first launch and every later one (git commit, versions, devices, argv, time)
metrics.jsonl    the truth: one JSON object a line, with its step (`launch.metrics`)
checkpoints/     (`launch.checkpoints`)
summary.json     written at the end: a run that has it is finished
figures/  tb/    drawn from metrics.jsonl; its mirror for TensorBoard, and with --wandb for Weights & Biases: wandb/
"""

import datetime
import errno
import hashlib
import importlib.metadata
import json
import os
import re
import subprocess
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import IO, Any

import jax
import ml_collections

from experiments import grid
from launch import documents, machine
from launch.cli import UserError, user_errors

try:
    import fcntl
except ImportError:  # Windows
    fcntl = None

# These cannot change the numbers of a run, so they may change between launches; num_steps may grow.
PRESENTATION = ("analyses", "artifacts", "checkpoint_every", "execution", "figures", "log_metrics", "prefetch")

_NO_LOCKS = (errno.ENOSYS, errno.ENOTSUP, errno.EOPNOTSUPP, errno.ENOLCK)  # of network file systems

_PACKAGES = ("jax", "jaxlib", "flax", "optax", "chex", "numpy", "mujoco", "orbax-checkpoint", "ml_collections")


def place(text: str, flag: str) -> Path:
    """The path that a flag or an argument gives. Raises UserError where it is empty or a URL."""
    if not text.strip():
        raise UserError(f"{flag} is empty; name a folder")
    if re.match(r"[A-Za-z][\w+.-]*:/", text):
        raise UserError(f"{flag}={text}: a run is on a file system; mount the storage, and name a folder of the mount")
    with user_errors(RuntimeError, OSError, saying=f"{flag}={text}: "):
        path = Path(re.sub("^//", "/", str(Path(text).expanduser())))  # two are kept by Path, and refused by orbax
        is_root = path.resolve() == Path(path.anchor or "/")
    if is_root:
        raise UserError(f"{flag}={text} is the root of all files; name a folder in it")
    return path


def lock_workdir(workdir: Path, config: ml_collections.ConfigDict) -> IO:
    """Makes the folder this process's own until the returned file is closed or the process ends, however it ends.

    Refuses a folder that another process runs in, that holds a run with another config or with damaged files, or that
    cannot be written.
    """
    try:
        workdir.mkdir(parents=True, exist_ok=True)
        lock = _locked(workdir / ".lock")
    except BlockingIOError:
        raise UserError(f"another process is running in {workdir}; wait for it, or give another --workdir") from None
    except OSError as error:
        raise UserError(f"cannot write to --workdir={workdir}: {error.strerror}") from error
    try:
        accept(workdir, json.loads(config.to_json()))
        if not (workdir / "config.json").exists():
            keep_config(workdir, config)
    except UserError:
        lock.close()
        raise
    return lock


def _locked(path: Path) -> IO:
    """Raises BlockingIOError where another process holds it. Where nothing can be locked, it says so and goes on."""
    file = path.open("w")
    try:
        if fcntl is None:
            raise OSError(errno.ENOSYS, os.strerror(errno.ENOSYS))
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError as error:
        if error.errno not in _NO_LOCKS:
            file.close()
            raise
        print(f"warning: no file can be locked in {path.parent}; start no second run in it", file=sys.stderr)
    return file


def keep_config(workdir: Path, config: ml_collections.ConfigDict) -> None:
    """Writes config.json, where it has changed."""
    path, wanted = workdir / "config.json", json.loads(config.to_json())
    if not path.exists() or documents.read_config(workdir) != wanted:
        write_json(path, wanted)


def accept(workdir: Path, wanted: dict) -> None:
    """Raises UserError where config.json holds a config with other numbers, or where a run has none."""
    path = workdir / "config.json"
    documents.check(workdir)
    if path.exists():
        _refuse_changes(workdir, wanted)
    elif any((workdir / name).exists() for name in ("metrics.jsonl", "checkpoints", "summary.json")):
        raise UserError(f"{workdir} holds a run but no config.json to compare with; give another --workdir")


def _refuse_changes(workdir: Path, wanted: dict) -> None:
    before = documents.read_config(workdir)
    old, new = (grid.flat({key: of[key] for key in of if key not in PRESENTATION}) for of in (before, wanted))
    changes = [
        f"{key}: {old.get(key)!r} -> {new.get(key)!r}"
        for key in sorted({*old, *new})
        if repr(old.get(key)) != repr(new.get(key))  # by their text: nan is nan
        and not (key == "num_steps" and new[key] > old[key])
    ]
    if changes:
        raise UserError(
            f"{workdir} holds a run with another config ({'; '.join(changes)}); "
            "give another --workdir, or the old values to go on with it"
        )


def finished_steps(workdir: Path) -> int | None:
    """How many steps a finished run has; None where it is not finished."""
    return documents.read_summary(workdir)["steps"] if (workdir / "summary.json").exists() else None


def is_finished(workdir: Path, flags: list[str]) -> bool:
    """Whether a run, launched with these flags, has left all that it was to. Raises UserError for damaged files."""
    documents.check(workdir)
    if not (workdir / "summary.json").exists() or documents.read_summary(workdir).get("missing"):
        return False
    return documents.last_launch(workdir).get("argv", [])[1:] == flags


def write_json(path: Path, value: Any) -> None:
    """Writes the file whole or not at all."""
    replace_file(path, json.dumps(value, indent=2) + "\n")


def replace_file(path: Path, content: str | bytes) -> None:
    """Puts content in the file's place in one move: whoever reads it, whenever, sees the old or the new."""
    partial = path.with_name(f".{path.name}.part")
    with partial.open("wb") as file:
        file.write(content.encode() if isinstance(content, str) else content)
        file.flush()
        os.fsync(file.fileno())
    partial.replace(path)


def note_launch(
    workdir: Path,
    step: int,
    argv: Sequence[str],
    config_file: Path | None,
    modules: Mapping[str, str],
    others: Sequence[Path] = (),
    profile: int | None = None,
) -> list[str]:
    """Adds this launch, which begins at `step`, to run.json. -> what has changed since the last, a line each.

    modules: those that the config names by "package.module:function": module -> file. others: the folders of the runs
    that are computed in the same program, and share its seconds. profile: steps to trace.
    """
    launch = {
        "step": step,
        "time": datetime.datetime.now(datetime.UTC).isoformat(timespec="seconds"),
        "argv": list(argv),
        "config_file": config_file and str(config_file.resolve()),
        "git_commit": _git_commit(),
        "versions": {"python": sys.version.split()[0]} | {name: importlib.metadata.version(name) for name in _PACKAGES},
        "jax_settings": machine.settings(),
        "debug_nans": jax.config.values["jax_debug_nans"],
        "profile": profile,
        "native_kernels": machine.native_kernels(),
        "platform": jax.default_backend(),
        "modules": {module: {"file": file, "sha256": _sha256(file)} for module, file in modules.items()},
        "devices": [str(device) for device in jax.devices()],
        "num_processes": jax.process_count(),
        **({"together_with": [str(other) for other in others]} if others else {}),
    }
    before = documents.read_launches(workdir)
    _write_launches(workdir, [*before, launch])
    return _changes(before[-1], launch) if before else []


def _write_launches(workdir: Path, launches: Sequence[Mapping]) -> None:
    """Writes run.json: the first launch, with the others in it."""
    first, *others = [{key: value for key, value in launch.items() if key != "resumed"} for launch in launches]
    write_json(workdir / "run.json", {**first, **({"resumed": others} if others else {})})


def note_stop(workdir: Path, reason: str) -> None:
    """Adds to run.json why the newest launch stopped by itself."""
    if launches := documents.read_launches(workdir):
        _write_launches(workdir, [*launches[:-1], {**launches[-1], "stopped": reason}])


def _changes(last: Mapping, now: Mapping) -> list[str]:
    """What may make a resumed run differ from one that was never stopped."""
    modules, versions, kernels = (last.get(key, {}) for key in ("modules", "versions", "native_kernels"))
    changed = [
        f"{module['file']} has changed since the last launch"
        for name, module in now["modules"].items()
        if name in modules and modules[name]["sha256"] != module["sha256"]
    ]
    changed += [
        f"{name} was {versions[name]} at the last launch and is {version}: the last bits of numbers may differ"
        for name, version in now["versions"].items()
        if name in ("jax", "jaxlib", "mujoco") and versions.get(name, version) != version
    ]
    changed += [
        f"the native kernel {name} was {'built' if before else 'not built'} at the last launch and is "
        f"{'not' if before else 'now'}: numbers may differ"
        for name, before in kernels.items()
        if now["native_kernels"].get(name, before) != before
    ]
    if (platform := last.get("platform", now["platform"])) != now["platform"]:
        changed.append(f"the last launch was on {platform}, this is on {now['platform']}: numbers may differ")
    return changed


def _sha256(file: str) -> str:
    return hashlib.sha256(Path(file).read_bytes()).hexdigest()


def _git_commit() -> str | None:
    """The checkout's commit, with -dirty where files differ from it."""
    command = ["git", "-C", str(Path(__file__).parent), "describe", "--always", "--dirty", "--abbrev=40", "--exclude=*"]
    try:
        return subprocess.run(command, capture_output=True, text=True, check=True).stdout.strip()
    except (OSError, subprocess.CalledProcessError):
        return None
