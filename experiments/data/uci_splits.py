"""Regression sets in splits of their own, one a seed. Inputs are float32 [splits, n, D], targets [splits, n, d]."""

from pathlib import Path

import numpy as np
from scipy.io import loadmat
from scipy.io.matlab import MatReadError

from experiments.data.folder import required
from experiments.data.held_out import check_seed
from experiments.data.kinds import Part, PerSeed


def uci_regression(data_dir: str | None, *, set: str, num_splits: int = 20) -> PerSeed:  # noqa: A002
    """A UCI set in its customary splits, nine parts of ten to learn from (Hernández-Lobato & Adams 2015).

    Below data_dir lie SET/data/data.txt, the columns of the inputs and of the target in index_features.txt and
    index_target.txt, and the rows of split k in index_train_k.txt and index_test_k.txt. num_splits: the first ones.
    """
    folder = required(data_dir) / set / "data"
    if not folder.is_dir():
        there = ", ".join(sorted(path.parent.name for path in required(data_dir).glob("*/data"))) or "none"
        raise FileNotFoundError(f"no folder {folder}; data.set may be {there}")
    table = _numbers(folder, "data.txt")
    x, y = (table[:, _indices(folder, name, table.shape[1])] for name in ("features", "target"))
    train, test = (
        [_indices(folder, f"{part}_{k}", len(table)) for k in range(num_splits)] for part in ("train", "test")
    )
    return _split(x, y, train, test)


def sarcos(data_dir: str | None, *, num_splits: int = 5, train_fraction: float = 0.8, split_seed: int = 0) -> PerSeed:
    """The inverse dynamics of the SARCOS arm: 21 positions, velocities and accelerations to 7 torques.

    From sarcos_inv_test.mat alone, 4449 samples, split at random: the customary training file is another, ten times
    larger. The k-th split is that of the seed split_seed + k.
    """
    if not 0 < train_fraction < 1:
        raise ValueError(f"data.train_fraction must lie between 0 and 1, got {train_fraction}")
    check_seed(split_seed)
    path = required(data_dir) / "sarcos_inv_test.mat"
    if not path.is_file():
        raise FileNotFoundError(f"no {path}; --data_dir names the folder that holds the file")
    try:
        table = loadmat(str(path))["sarcos_inv_test"]
    except (ValueError, KeyError, TypeError, NotImplementedError, EOFError, MatReadError) as error:
        raise ValueError(f"{path} is not a MATLAB file with sarcos_inv_test ({error}); fetch it again") from error
    orders = [np.random.default_rng(split_seed + k).permutation(len(table)) for k in range(num_splits)]
    num_train = round(train_fraction * len(table))
    train, test = [order[:num_train] for order in orders], [order[num_train:] for order in orders]
    return _split(table[:, :21], table[:, 21:], train, test)


def _split(x: np.ndarray, y: np.ndarray, train: list, test: list) -> PerSeed:
    """train, test: the rows of each split."""
    if not train:
        raise ValueError("data.num_splits must be at least 1")
    x, y = x.astype(np.float32), y.astype(np.float32)
    parts = (Part(x[np.stack(rows)], y[np.stack(rows)]) for rows in (train, test))
    return PerSeed(*parts)


def _indices(folder: Path, name: str, size: int) -> np.ndarray:
    """What index_NAME.txt names of the table's rows or columns, of which there are `size`."""
    indices = _numbers(folder, f"index_{name}.txt").ravel().astype(int)
    if not len(indices) or indices.min() < 0 or indices.max() >= size:
        raise ValueError(f"{folder / f'index_{name}.txt'} must name some of 0 to {size - 1}; fetch it again")
    return indices


def _numbers(folder: Path, name: str) -> np.ndarray:
    """The rows [n, d] of a file of numbers."""
    path = folder / name
    if not path.is_file():
        raise FileNotFoundError(f"no {path}; data.num_splits may be too many, or a file of the set is missing")
    if not path.stat().st_size:
        raise ValueError(f"{path} is empty; fetch it again")
    try:
        return np.loadtxt(path, ndmin=2)
    except ValueError as error:
        raise ValueError(f"{path}: {error}; fetch it again") from error
