"""Six small files in the layout of CIFAR-5m's, of seven images each."""

import numpy as np

from experiments.data.cifar5m_shards import shards

PER_PART = 7
RNG = np.random.default_rng(0)
X = RNG.integers(0, 256, size=(6 * PER_PART, 32, 32, 3), dtype=np.uint8)
Y = RNG.integers(0, 10, size=6 * PER_PART)


def write(folder, part, save=np.savez, **changed):
    rows = slice(part * PER_PART, (part + 1) * PER_PART)
    arrays = {"X": X[rows], "Y": Y[rows]} | changed
    save(folder / f"part{part}.npz", **{name: array for name, array in arrays.items() if array is not None})
    return folder / f"part{part}.npz"


def six_parts(tmp_path):
    """A folder with six parts of seven images each."""
    for part in range(6):
        write(tmp_path, part)
    return tmp_path


def files(folder):
    """All but the notes of which files have been checked."""
    return sorted(file.name for file in folder.iterdir() if not file.name.startswith("."))


def files_of_parts():
    return [f"part{i}.npz" for i in range(6)]


def opened(folder):
    return shards(str(folder), num_per_part=PER_PART)
