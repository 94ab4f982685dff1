"""Experiments: a config becomes a Learner in a World, with probes. Every name that a config can say stands here."""

from collections.abc import Callable, Mapping, Sequence
from functools import partial
from typing import Any, NamedTuple

import jax
import ml_collections
import numpy as np
import optax
from matplotlib.figure import Figure

import blur
import bootstrap
import glns
from experiments import conclusions, figures, grid, probes, streams, texts
from experiments import data as data_sets

DATA = {
    "bandit": data_sets.bandit,
    "binarized_mnist": data_sets.binarized_mnist,
    "cifar10": data_sets.cifar10,
    "cifar5m": data_sets.cifar5m,
    "deformed_digits": data_sets.deformed_digits,
    "digits": data_sets.digits,
    "gaussians": data_sets.gaussians,
    "idx": data_sets.idx,
    "nothing": data_sets.nothing,
    "permuted": data_sets.permuted,
    "sarcos": data_sets.sarcos,
    "shapes": data_sets.shapes,
    "teacher": data_sets.teacher,
    "uci": data_sets.uci,
    "uci_regression": data_sets.uci_regression,
}

OPTIMIZERS = {
    "adam": optax.adam,
    "adamw": optax.adamw,
    "lion": optax.lion,
    "rmsprop": optax.rmsprop,
    "sgd": optax.sgd,
}

NETS = {
    "cnn": bootstrap.nets.CNN,
    "convolutional": bootstrap.nets.Convolutional,
    "fully_connected": bootstrap.nets.FullyConnected,
    "mlp": bootstrap.nets.MLP,
    "random_features": bootstrap.nets.RandomFeatures,
    "resnet18": bootstrap.nets.ResNet18,
    "vit": bootstrap.nets.ViT,
}


SCHEDULES = {"cosine": bootstrap.sgd.cosine}


def _descent(make: Callable) -> Callable:
    """A learner of a flax body and an optax transform, both named by the config; the rate may name a schedule."""

    def learner(net, tx, **settings):
        rate = tx.get("learning_rate")
        if isinstance(rate, Mapping):
            tx = {**tx, "learning_rate": _choose("learner.tx.learning_rate", SCHEDULES, rate)}
        return make(_choose("learner.net", NETS, net), _choose("learner.tx", OPTIMIZERS, tx), **settings)

    return learner


GENOMES = {  # key -> genome
    "backprop": blur.perturbed_backprop_genome,
    "delta": blur.delta_genome,
    "random": blur.random_genome,
}


def _meta(make: Callable) -> Callable:
    """A learner of genomes, whose first ones are named by the config, under a rule by its fields."""

    def learner(genome, rule=None, **settings):
        begin_genome = _choose("learner.genome", GENOMES, genome, partial)
        return make(begin_genome, rule=blur.Rule(**(rule or {})), **settings)

    return learner


def _blur(genome, sizes, **settings):
    """A classifier that learns by a genome: a shipped one, by its name, or that of a file, by its path."""
    of_genome, rule = data_sets.genome(genome)
    return blur.learner(of_genome, sizes, rule=rule, **settings)


LEARNERS = {
    "blur": _blur,
    "blur_evolution": _meta(blur.evolution.learner),
    "blur_meta": _meta(blur.meta_learner),
    "ewc": _descent(bootstrap.ewc.learner),
    "glns": glns.learner,
    "glns_bandit": glns.bandit,
    "glns_density": glns.density,
    "glns_regressor": glns.regressor,
    "linear_bandit": bootstrap.bandits.linear,
    "neural_bandit": _descent(bootstrap.bandits.neural),
    "sgd": _descent(bootstrap.sgd.learner),
    "sgd_regressor": _descent(bootstrap.regression.learner),
}

SAMPLERS = {"deformed": bootstrap.images.deformed}

AUGMENTATIONS = {
    "crop": bootstrap.augment.crop,
    "cutout": bootstrap.augment.cutout,
    "flip": bootstrap.augment.flip,
    "noise": bootstrap.augment.noise,
    "shift": bootstrap.augment.shift,
}


