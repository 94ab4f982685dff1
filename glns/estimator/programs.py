"""A learner's compiled programs, and streams of samples through them in calls of few sizes.

A program is compiled for a number of samples, so calls are of 1, of 32 or of 256 of them; samples of weight 0, from
which nothing is learned, fill the last.

Letters: D features, n samples.
"""

from collections.abc import Callable, Iterable
from functools import lru_cache, partial
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np

RATES = ("learning_rate", "learning_rate_decay")  # settings that are no part of a program
_SOME, _MANY = 32, 256  # samples a call


class Programs(NamedTuple):
    """A learner's functions, compiled. What they are given may be NumPy arrays."""

    init: Callable  # (key, example) -> state
    update: Callable  # (state, batch) -> state
    update_many: Callable  # the same in place: what was given as state is gone
    predict: Callable  # (state, x) -> predictions, which start with the samples
    jacobian: Callable  # (state, x) -> d predictions / d x, of each sample by itself


def programs(factory: Callable, *args: Any, **settings: Any) -> Programs:
    """The programs of a learner, compiled once for all whose settings are the same but for their rates.

    settings: as of `hashable`. Raises ValueError where one is out of bounds.
    """
    return _bound(factory, args, tuple(settings.items()), jax.config.jax_enable_x64)  # pyrefly: ignore


def hashable(value: Any) -> Any:
    """A setting as a key of a cache: lists, ranges and arrays as tuples, NumPy's numbers as Python's."""
    if isinstance(value, np.generic | np.ndarray):
        value = value.tolist()
    return tuple(map(hashable, value)) if type(value) in (list, tuple, range) else value


@lru_cache(maxsize=64)
def _bound(factory, args, items, wide):
    del wide  # the numbers' width, of which the rates are
    settings = dict(items)
    factory(*args, **settings)  # raises ValueError
    rates = {name: settings.pop(name) for name in RATES if name in settings and not _has_function(settings[name])}
    leaves, structure = jax.tree.flatten(rates)
    compiled = _compiled(factory, args, tuple(settings.items()), structure)
    update, update_many = (partial(function, jnp.array(leaves, float)) for function in compiled[1:3])
    return compiled._replace(update=update, update_many=update_many)


def _has_function(rate):
    return callable(rate) or (isinstance(rate, tuple) and any(map(callable, rate)))


@lru_cache(maxsize=64)
def _compiled(factory, args, items, rates):
    """The programs; those that learn take the rates first, all in one array. rates: their tree."""
    init, _, predict = factory(*args, **dict(items))

    def update(leaves, state, batch):
        learner = factory(*args, **dict(items), **jax.tree.unflatten(rates, list(leaves)))
        return learner[1](None, state, batch)[0]  # learning a GLN is not random: no key

    def jacobian(state, x):
        return jax.vmap(jax.jacrev(lambda one: jax.tree.map(lambda leaf: leaf[0], predict(state, one[None]))))(x)

    return Programs(
        jax.jit(init), jax.jit(update), jax.jit(update, donate_argnums=1), jax.jit(predict), jax.jit(jacobian)
    )


_copied = jax.jit(partial(jax.tree.map, jnp.copy))


def learn(functions: Programs, state: Any, calls: Iterable[tuple], size: int) -> Any:
    """Learns calls of at most `size` samples, each of (x, targets, weights). -> state.

    A call is (change, batch): `change`, if there is one, is applied to the state first.
    """
    owned = False
    for change, batch in calls:
        state = change(state) if change else state
        batch = tuple(filled(array, size) for array in batch)
        if size < _MANY:
            state = functions.update(state, batch)
        else:  # in place, in a copy: others may hold the state that we were given
            state = functions.update_many(state if owned and not change else _copied(state), batch)
            owned = True
    return state


def predict(function: Callable, state: Any, calls: Iterable[np.ndarray], size: int) -> Any:
    """The predictions for calls, each of inputs [n, D] with n <= size: arrays that start with all the samples."""

    def of_call(x):
        outputs = function(state, filled(x, size))
        if isinstance(outputs, jax.Array):  # soon done, for a single sample
            return np.asarray(outputs)[: len(x)]
        return jax.tree.map(lambda leaf: np.asarray(leaf)[: len(x)], outputs)

    outputs = list(map(of_call, calls))
    return outputs[0] if len(outputs) == 1 else jax.tree.map(lambda *parts: np.concatenate(parts), *outputs)


def call_size(num_samples: int) -> int:
    """How many samples a call has room for."""
    return 1 if num_samples == 1 else _SOME if num_samples <= 4 * _SOME else _MANY


def filled(array: np.ndarray, size: int) -> np.ndarray:
    """The array with zeros added to its samples, up to `size` of them."""
    missing = size - len(array)
    return array if missing == 0 else np.concatenate([array, np.zeros((missing, *array.shape[1:]), array.dtype)])
