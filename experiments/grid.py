"""The grid and the stages: what differs between the cells of one compiled program, and between the parts of a run.

Configs are plain nested dicts here, and overrides have the same nesting.
"""

from collections.abc import Mapping
from typing import Any

import numpy as np

from experiments.settings import near

VARYING = ("world", "learner", "baselines")  # the parts of a config that cells and stages may change


def check(config: Mapping) -> None:
    """Raises ValueError where the grid is not name -> changes, or the stages are not a tuple of changes."""
    cells, stages = config.get("grid") or {}, config.get("stages") or ()
    if not isinstance(cells, Mapping) or not all(isinstance(changes, Mapping) for changes in cells.values()):
        raise ValueError(f"config.grid must be name -> changes, which are nested as the config is; got {cells!r}")
    for cell, changes in cells.items():
        if others := sorted(changes.keys() - {*VARYING}):
            raise ValueError(f"grid.{cell} may change {', '.join(VARYING)}, not {', '.join(others)}")
    if not isinstance(stages, list | tuple) or not all(isinstance(changes, Mapping) for changes in stages):
        raise ValueError(f"config.stages must be a tuple of changes, each with its from_step; got {stages!r}")
    for i, stage in enumerate(stages):
        if not isinstance(stage.get("from_step"), int) or isinstance(stage["from_step"], bool):
            raise ValueError(f"stages.{i}.from_step must be a whole number, got {stage.get('from_step')!r}")


def merged(config: Mapping, overrides: Mapping, where: str) -> dict:
    """The config with the overrides in place of its own values. Raises ValueError for a key that it does not have."""
    result = dict(config)
    for key, value in overrides.items():
        if key not in config:
            hint = near(key, config)
            raise ValueError(f"{where}.{key}: the config has no such key{hint}; there are {', '.join(config)}")
        nested = isinstance(value, Mapping) and isinstance(config[key], Mapping)
        result[key] = merged(config[key], value, f"{where}.{key}") if nested else value
    return result


def varying(configs: Mapping[Any, Mapping]) -> dict[str, np.ndarray]:
    """The numbers in which cells differ: dotted key -> one a cell. Raises ValueError where they differ otherwise."""
    by_cell = {cell: flat(config) for cell, config in configs.items()}
    first = next(iter(by_cell.values()))
    numbers = {}
    for key in dict.fromkeys(key for values in by_cell.values() for key in values):
        if all(key in values and values[key] == first.get(key) for values in by_cell.values()):
            continue
        column = [values.get(key) for values in by_cell.values()]
        if key.split(".")[0] not in VARYING or not all(isinstance(value, int | float) for value in column):
            raise ValueError(f"cells may differ in numbers below {', '.join(VARYING)}; {key} is {column}")
        array = np.array(column)
        numbers[key] = array.astype(
            np.float32 if array.dtype.kind == "f" else np.uint32 if array.max() > 2**31 - 1 else np.int32
        )
    return numbers


def with_values(config: Mapping, numbers: Mapping[str, Any]) -> dict:
    """The config with these numbers, which may be traced, at their dotted keys."""
    result = dict(config)
    for key, value in numbers.items():
        head, _, rest = key.partition(".")
        result[head] = with_values(result[head], {rest: value}) if rest else value
    return result


def flat(config: Mapping, prefix: str = "") -> dict[str, Any]:
    """The values of nested dicts by their dotted keys."""
    values: dict[str, Any] = {}
    for key, value in config.items():
        nested = isinstance(value, Mapping) and value
        values |= flat(value, f"{prefix}{key}.") if nested else {f"{prefix}{key}": value}
    return values
