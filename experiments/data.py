"""Data sets as NumPy arrays: embedded, or read from files in their public formats. The only file here that reads one.

Images are float32 in [0, 1], [n, H, W]; labels int32 [n].
"""

import gzip
import os
import struct
import zlib
from functools import partial
from pathlib import Path
from typing import Any, NamedTuple

import jax
import numpy as np
from sklearn import datasets
from sklearn.model_selection import train_test_split

from bootstrap import images


class Part(NamedTuple):
    """Inputs and their labels, equally many."""

    x: np.ndarray
    y: np.ndarray


class Data(NamedTuple):
    """A data set in its two parts."""

    train: Part
    test: Part


def digits(data_dir: str | None, *, train_fraction: float = 0.75, split_seed: int = 0) -> Data:
    """scikit-learn's 1797 embedded digits, 8 x 8 pixels, split at random with equal shares of every class."""
    del data_dir
    if not 0 < train_fraction < 1:
        raise ValueError(f"data.train_fraction must lie between 0 and 1, got {train_fraction}")
    everything: Any = datasets.load_digits()
    x, y = everything.images.astype(np.float32) / 16, everything.target.astype(np.int32)
    x_train, x_test, y_train, y_test = train_test_split(
        x, y, train_size=train_fraction, random_state=split_seed, stratify=y
    )
    return Data(Part(x_train, y_train), Part(x_test, y_test))


def idx(
    data_dir: str | None, *, deskew: bool = False, num_train: int | None = None, num_test: int | None = None
) -> Data:
    """MNIST or any set in its IDX files (`train-images-idx3-ubyte`, .gz or not, and its three companions).

    deskew: centres and straightens every image (`bootstrap.images.deskew`). num_train, num_test: only the first ones.
    """
    if not data_dir:
        raise ValueError("this data set is read from files: give their folder with --data_dir=DIR or COLLAGE_DATA=DIR")
    train, test = (_idx_part(Path(data_dir), prefix) for prefix in ("train", "t10k"))
    train, test = _first(train, num_train, "data.num_train"), _first(test, num_test, "data.num_test")
    if deskew:
        upright = jax.jit(partial(jax.lax.map, images.deskew, batch_size=500))
        train, test = (Part(np.asarray(upright(part.x)), part.y) for part in (train, test))
    return Data(train, test)


def default_dir() -> str | None:
    """The folder of data files where no flag names one: $COLLAGE_DATA."""
    return os.environ.get("COLLAGE_DATA")


def _first(part: Part, number: int | None, name: str) -> Part:
    if number is not None and not 0 < number <= len(part.x):
        raise ValueError(f"{name} must be 1 to {len(part.x)}, got {number}")
    return Part(part.x[:number], part.y[:number])


def _idx_part(folder: Path, prefix: str) -> Part:
    x = _idx_array(folder, f"{prefix}-images-idx3-ubyte", rank=3)
    y = _idx_array(folder, f"{prefix}-labels-idx1-ubyte", rank=1)
    if len(x) != len(y):
        raise ValueError(f"{folder}: {len(x)} {prefix} images but {len(y)} labels; the files do not belong together")
    return Part(x.astype(np.float32) / 255, y.astype(np.int32))


def _idx_array(folder: Path, name: str, rank: int) -> np.ndarray:
    path = next((path for path in (folder / name, folder / f"{name}.gz") if path.is_file()), None)
    if path is None:
        raise FileNotFoundError(
            f"no {name} or {name}.gz in {folder}; --data_dir names the folder that holds the IDX files"
        )
    try:
        content = gzip.decompress(path.read_bytes()) if path.suffix == ".gz" else path.read_bytes()
    except (EOFError, gzip.BadGzipFile, zlib.error) as error:
        raise ValueError(f"{path} is not a whole gzip file ({error}); fetch it again") from error
    header = 4 + 4 * rank
    if len(content) < header or content[:4] != bytes((0, 0, 8, rank)):  # 8: unsigned bytes
        raise ValueError(f"{path} is not an IDX file of unsigned bytes with {rank} dimensions; fetch it again")
    shape = struct.unpack(f">{rank}I", content[4:header])
    if len(content) - header != np.prod(shape):
        raise ValueError(
            f"{path} should hold {np.prod(shape)} bytes for its shape {shape}, not {len(content) - header}"
        )
    return np.frombuffer(content, np.uint8, offset=header).reshape(shape)
