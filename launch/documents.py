"""The files of a run folder, read again: what is valid in each, and one line that says what to do where it is not."""

import datetime
import json
import sys
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from typing import Any

from experiments import grid, records, renamed
from launch.cli import UserError

_RESTORE = "put a whole copy of it back, or start the run anew in another folder"
_WRITTEN_AGAIN = "delete it, and the run's launch.train command writes it again"
_DISPENSABLE = "delete it; no number depends on it"


def check(workdir: Path) -> None:
    """Reads every file of a run that is there. Raises UserError where one is damaged, so before anything is changed."""
    for name, read in (("config.json", read_config), ("summary.json", read_summary), ("metrics.jsonl", read_records)):
        if (workdir / name).exists():
            read(workdir)
    read_launches(workdir)


def read_config(workdir: Path) -> dict:
    """What was asked."""
    return _read(workdir / "config.json", _check_config, _RESTORE)


def read_summary(workdir: Path) -> dict:
    """What a finished run came to."""
    return _read(workdir / "summary.json", _check_summary, _WRITTEN_AGAIN)


def read_launches(workdir: Path) -> list[dict]:
    """What run.json notes of each launch, the newest last; empty where there was none."""
    path = workdir / "run.json"
    if not path.exists():
        return []
    first = _read(path, _check_launches, _DISPENSABLE)
    return [first, *first.get("resumed", [])]


def last_launch(workdir: Path) -> dict:
    """What run.json notes of the newest launch; empty where there was none."""
    return [{}, *read_launches(workdir)][-1]


def make_importable(workdir: Path) -> None:
    """Makes the modules beside the run's config file importable, which the config may name."""
    config_file = last_launch(workdir).get("config_file")
    if config_file and (place := str(Path(config_file).parent)) not in sys.path:
        sys.path.insert(0, place)


def read_records(workdir: Path) -> list[dict]:
    """The records of metrics.jsonl, by step. What a killed process left of a line is passed over."""
    path = workdir / "metrics.jsonl"
    if not path.exists():
        return []
    config = read_config(workdir) if (workdir / "config.json").exists() else {}
    lines, num_values, after = [], {}, -1
    for number, line in enumerate(_bytes(path, _RESTORE).split(b"\n")[:-1], 1):
        try:
            value = _parsed(line)
            _check_record(value, config, num_values, after)
        except ValueError as error:
            raise UserError(f"{path}, line {number}: {error}; mend it, or {_RESTORE}") from error
        lines.append(value)
        after = value["step"]
    return lines


def _read(path: Path, check: Callable[[dict], None], advice: str) -> dict:
    try:
        value = _parsed(_bytes(path, advice))
        check(value)
    except ValueError as error:
        raise UserError(f"{path}: {error}; {advice}") from error
    return value


def _bytes(path: Path, advice: str) -> bytes:
    try:
        return path.read_bytes()
    except OSError as error:
        raise UserError(f"{path} cannot be read ({error.strerror}); {advice}") from error


def _parsed(text: bytes) -> dict:
    """The JSON object that the text is. Raises ValueError for anything else."""
    try:
        value = json.loads(text.decode())
    except (ValueError, RecursionError) as error:
        raise ValueError(f"it is not JSON ({error})") from error
    if not isinstance(value, dict):
        raise ValueError(f"it is not a JSON object {{..}} but {_shown(value)}")
    return value


def _is_time(text: str) -> bool:
    try:
        datetime.datetime.fromisoformat(text)
    except ValueError:
        return False
    return True


# (what a value has to be, whether it is)
_COUNT = ("a whole number", lambda value: type(value) is int and value >= 0)
_NUMBER = ("a finite number", lambda value: type(value) in (int, float) and abs(value) <= sys.float_info.max)
_TEXT = ("text", lambda value: isinstance(value, str))
_TIME = ("a time", lambda value: isinstance(value, str) and _is_time(value))
_TEXTS = ("a list of text", lambda value: isinstance(value, list) and all(map(_TEXT[1], value)))
_LIST = ("a list of settings {..}", lambda value: isinstance(value, list) and all(map(_SETTINGS[1], value)))
_SETTINGS = ("settings {..}", lambda value: isinstance(value, Mapping))
_NESTED = ("settings {..} by name", lambda value: _SETTINGS[1](value) and all(map(_SETTINGS[1], value.values())))
_NAMED = ("names [..] or settings {..} by name", lambda value: _TEXTS[1](value) or _NESTED[1](value))
_VALUE = ("a finite number or null", lambda value: value is None or _NUMBER[1](value))  # null: of a seed that diverged
_VALUES = ("a list of finite numbers", lambda value: isinstance(value, list) and all(map(_VALUE[1], value)))

