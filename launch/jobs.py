"""Runs as they are asked for: the flags of each."""

import importlib.util
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

from absl import flags
from ml_collections import ConfigDict, config_flags

from launch import cli, configs, devices, folder, schedule


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
    flags.DEFINE_string(
        "wandb",
        None,
        "Project of Weights & Biases in which the run is mirrored. Off by default.",
        flag_values=values,
    )
    flags.register_validator(
        "wandb",
        lambda project: project is None or importlib.util.find_spec("wandb") is not None,
        "it needs its package: pip install 'collage[wandb]', or leave it out",
        values,
    )


class Job(NamedTuple):
    """A run that is asked for."""

    config: ConfigDict
    workdir: Path
    argv: Sequence[str]
    config_file: Path | None = None
    profile: int | None = None  # how many steps to trace (`launch.profiling`)
    wandb: str | None = None  # a project (`launch.mirrors`)


def parse(argv: list[str]) -> flags.FlagValues:
    """The flags of another run's command line. Raises UserError where they are wrong."""
    known = flags.FlagValues()
    define(known, argv)
    for name in ("debug", "verbosity"):
        known[name] = flags.FLAGS[name]
    with cli.user_errors(Exception):
        cli.no_arguments(known(argv))
        schedule.check(known.config)
    return known


def of_flags(given: flags.FlagValues, argv: Sequence[str]) -> Job:
    """The run that these flags ask for. argv: the command line that they are from."""
    file = Path(config_flags.get_config_filename(given["config"]).split(":")[0])
    return Job(given.config, folder.place(given.workdir, "--workdir"), argv, file, given.profile, given.wandb)
