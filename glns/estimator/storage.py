"""A fitted estimator in one file: NumPy's `.npz` with a header in JSON, no pickle.

The header has the settings, the labels and the categories; the arrays are the learned state and the units.
"""

import json
from typing import Any

import jax
import numpy as np

from glns.estimator.programs import hashable
from glns.estimator.units import of_saved

_FORMAT = "collage glns.estimator"
_VERSION = 3
_UNITS = ("_units", "_of_y")  # attributes that are Units
_ARRAYS = ("_slots", "_recent")
_PLAIN = ("_fitted", "_categories", "_seed", "_shape", "n_features_in_")
_LISTS = ("classes_", "feature_names_in_")


def save(estimator: Any, path: Any) -> None:
    """Writes a fitted estimator. Raises ValueError for a setting that is a function or a random generator."""
    has = vars(estimator)
    header: dict[str, Any] = {
        "format": _FORMAT,
        "version": _VERSION,
        "estimator": type(estimator).__name__,
        "params": _encoded_all(estimator.get_params()),
        "plain": _encoded_all({name: has[name] for name in _PLAIN if name in has}),
        "lists": {name: [has[name].dtype.str, has[name].tolist()] for name in _LISTS if name in has},
        "free": {name: has[name].free for name in _UNITS if name in has},
    }
    arrays = {name: has[name] for name in _ARRAYS if name in has}
    for name in header["free"]:
        arrays |= {f"{name}.offset": has[name].offset, f"{name}.scale": has[name].scale}
    leaves = [np.asarray(leaf) for leaf in jax.tree.leaves(estimator.state_)]
    arrays |= {f"state.{number}": leaf for number, leaf in enumerate(leaves)}
    text = np.frombuffer(json.dumps(header).encode(), np.uint8)
    with open(path, "wb") as file:  # a path without .npz stays as it is
        np.savez(file, header=text, **arrays)


def load(kind: type, path: Any) -> Any:
    """Reads an estimator of a kind. Raises ValueError for a file that is none, or is damaged or of another version."""
    with open(path, "rb") as file:
        header, arrays = _attempt(path, _read, file)
        named = _attempt(path, lambda: (header["format"], header["version"], header["estimator"]))
        if named != (_FORMAT, _VERSION, kind.__name__):
            raise ValueError(f"{path} holds {named}, not {(_FORMAT, _VERSION, kind.__name__)}; fit and save it again")
        return _attempt(path, _restored, kind, header, arrays)


def _attempt(path, function, *args):
    """What a function of a file's content gives. Damaged content may raise anything: zipfile seeks where no byte is."""
    try:
        return function(*args)
    except Exception as error:
        raise ValueError(f"{path} is no saved estimator, or is damaged ({type(error).__name__})") from error


def _read(file):
    with np.load(file, allow_pickle=False) as saved:
        arrays = {name: saved[name] for name in saved.files}
    return json.loads(arrays["header"].tobytes()), arrays


def _restored(kind, header, arrays):
    estimator = kind(**{name: _decoded(value) for name, value in header["params"].items()})
    for name in header["plain"].keys() & _PLAIN:
        setattr(estimator, name, _decoded(header["plain"][name]))
    for name in header["lists"].keys() & _LISTS:
        dtype, values = header["lists"][name]
        setattr(estimator, name, np.array(values, dtype))
    for name in header["free"].keys() & _UNITS:
        of_units = arrays[f"{name}.offset"], arrays[f"{name}.scale"]
        setattr(estimator, name, of_saved(*of_units, free=header["free"][name]))
    for name in arrays.keys() & _ARRAYS:
        setattr(estimator, name, arrays[name])
    abstract, structure = jax.tree.flatten(estimator._abstract_state())
    leaves = [arrays[f"state.{number}"] for number in range(structure.num_leaves)]
    estimator.state_ = jax.tree.unflatten(structure, map(_leaf, leaves, abstract))
    return estimator


def _leaf(array, expected):
    """An array of the state, in the width that JAX computes with. Raises ValueError for another shape or kind."""
    if array.dtype.kind != expected.dtype.kind or array.ndim != expected.ndim:
        raise ValueError(f"{array.dtype} {array.shape} where {expected.dtype} {expected.shape} was saved")
    return jax.numpy.asarray(array.astype(expected.dtype))


def _encoded_all(values):
    """The values for JSON, which has neither tuples nor keys that are numbers. Raises ValueError for a function."""
    encoded = {}
    for name, value in values.items():
        encoded[name] = _encoded(value)
        try:
            json.dumps(encoded[name])
        except TypeError:
            raise ValueError(f"{name} is {value!r}, which cannot be saved without pickle") from None
    return encoded


def _encoded(value):
    value = hashable(value)
    if isinstance(value, dict):
        return {"items": [[_encoded(key), _encoded(one)] for key, one in value.items()]}
    return [_encoded(one) for one in value] if isinstance(value, tuple | list) else value


def _decoded(value):
    if isinstance(value, dict):
        return {_decoded(key): _decoded(one) for key, one in value["items"]}
    return tuple(map(_decoded, value)) if isinstance(value, list) else value
