"""The registry: what a config can name, and how a name becomes a thing.

A `name` is one of the short names below or anybody's "package.module:function"; both are resolved alike, and a short
name is no more than an alias. The other keys beside `name` are the function's settings. A setting whose key is a kind
of thing, and whose value has a `name`, is built first, so a config nests as the functions do; so is one under any key
whose `name` is a "package.module:function".
"""

import re
import sys
from collections.abc import Callable, Iterator, Mapping
from functools import partial
from importlib.metadata import EntryPoint
from typing import Any, NamedTuple

import jax

import blur
from experiments import renamed
from experiments import settings as checked


class Kind(NamedTuple):
    """A kind of thing that configs name.

    given: the arguments that the function is called with before its settings.
    later: whether the thing is the function itself with its settings bound, called later with what is given.
    many: whether the config's value is many things: names, or settings by label (the label is the default name).
    """

    given: str
    names: Mapping[str, str | Callable]
    later: bool = False
    many: bool = False


_LEARNERS = {
    "averaged": "bootstrap:averaged",
    "blur": "experiments.learners:blur",
    "blur_evolution": "blur.evolution:learner",
    "blur_meta": "blur:meta_learner",
    "blur_persistent": "blur.persistent:learner",
    "ensemble": "bootstrap.ensemble:learner",
    "ewc": "bootstrap.ewc:learner",
    "glns": "glns:learner",
    "glns_bandit": "glns:bandit",
    "glns_density": "glns:density",
    "glns_regressor": "glns:regressor",
    "glns_shared_density": "glns.shared_density:learner",
    "glns_orders": "glns.orders:learner",
    "linear_bandit": "bootstrap.bandits:linear",
    "neural_bandit": "bootstrap.bandits:neural",
    "self_play": "self_play:learner",
    "sgd": "bootstrap.sgd:learner",
    "sgd_regressor": "bootstrap.regression:learner",
    "started": "experiments.learners:started",
}


def _in(module: str, *names: str) -> dict[str, str]:
    """Short names that are those of a module's functions."""
    return {name: f"{module}:{name}" for name in names}


_NETS = {
    "alexnet": "bootstrap.nets:AlexNet",
    "cnn": "bootstrap.nets:CNN",
    "convolutional": "bootstrap.nets:Convolutional",
    "d_conv": "bootstrap.nets:DConv",
    "densenet": "bootstrap.nets:DenseNet",
    "fully_connected": "bootstrap.nets:FullyConnected",
    "linear": "bootstrap.nets:Linear",
    "mlp": "bootstrap.nets:MLP",
    "published": "bootstrap.nets:published",
    "random_cells": "bootstrap.nets:RandomCells",
    "random_features": "bootstrap.nets:RandomFeatures",
    "resnet18": "bootstrap.nets:ResNet18",
    "vgg11": "bootstrap.nets:VGG11",
    "vit": "bootstrap.nets:ViT",
}
_GENOMES = {
    "backprop": "blur:perturbed_backprop_genome",
    "delta": "blur:delta_genome",
    "random": "blur:random_genome",
    "warm": "experiments.learners:warm_genome",
}
_DATA = _in(
    "experiments.data",
    *("bandit", "binarized_mnist", "cifar10", "cifar5m", "csv", "deformed_digits", "digits", "digits_and_idx"),
    *("drifting", "gaussians"),
    *("idx", "linear", "none", "npz", "permuted", "permuted_digits", "sarcos", "shapes", "teacher", "uci"),
    "uci_regression",
)
_GOALS = {
    **_in("self_play.holdouts", "flip", "pick_and_place", "push", "rearrange", "stack"),
    **_in("self_play.sources", "mega", "mixed", "replay", "sfl"),
}
_WORLDS = _in("experiments.worlds", "bandit", "ideal", "in_order", "paired", "permuted", "real", "self_play", "tasks")
_AUGMENTATIONS = _in("bootstrap.augment", "crop", "cutout", "flip", "noise", "shift")
_ARTIFACTS = _in(
    "experiments.artifacts",
    *("episode", "film", "genome", "paintings", "params", "payoff", "player", "saliency"),
)
_FIGURES = _in(
    "experiments.figures",
    *("arena", "curriculum", "endurance", "fan", "paintings", "pair", "payoff", "race", "retention", "scatter"),
    *("transfer", "wave"),
)
_FAMILIES = {
    "images": "blur.images:image_task",
    **blur.toys.FAMILIES,
    **_in("experiments.families", "gaussians", "teacher"),
}
_EVALS = {
    **_in(
        "experiments.evals", "adaptation", "classification", "density", "endurance", "holdout", "regret", "retention"
    ),
    **_in("experiments.evals", "synapses", "training"),
    **_in("experiments.pair_evals", "agreement", "cka", "forgetting"),
    **_in("experiments.regression_evals", "gradient_flow", "regression", "regression_fit"),
}

