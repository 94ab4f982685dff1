"""Which runs can be one program: those that differ in nothing but numbers that it can take as arguments."""

from collections.abc import Hashable, Iterable, Mapping, Sequence
from pathlib import Path

import jax

import experiments
from experiments import grid
from launch import cli
from launch.clock import Clock
from launch.programs import programs


def packed(
    configs: Mapping[Path, dict], data_dir: str | None, most: int | None = None
) -> tuple[list[list[Path]], list[str]]:
    """-> (the folders of runs, by program; a line for each reason why runs that differ in numbers are apart).

    configs: those of the runs, by folder. most: runs a program, None for any number. All is tried on shapes, on the
    CPU of this host, and nothing is compiled.
    """
    jax.config.update("jax_platforms", "cpu")  # other devices are for the runs
    groups, reasons = [], []
    for alike in _parted(configs, {workdir: _structure(config) for workdir, config in configs.items()}):
        together, why = _tried({workdir: configs[workdir] for workdir in alike}, data_dir)
        size = most or len(configs)
        groups += [group[i : i + size] for group in together for i in range(0, len(group), size)]
        reasons += why
    order = list(configs)
    return sorted(groups, key=lambda group: order.index(group[0])), list(dict.fromkeys(reasons))


def _structure(config: Mapping) -> Hashable:
    """All of a config but the seed, and the numbers in which cells of a grid may differ."""
    values = sorted((key, value) for key, value in grid.flat(config).items() if key != "seed")
    return tuple(
        (key, "a number" if type(value) in (int, float) and key.split(".")[0] in grid.VARYING else repr(value))
        for key, value in values
    )


def _parted(names: Iterable[Path], by: Mapping[Path, Hashable]) -> list[list[Path]]:
    """Names in parts, each with one value of `by`, in their order."""
    parts: dict[Hashable, list[Path]] = {}
    for name in names:
        parts.setdefault(by[name], []).append(name)
    return list(parts.values())


def _tried(configs: Mapping[Path, dict], data_dir: str | None) -> tuple[list[list[Path]], list[str]]:
    """Runs that differ in numbers, by program. Numbers that decide what is computed part them."""
    first, values = next(iter(configs.values())), {workdir: grid.flat(config) for workdir, config in configs.items()}
    if len(configs) == 1 or not _why_not(list(configs.values()), data_dir):
        return [list(configs)], []
    if wrong := {workdir: reason for workdir, of in configs.items() if (reason := _why_not([of], data_dir))}:
        groups, reasons = [[workdir] for workdir in wrong], [f"{one}: {reason}" for one, reason in wrong.items()]
        if rest := {workdir: config for workdir, config in configs.items() if workdir not in wrong}:
            others, more = _tried(rest, data_dir)
            return groups + others, reasons + more
        return groups, reasons
    if reason := _why_not([first, first], data_dir):
        return [[workdir] for workdir in configs], [f"{len(configs)} runs are apart: {reason}"]
    deciding = []
    for key, value in grid.flat(first).items():
        others = [of_run[key] for of_run in values.values() if of_run[key] != value]
        if key != "seed" and others and _why_not([first, grid.with_values(first, {key: others[0]})], data_dir):
            deciding.append(key)
    reasons = [f"{key} decides what is computed: runs that differ in it are apart" for key in deciding]
    groups, by = [], {workdir: tuple(of_run[key] for key in deciding) for workdir, of_run in values.items()}
    for part in _parted(configs, by):
        reason = len(part) > 1 and _why_not([configs[workdir] for workdir in part], data_dir)
        groups += [[workdir] for workdir in part] if reason else [part]
        reasons += [f"{len(part)} runs are apart: {reason}"] if reason else []
    return groups, reasons


def _why_not(configs: Sequence[dict], data_dir: str | None) -> str | None:
    """Why these runs cannot be one program; None where they can."""
    try:
        plan = experiments.plan_together(configs, data_dir)
        programs(plan, [config["seed"] for config in configs], configs[0]["num_seeds"], Clock())
    except Exception as error:  # a user's function may raise any; alone, each run says what is wrong with it
        return cli.one_line(error)
    return None
