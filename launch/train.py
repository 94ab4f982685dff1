"""Trains what a config describes, in a run folder.

    python -m launch.train --config=experiments/configs/glns_digits.py:real --workdir=runs/glns_digits/real

The same command again goes on with the run; a finished run is not run again, but goes on where num_steps
has grown. Any key of the config is a flag: --config.num_steps=100 --config.learner.learning_rate=0.03; with --config,
--help lists them. A config's docstring says what it shows and costs. The exit status is 75 where the run was stopped
and the same command goes on with it.

    python -m launch.train RUN -- RUN -- RUN        # each its flags, with a --config and a --workdir

is one program for runs that differ in their seed, and in numbers that a grid may vary. `launch.sweep` makes such
commands.
"""

import contextlib
import shlex
import sys
import time
from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path

import jax
from absl import flags
from ml_collections import ConfigDict

import experiments
from bootstrap import Run
from experiments import data, evaluation, registry
from experiments.figures.legends import counted
from launch import (
    checkpoints,
    cli,
    configs,
    devices,
    documents,
    folder,
    jobs,
    machine,
    outputs,
    peers,
    profiling,
    progress,
    schedule,
    signals,
    together,
)
from launch.clock import Clock
from launch.diverged import Diverged
from launch.jobs import Job
from launch.programs import Programs, programs
from launch.runlog import RunLog
from launch.together import Together

_SAVE_SECONDS = 30.0  # after which a run is saved between the steps of checkpoint_every
_SAVE_FRACTION = 0.02  # of a run's time may go into these saves


def main(argv: list[str], others: Sequence[list[str]] = ()) -> int:
    """Runs what the flags say. -> the exit status: 0, or `signals.UNFINISHED` where the run was stopped.

    others: the command lines of runs that are computed in the same program.
    """
    cli.no_arguments(argv)
    given = flags.FLAGS
    runs = [jobs.of_flags(given, sys.argv)]
    for words in others:
        other = jobs.parse(words)
        of_all = [name for name in other if name.split(".")[0] not in ("config", "workdir")]
        if changed := [name for name in of_all if other[name].value != given[name].value]:
            raise cli.UserError(f"--{changed[0]} must be the same for runs of one program")
        runs.append(jobs.of_flags(other, words))
        if runs[-1].workdir.resolve() in (one.workdir.resolve() for one in runs[:-1]):
            raise cli.UserError(f"--workdir={runs[-1].workdir} is given to two runs; each needs a folder of its own")
    data_dir = data.default_dir() if given.data_dir is None else str(folder.place(given.data_dir, "--data_dir"))
    with cli.user_errors(ValueError, RuntimeError):
        devices.start()
    with peers.watched(runs[0].workdir):
        finished = train_together(runs, data_dir)
    if finished:
        return 0
    signals.ignore()
    return signals.UNFINISHED


def train(config: ConfigDict, workdir: Path, data_dir: str | None = None) -> bool:
    """Begins, resumes or recognises the run in `workdir`, and leaves it finished or, on a signal, saved. -> which."""
    return train_together([Job(config, workdir, sys.argv)], data_dir)


def train_together(runs: Sequence[Job], data_dir: str | None = None) -> bool:
    """As `train`, of runs that differ in numbers alone, by one program.

    A run that stops by itself, as one that has diverged, does not stop the others; then a UserError says so at the end.
    """
    clock, config = Clock(), runs[0].config
    # What to compute. Nothing is written before this is known to fit together.
    with cli.user_errors(Exception, SystemExit):
        for one in runs:
            schedule.check(one.config)
        settings = [one.config.to_dict() for one in runs]
        plan = experiments.plan_together(settings, data_dir)
        seeds = [one.config.seed for one in runs]
        compute = programs(plan, seeds, config.num_seeds, clock, *schedule.execution(settings[0]))
        checkpoints.check_kinds(compute.abstract_run)
        shape = len(plan.cells), len(runs), config.num_seeds
        left = [
            outputs.prepare(of, plan, compute, shlex.join(one.argv)) for of, one in zip(settings, runs, strict=True)
        ]
    if config.get("execution") not in (None, compute.form):
        devices.log(
            f"execution={config.execution} is not possible here, where devices share both members and what is inside "
            f"them; {compute.form} takes its place"
        )
    trace = profiling.tracer(runs[0].workdir, compute, runs[0].profile)
    # Where to keep it.
    with (
        cli.user_errors(OSError, saying=f"writing to {runs[0].workdir}: "),
        signals.stopping(runs[0].workdir) as stop_asked,
        contextlib.ExitStack() as opened,
    ):
        for one in runs:
            lock = devices.in_first_process(partial(folder.lock_workdir, one.workdir, one.config))
            opened.enter_context(lock or contextlib.nullcontext())
        finished = [folder.finished_steps(one.workdir) == config.num_steps for one in runs]
        if all(was and not of.missing(one.workdir) for was, of, one in zip(finished, left, runs, strict=True)):
            for one in runs:
                devices.in_first_process(partial(folder.keep_config, one.workdir, one.config))
                final = progress.final(documents.read_summary(one.workdir), config.log_metrics)
                devices.log(f"{one.workdir} is finished: {final}")
            trace(config.num_steps, None, 0)
            return True
        of_one = together.of_one(compute, shape)
        logs = {one.workdir: opened.enter_context(_opened(one, plan, of_one, clock.of_run())) for one in runs}
        log = Together(logs, shape, compute)
        for one in runs:
            _note_launch(one, logs[one.workdir], [other.workdir for other in runs if other is not one])
        run = _advance(config, plan, log, compute, clock, stop_asked, trace)
        if run is None:
            return False
        run = compute.kept(run)

        def finish(i, own):
            _finish(runs[i], own, left[i], together.part(run, i, shape), finished=finished[i])

        log.finish(finish)
        if log.failed:
            failed = ", ".join(map(str, log.failed))
            raise cli.UserError(f"{len(log.failed)} of {len(runs)} runs stopped or lack something: {failed}", 1)
        return True


