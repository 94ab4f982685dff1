"""A run on disk: where it stands, what it has recorded, what it has saved. All processes open it, one writes."""

import math
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import numpy as np

from experiments import records
from launch import checkpoints, cli, devices, metrics
from launch.clock import Clock
from launch.diverged import Diverged
from launch.programs import Programs


class RunLog:
    """Opened, it has resumed the run from its newest whole checkpoint: `run` at `step`, or None for a fresh one.

    num_steps: how many the run shall have. is_boundary, eval_is_due: (step) -> whether a run of any length records and
    evaluates there. diverged: who has; at the start of a run, nobody. A run that has ended may go on: what it did
    because it ended is forgotten. Raises UserError where there are records that no checkpoint continues.
    """

    run: Any
    step: int = 0

    def __init__(
        self,
        workdir: Path,
        compute: Programs,
        clock: Clock,
        num_steps: int,
        is_boundary: Callable[[int], bool],
        eval_is_due: Callable[[int], bool],
        diverged: Diverged,
    ):
        self._manager = checkpoints.open_folder(workdir / "checkpoints")
        self._abstract_run = compute.abstract_run
        self._data, self._clock, self._diverged = checkpoints.fingerprint(compute.data), clock, diverged

        def usable(step):
            return step == num_steps or (step < num_steps and is_boundary(step))

        self.run, notes = checkpoints.newest(self._manager, compute.abstract_run, usable) or (None, None)
        if notes:
            if notes["data"] != self._data:
                raise cli.UserError(
                    f"{workdir} learned from other data; give the same --data_dir, or another --workdir"
                )
            self.step = notes["step"]
            clock.go_on_from(notes["seconds"])
            diverged.at[...] = notes["diverged_at"]
        else:
            devices.in_first_process(lambda: _refuse_records(workdir))
        ended_early = 0 < self.step < num_steps and not eval_is_due(self.step)
        self._writer = devices.in_first_process(
            lambda: metrics.Writer(workdir, self.step if notes else None, without="eval" if ended_early else None)
        )

    def __enter__(self) -> "RunLog":
        return self

    def __exit__(self, *exception: object) -> None:
        self._manager.close()
        if self._writer:
            self._writer.close()

    def note(self, step: int, values: Mapping, finite: np.ndarray) -> None:
        """Notes who has diverged in a step's values. Raises UserError where the learner itself has in every member."""
        lines = self._diverged.note(step, finite, values)
        if not self._diverged.alive[:, 0].any():
            self._stop(step, lines[0])
        for line in lines:
            devices.log(f"{line} at step {step}; it stays as it was, the others go on")

    def record(self, step: int, values: Mapping) -> dict:
        """Appends a step's values [num_seeds] to metrics.jsonl, and returns the record.

        Raises UserError, with nothing written, where one of them is not finite that no single learner has to do with:
        so the run ends before its state is saved over a good one.
        """
        numbers = metrics.record(self._diverged.without(values)) | self._diverged.counts()
        for name, value in numbers.items():
            if not name.endswith(records.SEEDS) and value is not None and not math.isfinite(value):
                self._stop(step, f"{name} is {value}")
        if self._writer:
            times = {records.path("time", name): value for name, value in self._clock.run().items()}
            self._writer.write(step, numbers, times)
        return numbers

    def _stop(self, step: int, reason: str) -> None:
        last = self._manager.latest_step()
        saved = "nothing is saved yet" if last is None else f"the last good checkpoint is step {last}"
        raise cli.UserError(f"stopped at step {step}: {reason}; {saved}", status=1)

    def save(self, step: int, run: Any) -> None:
        """Saves the run, unless this step is saved already."""
        if self._manager.latest_step() == step:
            return
        if self._writer:
            self._writer.sync()
        diverged_at = self._diverged.at.tolist()
        notes = {"step": step, "seconds": self._clock.run(), "data": self._data, "diverged_at": diverged_at}
        first = self._manager.latest_step() is None
        checkpoints.save(self._manager, step, run, notes)
        if first:
            checkpoints.check(self._manager, step, self._abstract_run)


def _refuse_records(workdir: Path) -> None:
    """Records without a checkpoint cannot be continued, and are not to be lost; the first alone is made again."""
    lines = metrics.read(workdir)
    if lines and lines[-1]["step"]:
        raise cli.UserError(
            f"{workdir} has records to step {lines[-1]['step']} but no checkpoint that could continue them; put "
            "checkpoints/ back, delete metrics.jsonl to begin anew, or give another --workdir"
        )
