"""Text tables with a header line, read column by column; an error names the line and the column. n rows."""

import csv
import gzip
import io
import zlib
from collections import Counter
from pathlib import Path
from typing import NamedTuple

import numpy as np

from experiments.data.files import listed


class Table(NamedTuple):
    """The cells of a file, as text without the white space around them."""

    path: Path
    header_line: int
    lines: list[int]  # [n] the line of the file on which each row begins
    columns: dict[str, tuple[str, ...]]  # name -> [n] cells, in the order of the file

    def error(self, row: int, name: str, message: str) -> ValueError:
        """A ValueError about a cell."""
        return ValueError(f"{self.path}, line {self.lines[row]}, column {name!r}: {message}")


def read(path: Path, separator: str | None = None) -> Table:
    """Reads a table, compressed where its name ends in .gz.

    separator: None: a comma in a .csv file, a tab in a .tsv or .tab file. A cell in double quotes may hold separators,
      line ends and, doubled, quotes. Empty lines do not count.

    Raises ValueError where the file is empty, is no UTF-8 text, or has a row longer or shorter than its header.
    """
    separator = _separator(path) if separator is None else separator
    if len(separator) != 1 or separator in '"\r\n':
        raise ValueError(f"data.separator must be one character, no quote and no line end, got {separator!r}")
    rows, lines = _rows(path, separator)
    if len(rows) < 2:
        raise ValueError(f"{path} is empty" if not rows else f"{path} holds a header line and no rows")
    names = _names(path, lines[0], rows[0])
    for row, line in zip(rows, lines, strict=True):
        if len(row) != len(names):
            raise ValueError(
                f"{path}, line {line}: {len(row)} cells with the separator {separator!r}, but line {lines[0]} names "
                f"{len(names)} columns, the last {names[-1]!r}; mend the row, or see data.separator"
            )
    cells = (tuple(map(str.strip, column)) for column in zip(*rows[1:], strict=True))
    return Table(path, lines[0], lines[1:], dict(zip(names, cells, strict=True)))


def _rows(path: Path, separator: str) -> tuple[list[list[str]], list[int]]:
    """The rows that are not empty, and the line on which each begins."""
    text = io.StringIO(_text(path), newline="")
    reader = csv.reader(text, delimiter=separator, skipinitialspace=separator != " ", strict=True)
    rows, lines, line = [], [], 1
    try:
        for row in reader:
            if len(row) > 1 or any(cell.strip() for cell in row):
                rows.append(row)
                lines.append(line)
            line = reader.line_num + 1
    except csv.Error as error:
        raise ValueError(f"{path}, line {line}: {error}; mend the quotes of the row that begins there") from error
    return rows, lines


def _names(path: Path, line: int, header: list[str]) -> list[str]:
    names = [name.strip() for name in header]
    name, count = Counter(names).most_common(1)[0]
    if count > 1:
        raise ValueError(
            f"{path}, line {line}: {count} columns are named {name!r}; the first line must be a header, and every name "
            "another"
        )
    return names


def _separator(path: Path) -> str:
    suffix = (path.with_suffix("") if path.suffix == ".gz" else path).suffix.lower()
    if suffix not in _SEPARATORS:
        known = ", ".join(_SEPARATORS)
        raise ValueError(f"{path}: only the names {known} (or these with .gz) tell the separator; say data.separator")
    return _SEPARATORS[suffix]


_SEPARATORS = {".csv": ",", ".tsv": "\t", ".tab": "\t"}


def _text(path: Path) -> str:
    content = path.read_bytes()
    try:
        content = gzip.decompress(content) if path.suffix == ".gz" else content
    except (EOFError, gzip.BadGzipFile, zlib.error) as error:
        raise ValueError(f"{path} is not a whole gzip file ({error}); fetch it again") from error
    try:
        text = content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = error.object.count(b"\n", 0, error.start) + 1
        byte = error.object[error.start]
        raise ValueError(f"{path}, line {line}: byte 0x{byte:02x} is no UTF-8 text; save the file as UTF-8") from error
    if "\0" in text:
        line = text.count("\n", 0, text.index("\0")) + 1
        raise ValueError(f"{path}, line {line}: byte 0x00 is no text; save the file as UTF-8 text")
    return text


def column(table: Table, name: str, *, numeric: bool | None = None) -> np.ndarray:
    """The cells of a column as numbers, float64 [n], or as words, objects [n].

    numeric: whether they are numbers; None: where more than half of them are.

    Raises ValueError at the first cell that is empty, NaN or, among numbers, a word or beyond float32.
    """
    cells = table.columns[name]
    numbers = None if numeric is False else _numbers(cells)
    if numeric is None:
        numeric = numbers is not None or 2 * sum(number(cell) is not None for cell in cells) > len(cells)
    if numbers is not None:
        bad = ~(np.abs(numbers) <= np.finfo(np.float32).max)
    elif numeric:
        bad = np.array([number(cell) is None for cell in cells])
    else:
        bad = np.array([cell.lower() in ("", "nan") for cell in cells])
    if bad.any():
        row = int(bad.argmax())
        raise table.error(row, name, _fault(cells[row]))
    return np.array(cells, object) if numbers is None else numbers


def _numbers(cells: tuple[str, ...]) -> np.ndarray | None:
    """What `number` gives for every cell; None where one is a word."""
    try:
        return None if "_" in "".join(cells) else np.array(cells, float)
    except ValueError:
        return None


def number(cell: str) -> float | None:
    """What a cell is worth as a number; None for a word. 1_000, a number in Python, is a word."""
    try:
        return None if "_" in cell else float(cell)
    except ValueError:
        return None


def _fault(cell: str) -> str:
    if cell and number(cell) is None:
        return f"{cell!r} is no number; mend it, or name the column in data.categorical if it holds words"
    what = f"{cell!r} is no finite float32" if cell else "the cell is empty"
    return f"{what}; mend it, or leave out its row, or its column (data.drop)"


def require(table: Table, names: tuple[str, ...], setting: str) -> None:
    """Raises ValueError where a name that a setting gives is no column of the table."""
    for name in names:
        if name not in table.columns:
            raise ValueError(
                f"{table.path}, line {table.header_line}: no column {name!r}, as {setting} says; the header line "
                f"names {listed(table.columns)}{'; see data.separator' if len(table.columns) == 1 else ''}"
            )
