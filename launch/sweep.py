"""Runs every run that a config's sweep(add) lists, one after the other, or prints their commands.

    python -m launch.sweep --config=experiments/configs/glns_digits.py --workdir=runs/glns_digits
    python -m launch.sweep --config=.. --workdir=.. --print_commands       # one a line, for a job array

Each run is `launch.train` in a folder of its own below the workdir, named after what it changes. The same sweep again
goes on where it was: runs that are finished with the same flags are skipped. Any other flag is passed on to every run:
--config.num_steps=100.
"""

import shlex
import signal
import subprocess
import sys
from pathlib import Path

from absl import flags

from launch import cli, configs, folder

_CONFIG = flags.DEFINE_string("config", None, "FILE.py: a config with sweep(add).", required=True)
_WORKDIR = flags.DEFINE_string("workdir", None, "Folder for the runs' folders.", required=True)
_PRINT = flags.DEFINE_bool("print_commands", False, "Print one command a line instead of running them.")


def main(argv: list[str]) -> int:
    """Runs the sweep; returns how many runs failed, at most 1."""
    cli.no_arguments([argv[0], *(word for word in argv[1:] if not word.startswith("--"))])
    commands = sweep_commands(_CONFIG.value, folder.place(_WORKDIR.value, "--workdir"), argv[1:])
    if _PRINT.value:
        print("\n".join(shlex.join(command) for command in commands.values()))
        return 0
    finished = {workdir for workdir, command in commands.items() if folder.is_finished(workdir, command[3:])}
    failed = []
    for number, (workdir, command) in enumerate(commands.items(), 1):
        if workdir in finished:
            print(f"[{number}/{len(commands)}] {workdir} is finished", flush=True)
            continue
        print(f"[{number}/{len(commands)}] {shlex.join(command)}", flush=True)
        status, stopped = _run(command)
        if stopped:
            print("stopped; the same sweep goes on from there")
            return 1
        if status != 0:
            failed.append(str(workdir))
    if failed:
        print(f"{len(failed)} of {len(commands)} runs failed: {', '.join(failed)}", file=sys.stderr)
    return min(1, len(failed))


def sweep_commands(config: str, workdir: Path, passed_on: list[str]) -> dict[Path, list[str]]:
    """The command of each run of a config's sweep, by its folder."""
    commands = {}

    def add(variant: str, **overrides: object) -> None:
        changes = [f"--config.{key}={value}" for key, value in overrides.items()]
        name = ",".join([variant, *(f"{key}={value}" for key, value in overrides.items())]).replace("/", "_")
        run = [sys.executable, "-m", "launch.train", f"--config={config}:{variant}", f"--workdir={workdir / name}"]
        commands[workdir / name] = [*run, *changes, *passed_on]

    module = configs.load(Path(config))
    if not hasattr(module, "sweep"):
        raise cli.UserError(f"{config} has no sweep(add); run it with launch.train")
    module.sweep(add)
    return commands


def _run(command: list[str]) -> tuple[int, bool]:
    """Runs a command to its end. -> (exit status, whether a signal came to stop the sweep, which it passed on)."""
    came = []

    def pass_on(number, frame):
        del frame
        came.append(number)
        process.send_signal(number)

    with subprocess.Popen(command, start_new_session=True) as process:  # a signal comes to it from here alone
        previous = {name: signal.signal(name, pass_on) for name in (signal.SIGTERM, signal.SIGINT)}
        status = process.wait()
    for name, handler in previous.items():
        signal.signal(name, handler)
    return status, bool(came)


if __name__ == "__main__":
    cli.run(main, pass_on_unknown=True, explain=configs.explain)
