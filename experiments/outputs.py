"""What is concluded, kept and drawn of a run, and all of it tried before the run begins."""

from collections.abc import Callable, Mapping, Sequence
from functools import partial

import numpy as np

import bootstrap
from experiments import build, evaluation, grid, records, registry, settings
from experiments.artifacts import Artifact, Context
from experiments.records import Records


def analyse(config: Mapping, of_run: Records) -> dict[str, float]:
    """What the config's analyses find in a whole run: path -> number, for its summary."""
    found = {}
    for name, analysis in registry.build_all("analyses", config.get("analyses")).items():
        with settings.explained(f"analyses.{name}"):
            numbers = analysis(of_run)
        if not isinstance(numbers, Mapping):
            raise ValueError(f"analyses.{name} returned {type(numbers).__name__}; an analysis returns {{name: number}}")
        if lost := [key for key, number in numbers.items() if not np.isfinite(number)]:
            raise ValueError(f"analyses.{name}: {', '.join(lost)} is not finite; leave out what is not known")
        if both := sorted(found.keys() & {records.path("analysis", key) for key in numbers}):
            raise ValueError(f"analyses.{name}: {', '.join(both)} is another's too")
        found |= {records.path("analysis", key): float(number) for key, number in numbers.items()}
    return found


def artifacts(config: Mapping, of_plan: build.Plan, shapes: bootstrap.Run, command: str) -> dict[str, list[Artifact]]:
    """What the config keeps of a run: of each cell, its artifacts. Raises ValueError where the run could not leave one.

    shapes: of the run of one member. Artifacts are of the learner itself, without its baselines.
    """
    made: dict[str, list[Artifact]] = {}
    for cell in of_plan.cells if config.get("artifacts") else ():
        of_cell = grid.merged(config, (config.get("grid") or {"": {}})[cell], f"grid.{cell}")
        learner = build.learner_of(registry.build("learner", of_cell["learner"]), "learner")
        context = Context(of_cell, learner, _alone(of_plan, shapes), command, of_plan.test, {})
        made[cell] = []
        for label, artifact in registry.build_all("artifacts", config["artifacts"]).items():
            where = f"artifacts.{label}"
            files, write = build.named_parts(Artifact, artifact(context), where, "(names of files, write)")
            _check_files(where, files, [name for other in made[cell] for name in other.files])
            made[cell].append(Artifact(tuple(files), partial(_write, of_plan, write)))
    return made


_TAKEN = ("config.json", "run.json", "metrics.jsonl", "summary.json", "checkpoints", "figures", "tb", "wandb", ".lock")


def _check_files(where: str, files: Sequence[str], others: Sequence[str]) -> None:
    """Raises ValueError for names that are not those of files of an artifact's own."""
    if isinstance(files, str):
        raise ValueError(f"{where}: its files are names in a tuple: ({files!r},)")
    for name in files:
        if name in _TAKEN or name in others or "/" in name or not name:
            raise ValueError(f"{where}: an artifact cannot leave {name!r}; give it a file name of its own")


def _write(of_plan: build.Plan, write: Callable, run: bootstrap.Run) -> dict[str, str]:
    return write(_alone(of_plan, run))


def _alone(of_plan: build.Plan, run: bootstrap.Run) -> bootstrap.Run:
    """The run of the learner itself."""
    return run._replace(learner=run.learner.learner) if of_plan.baselines else run


def figures(config: Mapping, names: Sequence[str] | None = None) -> dict[str, Callable]:
    """The config's figures, or those named, as it sets them: name -> (runs: label -> Records) -> Figure."""
    described = registry.settings_by_label(config.get("figures"), "figures")
    chosen = described if names is None else {name: described.get(name, {"name": name}) for name in names}
    return registry.build_all("figures", chosen)


def recorded(config: Mapping, metrics: Sequence[str]) -> list[str]:
    """Those of the metrics that the run will record: without any step, what its evals measure alone."""
    return [name for name in metrics if config["num_steps"] or name.startswith("eval/")]


def check_outputs(config: Mapping, metrics: Sequence[str], files: Sequence[str]) -> None:
    """Tries analyses and figures on invented records of these metrics, before there are any.

    files: what the artifacts will leave. Raises ValueError where one could not be made: better now than after hours.
    """
    lines = records.invented(recorded(config, metrics), evaluation.steps_of(config), config["num_seeds"])
    try:
        _try_outputs(config, lines, files)
    except ValueError as error:
        if config["num_steps"]:
            raise
        hint = "with num_steps=0 no step is recorded: leave it out, as by --config.figures={} --config.analyses={}"
        raise ValueError(f"{error}; {hint}") from error


def _try_outputs(config: Mapping, lines: Sequence[Mapping], files: Sequence[str]) -> None:
    def artifact(name):
        raise _NotYet if name in files else ValueError(f"no artifact leaves {name}; add one to config.artifacts")

    of_run = records.of_config(config, lines, artifact)
    analyse(config, of_run)
    for name, draw in figures(config).items():
        try:
            with settings.explained(f"figures.{name}"):
                drawn = draw({"run": of_run})
        except _NotYet:
            continue
        if not hasattr(drawn, "savefig"):
            raise ValueError(f"figures.{name} returned {type(drawn).__name__}; a figure is a matplotlib Figure")


class _NotYet(Exception):
    """An artifact that the run will leave."""
