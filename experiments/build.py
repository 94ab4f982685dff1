"""Plans: a config becomes Learners in Worlds, with probes, and what is concluded, kept and drawn of them."""

from collections.abc import Callable, Iterable, Mapping
from functools import partial
from typing import Any, NamedTuple

import jax
import ml_collections
import numpy as np
from matplotlib.figure import Figure

import bootstrap
from experiments import data as data_sets
from experiments import grid, worlds
from experiments.registry import (
    CONCLUSIONS,
    DATA,
    FIGURES,
    FILE_FIGURES,
    FILES,
    LEARNERS,
    PROBES,
    TRAIN_PROBES,
    WORLD_PROBES,
    WORLDS,
    choose,
)


class Experiment(NamedTuple):
    """What a config means, in one of its cells."""

    learner: bootstrap.Learner
    world: bootstrap.World
    probe: Callable  # (run, world data, probe_data) -> flat dict of float scalars
    probe_data: Any
    by_seed: bool  # the data have a leading axis of seeds
    feed: Callable | None  # (world data, step, num_steps) -> those in these steps, where they change with them


class Stage(NamedTuple):
    """A part of a run: its cells differ in numbers alone, so one program computes them all."""

    from_step: int
    numbers: dict[str, np.ndarray]  # [cells] each, by their keys in the config
    build: Callable  # (numbers of one cell, which may be traced) -> Experiment


class Plan(NamedTuple):
    """What a config means."""

    cells: tuple[str, ...]  # ("",) where the config names none
    stages: tuple[Stage, ...]


def plan(config: ml_collections.ConfigDict, data_dir: str | None = None) -> Plan:
    """Builds what the config says, and tries its shapes on each other before anything runs.

    Raises ValueError, with what to do, where the config cannot be built.
    """
    base = config.to_dict()
    cells, overrides = base.pop("cells", None) or {"": {}}, base.pop("stages", ())
    data = choose("data", DATA, base["data"], lambda load, **settings: load(data_dir, **settings))
    data_sets.check(data)
    if data.by_seed and len(cells) > 1:
        raise ValueError("cells: this data set has a split for each seed; run its cells one by one")
    stages = []
    for i, stage in enumerate(({"from_step": 0}, *overrides)):
        if others := sorted(stage.keys() - {"from_step", *grid.VARYING}):
            raise ValueError(f"stages may change {', '.join(grid.VARYING)}, not {', '.join(others)}")
        of_stage = grid.merged({"from_step": 0, **base}, stage, f"stages.{i}")
        configs = {cell: grid.merged(of_stage, changes, f"cells.{cell}") for cell, changes in cells.items()}
        numbers, first = grid.differing(configs), next(iter(configs.values()))
        for of_cell in configs.values():
            worlds.check(of_cell, data)
            _build(of_cell, data)
        _check_labels(first, data)
        stages.append(Stage(of_stage["from_step"], numbers, partial(_build_with, first, data)))
    starts = [stage.from_step for stage in stages]
    if sorted(set(starts)) != starts:
        raise ValueError(f"stages: each must have a later from_step than the one before, from 1 on; got {starts[1:]}")
    return Plan(tuple(cells), tuple(stages))


def build(config: ml_collections.ConfigDict, data_dir: str | None = None) -> Experiment:
    """What the config means at step 0, in its first cell. Raises ValueError as `plan` does."""
    return plan(config, data_dir).stages[0].build({})


def _build_with(config, data, numbers):
    return _build(grid.placed(config, numbers), data)


