"""Trains what a config describes, in a run folder.

    python -m launch.train --config=experiments/configs/glns_digits.py:real --workdir=runs/glns_digits/real

The same command again goes on with the run, to the bit; a finished run is not run again. Any key of the config is a
flag: --config.num_steps=100 --config.learner.learning_rate=0.03. A config's docstring says what it shows and costs.
"""

import contextlib
from collections.abc import Callable
from pathlib import Path
from typing import Any

import jax
from absl import flags
from ml_collections import ConfigDict, config_flags

import experiments
from bootstrap import Run
from experiments import data
from launch import checkpoints, cli, devices, folder, metrics, plots, progress, signals
from launch.clock import Clock
from launch.execution import LOOPS, Form
from launch.programs import Programs, programs
from launch.runlog import Journal

_CONFIG = config_flags.DEFINE_config_file("config", None, "FILE.py[:VARIANT]: what to run.", lock_config=True)
flags.mark_flag_as_required("config")
flags.adopt_module_key_flags(devices)
_WORKDIR = flags.DEFINE_string("workdir", None, "The run's folder; made if it is not there.", required=True)
_DATA_DIR = flags.DEFINE_string("data_dir", None, "Folder of data files. Default: $COLLAGE_DATA.")


def main(argv: list[str]) -> None:
    """Runs what the flags say."""
    cli.no_arguments(argv)
    with cli.refusing(ValueError, RuntimeError):
        devices.start()
    path = Path(config_flags.get_config_filename(flags.FLAGS["config"]).split(":")[0])
    if not path.is_file():
        known = sorted(str(path) for path in Path("experiments/configs").glob("*.py"))
        raise cli.Refusal(f"no config file {path}; there are {', '.join(known) or 'none here: run from the checkout'}")
    train(_CONFIG.value, Path(_WORKDIR.value), _DATA_DIR.value or data.default_dir())


def train(config: ConfigDict, workdir: Path, data_dir: str | None = None) -> None:
    """Begins, resumes or recognises the run in `workdir`, and leaves it finished or, on a signal, saved."""
    clock = Clock()
    # What to compute. Nothing is written before this is known to fit together.
    with cli.refusing(Exception):
        _check_schedule(config)
        plan = experiments.plan(config, data_dir)
        compute = programs(plan, config.seed, config.num_seeds, clock, _form(config))
        _check_shown(config, compute)
        experiments.check_ends(config, compute.metrics)
    # Where to keep it.
    with (
        cli.refusing(OSError, saying=f"writing to {workdir}: "),
        devices.in_first_process(lambda: folder.claim(workdir, config)) or contextlib.nullcontext(),
        signals.stopping() as stop_asked,
    ):
        if (workdir / "summary.json").exists():
            summary = folder.read_json(workdir / "summary.json")
            devices.say(f"{workdir} is finished: {progress.final(summary, config.show)}")
            return
        devices.say(f"{workdir}: {config.num_steps} steps of {config.num_seeds} seeds on {devices.describe()}")
        with Journal(workdir, compute, clock) as journal:
            run = _advance(config, plan, journal, compute, clock, stop_asked)
        if run is not None:
            fingerprint = checkpoints.fingerprint(run)
            run = devices.to_host(run) if config.get("files") else None
            devices.in_first_process(lambda: _finish(config, plan, workdir, clock, fingerprint, run))