KINDS: dict[str, Kind] = {  # by the key under which a config names one
    # Who learns.
    "learner": Kind("", _LEARNERS),
    "baselines": Kind("", _LEARNERS, many=True),
    "net": Kind("", _NETS),
    "tx": Kind("", {**_in("optax", "adam", "adamw", "lion", "rmsprop", "sgd"), **_in("bootstrap.sgd", "descent")}),
    "learning_rate": Kind("", {"cosine": "bootstrap.sgd:cosine"}),
    "init_genome": Kind("key", _GENOMES, later=True),
    "rule": Kind("", {"blur": "blur:Rule"}),
    "gate": Kind("", _in("glns.context", "half_spaces")),
    # Where it learns.
    "data": Kind("data_dir", _DATA),
    "world": Kind("data", _WORLDS),
    "sampler": Kind("key, data", {"deformed": "bootstrap.images:deformed"}, later=True),
    "augment": Kind("key, x", _AUGMENTATIONS, later=True, many=True),
    "goal_source": Kind("key, scene, now, mask", _GOALS, later=True),
    "goal_sources": Kind("key, scene, now, mask", _GOALS, later=True, many=True),
    "families": Kind("key, data, num_samples", _FAMILIES, later=True, many=True),
    # What is measured, concluded, kept and drawn.
    "evals": Kind("view", _EVALS, later=True, many=True),
    "analyses": Kind("records", _in("experiments.analyses", "gap", "race"), later=True, many=True),
    "artifacts": Kind("context", _ARTIFACTS, later=True, many=True),
    "figures": Kind("runs", _FIGURES, later=True, many=True),
}


def resolve(kind: str, name: Any, where: str = "") -> Callable:
    """The function that a name means. Raises ValueError where there is none."""
    names = KINDS[kind].names if kind in KINDS else {}
    where = where or kind
    if not isinstance(name, str):
        raise ValueError(f"{where}: say by `name` which one; got {name!r}")
    if name not in names and ":" not in name:
        there, hint = ", ".join(sorted(names)), checked.near(name, names)
        raise ValueError(f"no {where} named {name!r}{hint}; there are {there}, or your own 'package.module:function'")
    meant = names.get(name, name)
    if not callable(meant) and not re.fullmatch(r"\w+(\.\w+)*:\w+(\.\w+)*", meant):
        raise ValueError(f"{where} {name!r}: write 'package.module:function'")
    try:
        made = meant if callable(meant) else EntryPoint(name, meant, kind).load()
    except (ImportError, AttributeError) as error:
        raise ValueError(f"{where} {name!r}: {error}") from error
    except (Exception, SystemExit) as error:  # a module of one's own may raise any as it is imported
        raise ValueError(f"{where} {name!r} cannot be imported: {type(error).__name__}: {error}") from error
    if not callable(made):
        raise ValueError(f"{where} {name!r} must be a function; it is of type {type(made).__name__}")
    return made


