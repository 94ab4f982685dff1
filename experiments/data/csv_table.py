"""Tables in text: .csv and .tsv, .gz or not. Inputs are float32 [n, D]; labels int32 [n] or targets float32 [n, 1]."""

import csv as csv_files
import gzip
import zlib
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

import numpy as np

from experiments.data.kinds import Data, Part
from experiments.data.split import held_out

_FEW_CLASSES, _MANY_ROWS = 20, 50  # whole numbers of more values, with fewer rows each, are a quantity


class Table(NamedTuple):
    """The cells of a file, as text."""

    path: Path
    header: list[str]
    columns: dict[str, np.ndarray]  # name -> [n]
    lines: np.ndarray  # [n] where each row ends in the file


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
    standardise: bool = True,
) -> Data:
    """A table with a header line: one column is the target, the others are the inputs.

    train, test: files, relative to data_dir where one is given. Without `test`, test_fraction (0.2) of the rows of
      `train` are held out, of classes equal fractions.
    task: "classification" or "regression". By default classification where the target is words, or whole numbers of at
      most 20 values or of 50 rows a value. Labels count from 0 in the order of their names, numbers in numeric order.
    separator: by default a tab for .tsv and a comma otherwise. drop: columns that are not learned from.
    standardise: numbers are brought to mean 0 and standard deviation 1, by those of the training part. A column with a
      word in it is one of categories: an indicator, 0 or 1, for each value of the training part.

    Raises ValueError, with file, line and column, where a cell is empty or no finite number, a row has more or fewer
    cells than the header, or a test label is not among the training labels.
    """
    table = _read(_path(data_dir, train), separator)
    _check_columns(table, target, drop)
    kind = _task(table, target, task)
    if test is None:
        rows = held_out(table.columns[target], test_fraction or 0.2, split_seed, stratify=kind == "classification")
        first, second = (_rows(table, of_part) for of_part in rows)
    else:
        if test_fraction is not None:
            raise ValueError("data.test_fraction is for a table without a test file of its own")
        first, second = table, _read(_path(data_dir, test), separator)
        if second.header != table.header:
            raise ValueError(f"{second.path} has the columns {second.header}, not those of {table.path}")
    inputs = [name for name in table.header if name != target and name not in drop]
    x = zip(*(_input(first, second, name, standardise=standardise) for name in inputs), strict=True)
    x_train, x_test = (np.concatenate(columns, axis=1, dtype=np.float32) for columns in x)
    y_train, y_test = (_labels if kind == "classification" else _targets)(first, second, target)
    return Data(Part(x_train, y_train), Part(x_test, y_test))


def _path(data_dir: str | None, name: str) -> Path:
    path = Path(data_dir or ".") / Path(name).expanduser()
    if not path.is_file():
        there = sorted(other.name for other in path.parent.glob("*.?sv*")) if path.parent.is_dir() else []
        raise FileNotFoundError(f"no file {path}; tables in its folder: {', '.join(there) or 'none'}")
    return path


def _read(path: Path, separator: str | None) -> Table:
    names = path.name.removesuffix(".gz")
    separator = separator or ("\t" if names.endswith(".tsv") else ",")
    try:
        open_text = gzip.open if path.suffix == ".gz" else open
        with open_text(path, "rt", encoding="utf-8-sig", newline="") as file:
            reader = csv_files.reader(file, delimiter=separator, skipinitialspace=True, strict=True)
            rows = [(reader.line_num, [cell.strip() for cell in row]) for row in reader if row]
    except UnicodeDecodeError as error:
        raise ValueError(f"{path} is not UTF-8 text ({error.reason} at byte {error.start}); save it as such") from error
    except (csv_files.Error, EOFError, zlib.error, gzip.BadGzipFile) as error:
        raise ValueError(f"{path} is not a whole table ({error})") from error
    if len(rows) < 2:
        raise ValueError(f"{path} has {'a header but no rows' if rows else 'nothing in it'}")
    (_, header), *rows = rows
    if len(set(header)) < len(header):
        twice = sorted({name for name in header if header.count(name) > 1})
        raise ValueError(f"{path}: the header names {', '.join(map(repr, twice))} twice; is the first line a header?")
    for line, row in rows:
        if len(row) != len(header):
            raise ValueError(f"{path}, line {line}: {len(row)} cells where the header has {len(header)}")
    cells = np.array([row for _, row in rows])
    columns = {name: cells[:, i] for i, name in enumerate(header)}
    return Table(path, header, columns, np.array([line for line, _ in rows]))


