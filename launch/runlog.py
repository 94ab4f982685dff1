"""A run on disk: where it stands, what it has recorded, what it has saved. All processes open it, one writes."""

import math
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from experiments import records
from launch import checkpoints, cli, devices, metrics
from launch.clock import Clock
from launch.programs import Programs


class RunLog:
    """Opened, it has resumed the run from its newest whole checkpoint: `run` at `step`, or None for a fresh one.

    num_steps: how many the run shall have. is_boundary, eval_is_due: (step) -> whether a run of any length records and
    evaluates there. A run that has ended may go on: what it did because it ended is forgotten.
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
    ):
        self._manager = checkpoints.open_folder(workdir / "checkpoints")
        self._data, self._clock = checkpoints.fingerprint(compute.data), clock

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

    def record(self, step: int, numbers: Mapping, num_nans: int = 0) -> None:
        """Appends a step's numbers to metrics.jsonl.

        Raises UserError, with nothing written, where one of them is not finite or the run's arrays hold a NaN: so the
        run ends before its state is saved over a good one.
        """
        means = {name: value for name, value in numbers.items() if not name.endswith(records.SEEDS)}
        wrong = [f"{name} is {value}" for name, value in means.items() if not math.isfinite(value)]
        wrong += [f"the state holds {num_nans} NaNs"] if num_nans else []
        if wrong:
            reason, last = "; ".join(wrong), self._manager.latest_step()
            raise cli.UserError(f"stopped at step {step}: {reason}; the last good checkpoint is step {last}", status=1)
        if self._writer:
            times = {records.path("time", name): value for name, value in self._clock.run().items()}
            self._writer.write(step, numbers, times)

    def save(self, step: int, run: Any) -> None:
        """Saves the run, unless this step is saved already."""
        if self._manager.latest_step() == step:
            return
        if self._writer:
            self._writer.sync()
        notes = {"step": step, "seconds": self._clock.run(), "data": self._data}
        checkpoints.save(self._manager, step, run, notes)
