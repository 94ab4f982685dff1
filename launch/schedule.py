"""The steps and seeds of a run, and how it is computed: what a config may say of them."""

import math

from ml_collections import ConfigDict

from launch import execution as forms

_MAX_STEPS = 2**31 - 1  # a run counts its steps in an int32
_NUM_SEEDS = 2**32  # a seed is a uint32
_MAX_SEEDS = 2**16  # at once


def check(config: ConfigDict) -> None:
    """Raises ValueError where the steps or the seeds of a config cannot be."""
    _check_whole("num_steps", config.num_steps, 0, _MAX_STEPS)  # 0: what has been learned before is evaluated
    for name in ("log_every", "eval_every", "checkpoint_every"):
        _check_whole(name, config[name], 1, _MAX_STEPS)
    _check_whole("seed", config.seed, 0, _NUM_SEEDS - 1)
    _check_whole("num_seeds", config.num_seeds, 1, _MAX_SEEDS)
    if config.seed + config.num_seeds > _NUM_SEEDS:
        raise ValueError(
            f"seed={config.seed} and num_seeds={config.num_seeds} go beyond the last seed, {_NUM_SEEDS - 1}"
        )
    for name in ("eval_every", "checkpoint_every"):
        if config[name] % config.log_every:
            raise ValueError(f"{name}={config[name]} must be a multiple of log_every={config.log_every}")
    per_decade = config.get("evals_per_decade")
    if per_decade is not None and (not isinstance(per_decade, int | float) or not 0 <= per_decade < math.inf):
        raise ValueError(f"evals_per_decade must be a number of at least 0, or None; got {per_decade!r}")


def execution(config: dict) -> tuple[str | None, int | None]:
    """The form and the prefetch that the config asks for, None where it leaves them to the program."""
    form, prefetch = config.get("execution"), config.get("prefetch")
    if form is not None:
        forms.check(form)
    if prefetch is not None:
        _check_whole("prefetch", prefetch, 1, _MAX_STEPS)
    return form, prefetch


def _check_whole(name: str, value: object, least: int, most: int) -> None:
    """Raises ValueError where a value is not a whole number from `least` to `most`."""
    if not isinstance(value, int) or isinstance(value, bool):
        raise ValueError(f"{name} must be a whole number, got {value!r}")
    if not least <= value <= most:
        raise ValueError(f"{name} must be {least} to {most}, got {value}")