def _advance(
    config: ConfigDict,
    plan: experiments.Plan,
    journal: Journal,
    compute: Programs,
    clock: Clock,
    stop_asked: Callable,
) -> Run | None:
    """Takes the run to its end and returns it; where a stop is asked for, saves it and returns None."""
    run, step = journal.run, journal.step
    say = progress.lines(step, config.num_steps, config.show, clock)
    ends = sorted({config.num_steps, *(stage.from_step for stage in plan.stages)})
    if run is None:
        run = compute.begin()
        journal.record(step, metrics.record(jax.device_get(compute.probe(step, run))))
        journal.save(step, run)
    else:
        devices.say(f"resuming at step {step} of {config.num_steps}")
    while step < config.num_steps:
        if devices.anywhere(stop_asked()):
            journal.save(step, run)
            devices.say(f"stopped at step {step} of {config.num_steps}; the same command goes on from there")
            return None
        chunk = min(config.log_every - step % config.log_every, next(end for end in ends if end > step) - step)
        with clock.timing("train"):
            run, values, num_nans = jax.block_until_ready(compute.advance(step, run, chunk))
        step += chunk
        if step == config.num_steps or progress.probe_is_due(config, step):
            with clock.timing("probe"):
                values |= jax.block_until_ready(compute.probe(step - 1, run))
        numbers = metrics.record(jax.device_get(values))
        journal.record(step, numbers, int(num_nans))
        say(step, numbers)
        if step == config.num_steps or step % config.checkpoint_every == 0:
            journal.save(step, run)
    return run


def _finish(
    config: ConfigDict, plan: experiments.Plan, workdir: Path, clock: Clock, fingerprint: str, run: Run | None
) -> None:
    """Writes the files, draws the figures, and then writes the summary, which says that the run is finished."""
    records, seconds = metrics.read(workdir), clock.run()
    final = dict(records[-1])
    summary = {
        "steps": final.pop("step"),
        "num_seeds": config.num_seeds,
        "wall_seconds": seconds["wall"],
        "compile_seconds": seconds["compile"],
        "steps_per_second": config.num_steps / seconds["train"],
        "fingerprint": fingerprint,
        **final,
        **experiments.conclude(config, records),
    }
    for name, text in _files(config, plan, run).items():
        folder.replace_text(workdir / name, text)
        print(f"file: {workdir / name}")
    figures = plots.curves([workdir], workdir / "figures") + plots.figures([workdir], workdir / "figures")
    folder.write_json(workdir / "summary.json", summary)
    print(f"{workdir} is finished: {progress.final(summary, config.show)}")
    for path in figures:
        print(f"figure: {path}")


def _files(config: ConfigDict, plan: experiments.Plan, run: Run | None) -> dict[str, str]:
    """The files that the config asks for, of every cell and seed: name -> text."""
    rows = [(cell, config.seed + i) for cell in plan.cells for i in range(config.num_seeds)]
    files = {}
    for i, (cell, seed) in enumerate(rows if run else ()):
        prefix = "-".join([*([cell.replace("/", "_")] if cell else []), *([str(seed)] if config.num_seeds > 1 else [])])
        for name, text in experiments.files(config, jax.tree.map(lambda leaf: leaf[i], run)).items():  # noqa: B023
            files[f"{prefix}-{name}" if prefix else name] = text
    return files


def _form(config: ConfigDict) -> Form:
    """The loop's form, of the config's keys `loop`, `slab` and `steps_per_call`, where it has them."""
    settings: Any = {name: config[name] for name in Form._fields if name in config}
    form = Form(**settings)
    if form.loop not in LOOPS:
        raise ValueError(f"loop must be one of {', '.join(LOOPS)}; got {form.loop!r}")
    for name in ("slab", "steps_per_call"):
        if getattr(form, name) < 1:
            raise ValueError(f"{name} must be at least 1, got {getattr(form, name)}")
    return form


def _check_shown(config: ConfigDict, compute: Programs) -> None:
    unknown = set(config.show) - set(compute.metrics)
    if unknown:
        raise ValueError(f"show: no metric {', '.join(sorted(unknown))}; there are {', '.join(compute.metrics)}")


def _check_schedule(config: ConfigDict) -> None:
    if config.seed < 0:
        raise ValueError(f"seed must be at least 0, got {config.seed}")
    for name in ("num_steps", "num_seeds", "log_every", "probe_every", "checkpoint_every"):
        if config[name] < 1:
            raise ValueError(f"{name} must be at least 1, got {config[name]}")
    for name in ("probe_every", "checkpoint_every"):
        if config[name] % config.log_every:
            raise ValueError(f"{name}={config[name]} must be a multiple of log_every={config.log_every}")


if __name__ == "__main__":
    cli.run(main)
