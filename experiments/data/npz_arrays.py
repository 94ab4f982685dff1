"""Data of one's own in an .npz file. Inputs are float32 or uint8 [n, ..]; labels int32 [n] or targets [n, d]."""

import zipfile
from pathlib import Path
from typing import BinaryIO

import numpy as np

from experiments.data.files import DAMAGED, find, listed
from experiments.data.held_out import hold_out
from experiments.data.kinds import Data, Part, check


def npz(
    data_dir: str | None,
    *,
    file: str = "data.npz",
    test_fraction: float | None = None,
    split_seed: int = 0,
    task: str | None = None,
) -> Data:
    """An .npz file of one's own, as numpy.savez writes it: x_train, y_train and, to be tested on, x_test, y_test.

    file: by its path from data_dir or, without one, from the working folder.
    x: numbers [n, ..]. Bytes (uint8) stay bytes; all others become float32.
    y: labels, integers [n] or [n, 1] that count from 0, or targets of a regression, numbers [n] or [n, d].
    test_fraction: where the file has no test arrays, this fraction of the samples is held out, with the same fractions
      of every class; None: 0.2. split_seed: of that split.
    task: "classification" or "regression". None: by the type of y_train. Integers are labels, floats are targets; to
      floats that are at most 20 different whole numbers, which may be either, name the task.

    Python objects are never unpickled. Raises ValueError at arrays that are missing, or are of another type or shape.
    """
    if task not in (None, "classification", "regression"):
        raise ValueError(f"data.task must be classification, regression or None, got {task!r}")
    path = find(data_dir, file, "data.file")
    arrays = _arrays(path)
    task = task or _task(path, arrays["y_train"])
    parts = {
        part: Part(_inputs(arrays[f"x_{part}"]), _targets(path, f"y_{part}", arrays[f"y_{part}"], task))
        for part in ("train", "test")
        if f"x_{part}" in arrays
    }
    train = parts["train"]
    if task == "classification" and len(np.unique(train.y)) == 1:
        raise ValueError(f"{path}: all of y_train are of one class, {train.y[0]}; a classifier needs two")
    if "test" not in parts:
        check(Data(train, train))
        labels = train.y if task == "classification" else None
        describe = f"{path}: label {{}}".format
        rows = hold_out(len(train.y), test_fraction, split_seed, labels=labels, describe=describe)
        train, test = (Part(train.x[of_part], train.y[of_part]) for of_part in rows)
        return Data(train, test)
    if test_fraction is not None:
        raise ValueError(f"{path} has arrays to test on: data.test_fraction must be None")
    for of_train, of_test, name in zip(train, parts["test"], "xy", strict=True):
        if (of_train.dtype, of_train.shape[1:]) != (of_test.dtype, of_test.shape[1:]):
            raise ValueError(
                f"{path}: {name}_train is {_described(arrays[f'{name}_train'])}, but {name}_test "
                f"{_described(arrays[f'{name}_test'])}; they must differ in nothing but the number of samples"
            )
    return Data(train, parts["test"])


_TRAIN, _TEST = ("x_train", "y_train"), ("x_test", "y_test")


def _arrays(path: Path) -> dict[str, np.ndarray]:
    """The arrays of the train part and, where there are any, of the test part."""
    if not zipfile.is_zipfile(path):
        raise ValueError(f"{path} is not a whole .npz file; numpy.savez writes them")
    with path.open("rb") as file, _opened(path, file) as content:
        names = (*_TRAIN, *_TEST) if any(name in content.files for name in _TEST) else _TRAIN
        missing = [name for name in names if name not in content.files]
        if missing:
            raise ValueError(f"{path} has no {listed(missing)}; its arrays: {listed(content.files)}")
        return {name: _array(path, content, name) for name in names}


def _opened(path: Path, file: BinaryIO) -> np.lib.npyio.NpzFile:
    try:
        return np.load(file)
    except DAMAGED as error:
        raise ValueError(f"{path} is not a whole .npz file ({error}); fetch it again") from error


def _array(path: Path, content: np.lib.npyio.NpzFile, name: str) -> np.ndarray:
    """An array of numbers [n, ..] as it is in the file."""
    try:
        array = np.asarray(content[name])
    except ValueError as error:  # such as NumPy's "Object arrays cannot be loaded when allow_pickle=False"
        raise ValueError(f"{path}: {name}: {error}; save numbers, as objects are never unpickled") from error
    except DAMAGED as error:
        raise ValueError(f"{path}: {name} is not whole ({error}); fetch it again") from error
    if array.dtype.kind not in "biuf":
        raise ValueError(f"{path}: {name} is {_described(array)}; save integers, floats or booleans")
    if not array.ndim or (len(array) and not array.size):
        raise ValueError(f"{path}: {name} is {_described(array)}, which are no numbers for each of n samples")
    return array


def _described(array: np.ndarray) -> str:
    return f"{array.dtype} of shape {array.shape}"


def _inputs(array: np.ndarray) -> np.ndarray:
    x = array.reshape(len(array), -1) if array.ndim == 1 else array
    return x if x.dtype == np.uint8 else _float32(x)


def _targets(path: Path, name: str, array: np.ndarray, task: str) -> np.ndarray:
    """Labels int32 [n], or targets float32 [n, d]."""
    if task == "regression":
        if array.ndim > 2:
            raise ValueError(f"{path}: {name} is {_described(array)}; targets of a regression are [n] or [n, d]")
        return _float32(array.reshape(len(array), -1) if array.ndim == 1 else array)
    if array.size != len(array):
        raise ValueError(
            f"{path}: {name} is {_described(array)}; labels are class numbers [n] or [n, 1], and for targets of a "
            "regression say data.task=regression"
        )
    labels = array.reshape(-1)
    least, most = np.iinfo(np.int32).min, np.iinfo(np.int32).max
    bad = (labels != labels.astype(np.float64).round()) | (labels < least) | (labels > most)
    if bad.any():
        raise ValueError(f"{path}: {name}[{bad.argmax()}] is {labels[bad][0]}, which is no class number")
    return labels.astype(np.int32)


def _float32(array: np.ndarray) -> np.ndarray:
    with np.errstate(over="ignore"):  # the frame refuses what is infinite then
        return array.astype(np.float32)


def _task(path: Path, array: np.ndarray) -> str:
    """Whether targets are of classes or of numbers; see `npz`."""
    if array.dtype.kind != "f":
        return "classification"
    is_whole = array.size == len(array) and bool((array == array.round()).all())
    if is_whole and 0 < len(np.unique(array)) <= _FEW_CLASSES:
        raise ValueError(
            f"{path}: is y_train, whole numbers as {array.dtype}, of labels or of amounts? "
            "Say data.task=classification or data.task=regression"
        )
    return "regression"


_FEW_CLASSES = 20