def _opened(one: Job, plan: experiments.Plan, compute: Programs, clock: Clock) -> RunLog:
    config = one.config
    seeds = range(config.seed, config.seed + config.num_seeds)
    diverged = Diverged(plan.cells, plan.baselines, seeds, compute.metrics)
    due = partial(evaluation.is_due, config)
    return RunLog(one.workdir, compute, clock, config.num_steps, _recorded(config, plan), due, diverged, one.wandb)


def _note_launch(one: Job, log: RunLog, others: Sequence[Path]) -> None:
    """Says that the run is launched, and writes it down."""
    config, workdir, argv, file, profile, _ = one
    devices.log(f"{workdir}: {config.num_steps} steps of {counted([config.num_seeds])} on {devices.describe()}")
    modules = registry.foreign(config.to_dict())

    def write():
        folder.keep_config(workdir, config)
        return folder.note_launch(workdir, log.step, argv, file, modules, others, profile)

    for line in devices.in_first_process(write) or ():
        devices.log(line)


def _advance(
    config: ConfigDict,
    plan: experiments.Plan,
    log: Together,
    compute: Programs,
    clock: Clock,
    stop_asked: Callable,
    trace: Callable,
) -> Run | None:
    """Takes the run to its end and returns it; where a stop is asked for, saves it and returns None."""
    run, step = log.resumed(), log.step
    ends = sorted({config.num_steps, *(min(stage.from_step, config.num_steps) for stage in plan.stages)})
    if log.is_new:
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
        is_due, measured, of_evals = evaluation.is_due(config, step), {}, True
        if is_due or step == config.num_steps:
            with clock.timing("eval"):
                measured, of_evals = jax.block_until_ready(compute.evaluate(step - 1, after))
        values, finite, measured, of_evals = jax.device_get((values, finite, measured, of_evals))
        if is_due:
            values, finite, measured = values | measured, finite & of_evals, {}
        log.note(step, values, finite)
        alive = log.alive(step)
        run = after if alive.all() else compute.select(alive, after, run)
        say(step, log.record(step, values, measured, of_evals))
        due, began = step == config.num_steps or step % config.checkpoint_every == 0, time.monotonic()
        if due or devices.any_process(began > save_at):
            log.save(step, run)
            save_at = time.monotonic() + max(_SAVE_SECONDS, (time.monotonic() - began) / _SAVE_FRACTION)
    return run


def _finish(one: Job, log: RunLog, left: outputs.Outputs, run: Run, *, finished: bool) -> None:
    """Writes the summary, which says that the run is finished, and then what else the run leaves.

    finished: it was before this launch, which makes what is missing alone.
    """
    fingerprint = checkpoints.fingerprint(run)
    on_host = devices.to_host(run) if one.config.get("artifacts") else None
    devices.in_first_process(partial(_write_outputs, one, log, left, on_host, fingerprint, finished=finished))


def _write_outputs(
    one: Job, log: RunLog, left: outputs.Outputs, run: Run | None, fingerprint: str, *, finished: bool
) -> None:
    config, workdir = one.config, one.workdir
    records, seconds, diverged_at = documents.read_records(workdir), log.clock.run(), log.diverged.summary()
    final = dict(records[-1])
    summary = {
        "steps": final.pop("step"),
        "num_seeds": config.num_seeds,
        "wall_seconds": seconds["wall"],
        "compile_seconds": seconds["compile"],
        "steps_per_second": config.num_steps / seconds["train"] if config.num_steps else 0.0,
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


if __name__ == "__main__":
    sys.argv, *others = together.split(sys.argv)
    jobs.define()
    flags.adopt_module_key_flags(configs)
    flags.adopt_module_key_flags(jobs)
    flags.adopt_module_key_flags(devices)
    cli.run(partial(main, others=others), explain=configs.explain)
