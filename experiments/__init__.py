"""Experiments: a config becomes a Learner in a World, with probes. Every name that a config can say stands here."""

from collections.abc import Callable
from functools import partial
from typing import Any, NamedTuple

import jax
import ml_collections
import numpy as np
import optax

import bootstrap
import glns
from experiments import data as data_sets
from experiments import probes

DATA = {
    "bandit": data_sets.bandit,
    "binarized_mnist": data_sets.binarized_mnist,
    "digits": data_sets.digits,
    "idx": data_sets.idx,
    "permuted": data_sets.permuted,
    "sarcos": data_sets.sarcos,
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

NETS = {"mlp": bootstrap.nets.MLP}


def _descent(make: Callable) -> Callable:
    """A learner of a flax body and an optax transform, both named by the config."""

    def learner(net, tx, **settings):
        return make(_choose("learner.net", NETS, net), _choose("learner.tx", OPTIMIZERS, tx), **settings)

    return learner


LEARNERS = {
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

WORLDS = {
    "bandit": lambda data: bootstrap.bandits.world(*data.train),
    "permuted": lambda data, **settings: bootstrap.permuted(*data.train, **settings),
    "real": lambda data, **settings: bootstrap.real(*data.train, **settings),
    "ideal": lambda data, sampler, **settings: bootstrap.ideal(
        _choose("world.sampler", SAMPLERS, sampler, partial), tuple(data.train), **settings
    ),
}

PROBES = {  # (predict, probe_data) -> metrics
    "classification": probes.classification,
    "density": probes.density,
    "regression": probes.regression,
    "retention": probes.retention,
}

WORLD_PROBES = {"regret": probes.regret}  # (world state) -> metrics


class Experiment(NamedTuple):
    """What a config means."""

    learner: bootstrap.Learner
    world: bootstrap.World
    probe: Callable  # (run, probe_data) -> flat dict of float scalars
    probe_data: Any
    by_seed: bool  # the data have a leading axis of seeds


def build(config: ml_collections.ConfigDict, data_dir: str | None = None) -> Experiment:
    """Builds what the config says, and tries its shapes on each other before anything runs.

    Raises ValueError, with what to do, where the config cannot be built.
    """
    data = _choose("data", DATA, config.data, lambda load, **settings: load(data_dir, **settings))
    data_sets.check(data)
    learner = bootstrap.Learner(*_choose("learner", LEARNERS, config.learner))
    rivals = {
        name: bootstrap.Learner(*_choose(f"rivals.{name}", LEARNERS, settings))
        for name, settings in (config.get("rivals") or {}).items()
    }
    world = _choose("world", WORLDS, config.world, lambda make, **settings: make(data, **settings))
    measures = {
        name: _choose("probes", PROBES | WORLD_PROBES, {"name": name}, lambda measure: measure)
        for name in config.probes
    }

    def probe_one(learner, state, probe_data):
        predict = partial(learner.predict, state)
        results = [measure(predict, probe_data) for name, measure in measures.items() if name in PROBES]
        return {name: value for result in results for name, value in result.items()}

    def probe(run, probe_data):
        metrics = probe_one(learner, run.learner.learner if rivals else run.learner, probe_data)
        for name, rival in rivals.items():
            of_rival = probe_one(rival, run.learner.rivals[name], probe_data)
            metrics |= {f"{name}/{metric}": value for metric, value in of_rival.items()}
        for name in WORLD_PROBES.keys() & measures.keys():
            metrics |= measures[name](run.world)
        return metrics

    for name, one in {"learner": learner, **{f"rivals.{name}": rival for name, rival in rivals.items()}}.items():
        _check_labels(name, one, world, data)
    everyone = bootstrap.beside(learner, rivals) if rivals else learner
    return Experiment(everyone, world, probe, tuple(data.test), data.by_seed)


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
    except TypeError as error:
        raise ValueError(f"{where} {name!r}: {error}") from error


def _check_labels(name, learner, world, data):
    def outputs(world_data, x):
        run = bootstrap.begin(jax.random.key(0), learner, bootstrap.World(world_data, world.init, world.draw))
        return learner.predict(run.learner, x)

    if not np.issubdtype(data.train.y.dtype, np.integer):
        return
    num_classes = jax.eval_shape(outputs, world.data, data.test.x).shape[-1]
    most = max(part.y.max() for part in (data.train, data.test))
    if most >= num_classes:
        raise ValueError(f"the data has labels 0 to {most} but {name} num_classes={num_classes}")
