"""Where the files are."""

import os
from pathlib import Path


def default_dir() -> str | None:
    """The folder of data files where no flag names one: $COLLAGE_DATA."""
    return os.environ.get("COLLAGE_DATA")


def required(data_dir: str | None) -> Path:
    """The folder of data files, or an error that says how to name it."""
    if not data_dir:
        raise ValueError("this data set is read from files: give their folder with --data_dir=DIR or COLLAGE_DATA=DIR")
    folder = Path(data_dir).expanduser()
    if not folder.is_dir():
        raise FileNotFoundError(f"no folder {folder}; --data_dir or COLLAGE_DATA names the folder of the data files")
    return folder
