"""Trains what a config describes, in a run folder.

    python -m launch.train --config=experiments/configs/glns_digits.py:real --workdir=runs/glns_digits/real

The same command again goes on with the run; a finished run is not run again, but goes on where num_steps
has grown. Any key of the config is a flag: --config.num_steps=100 --config.learner.learning_rate=0.03; with --config,
--help lists them. A config's docstring says what it shows and costs. The exit status is 75 where the run was stopped
and the same command goes on with it.
"""

import contextlib
import math
import shlex
import sys
import time
from collections.abc import Callable
from pathlib import Path

import jax
from absl import flags
from ml_collections import ConfigDict, config_flags

import experiments
from bootstrap import Run
from experiments import data, registry
from launch import (
    checkpoints,
    cli,
    configs,
    devices,
    documents,
    folder,
    machine,
    outputs,
    peers,
    profiling,
    progress,
    signals,
)
from launch.clock import Clock
from launch.diverged import Diverged
from launch.execution import FORMS
from launch.programs import Programs, programs
from launch.runlog import RunLog

_SAVE_SECONDS = 30.0  # after which a run is saved between the steps of checkpoint_every
_SAVE_FRACTION = 0.02  # of a run's time may go into these saves


def define(values: flags.FlagValues = flags.FLAGS, argv: list[str] | None = None) -> None:
    """Defines the flags of a run. argv: the command line, by default that of this process."""
    configs.define(values, argv)
    devices.define(values)
    flags.DEFINE_string(
        "workdir", None, "The run's folder; made if it is not there.", required=True, flag_values=values
    )
    flags.DEFINE_string("data_dir", None, "Folder of data files. Default: $COLLAGE_DATA.", flag_values=values)
    flags.DEFINE_integer(
        "profile",
        None,
        "STEPS to trace with jax.profiler, in process 0. They are computed before the run begins or goes on, and "
        "forgotten: no number changes. The trace lies in the folder profile of the workdir.",
        lower_bound=1,
        flag_values=values,
    )


def main(argv: list[str]) -> int:
    """Runs what the flags say. -> the exit status: 0, or `signals.UNFINISHED` where the run was stopped."""
    cli.no_arguments(argv)
    given = flags.FLAGS
    file = Path(config_flags.get_config_filename(given["config"]).split(":")[0])
    workdir = folder.place(given.workdir, "--workdir")
    data_dir = data.default_dir() if given.data_dir is None else str(folder.place(given.data_dir, "--data_dir"))
    with cli.user_errors(ValueError, RuntimeError):
        devices.start()
    with peers.watched(workdir):
        finished = train(given.config, workdir, data_dir, config_file=file, profile=given.profile)
    if finished:
        return 0
    signals.ignore()
    return signals.UNFINISHED


def train(
    config: ConfigDict,
    workdir: Path,
    data_dir: str | None = None,
    *,
    config_file: Path | None = None,
    profile: int | None = None,
) -> bool:
    """Begins, resumes or recognises the run in `workdir`, and leaves it finished or, on a signal, saved. -> which.

    profile: how many steps to trace (`launch.profiling`).
    """
    clock = Clock()
    # What to compute. Nothing is written before this is known to fit together.
    with cli.user_errors(Exception):
        check_schedule(config)
        settings = config.to_dict()
        plan = experiments.plan(settings, data_dir)
        compute = programs(plan, config.seed, config.num_seeds, clock, *_execution(settings))
        left = outputs.prepare(settings, plan, compute, shlex.join(sys.argv))
    trace = profiling.tracer(workdir, compute, profile)
    # Where to keep it.
    with (
        cli.user_errors(OSError, saying=f"writing to {workdir}: "),
        devices.in_first_process(lambda: folder.lock_workdir(workdir, config)) or contextlib.nullcontext(),
        signals.stopping(workdir) as stop_asked,
    ):
        finished = folder.finished_steps(workdir) == config.num_steps
        if finished and not left.missing(workdir):
            devices.in_first_process(lambda: folder.keep_config(workdir, config))
            summary = documents.read_summary(workdir)
            devices.log(f"{workdir} is finished: {progress.final(summary, config.log_metrics)}")
            trace(config.num_steps, None, 0)
            return True
        recorded = _recorded(config, plan)
        seeds = range(config.seed, config.seed + config.num_seeds)
        diverged = Diverged(plan.cells, plan.baselines, seeds, compute.metrics)
        with RunLog(
            workdir, compute, clock, config.num_steps, recorded, lambda s: progress.eval_is_due(config, s), diverged
        ) as log:
            devices.log(f"{workdir}: {config.num_steps} steps of {config.num_seeds} seeds on {devices.describe()}")
            devices.in_first_process(lambda: folder.keep_config(workdir, config))
            modules = registry.foreign(settings)
            for line in (
                devices.in_first_process(lambda: folder.note_launch(workdir, log.step, config_file, modules, profile))
                or ()
            ):
                devices.log(line)
            run = _advance(config, plan, log, compute, clock, stop_asked, trace)
        if run is not None:
            fingerprint = checkpoints.fingerprint(run)
            run = devices.to_host(run) if settings.get("artifacts") else None
            devices.in_first_process(
                lambda: _finish(config, workdir, clock, fingerprint, left, run, finished, diverged.summary())
            )
            return True
    return False


