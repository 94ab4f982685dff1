"""The journal of a run: where it stands, what it has recorded, what it has saved. All processes open it, one writes."""

import math
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from launch import checkpoints, cli, devices, folder, metrics
from launch.clock import Clock
from launch.programs import Programs


class Journal:
    """Opened, it has taken up the run from its newest whole checkpoint: `run` at `step`, or None for a fresh one."""

    run: Any
    step: int = 0

    def __init__(self, workdir: Path, compute: Programs, clock: Clock):
        self._manager = checkpoints.open_folder(workdir / "checkpoints")
        self._data, self._clock = checkpoints.fingerprint(compute.data), clock
        self.run, notes = checkpoints.newest(self._manager, compute.like) or (None, None)
        if notes:
            if notes["data"] != self._data:
                raise cli.Refusal(f"{workdir} learned from other data; give the same --data_dir, or another --workdir")
            self.step = notes["step"]
            clock.go_on_from(notes["seconds"])
        self._writer = devices.in_first_process(lambda: metrics.Writer(workdir, self.step if notes else None))
        devices.in_first_process(lambda: folder.note_launch(workdir, self.step))

    def __enter__(self) -> "Journal":
        return self

    def __exit__(self, *exception: object) -> None:
        self._manager.close()
        if self._writer:
            self._writer.close()

    def record(self, step: int, numbers: Mapping, num_nans: int = 0) -> None:
        """Appends a step's numbers to metrics.jsonl.

        A Refusal, with nothing written, where one of them is not finite or the run's arrays hold a NaN: so it ends
        before its state is saved over a good one.
        """
        means = {name: value for name, value in numbers.items() if not name.endswith("/seeds")}
        wrong = [f"{name} is {value}" for name, value in means.items() if not math.isfinite(value)]
        wrong += [f"the state holds {num_nans} NaNs"] if num_nans else []
        if wrong:
            reason, last = "; ".join(wrong), self._manager.latest_step()
            raise cli.Refusal(f"stopped at step {step}: {reason}; the last good checkpoint is step {last}", status=1)
        if self._writer:
            self._writer.write(step, numbers, {f"time/{name}": value for name, value in self._clock.run().items()})

    def save(self, step: int, run: Any) -> None:
        """Saves the run, unless this step is saved already."""
        if self._manager.latest_step() == step:
            return
        if self._writer:
            self._writer.sync()
        notes = {"step": step, "seconds": self._clock.run(), "data": self._data}
        checkpoints.save(self._manager, step, run, notes)