def build(kind: str, settings: Mapping, *given: Any, where: str = "", divide: Callable | None = None) -> Any:
    """The thing that settings describe: `name`, and the arguments of the function of that name.

    given: what the kind is called with before its settings; of a thing that is called later, placeholders.
    where: the thing's place in the config, for messages. Raises ValueError where the function takes other arguments.
    divide: (where) -> the function by which the thing names its parallel axes, if it takes one.
    """
    where = where or kind
    if not isinstance(settings, Mapping):
        raise ValueError(f"{where} must be a mapping with a `name` and settings; got {settings!r}")
    name, settings = settings.get("name"), {key: value for key, value in settings.items() if key != "name"}
    make = resolve(kind, name, where)
    settings = {key: _built(key, value, f"{where}.{key}") for key, value in settings.items()}
    later = kind in KINDS and KINDS[kind].later
    placeholders = given or (None,) * len(KINDS[kind].given.split(",")) if later else given
    try:
        checked.check(make, len(placeholders), settings)
        if divide and checked.takes(make, "divide"):
            settings["divide"] = divide(where)
        return partial(make, **settings) if later else make(*given, **settings)
    except jax.errors.JAXTypeError:  # a TypeError too, but none of the config's
        raise
    except TypeError as error:
        hint = renamed.hint(settings) if "unexpected keyword" in str(error) else ""
        raise ValueError(f"{where} {name!r}: {error}{hint}") from error
    except (ArithmeticError, AttributeError, LookupError, RuntimeError, SystemExit) as error:
        raise ValueError(f"{where} {name!r} failed: {type(error).__name__}: {error}") from error


def build_all(kind: str, described: Any, where: str = "", **divide: Callable | None) -> dict[str, Any]:
    """Many things by label. described: names, or label -> settings, whose `name` is the label where it is left out."""
    where = where or kind
    return {
        label: build(kind, settings, where=f"{where}.{label}", **divide)
        for label, settings in settings_by_label(described, where).items()
    }


def settings_by_label(described: Any, where: str) -> dict[str, dict]:
    """Names, or settings by label, as settings by label, each with its name. where: their place in the config."""
    if isinstance(described, str):
        raise ValueError(f"{where}: {described!r} stands where several may: write ({described!r},)")
    if isinstance(described, list | tuple | None):
        if wrong := [name for name in described or () if not isinstance(name, str)]:
            raise ValueError(f"{where}: {wrong[0]!r} is no name; write names, or settings by label, {{LABEL: {{..}}}}")
        described = {name: {} for name in described or ()}
    if not isinstance(described, Mapping):
        raise ValueError(f"{where} must be a tuple of names, or settings by label; got {described!r}")
    if wrong := [label for label, settings in described.items() if not isinstance(settings, Mapping)]:
        raise ValueError(f"{where}.{wrong[0]} must be a mapping of settings; got {described[wrong[0]]!r}")
    return {label: {"name": label, **settings} for label, settings in described.items()}


def foreign(config: Mapping) -> dict[str, str]:
    """The modules of all names in a config that are not short names: module -> file."""
    modules = sorted({value.split(":")[0] for value in _names(config) if ":" in value})
    files = {module: getattr(sys.modules.get(module), "__file__", None) for module in modules}
    return {module: file for module, file in files.items() if file}


def _built(key: str, value: Any, where: str) -> Any:
    """A setting: built, where it describes a thing."""
    kind = KINDS.get(key)
    if kind and kind.many and value is not None:
        return build_all(key, value, where)
    if not isinstance(value, Mapping):
        return value
    is_thing = "name" in value and (kind or ":" in str(value["name"]))
    return build(key, value, where=where) if is_thing else value


def _names(config: Any) -> Iterator[str]:
    """Every name in a config."""
    if isinstance(config, list | tuple):
        for value in config:
            yield from _names(value)
    if not isinstance(config, Mapping):
        return
    for key, value in config.items():
        if key == "name" and isinstance(value, str):
            yield value
        elif key in KINDS and KINDS[key].many and not isinstance(value, str):
            yield from (settings["name"] for settings in settings_by_label(value, key).values())
        yield from _names(value)
