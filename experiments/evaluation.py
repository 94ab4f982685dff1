"""What is measured: the evals of a config, on what they see of its learners."""

import math
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp

from experiments import records, registry, settings
from experiments.evals import View


def is_due(config: Any, step: int) -> bool:
    """Every `eval_every` steps or, with `evals_per_decade`, that number of times each time that steps grow tenfold."""
    per_decade, (chunk, rest) = config.get("evals_per_decade") or 0, divmod(step, config["log_every"])
    if not per_decade:
        return step % config["eval_every"] == 0
    return rest == 0 and (chunk == 1 or int(per_decade * math.log10(chunk)) > int(per_decade * math.log10(chunk - 1)))


def steps_of(config: Mapping) -> list[int]:
    """The steps at which a run is evaluated: before the first, where it is due, and after the last."""
    log_every, last = config["log_every"], config["num_steps"]
    return sorted({0, *(step for step in range(log_every, last, log_every) if is_due(config, step)), last})


class Eval(NamedTuple):
    """Something to be measured."""

    label: str
    measure: Callable  # (view, ..) -> metrics
    members: tuple[str, ...] | None  # whose views it gets; None: one alone, and each member is measured
    constant: tuple[str, ...] = ()  # names of metrics that no learning changes, which are measured once


def of_config(config: Mapping, cells: Mapping, baselines: Sequence[str]) -> tuple[Eval, ...]:
    """The evals of a config. Raises ValueError where one cannot be."""
    everyone = records.members(cells, baselines)
    made = []
    for label, of_eval in registry.settings_by_label(config.get("evals"), "evals").items():
        members = of_eval.pop("members", None)
        if not isinstance(members, list | tuple | None) or members == ():
            raise ValueError(f"evals.{label}.members must be a tuple of names; got {members!r}")
        if unknown := [name for name in members or () if name not in everyone]:
            raise ValueError(f"evals.{label}.members: no {unknown[0]!r}; there are {', '.join(map(repr, everyone))}")
        given = (None,) * (1 if members is None else len(members))
        where = f"evals.{label}"
        function = registry.resolve("evals", of_eval["name"], where)
        settings.check_views(function, len(given), of_eval, where)
        measure = registry.build("evals", of_eval, *given, where=where)
        own = {key: value for key, value in of_eval.items() if key != "name"}
        constant = function.constant(**own) if hasattr(function, "constant") else ()
        made.append(Eval(label, measure, members if members is None else tuple(members), tuple(constant)))
    return tuple(made)


def measure(evals: Sequence[Eval], views: Mapping[str, View]) -> dict[str, jax.Array]:
    """What is measured on each member of one cell: its learner, and under their names its baselines."""
    metrics: dict[str, jax.Array] = {}
    for baseline, view in views.items():
        for one in evals:
            if one.members is None:
                of_one = {records.joined(baseline, name): value for name, value in _measured(one, view).items()}
                metrics = merged(metrics, of_one)
    return metrics


def measure_together(evals: Sequence[Eval], views: Mapping[str, Mapping[str, View]]) -> dict[str, jax.Array]:
    """What is measured on several members at once. views: of each cell."""
    by_member = {
        records.member(cell, baseline): view for cell, of_cell in views.items() for baseline, view in of_cell.items()
    }
    metrics: dict[str, jax.Array] = {}
    for one in evals:
        if one.members is not None:
            metrics = merged(metrics, _measured(one, *(by_member[name] for name in one.members)))
    return metrics


def _measured(one: Eval, *views: View) -> dict[str, jax.Array]:
    """What an eval returns. Raises ValueError where that is not a dict of numbers."""
    with settings.explained(f"evals.{one.label} cannot measure this learner on these data"):
        metrics = one.measure(*views)
    return {name: value.astype(float) for name, value in as_numbers(metrics, f"evals.{one.label}").items()}


def constant(evals: Sequence[Eval], paths: Iterable[str]) -> list[str]:
    """The paths among these of metrics that are measured once."""
    ends = tuple(f"/{name}" for one in evals for name in one.constant)
    return [path for path in paths if path.endswith(ends)]


def as_numbers(metrics: Any, whose: str) -> dict[str, jax.Array]:
    """The metrics that a function returned, [] each. Raises ValueError where they are not a dict of numbers."""
    if not isinstance(metrics, Mapping) or not all(isinstance(name, str) for name in metrics):
        raise ValueError(f"{whose}: metrics are {{name: number}}; got {type(metrics).__name__}")
    try:
        arrays = {name: jnp.asarray(value) for name, value in metrics.items()}
    except (TypeError, ValueError) as error:
        raise ValueError(f"{whose}: a metric is one number ({error})") from error
    for name, value in arrays.items():
        if not name or name.endswith(records.SEEDS):
            raise ValueError(f"{whose}: a metric cannot be called {name!r}")
        if value.shape != () or jnp.iscomplexobj(value):
            raise ValueError(f"{whose}: {name} is {value.dtype} of shape {value.shape}; a metric is one real number")
    return arrays


def merged(metrics: Mapping, more: Mapping) -> dict:
    """Metrics and more of them. Raises ValueError where a name is in both."""
    if both := sorted(metrics.keys() & more.keys()):
        raise ValueError(f"evals: two of them measure {', '.join(both)}; rename one in a function of your own")
    return {**metrics, **more}
