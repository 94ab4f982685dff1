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
import numpy as np
from sklearn.utils.validation import check_is_fitted

from glns.estimator import growth, inputs, programs, units

_RATES = ("learning_rate", "learning_rate_decay")
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
    """The settings, with new learning rates. Raises ValueError for another setting that is not the fitted model's."""
    now, fitted = settings(estimator, *factories), estimator._fitted
    for name in (*fitted, *now):
        if name not in _RATES and now.get(name) != fitted.get(name):
            raise ValueError(
                f"{name} is {now.get(name)!r} but the model was fitted with {fitted.get(name)!r}; call fit again"
            )
    estimator._programs(**now)  # raises ValueError where a new rate is out of bounds
    return now


def all_or_nothing(method: Callable) -> Callable:
    """A method that leaves its estimator as it was where it raises an exception."""

    @wraps(method)
    def attempt(estimator, *args, **kwargs):
        before = dict(vars(estimator))  # what these hold is never changed in place
        try:
            return method(estimator, *args, **kwargs)
        except BaseException:
            vars(estimator).clear()
            vars(estimator).update(before)
            raise

    return attempt


def check_fitted(estimator: Any) -> None:
    """Raises scikit-learn's NotFittedError if nothing was learned yet."""
    if not hasattr(estimator, "state_"):  # its check is slow
        check_is_fitted(estimator)


def begin(estimator: Any, rows: inputs.Rows, *, free: bool) -> None:
    """Sets the units, and that nothing was learned yet. free: see `units.Units`."""
    first = rows.take(slice(0, 1))
    estimator._units = units.begin(first.shape[1], free=free, first=first[0])
    estimator._recent = np.zeros((0, first.shape[1]))


def widen(estimator: Any, num: int, moments: str) -> None:
    """Adds `num` features, after the others, that were 0 in all samples so far."""
    dim = estimator.n_features_in_
    seeds = [(estimator._seed, dim + index) for index in range(num)]
    estimator.state_ = growth.add_features(estimator.state_, seeds, moments)
    estimator._units = units.widened(estimator._units, num)
    estimator._recent = np.pad(estimator._recent, ((0, 0), (0, num)))
    estimator.n_features_in_ = dim + num


def orders(estimator: Any, num: int, random: np.random.RandomState) -> Iterator[np.ndarray | None]:
    """The order of the samples in each pass of `fit`; None is the order given."""
    return (random.permutation(num) if estimator.shuffle else None for _ in range(estimator.num_passes))


def learn(
    estimator: Any, functions: programs.Programs, rows: inputs.Rows, targets: tuple, order: Any, moments: str
) -> Any:
    """Learns rows in an order. targets: arrays [n, ..], the last their weights. moments: of the features. -> state."""
    size = programs.call_size(rows.num)
    dtype = jax.dtypes.canonicalize_dtype(float)

    def calls():
        for part in _parts(rows, size, order):
            x = rows.take(part).astype(float, copy=False)
            *of_part, weights = (array[part] for array in targets)
            estimator._units, change, numbers = units.learn(estimator._units, x)
            yield _rescaling(moments, change), (numbers, *of_part, weights.astype(dtype))
            _remember(estimator, x if weights.all() else x[weights > 0])

    return programs.learn(functions, estimator.state_, calls(), size)


def predict(estimator: Any, function: Callable, rows: inputs.Rows) -> Any:
    """What a program of (state, x) gives for rows: arrays that start with n."""
    size = programs.call_size(rows.num)
    numbers = (rows.take(part) for part in _parts(rows, size, None))
    calls = (units.apply(estimator._units, x.astype(float, copy=False)) for x in numbers)
    return programs.predict(function, estimator.state_, calls, size)


def _parts(rows, size, order):
    parts = (slice(start, start + size) for start in range(0, rows.num, size))
    return parts if order is None else (order[part] for part in parts)


def _rescaling(moments, factor):
    if factor is None:
        return None
    return lambda state: state._replace(**{moments: units.rescale(getattr(state, moments), factor)})


def _remember(estimator, x):
    num = max(1, min(_RECENT, _RECENT_NUMBERS // x.shape[1]))
    estimator._recent = x[-num:] if len(x) >= num else np.concatenate([estimator._recent, x])[-num:]