def _paired(data, augment=None, **settings):
    """A paired world; `augment` names augmentations, each with its settings, in their order."""
    named = [
        _choose("world.augment", AUGMENTATIONS, {"name": name, **of_one}, partial)
        for name, of_one in (augment or {}).items()
    ]
    return streams.paired(data, augment=bootstrap.augment.chain(*named) if named else None, **settings)


FAMILIES: dict[str, Callable] = {  # settings -> family
    "images": blur.images.family,
    **{name: partial(partial, family) for name, family in blur.toys.FAMILIES.items()},
}


def _families(families: Mapping | Sequence[str]) -> dict[str, Callable]:
    """Families of tasks by label: named, each by itself, or described, each by name and settings."""
    described = families if isinstance(families, Mapping) else {name: {"name": name} for name in families}
    return {label: _choose(f"families.{label}", FAMILIES, settings) for label, settings in described.items()}


def _tasks(data, families, **settings):
    return bootstrap.World(*blur.tasks(list(_families(families).values()), tuple(data.train), **settings))


WORLDS = {
    "bandit": lambda data: bootstrap.bandits.world(*data.train),
    "paired": _paired,
    "permuted": lambda data, **settings: bootstrap.permuted(*data.train, **settings),
    "real": lambda data, **settings: bootstrap.real(*data.train, **settings),
    "tasks": _tasks,
    "ideal": lambda data, sampler, **settings: bootstrap.ideal(
        _choose("world.sampler", SAMPLERS, sampler, partial), tuple(data.train), **settings
    ),
}


def _adaptation(predict, data, *, groups, **settings):
    families = {group: _families(families) for group, families in groups.items()}
    return probes.adaptation(predict, data, groups=families, **settings)


PROBES = {  # (predict, probe_data) -> metrics
    "adaptation": _adaptation,
    "classification": probes.classification,
    "density": probes.density,
    "regression": probes.regression,
    "retention": probes.retention,
}

TRAIN_PROBES = {"training": probes.training}  # (predict, the samples that a paired world showed first) -> metrics

WORLD_PROBES = {"regret": probes.regret}  # (world state) -> metrics


CONCLUSIONS: dict[str, Callable] = {"gap": conclusions.gap, "race": conclusions.race}  # (records, ..) -> numbers

FILES: dict[str, Callable] = {"genome": texts.genome}  # (config, run of one cell and seed) -> file name -> text

FIGURES: dict[str, Callable] = {  # (runs: label -> records, ..) -> Figure
    "fan": figures.fan,
    "pair": figures.pair,
    "race": figures.race,
    "scatter": figures.scatter,
}


class Experiment(NamedTuple):
    """What a config means, in one of its cells."""

    learner: bootstrap.Learner
    world: bootstrap.World
    probe: Callable  # (run, world data, probe_data) -> flat dict of float scalars
    probe_data: Any
    by_seed: bool  # the data have a leading axis of seeds
    feed: Callable | None  # (step, num_steps) -> the world's data in these steps, where they change with them


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
    data = _choose("data", DATA, base["data"], lambda load, **settings: load(data_dir, **settings))
    data_sets.check(data)
    if data.by_seed and len(cells) > 1:
        raise ValueError("cells: this data set has a split for each seed; run its cells one by one")
    stages = []
    for i, stage in enumerate(({"from_step": 0}, *overrides)):
        of_stage = grid.merged({"from_step": 0, **base}, stage, f"stages.{i}")
        configs = {cell: grid.merged(of_stage, changes, f"cells.{cell}") for cell, changes in cells.items()}
        for of_cell in configs.values():
            streams.check(of_cell, data)
            _check_labels(of_cell, data)
            _build(of_cell, data)
        first = next(iter(configs.values()))
        build = partial(_build_with, first, data)
        stages.append(Stage(of_stage["from_step"], grid.differing(configs), build))
    return Plan(tuple(cells), tuple(stages))


def build(config: ml_collections.ConfigDict, data_dir: str | None = None) -> Experiment:
    """What the config means at step 0, in its first cell. Raises ValueError as `plan` does."""
    return plan(config, data_dir).stages[0].build({})


def _build_with(config, data, numbers):
    return _build(grid.placed(config, numbers), data)


