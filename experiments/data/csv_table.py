"""Data of one's own in a text table. Inputs are float32 [n, D]; labels int32 [n], or targets float32 [n, 1]."""

from collections.abc import Sequence
from functools import partial
from typing import Any

import numpy as np

from experiments.data.files import find
from experiments.data.held_out import hold_out
from experiments.data.kinds import Data, Part
from experiments.data.table import Table, column, number, read, require


def csv(
    data_dir: str | None,
    *,
    train: str,
    target: str,
    test: str | None = None,
    test_fraction: float | None = None,
    split_seed: int = 0,
    task: str | None = None,
    separator: str | None = None,
    drop: Sequence[str] = (),
    categorical: Sequence[str] = (),
    standardise: bool = True,
) -> Data:
    """A .csv or .tsv file (or either with .gz) of one's own: UTF-8 text, a header line, and a sample a row.

    train: the file, by its path from data_dir or, without one, from the working folder.
    target: the column to predict; all others are inputs, but for those in `drop`.
    test: a file of the same columns to test on. None: a fraction of the samples is held out, with the same fractions
      of every class. test_fraction: that fraction; None: 0.2. split_seed: of that split.
    task: "classification" or "regression". None: by the target. Words are classes. Of numbers, those with a fraction
      are targets of a regression. Whole numbers are classes where there are at most 20 different ones and at least
      twice as many samples, and targets where there are more than 100 or fewer samples; between them, name the task.
    separator: a character between cells; None: a comma in .csv files, a tab in .tsv files.
    categorical: columns of words, even if they look like numbers; of such a target the words are classes.
    standardise: numbers by mean and deviation of the training part.

    A column holds numbers where more than half of its cells are numbers, and words otherwise. Words become one
    indicator (0 or 1) for each value of the training part, in sorted order; a value that is not in it has none. Labels
    count from 0 in the sorted order of their names; names that are numbers are in numeric order.

    Raises ValueError, with file, line and column, at an empty, NaN or infinite cell, a word in a column of numbers, a
    row of another length than the header, a class of a single sample or that training lacks, and a column of too many
    different words: above 50 more than half of its rows, or more than 1000.
    """
    if task not in (None, "classification", "regression"):
        raise ValueError(f"data.task must be classification, regression or None, got {task!r}")
    if test is not None and test_fraction is not None:
        raise ValueError("data.test names the samples to test on: data.test_fraction must be None")
    drop, categorical = ((names,) if isinstance(names, str) else tuple(names) for names in (drop, categorical))
    table = read(find(data_dir, train, "data.train"), separator)
    names = _input_names(table, target, drop, categorical)
    inputs = {name: column(table, name, numeric=False if name in categorical else None) for name in names}
    _check_words(table, inputs)
    task = "classification" if target in categorical else task or _task(table, target)
    classes = _classes(table, target) if task == "classification" else {}
    y = _targets(table, target, classes)
    if test is None:
        labels, describe = y if classes else None, partial(_describe, table, target, y)
        rows = hold_out(len(y), test_fraction, split_seed, labels=labels, describe=describe)
        pairs = [(values[rows[0]], values[rows[1]]) for values in inputs.values()]
        y_train, y_test = y[rows[0]], y[rows[1]]
    else:
        other = read(find(data_dir, test, "data.test"), separator)
        _check_columns(other, table, (*names, target), drop)
        pairs = [(values, column(other, name, numeric=values.dtype == float)) for name, values in inputs.items()]
        y_train, y_test = y, _targets(other, target, classes)
    x_train, x_test = _encoded(pairs, standardise)
    return Data(Part(x_train, y_train), Part(x_test, y_test))


def _input_names(table: Table, target: str, drop: tuple[str, ...], categorical: tuple[str, ...]) -> list[str]:
    """The columns to learn from. Raises ValueError where a setting names no column."""
    for names, setting in (((target,), "data.target"), (drop, "data.drop"), (categorical, "data.categorical")):
        require(table, names, setting)
    inputs = [name for name in table.columns if name not in (target, *drop)]
    if not inputs:
        raise ValueError(f"{table.path}: no column is left to learn from; see data.drop and data.separator")
    if "" in inputs:
        raise ValueError(
            f"{table.path}, line {table.header_line}: column {list(table.columns).index('') + 1} has no name; "
            "give it one, or leave it out with data.drop=('',)"
        )
    return inputs