def _advance(
    config: ConfigDict,
    plan: experiments.Plan,
    log: RunLog,
    compute: Programs,
    clock: Clock,
    stop_asked: Callable,
    trace: Callable,
) -> Run | None:
    """Takes the run to its end and returns it; where a stop is asked for, saves it and returns None."""
    run, step = log.run, log.step
    ends = sorted({config.num_steps, *(stage.from_step for stage in plan.stages)})
    if run is None:
        run = compute.begin()
        values, finite = jax.device_get(compute.evaluate(step, run))
        log.note(step, values, finite)
        log.record(step, values, {}, True)
        log.save(step, run)
    else:
        devices.log(f"resuming at step {step} of {config.num_steps}")
    trace(step, run, min((end - step for end in ends if end > step), default=0))
    say = progress.lines(step, config.num_steps, config.log_metrics, clock)
    save_at = time.monotonic() + _SAVE_SECONDS
    while step < config.num_steps:
        if devices.any_process(stop_asked()):
            log.save(step, run)
            devices.log(f"stopped at step {step} of {config.num_steps}; the same command goes on from there")
            return None
        whole = config.log_every - step % config.log_every
        chunk = min(whole, next(end for end in ends if end > step) - step)
        if step + chunk == config.num_steps and chunk < whole:
            log.save(step, run)  # from here a longer run would go on
        with clock.timing("train"):
            after, values, finite = jax.block_until_ready(compute.advance(step, run, chunk))
        step += chunk
        is_due, measured, of_evals = progress.eval_is_due(config, step), {}, True
        if is_due or step == config.num_steps:
            with clock.timing("eval"):
                measured, of_evals = jax.block_until_ready(compute.evaluate(step - 1, after))
        values, finite, measured, of_evals = jax.device_get((values, finite, measured, of_evals))
        if is_due:
            values, finite, measured = values | measured, finite & of_evals, {}
        log.note(step, values, finite)
        alive = log.diverged.alive
        run = after if alive.all() else compute.select(alive, after, run)
        say(step, log.record(step, values, measured, of_evals))
        due, began = step == config.num_steps or step % config.checkpoint_every == 0, time.monotonic()
        if due or devices.any_process(began > save_at):
            log.save(step, run)
            save_at = time.monotonic() + max(_SAVE_SECONDS, (time.monotonic() - began) / _SAVE_FRACTION)
    return run


def _finish(
    config: ConfigDict,
    workdir: Path,
    clock: Clock,
    fingerprint: str,
    left: outputs.Outputs,
    run: Run | None,
    finished: bool,
    diverged_at: list[dict],
) -> None:
    """Writes the summary, which says that the run is finished, and then what else the run leaves.

    finished: it was before this launch, which makes what is missing alone.
    """
    records, seconds = documents.read_records(workdir), clock.run()
    final = dict(records[-1])
    summary = {
        "steps": final.pop("step"),
        "num_seeds": config.num_seeds,
        "wall_seconds": seconds["wall"],
        "compile_seconds": seconds["compile"],
        "steps_per_second": config.num_steps / seconds["train"],
        "peak_memory_bytes": machine.peak_memory(),
        "fingerprint": fingerprint,
        **({"diverged_at": diverged_at} if diverged_at else {}),
        **final,
    }
    if finished:
        summary = documents.read_summary(workdir)
    summary = left.write(workdir, summary, records, run, missing_only=finished)
    print(f"{workdir} is finished: {progress.final(summary, config.log_metrics)}")


def _recorded(config: ConfigDict, plan: experiments.Plan) -> Callable[[int], list[int]]:
    """(step) -> the steps up to it at which a run records however long it is."""
    starts = [stage.from_step for stage in plan.stages]
    return lambda step: [*range(0, step + 1, config.log_every), *(start for start in starts if start <= step)]


def _execution(config: dict) -> tuple[str | None, int | None]:
    """The form and the prefetch that the config asks for, None where it leaves them to the program."""
    form, prefetch = config.get("execution"), config.get("prefetch")
    if form not in (None, *FORMS):
        raise ValueError(f"execution must be one of {', '.join(FORMS)}; got {form!r}")
    if prefetch is not None:
        _check_whole("prefetch", prefetch, 1, _MAX_STEPS)
    return form, prefetch


_MAX_STEPS = 2**31 - 1  # a run counts its steps in an int32
_NUM_SEEDS = 2**32  # a seed is a uint32
_MAX_SEEDS = 2**16  # at once


def check_schedule(config: ConfigDict) -> None:
    """Raises ValueError where the steps or the seeds of a config cannot be."""
    for name in ("num_steps", "log_every", "eval_every", "checkpoint_every"):
        _check_whole(name, config[name], 1, _MAX_STEPS)
    _check_whole("seed", config.seed, 0, _NUM_SEEDS - 1)
    _check_whole("num_seeds", config.num_seeds, 1, _MAX_SEEDS)
    if config.seed + config.num_seeds > _NUM_SEEDS:
        raise ValueError(
            f"seed={config.seed} and num_seeds={config.num_seeds} go beyond the last seed, {_NUM_SEEDS - 1}"
        )
    for name in ("eval_every", "checkpoint_every"):
        if config[name] % config.log_every:
            raise ValueError(f"{name}={config[name]} must be a multiple of log_every={config.log_every}")
    per_decade = config.get("evals_per_decade")
    if per_decade is not None and (not isinstance(per_decade, int | float) or not 0 <= per_decade < math.inf):
        raise ValueError(f"evals_per_decade must be a number of at least 0, or None; got {per_decade!r}")


def _check_whole(name: str, value: object, least: int, most: int) -> None:
    """Raises ValueError where a value is not a whole number from `least` to `most`."""
    if not isinstance(value, int) or isinstance(value, bool):
        raise ValueError(f"{name} must be a whole number, got {value!r}")
    if not least <= value <= most:
        raise ValueError(f"{name} must be {least} to {most}, got {value}")


if __name__ == "__main__":
    define()
    flags.adopt_module_key_flags(configs)
    flags.adopt_module_key_flags(devices)
    cli.run(main, explain=configs.explain)