def _build(config, data):
    learner = bootstrap.Learner(*_choose("learner", LEARNERS, config["learner"]))
    rivals = {
        name: bootstrap.Learner(*_choose(f"rivals.{name}", LEARNERS, settings))
        for name, settings in (config.get("rivals") or {}).items()
    }
    world = _choose("world", WORLDS, config["world"], lambda make, **settings: make(data, **settings))
    kinds: dict[str, dict[str, Callable]] = {"test": PROBES, "train": TRAIN_PROBES, "world": WORLD_PROBES}
    described = config["probes"] if isinstance(config["probes"], Mapping) else {name: {} for name in config["probes"]}
    everything = PROBES | TRAIN_PROBES | WORLD_PROBES
    measures = {
        name: _choose("probes", everything, {"name": name, **settings}, partial) for name, settings in described.items()
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
            train = streams.first_samples(data, config["world"], world_data, run.world, len(test[0]))
        test = streams.noisy(data, test, config["world"].get("label_noise"))
        metrics = measure(learner, run.learner.learner if rivals else run.learner, test, train)
        for name, rival in rivals.items():
            of_rival = measure(rival, run.learner.rivals[name], test, train)
            metrics |= {f"{name}/{metric}": value for metric, value in of_rival.items()}
        for of_world in chosen["world"]:
            metrics |= of_world(run.world)
        return metrics

    everyone = bootstrap.beside(learner, rivals) if rivals else learner
    feed = streams.feed(data.train, data.feed, config["world"]["batch_size"]) if data.feed else None
    test = data.test._replace(x=streams.as_numbers(data.test.x))
    return Experiment(everyone, world, probe, tuple(test), data.by_seed, feed)


def conclude(config: ml_collections.ConfigDict, records: list[dict]) -> dict[str, float]:
    """What the config concludes from the whole run: numbers for its summary."""
    results = {}
    for name, settings in config.to_dict().get("conclusions", {}).items():
        results |= _choose("conclusions", CONCLUSIONS, {"name": name, "records": records, **settings})
    return results


def files(config: ml_collections.ConfigDict, run: bootstrap.Run) -> dict[str, str]:
    """The texts that the config keeps of a run of one cell and seed: file name -> text."""
    results = {}
    for name in config.get("files") or ():
        results |= _choose("files", FILES, {"name": name}, lambda write: write(config, run))
    return results


def figure(name: str, runs: Mapping[str, list[dict]], settings: Mapping) -> Figure:
    """A figure of runs, label -> records."""
    return _choose("figure", FIGURES, {"name": name, "runs": runs, **settings})


def _choose(
    where: str, table: dict, settings: Any, call: Callable = lambda entry, **settings: entry(**settings)
) -> Any:
    """Calls the entry that `settings.name` names with the other settings: a config key is a function argument."""
    settings = dict(settings)
    name = settings.pop("name")
    if name not in table:
        raise ValueError(f"no {where} named {name!r}; there are {', '.join(table)}")
    try:
        return call(table[name], **settings)
    except jax.errors.JAXTypeError:  # a TypeError too, but none of the config's
        raise
    except TypeError as error:
        raise ValueError(f"{where} {name!r}: {error}") from error


def _check_labels(config, data):
    """Where labels are class numbers, not those of tasks, every learner must have an output for each."""
    if not np.issubdtype(data.test.y.dtype, np.integer) or config["world"]["name"] == "tasks":
        return
    learners = {"learner": config["learner"]}
    learners |= {f"rivals.{name}": settings for name, settings in (config.get("rivals") or {}).items()}
    world = _choose("world", WORLDS, config["world"], lambda make, **settings: make(data, **settings))
    for name, settings in learners.items():
        learner = bootstrap.Learner(*_choose(name, LEARNERS, settings))

        def outputs(world_data, x, learner=learner):
            run = bootstrap.begin(jax.random.key(0), learner, bootstrap.World(world_data, world.init, world.draw))
            return learner.predict(run.learner, x)

        num_classes = jax.eval_shape(outputs, world.data, data.test.x).shape[-1]
        if data.num_classes > num_classes:
            raise ValueError(f"the data has labels 0 to {data.num_classes - 1} but {name} num_classes={num_classes}")