def _check_words(table: Table, inputs: dict[str, np.ndarray]) -> None:
    """Raises ValueError where indicators of the words of a column would be nearly as many as its rows."""
    for name, values in inputs.items():
        num_words = len(set(values)) if values.dtype == object else 0
        if num_words > min(_MOST_WORDS, max(_FEW_WORDS, len(values) / 2)):
            message = f"{values[0]!r} is one of {num_words} different words in {len(values)} rows"
            raise table.error(0, name, f"{message}; leave the column out (data.drop)")


_FEW_WORDS, _MOST_WORDS = 50, 1000


def _task(table: Table, target: str) -> str:
    """Whether a target is of classes or of numbers; see `csv`."""
    values = column(table, target)
    if values.dtype == object:
        return "classification"
    num_values = len(np.unique(values))
    if (values % 1).any() or num_values > _MOST_CLASSES or 2 * num_values > len(values):
        return "regression"
    if num_values > _FEW_CLASSES:
        raise ValueError(
            f"{table.path}, column {target!r}: are the {num_values} whole numbers classes or amounts? "
            "Say data.task=classification or data.task=regression"
        )
    return "classification"


_FEW_CLASSES, _MOST_CLASSES = 20, 100


def _classes(table: Table, target: str) -> dict[Any, int]:
    """The label of every class, by its name: a number where all names are numbers, or else a word."""
    words = set(column(table, target, numeric=False))
    of_numbers = all(number(word) is not None for word in words)
    names = sorted({float(word) for word in words} if of_numbers else words)
    if len(names) < 2:
        raise table.error(0, target, f"all rows are of one class, {words.pop()!r}; a classifier needs two")
    return {name: label for label, name in enumerate(names)}


def _targets(table: Table, target: str, classes: dict[Any, int]) -> np.ndarray:
    """Labels int32 [n] or, where there are no classes, numbers float32 [n, 1]."""
    if not classes:
        return column(table, target, numeric=True).astype(np.float32)[:, None]
    words = column(table, target, numeric=False)
    label = {word: classes.get(word, classes.get(number(word))) for word in set(words)}
    for row, word in enumerate(words):
        if label[word] is None:
            raise table.error(row, target, f"no training sample is of the class {word!r}; leave the row out")
    return np.array([label[word] for word in words], np.int32)


def _describe(table: Table, target: str, labels: np.ndarray, label: int) -> str:
    """A class, at its first sample, for a message."""
    row = int((labels == label).argmax())
    return f"{table.path}, line {table.lines[row]}, column {target!r}: class {table.columns[target][row]!r}"


def _check_columns(table: Table, train: Table, names: tuple[str, ...], drop: tuple[str, ...]) -> None:
    """Raises ValueError where a test file lacks a column of the training file or has another."""
    missing = [name for name in names if name not in table.columns]
    other = [name for name in table.columns if name not in (*names, *drop)]
    if missing or other:
        what = f"no column {missing[0]!r}, which" if missing else f"a column {other[0]!r}, which not"
        raise ValueError(
            f"{table.path}, line {table.header_line}: {what} {train.path} has; both files must have the same columns, "
            "but for those in data.drop"
        )


def _encoded(columns: list[tuple[np.ndarray, np.ndarray]], standardise: bool) -> tuple[np.ndarray, np.ndarray]:
    """The train and test part of every column -> inputs, float32 [n, D] and [m, D]."""
    pairs = [_indicators(*column) if column[0].dtype == object else _scaled(*column, standardise) for column in columns]
    of_train, of_test = zip(*pairs, strict=True)
    return np.concatenate(of_train, axis=1, dtype=np.float32), np.concatenate(of_test, axis=1, dtype=np.float32)


def _indicators(train: np.ndarray, test: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Words -> [n, V] and [m, V]: which of the V words of the train part each is."""
    position = {word: i for i, word in enumerate(sorted(set(train)))}
    of_train, of_test = (np.array([position.get(word, -1) for word in words]) for words in (train, test))
    return of_train[:, None] == np.arange(len(position)), of_test[:, None] == np.arange(len(position))


def _scaled(train: np.ndarray, test: np.ndarray, standardise: bool) -> tuple[np.ndarray, np.ndarray]:
    """Numbers -> [n, 1] and [m, 1]; standardised by the moments of the train part, where a constant only loses it."""
    mean, deviation = (train.mean(), train.std()) if standardise else (0.0, 1.0)
    deviation = deviation if np.ptp(train) else 1.0
    return (train[:, None] - mean) / deviation, (test[:, None] - mean) / deviation
