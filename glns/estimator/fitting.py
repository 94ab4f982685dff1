"""How an estimator learns and predicts: its settings, its streams of samples, and the units of its features.

An estimator here has the attributes _fitted, the settings it was fitted with, _units and _recent, the last samples
learned, [m, D] in float64.

Letters: D features, n samples.
"""

import inspect
from collections.abc import Callable, Iterator
from functools import lru_cache, wraps
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from sklearn.utils.validation import check_is_fitted

from glns.estimator import growth, inputs, programs, units
from glns.settings import check_counts, check_flags

_RECENT = 256  # samples kept to explain what was learned; fewer where they are wide
_RECENT_NUMBERS = 1_000_000


def settings(estimator: Any, *factories: Callable) -> dict[str, Any]:
    """The arguments of a learner's factories that an estimator has, as Python's values."""
    names = _shared_names(type(estimator), *factories)
    given = {name: programs.hashable(getattr(estimator, name)) for name in names}
    return {name: value for name, value in given.items() if (name, value) not in (("side", None), ("gate", None))}


@lru_cache
def _shared_names(kind, *factories):
    own = inspect.signature(kind).parameters
    return [name for factory in factories for name in inspect.signature(factory).parameters if name in own]


def unchanged(estimator: Any, *factories: Callable) -> dict[str, Any]:
    """The settings with new learning rates, of a model that goes on. Raises ValueError where others have changed."""
    now, fitted = settings(estimator, *factories), estimator._fitted
    for name in (*fitted, *now):
        if name not in programs.RATES and now.get(name) != fitted.get(name):
            raise ValueError(
                f"{name} is {now.get(name)!r} but the model was fitted with {fitted.get(name)!r}; call fit again"
            )
    estimator.state_ = _state(estimator)
    estimator._programs(**now)  # raises ValueError where a new rate is out of bounds
    return now


def learning(method: Callable) -> Callable:
    """A method that learns in a copy of its estimator, which takes its place when all is learned.

    So where it raises an exception nothing has changed, and threads that read meanwhile read what was there before.
    """

    @wraps(method)
    def learn(estimator, *args, **kwargs):
        copy = _copied(estimator)
        method(copy, *args, **kwargs)
        estimator.__dict__ = vars(copy)
        return estimator

    return learn


def reading(method: Callable) -> Callable:
    """A method that reads a fitted estimator as it is now, whatever it learns meanwhile in another thread.

    Raises scikit-learn's NotFittedError if nothing was learned yet.
    """

    @wraps(method)
    def read(estimator, *args, **kwargs):
        copy = _copied(estimator)
        if not hasattr(copy, "state_"):  # its check is slow
            check_is_fitted(copy)
        return method(copy, *args, **kwargs)

    return read


def _copied(estimator):
    """Another estimator with the same attributes. What these hold is never changed in place."""
    copy = object.__new__(type(estimator))
    copy.__dict__ = dict(vars(estimator))
    return copy


def begin(estimator: Any, rows: inputs.Rows, *, free: bool) -> None:
    """Sets the units, and that nothing was learned yet. free: see `units.Units`."""
    dim = rows.take(slice(0, 1)).shape[1]
    if not dim:
        raise ValueError("X has neither a number nor a category in any column")
    estimator._units = units.begin(dim, free=free)
    estimator._recent = np.zeros((0, dim))


def offset(estimator: Any, of: units.Units, take: Callable, weights: np.ndarray) -> units.Units:
    """The units `of` columns; while nothing was learned, with the first sample of a weight as their offset.

    take: as of `inputs.Rows`, of those columns.
    """
    if len(estimator._recent) or not weights.any():
        return of
    first = int(np.argmax(weights > 0))
    return units.begin(len(of.scale), free=of.free, first=take(slice(first, first + 1))[0])


def widen(estimator: Any, num: int, moments: str) -> None:
    """Adds `num` features, after the others, that were 0 in all samples so far."""
    dim = estimator.n_features_in_
    seeds = [(estimator._seed, dim + index) for index in range(num)]
    estimator.state_ = growth.add_features(estimator.state_, seeds, moments)
    estimator._units = units.widened(estimator._units, num)
    estimator._recent = np.pad(estimator._recent, ((0, 0), (0, num)))
    estimator.n_features_in_ = dim + num


def orders(estimator: Any, num: int, random: np.random.RandomState) -> Iterator[np.ndarray | None]:
    """The order of the samples in each pass of `fit`, drawn as it begins; None is the order given."""
    check_counts(1, num_passes=estimator.num_passes)
    check_flags(shuffle=estimator.shuffle)
    return (random.permutation(num) if estimator.shuffle else None for _ in range(estimator.num_passes))


def learn(
    estimator: Any, functions: programs.Programs, rows: inputs.Rows, targets: tuple, order: Any, moments: str
) -> Any:
    """Learns rows in an order. targets: arrays [n, ..], the last their weights. moments: of the features. -> state."""
    size = programs.call_size(rows.num)
    dtype = jax.dtypes.canonicalize_dtype(float)
    estimator._units = offset(estimator, estimator._units, rows.take, targets[-1])

    def calls():
        for part in _parts(rows, size, order):
            x = rows.take(part).astype(float, copy=False)
            *of_part, weights = (array[part] for array in targets)
            estimator._units, change, numbers = units.learn(estimator._units, x, weights)
            yield _rescaling(moments, change), (numbers, *of_part, weights.astype(dtype))
            _remember(estimator, x if weights.all() else x[weights > 0])

    return programs.learn(functions, _state(estimator), calls(), size)


def predict(estimator: Any, function: Callable, rows: inputs.Rows) -> Any:
    """What a program of (state, x) gives for rows: arrays that start with n."""
    size = programs.call_size(rows.num)
    numbers = (rows.take(part) for part in _parts(rows, size, None))
    calls = (units.apply(estimator._units, x.astype(float, copy=False)) for x in numbers)
    return programs.predict(function, _state(estimator), calls, size)


def _state(estimator):
    """What was learned, in the width that JAX computes with: it may have been learned in 64 bits, or not."""
    state, dtype = estimator.state_, jax.dtypes.canonicalize_dtype(float)
    if state.layers[0].weights.dtype == dtype:
        return state
    leaves = jax.tree.map(np.asarray, state)
    return jax.tree.map(lambda leaf: jnp.asarray(leaf.astype(dtype) if leaf.dtype.kind == "f" else leaf), leaves)


def _parts(rows, size, order):
    parts = (slice(start, start + size) for start in range(0, rows.num, size))
    return parts if order is None else (order[part] for part in parts)


def _rescaling(moments, factor):
    if factor is None:
        return None
    return lambda state: growth.with_moments(state, moments, lambda of: units.rescale(of, factor))


def _remember(estimator, x):
    num = max(1, min(_RECENT, _RECENT_NUMBERS // x.shape[1]))
    estimator._recent = x[-num:] if len(x) >= num else np.concatenate([estimator._recent, x])[-num:]
