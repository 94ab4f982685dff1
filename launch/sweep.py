"""Runs every run that a config's sweep(add) lists, or the product of the values given, or prints their commands.

    python -m launch.sweep --config=experiments/configs/glns_digits.py --workdir=runs/glns_digits
    python -m launch.sweep --config=FILE.py:VARIANT --workdir=runs/rates --sweep.learner.learning_rate=0.01,0.03
    python -m launch.sweep --config=.. --workdir=.. --print_commands       # one a line, for a job array

Each run is in a folder of its own below the workdir, named after what it changes. Runs that differ in their seed, or in
numbers that a program can take as arguments, are one program (`launch.train RUN -- RUN`) and leave what each would
leave by itself; the others come one after the other, or --parallel=N at a time, and then each line begins with the
run's name. After each program a line has the time to go if the others take as long. The same sweep again goes on where
it was, and skips the runs that are finished with the same flags; values may be added. Any other flag is passed on to
every run: --config.num_steps=100. A signal stops the sweep and its runs, and its exit status is then 75.
"""

import json
import shlex
import sys
from collections.abc import Collection, Mapping, Sequence
from pathlib import Path

from absl import flags
from ml_collections import ConfigDict

from experiments import data
from launch import children, cli, configs, folder, jobs, packing, signals, swept

_CONFIG = flags.DEFINE_string("config", None, "FILE.py: a config with sweep(add), or any with --sweep.", required=True)
_WORKDIR = flags.DEFINE_string("workdir", None, "Folder for the runs' folders.", required=True)
_PRINT = flags.DEFINE_bool("print_commands", False, "Print one command a line instead of running them.")
_PACK = flags.DEFINE_integer(
    "pack", None, "The most runs in one program; 1: each is one. Default: all that can be.", lower_bound=1
)
_PARALLEL = flags.DEFINE_integer(
    "parallel", 1, "How many programs run at a time; where there are GPUs, at most one on each.", lower_bound=1
)

_STOPPED = (signals.UNFINISHED, *(-number for number in signals.SIGNALS))


def main(argv: list[str]) -> int:
    """Runs the sweep. -> the exit status: `signals.UNFINISHED` where runs were stopped or left, 1 where some failed."""
    cli.no_arguments([argv[0], *(word for word in argv[1:] if not word.startswith("--"))])
    runs = swept.runs(_CONFIG.value, folder.place(_WORKDIR.value, "--workdir"), argv[1:])
    given = {workdir: jobs.parse(["launch.train", *words]) for workdir, words in runs.items()}
    finished = [] if _PRINT.value else [workdir for workdir in runs if folder.is_finished(workdir, runs[workdir])]
    groups = _groups({workdir: given[workdir] for workdir in runs if workdir not in finished})
    commands = [_command([runs[workdir] for workdir in group]) for group in groups]
    if _PRINT.value:
        print("\n".join(map(shlex.join, commands)))
        return 0
    for workdir in finished:
        print(f"{workdir} is finished", flush=True)
    statuses = dict.fromkeys(finished, 0)
    titles = [_title(group, command) for group, command in zip(groups, commands, strict=True)]
    names = [group[0].name for group in groups]
    for group, status in zip(groups, children.run(commands, titles, names, _PARALLEL.value), strict=True):
        if status is not None:
            statuses |= {one: 0 if status and folder.is_finished(one, runs[one]) else status for one in group}
    return _report(runs, statuses)


def _groups(given: Mapping[Path, flags.FlagValues]) -> list[list[Path]]:
    """The runs by program. Says why runs are apart that one could expect to be together."""
    apart = [workdir for workdir in given if _PACK.value == 1 or not _may_go_on(workdir, given[workdir].config)]
    others = {workdir: of_run.config.to_dict() for workdir, of_run in given.items() if workdir not in apart}
    of_all = next(iter(given.values())).data_dir if given else None
    groups, reasons = packing.packed(others, data.default_dir() if of_all is None else of_all, _PACK.value)
    for reason in reasons:
        print(reason, file=sys.stderr)
    order = list(given)
    return sorted([*groups, *([workdir] for workdir in apart)], key=lambda group: order.index(group[0]))


def _may_go_on(workdir: Path, config: ConfigDict) -> bool:
    """Whether the run's folder takes it; where not, launched by itself the run says so."""
    try:
        folder.accept(workdir, json.loads(config.to_json()))
    except cli.UserError:
        return False
    return True


def _command(runs: Sequence[list[str]]) -> list[str]:
    """The command of one program."""
    first, *others = runs
    return [sys.executable, "-m", "launch.train", *first, *(word for run in others for word in ("--", *run))]


def _title(group: Sequence[Path], command: Sequence[str]) -> str:
    if len(group) == 1:
        return shlex.join(command)
    return f"{len(group)} runs in one program: {', '.join(workdir.name for workdir in group)}"


def _report(runs: Collection[Path], statuses: Mapping[Path, int]) -> int:
    """Says which runs are missing. statuses: those of the runs that were begun."""
    unfinished = {
        "stopped": [workdir for workdir, status in statuses.items() if status in _STOPPED],
        "left": [workdir for workdir in runs if workdir not in statuses],
        "failed": [workdir for workdir, status in statuses.items() if status not in (0, *_STOPPED)],
    }
    for how, workdirs in unfinished.items():
        if workdirs:
            print(f"{len(workdirs)} of {len(runs)} runs {how}: {', '.join(map(str, workdirs))}", file=sys.stderr)
    if unfinished["stopped"] or unfinished["left"]:
        print("the same sweep goes on from there", file=sys.stderr)
        return signals.UNFINISHED
    return min(1, len(unfinished["failed"]))


if __name__ == "__main__":
    cli.run(main, pass_on_unknown=True, explain=configs.explain)
