"""A fitted estimator in one file: NumPy's `.npz` with a header in JSON, no pickle.

The header has the settings, the labels and the categories; the arrays are the learned state and the units.
"""

import io
import json
import tokenize
import zipfile
import zlib
from pathlib import Path
from typing import Any

import jax
import numpy as np

from glns.estimator.programs import hashable
from glns.estimator.units import of_saved

_FORMAT = "collage glns.estimator"
_VERSION = 2
_UNITS = ("_units", "_of_y")  # attributes that are Units
_ARRAYS = ("_slots", "_recent")
_PLAIN = ("_fitted", "_categories", "_seed", "_shape", "n_features_in_")
_LISTS = ("classes_", "feature_names_in_")

_DAMAGED = (  # zipfile seeks where no byte is, or finds a password, and NumPy reads headers by Python's tokenizer
    *(AttributeError, EOFError, KeyError, MemoryError, OSError, RuntimeError, SyntaxError, TypeError, ValueError),
    *(tokenize.TokenError, zipfile.BadZipFile, zlib.error),
)


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
    content = io.BytesIO(Path(path).read_bytes())
    try:
        with np.load(content, allow_pickle=False) as saved:
            arrays = {name: saved[name] for name in saved.files}
        header = json.loads(arrays["header"].tobytes())
        named = header["format"], header["version"], header["estimator"]
    except _DAMAGED as error:
        raise ValueError(f"{path} is no saved estimator, or is damaged ({type(error).__name__})") from error
    if named != (_FORMAT, _VERSION, kind.__name__):
        raise ValueError(f"{path} holds {named}, not {(_FORMAT, _VERSION, kind.__name__)}; fit and save it again")
    estimator = kind(**{name: _decoded(value) for name, value in header["params"].items()})
    for name, value in header["plain"].items():
        setattr(estimator, name, _decoded(value))
    for name, (dtype, values) in header["lists"].items():
        setattr(estimator, name, np.array(values, dtype))
    for name, free in header["free"].items():
        setattr(estimator, name, of_saved(arrays[f"{name}.offset"], arrays[f"{name}.scale"], free=free))
    for name in _ARRAYS:
        if name in arrays:
            setattr(estimator, name, arrays[name])
    structure = jax.tree.structure(estimator._abstract_state())
    leaves = [arrays[f"state.{number}"] for number in range(structure.num_leaves)]
    estimator.state_ = jax.tree.map(jax.numpy.asarray, jax.tree.unflatten(structure, leaves))
    return estimator


def _encoded_all(values):
    """The values for JSON, which has neither tuples nor keys that are numbers. Raises ValueError for a function."""
    encoded = {}
    for name, value in values.items():
        encoded[name] = _encoded(hashable(value))
        try:
            json.dumps(encoded[name])
        except TypeError:
            raise ValueError(f"{name} is {value!r}, which cannot be saved without pickle") from None
    return encoded


def _encoded(value):
    if isinstance(value, dict):
        return {"items": [[_encoded(key), _encoded(one)] for key, one in value.items()]}
    return [_encoded(one) for one in value] if isinstance(value, tuple | list) else value


def _decoded(value):
    if isinstance(value, dict):
        return {_decoded(key): _decoded(one) for key, one in value["items"]}
    return tuple(map(_decoded, value)) if isinstance(value, list) else value
