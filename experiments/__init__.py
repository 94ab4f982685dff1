"""Experiments: a config becomes a Learner in a World, with probes. Every name that a config can say stands here."""

from collections.abc import Callable
from functools import partial
from typing import Any, NamedTuple

import jax
import ml_collections
import optax

import bootstrap
import glns
from experiments import data as data_sets
from experiments import probes

DATA = {"digits": data_sets.digits, "idx": data_sets.idx}

OPTIMIZERS = {
    "adam": optax.adam,
    "adamw": optax.adamw,
    "lion": optax.lion,
    "rmsprop": optax.rmsprop,
    "sgd": optax.sgd,
}

NETS = {"mlp": bootstrap.nets.MLP}

LEARNERS = {
    "glns": glns.learner,
    "sgd": lambda net, tx: bootstrap.sgd.learner(
        _choose("learner.net", NETS, net), _choose("learner.tx", OPTIMIZERS, tx)
    ),
}

SAMPLERS = {"deformed": bootstrap.images.deformed}

WORLDS = {
    "real": lambda data, **settings: bootstrap.real(*data.train, **settings),
    "ideal": lambda data, sampler, **settings: bootstrap.ideal(
        _choose("world.sampler", SAMPLERS, sampler, partial), tuple(data.train), **settings
    ),
}

PROBES = {"classification": probes.classification}


class Experiment(NamedTuple):
    """What a config means."""

    learner: bootstrap.Learner
    world: bootstrap.World
    probe: Callable  # (learner state, probe_data) -> flat dict of float scalars
    probe_data: Any


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
    measures = [_choose("probes", PROBES, {"name": name}, lambda measure: measure) for name in config.probes]

    def probe_one(learner, state, probe_data):
        results = [measure(partial(learner.predict, state), probe_data) for measure in measures]
        return {name: value for result in results for name, value in result.items()}

    def probe(state, probe_data):
        metrics = probe_one(learner, state.learner, probe_data)
        for name, rival in rivals.items():
            of_rival = probe_one(rival, state.rivals[name], probe_data)
            metrics |= {f"{name}/{metric}": value for metric, value in of_rival.items()}
        return metrics

    for name, one in {"learner": learner, **{f"rivals.{name}": rival for name, rival in rivals.items()}}.items():
        _check_labels(name, one, world, data)
    if not rivals:
        return Experiment(learner, world, partial(probe_one, learner), tuple(data.test))
    return Experiment(bootstrap.beside(learner, rivals), world, probe, tuple(data.test))


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

    num_classes = jax.eval_shape(outputs, world.data, data.test.x).shape[-1]
    most = max(part.y.max() for part in data)
    if most >= num_classes:
        raise ValueError(f"the data has labels 0 to {most} but {name} num_classes={num_classes}")
