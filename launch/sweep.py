"""Runs every run that a config's sweep(add) lists, one after the other, or prints their commands.

    python -m launch.sweep --config=experiments/configs/glns_digits.py --workdir=runs/glns_digits
    python -m launch.sweep --config=.. --workdir=.. --print_commands       # one a line, for a job array

Each run is `launch.train` in a folder of its own below the workdir, named after what it changes. The same sweep again
goes on where it was: runs that are finished with the same flags are skipped. Any other flag is passed on to every run:
--config.num_steps=100. A signal stops the run that is running and the sweep, whose exit status is then 75.
"""

import contextlib
import shlex
import subprocess
import sys
from collections.abc import Callable, Collection, Iterator, Mapping
from pathlib import Path

from absl import flags

from launch import cli, configs, folder, signals, train

_CONFIG = flags.DEFINE_string("config", None, "FILE.py: a config with sweep(add).", required=True)
_WORKDIR = flags.DEFINE_string("workdir", None, "Folder for the runs' folders.", required=True)
_PRINT = flags.DEFINE_bool("print_commands", False, "Print one command a line instead of running them.")

_STOPPED = (signals.UNFINISHED, *(-number for number in signals.SIGNALS))


def main(argv: list[str]) -> int:
    """Runs the sweep. -> the exit status: `signals.UNFINISHED` where runs were stopped or left, 1 where some failed."""
    cli.no_arguments([argv[0], *(word for word in argv[1:] if not word.startswith("--"))])
    commands = sweep_commands(_CONFIG.value, folder.place(_WORKDIR.value, "--workdir"), argv[1:])
    for command in commands.values():
        _check(command)
    if _PRINT.value:
        print("\n".join(shlex.join(command) for command in commands.values()))
        return 0
    finished = {workdir for workdir, command in commands.items() if folder.is_finished(workdir, command[3:])}
    statuses = {}
    with _children() as (run, came):
        for number, (workdir, command) in enumerate(commands.items(), 1):
            if came:
                break
            if workdir in finished:
                print(f"[{number}/{len(commands)}] {workdir} is finished", flush=True)
                statuses[workdir] = 0
            else:
                print(f"[{number}/{len(commands)}] {shlex.join(command)}", flush=True)
                statuses[workdir] = run(command)
    return _report(commands, statuses)


def _report(commands: Collection[Path], statuses: Mapping[Path, int]) -> int:
    """Says which runs are missing. statuses: those of the runs that were begun."""
    unfinished = {
        "stopped": [workdir for workdir, status in statuses.items() if status in _STOPPED],
        "left": [workdir for workdir in commands if workdir not in statuses],
        "failed": [workdir for workdir, status in statuses.items() if status not in (0, *_STOPPED)],
    }
    for how, workdirs in unfinished.items():
        if workdirs:
            print(f"{len(workdirs)} of {len(commands)} runs {how}: {', '.join(map(str, workdirs))}", file=sys.stderr)
    if unfinished["stopped"] or unfinished["left"]:
        print("the same sweep goes on from there", file=sys.stderr)
        return signals.UNFINISHED
    return min(1, len(unfinished["failed"]))


def sweep_commands(config: str, workdir: Path, passed_on: list[str]) -> dict[Path, list[str]]:
    """The command of each run of a config's sweep, by its folder."""
    commands = {}

    def add(variant: str, **overrides: object) -> None:
        changes = [f"--config.{key}={value}" for key, value in overrides.items()]
        name = ",".join([variant, *(f"{key}={value}" for key, value in overrides.items())]).replace("/", "_")
        run = [sys.executable, "-m", "launch.train", f"--config={config}:{variant}", f"--workdir={workdir / name}"]
        if workdir / name in commands or name in (".", ".."):
            raise cli.UserError(f"{config}: sweep has two runs, or none, for the folder {workdir / name}; rename one")
        commands[workdir / name] = [*run, *changes, *passed_on]

    module = configs.load(Path(config))
    if not hasattr(module, "sweep"):
        raise cli.UserError(f"{config} has no sweep(add); run it with launch.train")
    module.sweep(add)
    return commands


def _check(command: list[str]) -> None:
    """Refuses a run whose flags are wrong, before the first one starts."""
    known, words = flags.FlagValues(), command[2:]
    train.define(known, words)
    for name in ("debug", "verbosity"):
        known[name] = flags.FLAGS[name]
    with cli.user_errors(Exception):
        known(words)
        train.check_schedule(known.config)


@contextlib.contextmanager
def _children() -> Iterator[tuple[Callable, list]]:
    """Inside, (run, came): (command) -> its exit status, and the signals that have come, which it gets as well."""
    came, running = [], []

    def pass_on(number, frame):
        del frame
        came.append(number)
        for process in running:
            process.send_signal(number)

    def run(command):
        with subprocess.Popen(command, start_new_session=True) as process:  # a signal comes to it from here alone
            running.append(process)
            if came:
                process.send_signal(came[-1])
            status = process.wait()
        running.clear()
        return status

    with signals.handling(pass_on):
        yield run, came


if __name__ == "__main__":
    cli.run(main, pass_on_unknown=True, explain=configs.explain)
