"""Checkpoints: the only file that knows orbax.

A save is atomic: it is written beside its place and moved there. Each carries a fingerprint of its arrays and a
checksum of its notes, so one that was damaged later is noticed when it is read, and the one before is taken.
"""

import errno
import glob
import json
import os
import shutil
import tempfile
import weakref
import zlib
from collections.abc import Callable
from pathlib import Path
from typing import Any

import jax
import jax.numpy as jnp
import orbax.checkpoint as ocp

from launch import cli, devices, signals

_KEEP = 3
_NO_RESERVING = (None, errno.EINVAL, errno.ENOSYS, errno.EOPNOTSUPP)


def fingerprint(tree: Any) -> str:
    """32 bits over every bit of every array, the same on any mesh: equal runs have equal fingerprints."""
    return f"{int(_fingerprint(tree)):08x}"


@jax.jit
def _fingerprint(tree):
    total = jnp.uint32(0)
    for leaf in jax.tree.leaves(tree):
        octets = leaf.astype(jnp.uint8) if leaf.dtype == bool else jax.lax.bitcast_convert_type(leaf, jnp.uint8)
        octets = octets.ravel().astype(jnp.uint32)
        odd = 2 * jnp.arange(octets.size, dtype=jnp.uint32) + 1  # an odd weight loses no octet
        total = total * jnp.uint32(16777619) + jnp.sum(octets * jnp.uint32(2654435761) * odd, dtype=jnp.uint32)
    return total


def open_folder(folder: Path, *, read_only: bool = False) -> ocp.CheckpointManager:
    """The checkpoints of one run; makes the folder. The newest few are kept.

    read_only: nothing in it changes, so that a run may go on meanwhile.

    orbax takes its folder's path for a pattern. A path with characters that mean something in one is reached by a link.
    """
    folder = folder.absolute()
    folder.mkdir(parents=True, exist_ok=True)
    links = None
    if glob.escape(str(folder)) != str(folder):
        links = Path(tempfile.mkdtemp())
        (links / "checkpoints").symlink_to(folder)
        folder = links / "checkpoints"
    options = ocp.CheckpointManagerOptions(
        read_only=read_only,
        max_to_keep=None if read_only else _KEEP,
        cleanup_tmp_directories=not read_only,
        enable_async_checkpointing=False,
    )
    manager = ocp.CheckpointManager(folder, options=options)
    if links:
        weakref.finalize(manager, shutil.rmtree, links, ignore_errors=True)
    return manager


def _folder(manager: ocp.CheckpointManager) -> Path:
    return Path(manager.directory).resolve()


def save(manager: ocp.CheckpointManager, step: int, run: Any, notes: dict) -> None:
    """Saves the run at its step, with notes in JSON. A UserError where the disk does not take it."""
    notes = {**notes, "step": step, "fingerprint": fingerprint(run)}
    notes["checksum"] = _checksum(notes)
    size = sum(leaf.nbytes for leaf in jax.tree.leaves(run))
    try:
        devices.in_first_process(lambda: _make_room(Path(manager.directory), size))
        saved = ocp.args.StandardSave(_filled(run))
        with signals.saving():
            manager.save(step, args=ocp.args.Composite(run=saved, notes=ocp.args.JsonSave(notes)))
    except (OSError, ValueError) as error:
        raise cli.UserError(
            f"cannot save step {step} to {_folder(manager)}: {cli.one_line(error)}; earlier ones are intact"
        ) from error


def check_kinds(abstract_run: Any) -> None:
    """Raises ValueError where a run of these shapes and dtypes has what cannot be saved."""
    for path, leaf in jax.tree_util.tree_leaves_with_path(abstract_run):
        if jax.dtypes.issubdtype(leaf.dtype, jax.dtypes.extended):
            where = jax.tree_util.keystr(path, simple=True, separator=".")
            raise ValueError(f"the run's state has a key, {where}, which cannot be saved; keep its jax.random.key_data")


def check(manager: ocp.CheckpointManager, step: int, abstract_run: Any) -> None:
    """Reads a save back. Raises UserError where it is not what was saved: then no later one would be either."""
    try:
        _read(manager, step, abstract_run)
    except Exception as error:  # orbax and tensorstore raise many kinds
        raise cli.UserError(
            f"what is saved in {_folder(manager)} cannot be read back ({cli.one_line(error)}); give another --workdir"
        ) from error


