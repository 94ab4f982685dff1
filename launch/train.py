"""Trains what a config describes, in a run folder.

    python -m launch.train --config=experiments/configs/glns_digits.py:real --workdir=runs/glns_digits/real

The same command again goes on with the run, to the bit; a finished run is not run again. Any key of the config is a
flag: --config.num_steps=100 --config.learner.learning_rate=0.03. A config's docstring says what it shows and costs.
"""

import contextlib
from collections.abc import Callable
from pathlib import Path

import jax
from absl import flags
from ml_collections import ConfigDict, config_flags

import experiments
from bootstrap import Run
from experiments import data
from launch import checkpoints, cli, devices, draw, folder, metrics, progress, signals
from launch.clock import Clock
from launch.journal import Journal
from launch.programs import Programs, programs

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
        compute = programs(experiments.build(config, data_dir), config.seed, config.num_seeds, clock)
        _check_shown(config, compute)
    # Where to keep it.
    with (
        cli.refusing(OSError, saying=f"writing to {workdir}: "),
        devices.in_first_process(lambda: folder.claim(workdir, config)) or contextlib.nullcontext(),
        signals.stopping() as stop_asked,
    ):
        if (workdir / "summary.json").exists():
            summary = folder.read_json(workdir / "summary.json")
            devices.say(f"{workdir} is finished: {progress.numbers(summary)}")
            return
        devices.say(f"{workdir}: {config.num_steps} steps of {config.num_seeds} seeds on {devices.describe()}")
        with Journal(workdir, compute, clock) as journal:
            run = _advance(config, journal, compute, clock, stop_asked)
        if run is not None:
            fingerprint = checkpoints.fingerprint(run)
            devices.in_first_process(lambda: _finish(config, workdir, clock, fingerprint))


def _advance(config: ConfigDict, journal: Journal, compute: Programs, clock: Clock, stop_asked: Callable) -> Run | None:
    """Takes the run to its end and returns it; where a stop is asked for, saves it and returns None."""
    run, step = journal.run, journal.step
    say = progress.lines(step, config.num_steps, config.show, clock)
    if run is None:
        run = compute.begin()
        journal.record(step, metrics.record(jax.device_get(compute.probe(run))))
        journal.save(step, run)
    else:
        devices.say(f"resuming at step {step} of {config.num_steps}")
    while step < config.num_steps:
        if devices.anywhere(stop_asked()):
            journal.save(step, run)
            devices.say(f"stopped at step {step} of {config.num_steps}; the same command goes on from there")
            return None
        chunk = min(config.log_every - step % config.log_every, config.num_steps - step)
        with clock.timing("train"):
            run, values, num_nans = jax.block_until_ready(compute.advance(run, chunk))
        step += chunk
        if step == config.num_steps or step % config.probe_every == 0:
            with clock.timing("probe"):
                values |= jax.block_until_ready(compute.probe(run))
        numbers = metrics.record(jax.device_get(values))
        journal.record(step, numbers, int(num_nans))
        say(step, numbers)
        if step == config.num_steps or step % config.checkpoint_every == 0:
            journal.save(step, run)
    return run


def _finish(config: ConfigDict, workdir: Path, clock: Clock, fingerprint: str) -> None:
    """Draws the figures and writes the summary, which says that the run is finished."""
    final, seconds = metrics.read(workdir)[-1], clock.run()
    summary = {
        "steps": final.pop("step"),
        "num_seeds": config.num_seeds,
        "wall_seconds": seconds["wall"],
        "compile_seconds": seconds["compile"],
        "steps_per_second": config.num_steps / seconds["train"],
        "fingerprint": fingerprint,
        **final,
    }
    figures = draw.curves([workdir], workdir / "figures")
    folder.write_json(workdir / "summary.json", summary)
    print(f"{workdir} is finished: {progress.numbers(summary)}")
    for path in figures:
        print(f"figure: {path}")


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
