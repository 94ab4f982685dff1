"""Arrays of one's own in an .npz file: x_train, y_train and, where there is a test part, x_test, y_test."""

import zipfile
import zlib
from pathlib import Path

import numpy as np

from experiments.data.kinds import Data, Part
from experiments.data.split import held_out

_TRAIN, _TEST = ("x_train", "y_train"), ("x_test", "y_test")


def npz(
    data_dir: str | None, *, file: str = "data.npz", test_fraction: float | None = None, split_seed: int = 0
) -> Data:
    """The arrays of an .npz file, relative to data_dir where one is given.

    x [n, D..] becomes float32, but bytes stay bytes: they are pixels. y are labels where they are integers, [n] or
    [n, 1], and targets [n] or [n, d] where they are not. Without test arrays, test_fraction (0.2) of the rows are held
    out, of classes equal fractions. Raises ValueError where an array is missing or holds something else.
    """
    path = Path(data_dir or ".") / Path(file).expanduser()
    if not path.is_file():
        raise FileNotFoundError(f"no file {path}; --data_dir names its folder, data.file its name")
    arrays = _load(path)
    train = _part(path, arrays, _TRAIN)
    if all(name in arrays for name in _TEST):
        if test_fraction is not None:
            raise ValueError(f"{path} has test arrays of its own; leave data.test_fraction out")
        return Data(train, _part(path, arrays, _TEST))
    labels = np.issubdtype(train.y.dtype, np.integer)
    rows = held_out(train.y, test_fraction or 0.2, split_seed, stratify=labels)
    first, second = (Part(train.x[of_part], train.y[of_part]) for of_part in rows)
    return Data(first, second)


def _load(path: Path) -> dict[str, np.ndarray]:
    try:
        with path.open("rb") as opened, np.load(opened) as content:
            wanted = [name for name in (*_TRAIN, *_TEST) if name in content.files]
            there = ", ".join(content.files)
            arrays = {name: content[name] for name in wanted}
    except (zipfile.BadZipFile, zlib.error, EOFError, OSError, AttributeError) as error:
        raise ValueError(f"{path} is not a whole .npz file ({error})") from error
    except ValueError as error:  # pickled objects, or a file that is no archive
        raise ValueError(f"{path}: {error}; save plain arrays with np.savez") from error
    needed = (*_TRAIN, *_TEST) if any(name in arrays for name in _TEST) else _TRAIN
    if missing := [name for name in needed if name not in arrays]:
        raise ValueError(f"{path} has no {', '.join(missing)}; it holds {there or 'nothing'}")
    return arrays


def _part(path: Path, arrays: dict[str, np.ndarray], names: tuple[str, str]) -> Part:
    x, y = (arrays[name] for name in names)
    for name, array in zip(names, (x, y), strict=True):
        if array.dtype.kind not in "biuf":
            raise ValueError(f"{path}: {name} is {array.dtype}; it must hold numbers")
        if array.ndim < 1:
            raise ValueError(f"{path}: {name} is one number; it must have a row for each sample")
    if len(x) != len(y):
        raise ValueError(f"{path}: {names[0]} has {len(x)} rows but {names[1]} {len(y)}")
    x = x if x.dtype == np.uint8 else x.astype(np.float32)
    return Part(x.reshape(len(x), -1) if x.ndim == 1 else x, _targets(path, y, names[1]))


def _targets(path: Path, y: np.ndarray, name: str) -> np.ndarray:
    """Labels int32 [n], or targets float32 [n, d]."""
    if y.dtype.kind == "f":
        return y.astype(np.float32).reshape(len(y), -1)
    if y.size != len(y):
        raise ValueError(f"{path}: {name} holds integers of shape {y.shape}; labels are [n], other targets floats")
    return y.reshape(len(y)).astype(np.int32)
