"""CIFAR-5m: six million images like CIFAR-10's, drawn from a diffusion model (Nakkiran 2021, §3; preetum/cifar5m).

Its six files part0.npz .. part5.npz, or cifar5m_part0.npz .., hold X, uint8 [1000448, 32, 32, 3], and Y, integers 0 to
9. Together they are 18 GB and are read in place.
"""

from collections.abc import Iterator, Sequence
from pathlib import Path

import jax
import numpy as np

import bootstrap
from experiments.data.folder import required
from experiments.data.kinds import OnDisk, Part
from experiments.data.stored import Stored, locate

_NUM_PARTS, _NUM_CLASSES = 6, 10
_IMAGE = (32, 32, 3)
_PREFIXES = ("part", "cifar5m_part")  # of the files' names


def cifar5m(
    data_dir: str | None,
    *,
    num_train: int = 50_000,
    num_test: int = 10_000,
    num_per_part: int = 1_000_448,
    order_seed: int | None = None,
) -> OnDisk:
    """CIFAR-5m: to learn from parts 0 to 4; to be tested on the first num_test images of part 5.

    The first num_train images stay in memory, the others come as they are asked for; all in bytes.
    num_train: as many as the largest real world has. num_per_part: of the public files; smaller ones are for tests.
    order_seed: of the order of the images, the same for all seeds of a run; None: as they stand, which reads fastest.
    """
    train, test = shards(data_dir, num_per_part=num_per_part)
    for name, number, part in (("num_train", num_train, train), ("num_test", num_test, test)):
        if not 0 < number <= len(part):
            raise ValueError(f"data.{name} must be 1 to {len(part)}, got {number}")
    read = train.rows
    if order_seed is not None:
        read = bootstrap.shuffled(train.take, len(train), jax.random.key(order_seed))
    return OnDisk(read(0, num_train), test.rows(0, num_test), read)


class Shards:
    """Images and labels in files, one after the other, as if they were one long array; read as they are asked for."""

    def __init__(self, parts: Sequence[tuple[Stored, Stored]]):
        """parts: of each file the images uint8 [n, 32, 32, 3] and the labels [n]."""
        self._parts = tuple(parts)

    def __len__(self) -> int:
        return sum(x.shape[0] for x, _ in self._parts)

    def rows(self, first: int, count: int) -> Part:
        """Samples first .. first + count - 1: images uint8 [count, 32, 32, 3], labels int32 [count], in memory."""
        if first < 0 or count < 0 or first + count > len(self):
            raise ValueError(f"no samples {first} to {first + count - 1}: the files hold {len(self)}")
        images, labels = np.empty((count, *_IMAGE), np.uint8), np.empty(count, np.int32)
        for begin, end, x, y in self._ranges():
            low, high = max(begin, first), min(end, first + count)
            if low < high:
                images[low - first : high - first] = x.rows(low - begin, high - low)
                labels[low - first : high - first] = y.rows(low - begin, high - low).reshape(-1)
        return Part(images, labels)

    def take(self, rows: np.ndarray) -> Part:
        """These samples [n], in any order: images uint8 [n, 32, 32, 3], labels int32 [n], in memory."""
        images, labels = np.empty((len(rows), *_IMAGE), np.uint8), np.empty(len(rows), np.int32)
        for begin, end, x, y in self._ranges():
            here = np.flatnonzero((begin <= rows) & (rows < end))
            images[here] = x.rows(0, end - begin)[rows[here] - begin]
            labels[here] = y.rows(0, end - begin)[rows[here] - begin].reshape(-1)
        return Part(images, labels)

    def _ranges(self) -> Iterator[tuple[int, int, Stored, Stored]]:
        """Of each file: its first sample and the one after its last, its images, its labels."""
        begin = 0
        for x, y in self._parts:
            yield begin, begin + x.shape[0], x, y
            begin += x.shape[0]


def shards(data_dir: str | None, *, num_per_part: int = 1_000_448) -> tuple[Shards, Shards]:
    """Opens the six files below data_dir: -> what one trains on, parts 0 to 4 in order, and tests on, part 5."""
    folder = required(data_dir)
    prefix = max(_PREFIXES, key=lambda prefix: len(list(folder.glob(f"{prefix}[0-{_NUM_PARTS - 1}].npz"))))
    paths = [folder / f"{prefix}{i}.npz" for i in range(_NUM_PARTS)]
    missing = [path.name for path in paths if not path.is_file()]
    if missing:
        raise FileNotFoundError(f"no {', '.join(missing)} in {folder}; --data_dir names the folder of CIFAR-5m's parts")
    parts = [_part(path, num_per_part) for path in paths]
    return Shards(parts[:-1]), Shards(parts[-1:])


def _part(path: Path, num_images: int) -> tuple[Stored, Stored]:
    x, y = (locate(path, key) for key in ("X", "Y"))
    if (x.dtype, x.shape[1:]) != (np.uint8, _IMAGE):
        raise ValueError(f"{path}: X should be images uint8 [n, 32, 32, 3], not {x.dtype} of shape {x.shape}")
    if not np.issubdtype(y.dtype, np.integer) or y.shape[1:] not in ((), (1,)):
        raise ValueError(f"{path}: Y should be integers [n] or [n, 1], not {y.dtype} of shape {y.shape}")
    if not x.shape[0] == y.shape[0] == num_images:
        raise ValueError(f"{path}: {x.shape[0]} images and {y.shape[0]} labels, not {num_images}; fetch it again")
    labels = y.rows(0, num_images)
    if labels.min() < 0 or labels.max() >= _NUM_CLASSES:
        raise ValueError(f"{path}: labels from {labels.min()} to {labels.max()}, not 0 to 9; fetch it again")
    return x, y
