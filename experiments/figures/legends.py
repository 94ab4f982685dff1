"""What legends say of runs and learners, and in which order."""

import re
from collections.abc import Iterable, Mapping
from typing import Any

import numpy as np

from experiments import grid
from experiments.records import Records

_WRITTEN = {
    "adam": "Adam",
    "adamw": "AdamW",
    "blur": "BLUR",
    "cmaes": "CMA-ES",
    "ewc": "EWC",
    "glns": "GLN",
    "ppo": "PPO",
    "sgd": "SGD",
}


def by_number(names: Iterable[str]) -> list[str]:
    """Names in the order of the text and of the numbers in them: n20 before n100, rate 0.03 before rate 0.1."""
    number = re.compile(r"(\d+(?:\.\d+)?(?:e[-+]?\d+)?)")

    def key(name):
        return [float(part) if i % 2 else part for i, part in enumerate(number.split(name))]

    return sorted(names, key=key)


def words(name: str) -> str:
    """A name as it is read; n128 is n = 128."""
    spaced = re.sub(r"\bn(\d+)\b", r"n = \1", name.replace("/", ", ").replace("_", " ").strip())
    return " ".join(_WRITTEN.get(word, word) for word in spaced.split(" "))


def literal(label: str) -> str:
    """A label that matplotlib draws as it stands: it takes $ for mathematics, and leaves out what begins with _."""
    return (" " if label.startswith("_") else "") + label.replace("$", r"\$")


def legend(label: str, values: np.ndarray) -> str:
    """The legend of a curve: its label, and of how many seeds it is, where values [S, ..] of some are NaN."""
    return literal(label if np.isfinite(values).all() else f"{label} ({of_seeds(values)})")


def of_seeds(values: np.ndarray) -> str:
    """How many seeds values [S, ..] are of, and how many of these have no NaN."""
    whole = sum(bool(np.isfinite(of_seed).all()) for of_seed in values)
    return counted([len(values)]) if whole == len(values) else f"{whole} of {counted([len(values)])}"


def counted(counts: Iterable[int]) -> str:
    """Numbers of seeds as they are read: 1 seed; 3 seeds; 2 or 3 seeds."""
    different = sorted(set(counts))
    return f"{' or '.join(map(str, different))} seed{'' if different == [1] else 's'}"


def spread(seeds: str) -> str:
    """What a band and its line are: the mean and range of 3 seeds; of 1 seed nothing but that."""
    return seeds if seeds == counted([1]) else f"mean and range of {seeds}"


def learners(records: Records) -> dict[str, str]:
    """What the learner, by "", and its baselines are called, in the order of the numbers in that.

    Those that differ from others in numbers alone are called by these and by their learning rate: SGD, rate 0.1,
    momentum 0.9. What is 0 there goes without saying. A genome is called by its name, and other baselines, and all that
    would be called alike, by their names in the config.
    """
    settings = {name: grid.flat(records.settings.get(name, {})) for name in ("", *records.baselines)}
    called = {}
    for name, own in settings.items():
        alike = [other for other in settings.values() if own and _texts(other) == _texts(own)]
        if len(alike) > 1 or not name or own.get("name") == "blur":
            called[name] = ", ".join([_kind(own), *(_numbers(own, alike) if len(alike) > 1 else ())])
        else:
            called[name] = words(name)
    labels = list(called.values())
    called = {name: words(name) if name and labels.count(label) > 1 else label for name, label in called.items()}
    places = {label: place for place, label in enumerate(by_number(called.values()))}
    order = sorted(records.baselines, key=lambda name: places[called[name]])
    return {name: called[name] for name in ("", *order)}


def _kind(settings: Mapping[str, Any]) -> str:
    name = settings.get("name", "learner")
    if name == "blur":
        return f"genome {settings['genome'].rpartition('/')[2].removesuffix('.json')}"
    name = settings.get("tx.name", name) if name == "sgd" else name  # sgd takes any optimiser
    return words(str(name).split(":")[-1])


def _texts(settings: Mapping[str, Any]) -> dict[str, str]:
    """All settings but numbers, and None in place of one."""
    return {key: repr(value) for key, value in settings.items() if not _is_number(value) and value is not None}


def _numbers(own: Mapping[str, Any], alike: Iterable[Mapping[str, Any]]) -> list[str]:
    differ = [key for key, value in own.items() if any(other.get(key) != value for other in alike)]
    numbers = {key: value for key, value in own.items() if _is_number(value) and value}
    rates = [f"rate {value:g}" for key, value in numbers.items() if key.endswith("learning_rate")]
    others = [key for key in numbers if key in differ and not key.endswith("learning_rate")]
    return [*rates, *(f"{words(key.split('.')[-1])} {own[key]:g}" for key in others)]


def _is_number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)
