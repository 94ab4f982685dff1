"""Learners that go on from what was learned before: pretraining (Nakkiran 2021, on pretraining), averaged weights."""

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np

from bootstrap import settings
from bootstrap.core import Learner


def learned(state: Any) -> dict[str, Any]:
    """The arrays of a learner's state by their names, such as params/Dense_0/kernel; those of an optimizer left out."""
    leaves, _ = jax.tree_util.tree_flatten_with_path(state)
    named = {jax.tree_util.keystr(path, simple=True, separator="/"): leaf for path, leaf in leaves}
    return {name: leaf for name, leaf in named.items() if "optimizer" not in name.split("/")}


def started(learner: tuple, arrays: Mapping[str, np.ndarray], *, fresh: Sequence[str] = ()) -> Learner:
    """A learner that begins with these arrays, by the names of `learned`; its optimizer begins anew.

    fresh: names, or beginnings of names up to a "/", of what begins anew as well, such as the last layer for other
    classes. All else that is learned must be among the arrays, in the same shape, of finite real numbers: ValueError
    names what is not. The arrays are constants of the program that begins a run.
    """
    learner = Learner(*learner)
    if isinstance(fresh, str):
        raise ValueError(f"fresh must be a sequence of names, got {fresh!r} alone")

    def is_fresh(name):
        return any(_under(name, one) for one in fresh)

    def init(key, example):
        state = learner.init(key, example)
        wanted = learned(state)
        if unknown := [one for one in fresh if not any(_under(name, one) for name in wanted)]:
            raise ValueError(f"fresh: no {unknown[0]!r} in this learner; there are {', '.join(wanted)}")
        wanted = {name: leaf for name, leaf in wanted.items() if not is_fresh(name)}
        _check(wanted, arrays, is_fresh)

        def chosen(path, leaf):
            name = jax.tree_util.keystr(path, simple=True, separator="/")
            return jnp.asarray(arrays[name], leaf.dtype) if name in wanted else leaf

        return jax.tree_util.tree_map_with_path(chosen, state)

    return Learner(init, learner.update, learner.predict)


def _under(name, prefix):
    return f"{name}/".startswith(f"{prefix.rstrip('/')}/")


def _check(wanted, arrays, is_fresh):
    """Raises ValueError where the arrays are not those that are wanted."""
    if missing := [name for name in wanted if name not in arrays]:
        raise ValueError(f"the start has no {missing[0]}; its arrays: {', '.join(arrays)}")
    if extra := [name for name in arrays if name not in wanted and not is_fresh(name)]:
        raise ValueError(f"the start has {extra[0]}, which this learner has not; it has {', '.join(wanted)}")
    for name, leaf in wanted.items():
        if (there := np.shape(arrays[name])) != leaf.shape:
            raise ValueError(
                f"{name} is {list(there)} in the start but {list(leaf.shape)} in this learner; "
                "name it in `fresh`, and it begins anew"
            )
        if isinstance(arrays[name], jax.core.Tracer):
            continue
        settings.check_numbers(**{f"the start's {name}": np.atleast_1d(arrays[name])})
        if not np.isfinite(arrays[name]).all():
            raise ValueError(f"the start's {name} has numbers that are not finite")


class State(NamedTuple):
    """What a learner has learned, and the average over its path."""

    learner: Any
    average: Any  # of the learner's params


def averaged(learner: tuple, decay: float | jax.Array) -> Learner:
    """A learner that predicts by a moving average of its `params`, average += (1 - decay)(params - average).

    It learns as without. The average begins at the first params, so nothing is to be corrected for. What a net keeps
    besides, such as batch statistics, is the present one's. Raises ValueError where the state has no `params`.
    """
    settings.check_fraction(decay=decay)
    learner = Learner(*learner)

    def init(key, example):
        state = learner.init(key, example)
        if not hasattr(state, "params"):
            raise ValueError("this learner's state has no params to average")
        return State(state, state.params)

    def update(key, state, batch):
        after, metrics = learner.update(key, state.learner, batch)
        average = jax.tree.map(lambda old, new: old + (1 - decay) * (new - old), state.average, after.params)
        return State(after, average), metrics

    def predict(state, x):
        return learner.predict(state.learner._replace(params=state.average), x)

    return Learner(init, update, predict)
