"""Images whose pixels are permuted: a sequence of tasks, equally hard, that share no weight by chance."""

from collections.abc import Callable
from functools import partial
from typing import Any, NamedTuple

import numpy as np

from experiments.data.held_out import check_seed
from experiments.data.idx_files import idx
from experiments.data.kinds import Data, Part, standardised
from experiments.data.sklearn_digits import digits


class Tasks(NamedTuple):
    """A part of the data, and the permutations that make a task each of it."""

    x: np.ndarray  # [n, D]
    y: np.ndarray  # [n]
    permutations: np.ndarray  # [K, D]


def permuted(data_dir: str | None, *, num_tasks: int, permutation_seed: int = 0, **settings: Any) -> Data:
    """`idx` with num_tasks permutations of its pixels, the first the identity. settings: those of `idx`.

    Pixels are standardised by one mean and one deviation, those of all training pixels: the same in every task.
    """
    return _tasks(partial(idx, data_dir, **settings), num_tasks, permutation_seed)


def permuted_digits(data_dir: str | None, *, num_tasks: int, permutation_seed: int = 0, **settings: Any) -> Data:
    """As `permuted`, of `digits`. settings: those of `digits`."""
    return _tasks(partial(digits, data_dir, **settings), num_tasks, permutation_seed)


def _tasks(read: Callable[[], Data], num_tasks: int, seed: int) -> Data:
    if num_tasks < 1:
        raise ValueError(f"data.num_tasks must be at least 1, got {num_tasks}")
    check_seed(seed, "permutation_seed")
    train, test = (Part(part.x.reshape(len(part.x), -1), part.y) for part in standardised(read()))
    rng, pixels = np.random.default_rng(seed), np.arange(train.x.shape[1], dtype=np.int32)
    permutations = np.stack([pixels, *(rng.permutation(pixels) for _ in range(num_tasks - 1))])
    return Data(Tasks(*train, permutations), Tasks(*test, permutations))  # pyrefly: ignore  # a Part and more
