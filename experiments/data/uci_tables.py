"""Classification sets of the UCI repository, from their text files. Inputs are float32 [n, D]; labels int32 [n]."""

from pathlib import Path
from typing import NamedTuple

import numpy as np

from experiments.data.folder import required
from experiments.data.held_out import check_seed, split
from experiments.data.kinds import Data, Part
from experiments.settings import near


class _Layout(NamedTuple):
    """How a set lies in its files."""

    train: str
    test: tuple[str, ...] = ()  # none: the set is one part, to be split
    separator: str = ","
    header: int = 0  # lines before the first sample
    width: int = 0  # fields of a line
    inputs: slice = slice(0, -1)
    label: int = -1
    categorical: tuple[int, ...] = ()  # which inputs are words


_OCCUPANCY_TEST = ("occupancy_datatest.txt", "occupancy_datatest2.txt")

LAYOUTS = {
    "adult": _Layout("adult-train.csv", ("adult-test.csv",), width=15, categorical=(1, 3, 5, 6, 7, 8, 9, 13)),
    "eeg": _Layout("EEG_Eye_State.arff", header=19, width=15),
    "htru2": _Layout("HTRU_2.csv", width=9),
    "magic": _Layout("magic04.data", separator="\t", width=11),
    "mushroom": _Layout(
        "agaricus-lepiota.csv", header=1, width=23, inputs=slice(1, None), label=0, categorical=tuple(range(22))
    ),
    # The first two fields, a number and the time of day, are not learned from.
    "occupancy": _Layout("occupancy_datatraining.txt", _OCCUPANCY_TEST, header=1, width=8, inputs=slice(2, -1)),
    "skin": _Layout("Skin_NonSkin.csv", header=1, width=4),
}


def uci(
    data_dir: str | None,
    *,
    set: str,  # noqa: A002
    test_fraction: float | None = None,
    split_seed: int = 0,
    validation_fraction: float = 0.0,
) -> Data:
    """One of adult, eeg, htru2, magic, mushroom, occupancy, skin; labels count from 0 in the order of their names.

    test_fraction: share of the samples to test on, drawn with equal shares of every class. None for adult and
    occupancy, which come with test files of their own (occupancy with two: both are tested on, together).
    validation_fraction: if positive, tests on this share of the training part instead, for choosing settings.

    Words become one indicator (0 or 1) for each value of the training part; a value that is not in it has none.
    Numbers are clipped to the training part's 0.1 % and 99.9 % quantiles (a handful of eeg's are off by a factor of
    100, which would hide all others) and standardised by its moments.
    """
    if set not in LAYOUTS:
        raise ValueError(f"no data.set named {set!r}{near(set, LAYOUTS)}; there are {', '.join(LAYOUTS)}")
    check_seed(split_seed)
    layout, folder = LAYOUTS[set], required(data_dir)
    if (test_fraction is None) != bool(layout.test):
        has = "its own test files: data.test_fraction must be None" if layout.test else "no test file: give a fraction"
        raise ValueError(f"{set} has {has}")
    train = _fields(folder / layout.train, layout)
    if layout.test:
        test = np.concatenate([_fields(folder / name, layout) for name in layout.test])
    else:
        train, test = _split(train, layout, test_fraction, split_seed, "test_fraction")
    if validation_fraction:
        train, test = _split(train, layout, validation_fraction, split_seed, "validation_fraction")
    columns = [_column(train, test, i, layout) for i in range(train[:, layout.inputs].shape[1])]
    x_train, x_test = (np.concatenate(of_part, axis=1, dtype=np.float32) for of_part in zip(*columns, strict=True))
    y_train, y_test = _labels(train[:, layout.label], test[:, layout.label], set)
    return Data(Part(x_train, y_train), Part(x_test, y_test))


def _fields(path: Path, layout: _Layout) -> np.ndarray:
    """The words of a file: [n, width]."""
    if not path.is_file():
        raise FileNotFoundError(
            f"no {path.name} in {path.parent}; --data_dir names the folder that holds the UCI files"
        )
    try:
        text = path.read_text(encoding="utf-8")
    except UnicodeDecodeError as error:
        raise ValueError(f"{path} is no UTF-8 text ({error}); fetch it again") from error
    lines = [line for line in text.splitlines()[layout.header :] if line.strip()]
    rows = [[word.strip(' "') for word in line.split(layout.separator)] for line in lines]
    for number, row in enumerate(rows, layout.header + 1):
        if len(row) != layout.width:
            raise ValueError(
                f"{path}: sample on or after line {number} has {len(row)} fields, not {layout.width}; fetch it again"
            )
    if not rows:
        raise ValueError(f"{path} holds no samples; fetch it again")
    return np.array(rows)


def _split(fields: np.ndarray, layout: _Layout, fraction: float | None, seed: int, name: str) -> list[np.ndarray]:
    if fraction is None or not 0 < fraction < 1:
        raise ValueError(f"data.{name} must lie between 0 and 1, got {fraction}")
    try:
        return split(fields, test_size=fraction, random_state=seed, stratify=fields[:, layout.label])
    except ValueError as error:
        raise ValueError(f"data.{name}={fraction} cannot split {len(fields)} samples: {error}") from error


def _column(train: np.ndarray, test: np.ndarray, i: int, layout: _Layout) -> tuple[np.ndarray, np.ndarray]:
    """Input i of both parts: [n, V] for a word of V values, [n, 1] for a number."""
    words = [part[:, layout.inputs][:, i] for part in (train, test)]
    if i in layout.categorical:
        values = np.unique(words[0])
        of_train, of_test = (of_part[:, None] == values for of_part in words)
        return of_train, of_test
    try:
        numbers = [of_part.astype(float) for of_part in words]
    except ValueError as error:
        raise ValueError(f"{layout.train}, input {i}: {error}; fetch the file again") from error
    least, most = np.quantile(numbers[0], (0.001, 0.999))
    of_train, of_test = (np.clip(of_part, least, most)[:, None] for of_part in numbers)
    deviation = of_train.std() or 1.0
    return (of_train - of_train.mean()) / deviation, (of_test - of_train.mean()) / deviation


def _labels(train: np.ndarray, test: np.ndarray, name: str) -> tuple[np.ndarray, np.ndarray]:
    train, test = np.char.rstrip(train, "."), np.char.rstrip(test, ".")  # adult's test labels end in a full stop
    names = np.unique(train)
    if len(names) < 2:
        raise ValueError(f"{name}: all training samples are labelled {names[0]}; fetch the file again")
    unknown = np.setdiff1d(test, names)
    if len(unknown):
        raise ValueError(f"{name}: no training sample is labelled {', '.join(unknown)}, but test samples are")
    y_train, y_test = (np.searchsorted(names, of_part).astype(np.int32) for of_part in (train, test))
    return y_train, y_test
