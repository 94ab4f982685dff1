"""A trace of a few steps: what the devices do in each, and where they wait."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import jax

from launch import devices
from launch.programs import Programs


def tracer(workdir: Path, compute: Programs, num_steps: int | None) -> Callable[[int, Any, int], None]:
    """A function (step, run, num_left) that traces `num_steps` steps from `step` on, at most `num_left`; None: nothing.

    The trace is of process 0, and lies in the folder `profile` of the workdir. The steps are computed twice beside the
    run, first to compile them and then in the trace, and forgotten: the run goes on from where it was.
    """
    if num_steps is None:
        return lambda *_: None
    folder = workdir / "profile"

    def trace(step, run, num_left):
        if not num_left:
            return devices.log("--profile: no step is left to trace; give another --workdir, or a larger num_steps")
        number = min(num_steps, num_left)
        jax.block_until_ready(compute.advance(step, run, number))
        devices.in_first_process(lambda: jax.profiler.start_trace(folder))
        jax.block_until_ready(compute.advance(step, run, number))
        devices.in_first_process(jax.profiler.stop_trace)
        return devices.log(
            f"profile of {number} steps from step {step}: open the newest {folder}/plugins/profile/*/*.trace.json.gz "
            f"at ui.perfetto.dev, or pip install xprof and run xprof --logdir={folder}"
        )

    return trace
