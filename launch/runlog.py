"""A run on disk: where it stands, what it has recorded, what it has saved. All processes open it, one writes."""

import math
from collections.abc import Callable, Collection, Mapping
from pathlib import Path
from typing import Any

import numpy as np

from experiments import records
from launch import checkpoints, cli, devices, documents, folder, machine, metrics
from launch.clock import Clock
from launch.diverged import Diverged
from launch.programs import Programs


class RunLog:
    """Opened, it has resumed the run from its newest whole checkpoint: `run` at `step`, or None for a fresh one.

    num_steps: how many the run shall have. recorded: (step) -> the steps up to it at which a run of any length records.
    eval_is_due: (step) -> whether it evaluates there. diverged: who has; at the start of a run, nobody. wandb: the
    project of a mirror. A run that has ended may go on: what it did because it ended is forgotten. Raises UserError
    where there are records that no checkpoint continues, where records are missing, and where data or settings of JAX
    are not those it began with.
    """

    run: Any
    step: int = 0

    def __init__(
        self,
        workdir: Path,
        compute: Programs,
        clock: Clock,
        num_steps: int,
        recorded: Callable[[int], Collection[int]],
        eval_is_due: Callable[[int], bool],
        diverged: Diverged,
        wandb: str | None = None,
    ):
        self._workdir, self._manager = workdir, checkpoints.open_folder(workdir / "checkpoints")
        self._abstract_run, self.clock, self.diverged = compute.abstract_run, clock, diverged
        self._data = checkpoints.fingerprint(compute.data)

        def usable(step):
            return step == num_steps or (step < num_steps and step in recorded(step))

        self.run, notes = checkpoints.newest(self._manager, compute.abstract_run, usable) or (None, None)
        if notes:
            _check_settings(workdir, notes.get("jax_settings", {}))
            if notes["data"] != self._data:
                raise cli.UserError(
                    f"{workdir} learned from other data; give the same --data_dir, or another --workdir"
                )
            self.step = notes["step"]
            clock.go_on_from(notes["seconds"])
            diverged.at[...] = notes.get("diverged_at", diverged.at)
        due = {*recorded(self.step), self.step} if notes else None
        ended_early = 0 < self.step < num_steps and not eval_is_due(self.step)
        self._writer = devices.in_first_process(
            lambda: metrics.Writer(workdir, _kept(workdir, due), without="eval" if ended_early else None, wandb=wandb)
        )

    def __enter__(self) -> "RunLog":
        return self

    def __exit__(self, *exception: object) -> None:
        self._manager.close()
        if self._writer:
            self._writer.close()

    def note(self, step: int, values: Mapping, finite: np.ndarray) -> None:
        """Notes who has diverged in a step's values. Raises UserError where the learner itself has in every member."""
        lines = self.diverged.note(step, finite, values)
        if not self.diverged.alive[:, 0].any():
            self._stop(step, lines[0])
        for line in lines:
            devices.log(f"{line} at step {step}; it stays as it was, the others go on")

    def record(self, step: int, values: Mapping, measured: Mapping, finite: np.ndarray | bool) -> dict:
        """Appends a step's values [num_seeds] to metrics.jsonl, and returns the record.

        measured, finite: what is measured because the run ends here, which changes nothing of who has diverged, for a
        longer run does not measure it. Raises UserError, with nothing written, where a value is not finite that no
        single learner has to do with: so the run ends before its state is saved over a good one.
        """
        kept = self.diverged.without(values) | self.diverged.without(measured, finite)
        numbers = metrics.record(kept) | self.diverged.counts() | self.diverged.counts_of_end(finite)
        if not np.any((self.diverged.alive & finite)[:, 0]):
            self._stop(step, "what is measured at the end is not finite in any member")
        for name, value in numbers.items():
            if not name.endswith(records.SEEDS) and value is not None and not math.isfinite(value):
                self._stop(step, f"{name} is {value}")
        if self._writer:
            times = {records.path("time", name): value for name, value in self.clock.run().items()}
            self._writer.write(step, numbers, times)
        return numbers

    def _stop(self, step: int, reason: str) -> None:
        last = self._manager.latest_step()
        saved = "nothing is saved yet" if last is None else f"the last good checkpoint is step {last}"
        if self._writer:
            folder.note_stop(self._workdir, f"step {step}: {reason}")
        raise cli.UserError(f"stopped at step {step}: {reason}; {saved}", status=1)

    def save(self, step: int, run: Any) -> None:
        """Saves the run, unless this step is saved already."""
        if self._manager.latest_step() == step:
            return
        if self._writer:
            self._writer.sync()
        diverged_at = self.diverged.at.tolist()
        notes = {"seconds": self.clock.run(), "data": self._data, "diverged_at": diverged_at}
        notes["jax_settings"] = machine.settings()
        first = self._manager.latest_step() is None
        checkpoints.save(self._manager, step, run, notes)
        if first:
            checkpoints.check(self._manager, step, self._abstract_run)


def _kept(workdir: Path, due: Collection[int] | None) -> list[dict]:
    """The records with which a run goes on that has recorded the steps `due`; of a fresh one, None, there are none.

    Raises UserError where one of them is missing, and where a fresh run would lose any but the first, which it makes
    again.
    """
    lines = documents.read_records(workdir)
    if due is None:
        if lines and lines[-1]["step"]:
            raise cli.UserError(
                f"{workdir} has records to step {lines[-1]['step']} but no checkpoint that could continue them; put "
                "checkpoints/ back, delete metrics.jsonl to begin anew, or give another --workdir"
            )
        return []
    if missing := set(due) - {line["step"] for line in lines}:
        path = workdir / "metrics.jsonl"
        raise cli.UserError(f"{path} lacks step {min(missing)}; mend it, or give another --workdir")
    return [line for line in lines if line["step"] <= max(due)]


def _check_settings(workdir: Path, before: Mapping) -> None:
    """Raises UserError where settings of JAX that decide results are not those that the run began with."""
    now = machine.settings()
    changed = [name for name in now if name in before and before[name] != now[name]]
    if changed:
        changes = "; ".join(f"{name}: {before[name]!r} -> {now[name]!r}" for name in changed)
        raise cli.UserError(
            f"{workdir} holds a run that began with other settings of JAX ({changes}); set them as they were, "
            "or give another --workdir"
        )
