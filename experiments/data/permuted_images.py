"""Images whose pixels are permuted: a sequence of tasks, equally hard, that share no weight by chance."""

from typing import Any, NamedTuple

import numpy as np

from experiments.data.held_out import check_seed
from experiments.data.idx_files import idx
from experiments.data.kinds import Data, Part


class Tasks(NamedTuple):
    """A part of the data, and the permutations that make a task each of it."""

    x: np.ndarray  # [n, D]
    y: np.ndarray  # [n]
    permutations: np.ndarray  # [K, D]


def permuted(data_dir: str | None, *, num_tasks: int, permutation_seed: int = 0, **settings: Any) -> Data:
    """`idx` with num_tasks permutations of its pixels, the first the identity. settings: those of `idx`.

    Pixels are standardised by one mean and one deviation, those of all training pixels: the same in every task.
    """
    if num_tasks < 1:
        raise ValueError(f"data.num_tasks must be at least 1, got {num_tasks}")
    check_seed(permutation_seed, "permutation_seed")
    data = idx(data_dir, **settings)
    mean, deviation = data.train.x.mean(), data.train.x.std()
    train, test = (
        Part((part.x.reshape(len(part.x), -1) - mean) / deviation, part.y) for part in (data.train, data.test)
    )
    rng, pixels = np.random.default_rng(permutation_seed), np.arange(train.x.shape[1], dtype=np.int32)
    permutations = np.stack([pixels, *(rng.permutation(pixels) for _ in range(num_tasks - 1))])
    return Data(Tasks(*train, permutations), Tasks(*test, permutations))  # pyrefly: ignore  # a Part and more