def _build(config, data):
    learner, rivals, world = _lives(config, data)
    kinds: dict[str, dict[str, Callable]] = {"test": PROBES, "train": TRAIN_PROBES, "world": WORLD_PROBES}
    described = config["probes"] if isinstance(config["probes"], Mapping) else {name: {} for name in config["probes"]}
    everything = PROBES | TRAIN_PROBES | WORLD_PROBES
    measures = {
        name: choose("probes", everything, {"name": name, **settings}, partial) for name, settings in described.items()
    }
    chosen = {kind: [measures[name] for name in measures if name in table] for kind, table in kinds.items()}

    def measure(learner, state, test, train):
        predict = partial(learner.predict, state)
        results = [probe(predict, test) for probe in chosen["test"]]
        results += [probe(predict, train) for probe in chosen["train"]]
        return {name: value for result in results for name, value in result.items()}

    def probe(run, world_data, test):
        train = None
        if chosen["train"]:
            train = worlds.first_samples(data, config["world"], world_data, run.world, len(test[0]))
        test = worlds.noisy(data, test, config["world"].get("label_noise"))
        metrics = measure(learner, run.learner.learner if rivals else run.learner, test, train)
        for name, rival in rivals.items():
            of_rival = measure(rival, run.learner.rivals[name], test, train)
            metrics |= {f"{name}/{metric}": value for metric, value in of_rival.items()}
        for of_world in chosen["world"]:
            metrics |= of_world(run.world)
        return metrics

    everyone = bootstrap.beside(learner, rivals) if rivals else learner
    feed = worlds.feed(data.feed, config["world"]["batch_size"]) if data.feed else None
    test = data.test._replace(x=worlds.as_numbers(data.test.x))
    return Experiment(everyone, world, probe, tuple(test), data.by_seed, feed)


def _lives(config, data):
    """-> the learner, its rivals by name, and their world."""
    rivals = {
        name: bootstrap.Learner(*choose(f"rivals.{name}", LEARNERS, settings))
        for name, settings in (config.get("rivals") or {}).items()
    }
    world = choose("world", WORLDS, config["world"], lambda make, **settings: make(data, **settings))
    return bootstrap.Learner(*choose("learner", LEARNERS, config["learner"])), rivals, world


def conclude(config: ml_collections.ConfigDict, records: list[dict]) -> dict[str, float]:
    """What the config concludes from the whole run: numbers for its summary."""
    results = {}
    for name, settings in config.to_dict().get("conclusions", {}).items():
        results |= choose("conclusions", CONCLUSIONS, {"name": name, "records": records, **settings})
    return results


def check_ends(config: ml_collections.ConfigDict, names: Iterable[str]) -> None:
    """Raises ValueError where the config could not conclude, keep or draw what it says, of metrics of these names.

    Better now than after hours: the conclusions are tried on made records.
    """
    for kind, table in {"figures": FIGURES | FILE_FIGURES, "files": FILES}.items():
        for name in config.get(kind) or ():
            choose(kind, table, {"name": name}, lambda _: None)
    conclude(config, [{"step": step, **dict.fromkeys(names, 1 / (step + 2))} for step in range(3)])


def files(config: ml_collections.ConfigDict, run: bootstrap.Run) -> dict[str, str]:
    """The texts that the config keeps of a run of one cell and seed: file name -> text."""
    results = {}
    for name in config.get("files") or ():
        results |= choose("files", FILES, {"name": name}, lambda write: write(config, run))
    return results


def figure(name: str, runs: Mapping[str, list[dict]], settings: Mapping) -> Figure:
    """A figure of runs, label -> records."""
    return choose("figure", FIGURES, {"name": name, "runs": runs, **settings})


def _check_labels(config, data):
    """Where labels are class numbers, not those of tasks, every learner must have an output for each."""
    if not np.issubdtype(data.test.y.dtype, np.integer) or config["world"]["name"] == "tasks":
        return
    main, rivals, world = _lives(config, data)
    learners = {"learner": main, **{f"rivals.{name}": rival for name, rival in rivals.items()}}
    for name, learner in learners.items():

        def outputs(world_data, x, learner=learner):
            run = bootstrap.begin(jax.random.key(0), learner, bootstrap.World(world_data, world.init, world.draw))
            return learner.predict(run.learner, x)

        num_classes = jax.eval_shape(outputs, world.data, data.test.x).shape[-1]
        if data.num_classes > num_classes:
            raise ValueError(f"the data has labels 0 to {data.num_classes - 1} but {name} num_classes={num_classes}")
