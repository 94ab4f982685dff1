"""Names: every name that a config can say, and what it means."""

from collections.abc import Callable, Mapping, Sequence
from functools import partial
from typing import Any

import jax
import optax

import blur
import bootstrap
import glns
import self_play
from experiments import analyses, artifacts, evals, figures, worlds
from experiments import data as data_sets
from experiments.figures import self_play as self_play_figures


def choose(where: str, table: dict, settings: Any, call: Callable = lambda entry, **settings: entry(**settings)) -> Any:
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


DATA = {
    "bandit": data_sets.bandit,
    "binarized_mnist": data_sets.binarized_mnist,
    "cifar10": data_sets.cifar10,
    "cifar5m": data_sets.cifar5m,
    "csv": data_sets.csv,
    "deformed_digits": data_sets.deformed_digits,
    "digits": data_sets.digits,
    "gaussians": data_sets.gaussians,
    "idx": data_sets.idx,
    "nothing": data_sets.nothing,
    "npz": data_sets.npz,
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
            tx = {**tx, "learning_rate": choose("learner.tx.learning_rate", SCHEDULES, rate)}
        return make(choose("learner.net", NETS, net), choose("learner.tx", OPTIMIZERS, tx), **settings)

    return learner


GENOMES = {  # key -> genome
    "backprop": blur.perturbed_backprop_genome,
    "delta": blur.delta_genome,
    "random": blur.random_genome,
}


def _meta(make: Callable) -> Callable:
    """A learner of genomes: the config names the first ones, the rule by its fields, and the rate or its schedule."""

    def learner(genome, rule=None, **settings):
        begin_genome = choose("learner.genome", GENOMES, genome, partial)
        rate = settings.get("learning_rate")
        if isinstance(rate, Mapping):
            settings["learning_rate"] = choose("learner.learning_rate", SCHEDULES, rate)
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
    "self_play": self_play.learner,
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
        choose("world.augment", AUGMENTATIONS, {"name": name, **of_one}, partial)
        for name, of_one in (augment or {}).items()
    ]
    return worlds.paired(data, augment=bootstrap.augment.chain(*named) if named else None, **settings)


FAMILIES: dict[str, Callable] = {  # settings -> family
    "images": blur.images.family,
    **{name: partial(partial, family) for name, family in blur.toys.FAMILIES.items()},
}


def _families(families: Mapping | Sequence[str]) -> dict[str, Callable]:
    """Families of tasks by label: named, each by itself, or described, each by name and settings."""
    described = families if isinstance(families, Mapping) else {name: {"name": name} for name in families}
    return {label: choose(f"families.{label}", FAMILIES, settings) for label, settings in described.items()}


def _tasks(data, families, **settings):
    return bootstrap.World(*blur.tasks(list(_families(families).values()), tuple(data.train), **settings))


def _games(data, **settings):
    del data
    return bootstrap.World(*self_play.arena(**settings))


WORLDS = {
    "bandit": lambda data: bootstrap.bandits.world(*data.train),
    "paired": _paired,
    "permuted": lambda data, **settings: bootstrap.permuted(*data.train, **settings),
    "real": lambda data, **settings: bootstrap.real(*data.train, **settings),
    "self_play": _games,
    "tasks": _tasks,
    "ideal": lambda data, sampler, **settings: bootstrap.ideal(
        choose("world.sampler", SAMPLERS, sampler, partial), tuple(data.train), **settings
    ),
}


def _adaptation(predict, data, *, groups, **settings):
    families = {group: _families(families) for group, families in groups.items()}
    return evals.adaptation(predict, data, groups=families, **settings)


PROBES = {  # (predict, probe_data) -> metrics
    "adaptation": _adaptation,
    "classification": evals.classification,
    "density": evals.density,
    "holdout": evals.holdout,
    "regression": evals.regression,
    "retention": evals.retention,
}

TRAIN_PROBES = {"training": evals.training}  # (predict, the samples that a paired world showed first) -> metrics

WORLD_PROBES = {"regret": evals.regret}  # (world state) -> metrics


CONCLUSIONS: dict[str, Callable] = {"gap": analyses.gap, "race": analyses.race}  # (records, ..) -> numbers


FILES: dict[str, Callable] = {  # (config, run of one cell and seed) -> file name -> text
    "episode": artifacts.episode,
    "genome": artifacts.genome,
    "payoff": artifacts.payoff,
}

FILE_FIGURES = {  # (what that file of a run holds, ..) -> Figure
    "arena": ("episode.json", figures.scenes.arena),
    "payoff": ("payoff.json", self_play_figures.payoff),
}

FIGURES: dict[str, Callable] = {  # (runs: label -> records, ..) -> Figure
    "curriculum": self_play_figures.curriculum,
    "fan": figures.fan,
    "pair": figures.pair,
    "race": figures.race,
    "scatter": figures.scatter,
}