def _rows(table: Table, rows: np.ndarray) -> Table:
    return table._replace(
        columns={name: values[rows] for name, values in table.columns.items()}, lines=table.lines[rows]
    )


def _check_columns(table: Table, target: str, drop: Sequence[str]) -> None:
    for name in (target, *drop):
        if name not in table.columns:
            there = ", ".join(table.header)
            raise ValueError(f"{table.path} has no column {name!r}; there are {there} (its first line must name them)")
    if len(table.header) < 2 + len(drop):
        raise ValueError(f"{table.path} has no column to learn from beside {target!r}; is {table.header} one column?")


def _task(table: Table, target: str, task: str | None) -> str:
    if task not in (None, "classification", "regression"):
        raise ValueError(f"data.task must be classification or regression, got {task!r}")
    numbers = _numbers(table.columns[target])
    if task:
        return task
    words, values = np.isnan(numbers).mean() > 0.5, np.unique(numbers)
    few = len(values) <= _FEW_CLASSES or len(numbers) >= _MANY_ROWS * len(values)
    return "classification" if words or (few and np.all(values % 1 == 0)) else "regression"


def _numbers(cells: np.ndarray) -> np.ndarray:
    """float64 [n], NaN for what is no number."""
    try:
        return cells.astype(float)
    except ValueError:
        return np.array([_number(cell) for cell in cells])


def _number(cell: str) -> float:
    try:
        return float(cell)
    except ValueError:
        return np.nan


def _refuse(table: Table, name: str, bad: np.ndarray, what: str) -> None:
    """Raises ValueError for the first bad cell of a column."""
    if bad.any():
        row = int(bad.argmax())
        cell = table.columns[name][row]
        raise ValueError(
            f"{table.path}, line {table.lines[row]}, column {name!r}: {what} {str(cell)!r}, as in {bad.sum()} of "
            f"{len(bad)} rows; mend or drop them"
        )


def _finite(table: Table, name: str) -> np.ndarray:
    """A column of numbers. Raises ValueError where a cell is none."""
    numbers = _numbers(table.columns[name])
    _refuse(table, name, ~np.isfinite(numbers), "expected a number, got")
    return numbers


def _input(train: Table, test: Table, name: str, *, standardise: bool) -> tuple[np.ndarray, np.ndarray]:
    """A column of both parts: [n, V] for a word of V values, [n, 1] for a number."""
    for table in (train, test):
        _refuse(table, name, table.columns[name] == "", "empty")
    if np.isnan(_numbers(train.columns[name])).mean() > 0.5:
        values = np.unique(train.columns[name])
        of_train, of_test = (table.columns[name][:, None] == values for table in (train, test))
        return of_train, of_test
    of_train, of_test = (_finite(table, name)[:, None] for table in (train, test))
    if not standardise:
        return of_train, of_test
    mean, std = of_train.mean(), of_train.std() or 1.0
    return (of_train - mean) / std, (of_test - mean) / std


def _labels(train: Table, test: Table, name: str) -> tuple[np.ndarray, np.ndarray]:
    for table in (train, test):
        _refuse(table, name, table.columns[name] == "", "empty")
    numbers = [_numbers(table.columns[name]) for table in (train, test)]
    words = any(np.isnan(of_part).any() for of_part in numbers)
    of_train, of_test = (table.columns[name] for table in (train, test)) if words else numbers
    names = np.unique(of_train)
    if len(names) < 2:
        raise ValueError(f"{train.path}: every {name!r} is {names[0]}: there is nothing to learn")
    _refuse(test, name, ~np.isin(of_test, names), "a label that no training row has,")
    y_train, y_test = (np.searchsorted(names, of_part).astype(np.int32) for of_part in (of_train, of_test))
    return y_train, y_test


def _targets(train: Table, test: Table, name: str) -> tuple[np.ndarray, np.ndarray]:
    of_train, of_test = (_finite(table, name).astype(np.float32)[:, None] for table in (train, test))
    return of_train, of_test