def _read(manager: ocp.CheckpointManager, step: int, abstract_run: Any) -> tuple[Any, dict]:
    """-> (run, notes). Raises ValueError where it is not what was saved at this step, and whatever orbax does."""
    args = ocp.args.Composite(run=ocp.args.StandardRestore(_filled(abstract_run)), notes=ocp.args.JsonRestore())
    saved: Any = manager.restore(step, args=args)
    run, notes = _whole(abstract_run, saved.run), dict(saved.notes)
    checksum = notes.pop("checksum", None)  # older versions have none
    if fingerprint(run) != notes["fingerprint"] or checksum not in (None, _checksum(notes)):
        raise ValueError("its contents changed after it was saved")
    if notes["step"] != step:
        raise ValueError(f"it is of step {notes['step']}")
    return run, notes


def _checksum(notes: dict) -> int:
    return zlib.crc32(json.dumps(notes, sort_keys=True).encode())


def _filled(run: Any) -> list:
    """The arrays of a run that have elements: orbax saves no others."""
    return [leaf for leaf in jax.tree.leaves(run) if leaf.size]


def _whole(abstract_run: Any, filled: list) -> Any:
    """A run of these shapes, of the arrays that have elements."""
    rest = iter(filled)
    return jax.tree.map(
        lambda leaf: next(rest) if leaf.size else jnp.zeros(leaf.shape, leaf.dtype, device=leaf.sharding), abstract_run
    )


def _make_room(folder: Path, size: int) -> None:
    """Raises OSError where the disk has no room for `size` bytes: sooner, and clearer, than orbax's many writers.

    Where the system (macOS) or the file system cannot reserve it, what it says to be free must do.
    """
    with tempfile.TemporaryFile(dir=folder) as file:
        try:
            os.posix_fallocate(file.fileno(), 0, max(1, size))
        except (AttributeError, OSError) as error:
            if getattr(error, "errno", None) not in _NO_RESERVING:
                raise
            if shutil.disk_usage(folder).free < size:
                raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC)) from None


def newest(manager: ocp.CheckpointManager, abstract_run: Any, usable: Callable) -> tuple[Any, dict] | None:
    """The newest whole checkpoint, as (run, notes), or None where there is none yet.

    abstract_run: the run's shapes, dtypes and shardings. usable: (step) -> whether the run can go on from there; newer
    checkpoints are deleted. A damaged one is named, set aside and passed over. Raises UserError where none is left.
    """
    found, damaged = _newest(manager, abstract_run, usable)
    if found:
        _set_aside(manager, damaged)
        for newer in [other for other in manager.all_steps() if other > found[1]["step"]]:
            manager.delete(newer)
    return found


def read_newest(folder: Path, abstract_run: Any) -> tuple[Any, dict] | None:
    """As `newest`, of the checkpoints in a folder in which nothing changes: the run may go on meanwhile."""
    return _newest(open_folder(folder, read_only=True), abstract_run, lambda _: True)[0] if folder.is_dir() else None


def _newest(
    manager: ocp.CheckpointManager, abstract_run: Any, usable: Callable
) -> tuple[tuple[Any, dict] | None, list[int]]:
    """-> what `newest` returns, and the steps of newer checkpoints that are damaged."""
    steps = sorted(manager.all_steps(), reverse=True)
    damaged = []
    for step in filter(usable, steps):
        try:
            return _read(manager, step, abstract_run), damaged
        except Exception as error:  # orbax and tensorstore raise many kinds
            devices.log(f"checkpoint {step} is damaged ({cli.one_line(error)}); trying the one before")
            damaged.append(step)
    if steps:
        raise cli.UserError(f"no checkpoint in {_folder(manager)} can be read; give another --workdir to begin again")
    return None, damaged


def _set_aside(manager: ocp.CheckpointManager, steps: list[int]) -> None:
    for step in steps if devices.first_process() else ():
        place = Path(manager.directory) / str(step)
        place.rename(place.with_name(f"{step}.damaged"))
    manager.reload()
