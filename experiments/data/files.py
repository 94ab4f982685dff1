"""The user's own files: where they are, and what reading a damaged one raises."""

import contextlib
import tokenize
import zipfile
import zlib
from collections.abc import Iterable, Iterator
from pathlib import Path

import numpy as np

# Of a .npz file: zipfile seeks where no byte is, or finds a password, and NumPy reads headers by Python's tokenizer.
DAMAGED = (
    *(AttributeError, EOFError, KeyError, MemoryError, OSError, RuntimeError, SyntaxError, TypeError, ValueError),
    *(tokenize.TokenError, zipfile.BadZipFile, zlib.error),
)


@contextlib.contextmanager
def whole_npz(path: Path, of: str) -> Iterator[np.lib.npyio.NpzFile]:
    """An .npz file while it is read. Raises ValueError where it is damaged, or lacks what it is to hold, `of`."""
    try:
        with path.open("rb") as file, np.load(file) as content:
            yield content
    except DAMAGED as error:
        raise ValueError(f"{path} is not a whole .npz file of {of} ({error}); fetch it again") from error


def find(data_dir: str | None, name: str, setting: str) -> Path:
    """The file that a setting names, by its path from data_dir or, without one, from the working folder.

    Raises FileNotFoundError, which says what files the folder holds.
    """
    if not name:
        raise ValueError(f"{setting} must name a file, got {name!r}")
    path = Path(data_dir or ".", name).expanduser()
    if path.is_file():
        return path
    folder = path.parent.absolute()
    if not folder.is_dir():
        raise FileNotFoundError(f"no folder {folder}; {setting} is a path from --data_dir or else the working folder")
    there = sorted(other.name for other in folder.iterdir() if other.is_file() and not other.name.startswith("."))
    raise FileNotFoundError(f"no file {path.name!r} in {folder}; the files there: {listed(there)}; see {setting}")


_MOST = 10  # names in a message


def listed(names: Iterable[str]) -> str:
    """The names for a message: the first ten, and how many more there are."""
    names = list(names)
    more = [f"and {len(names) - _MOST} more"] if len(names) > _MOST else []
    return ", ".join([*map(repr, names[:_MOST]), *more]) or "none"