_COUNTS = ("seed", "num_seeds", "num_steps", "log_every", "eval_every", "checkpoint_every")
_CONFIG = dict.fromkeys(_COUNTS, _COUNT) | dict.fromkeys(("data", "world", "learner"), _SETTINGS)
_CONFIG |= {"log_metrics": _TEXTS}
_OUTPUTS = ("evals", "analyses", "artifacts", "figures")
_SUMMARY = {"steps": _COUNT, "num_seeds": _COUNT, "fingerprint": _TEXT}
_SUMMARY |= dict.fromkeys(("wall_seconds", "compile_seconds", "steps_per_second"), _NUMBER)
_LAUNCH = {"step": _COUNT, "argv": _TEXTS}
_OF_LAUNCH = {"time": _TIME, "devices": _TEXTS, "stopped": _TEXT, "modules": _NESTED}
_OF_LAUNCH |= dict.fromkeys(("versions", "jax_settings", "native_kernels"), _SETTINGS)


def _check(value: Mapping, wanted: Mapping[str, tuple]) -> None:
    """Raises ValueError where one of the wanted keys is missing, or is something else."""
    for key, (what, is_so) in wanted.items():
        if key not in value:
            raise ValueError(f"it has no {key}")
        if not is_so(value[key]):
            raise ValueError(f"{key} is {_shown(value[key])}, not {what}")


def _check_if_there(value: Mapping, wanted: Mapping[str, tuple]) -> None:
    _check(value, {key: what for key, what in wanted.items() if key in value})


def _check_config(value: dict) -> None:
    try:
        renamed.check(value)
    except ValueError as error:
        raise ValueError(f"it is of an older version: {error}") from error
    _check(value, _CONFIG)
    several = {"grid": _NESTED, "baselines": _NESTED, **dict.fromkeys(_OUTPUTS, _NAMED)}
    _check(value, {key: what for key, what in several.items() if value.get(key) is not None})
    for cell, changes in (value.get("grid") or {}).items():
        grid.merged(value, changes, f"grid.{cell}")


def _check_summary(value: dict) -> None:
    _check(value, _SUMMARY | _of_metrics(name for name in value if "/" in name))
    _check_if_there(value, {"diverged_at": _LIST, "peak_memory_bytes": _NUMBER, "missing": _TEXTS})
    for of_one in value.get("diverged_at", ()):
        _check(of_one, {"member": _TEXT, "seed": _COUNT, "step": _COUNT})


def _check_launches(value: dict) -> None:
    _check_if_there(value, {"resumed": _LIST})
    for launch in (value, *value.get("resumed", ())):
        _check(launch, _LAUNCH | ({"config_file": _TEXT} if launch.get("config_file") is not None else {}))
        _check_if_there(launch, _OF_LAUNCH)
        for module in launch.get("modules", {}).values():
            _check(module, {"file": _TEXT, "sha256": _TEXT})


def _check_record(value: dict, config: Mapping, num_values: dict[str, int], after: int) -> None:
    """Raises ValueError for a line that is no record of this config, after that of step `after`.

    num_values: how many seeds each metric had in the lines before; this line is added.
    """
    _check(value, {"step": _COUNT} | _of_metrics(value.keys() - {"step"}))
    step = value["step"]
    if step <= after:
        raise ValueError(f"step {step} comes after step {after}")
    if step > config.get("num_steps", step):
        raise ValueError(f"step {step} is beyond the last, {config['num_steps']}")
    for name in value.keys() - {"step"}:
        of_seeds = value.get(f"{name}{records.SEEDS}", ())
        if of_seeds and len(of_seeds) != config.get("num_seeds", len(of_seeds)):
            raise ValueError(f"{name} has {len(of_seeds)} seeds of {config['num_seeds']}")
        if num_values.setdefault(name, len(of_seeds)) != len(of_seeds):
            raise ValueError(f"{name} has {len(of_seeds)} seeds, and {num_values[name]} in the lines before")
        if name.endswith(records.SEEDS) and name.removesuffix(records.SEEDS) not in value:
            raise ValueError(f"it has no {name.removesuffix(records.SEEDS)}, the mean of {name}")


def _of_metrics(names: Iterable[str]) -> dict[str, tuple]:
    """What metrics of these names have to be."""
    return {name: _VALUES if name.endswith(records.SEEDS) else _VALUE for name in names}


def _shown(value: Any) -> str:
    text = json.dumps(value)
    return text if len(text) < 40 else f"{text[:40]} .."
