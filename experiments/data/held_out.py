"""A held-out test part of samples that come in one part."""

from collections.abc import Callable
from typing import Any

import numpy as np

_FRACTION = 0.2  # where the config names none


def hold_out(
    num_samples: int,
    fraction: float | None,
    seed: int,
    *,
    labels: np.ndarray | None = None,
    describe: Callable[[int], str] = "label {}".format,
) -> tuple[np.ndarray, np.ndarray]:
    """Splits samples at random: the indices [n] of the train part and [m] of the test part.

    fraction: of the samples in the test part; None: 0.2. seed: of the split.
    labels: int32 [num_samples]; both parts then have the same fractions of every class.
    describe: label -> how a message names the class.

    Raises ValueError where a class has a single sample, or none in the train part.
    """
    check_seed(seed)
    fraction = _FRACTION if fraction is None else fraction
    if not 0 < fraction < 1:
        raise ValueError(f"data.test_fraction must lie between 0 and 1, got {fraction}")
    if labels is not None:
        classes, counts = np.unique(labels, return_counts=True)
        if counts.min() < 2:
            raise ValueError(f"{describe(classes[counts.argmin()])} has a single sample, but a split needs two of each")
    try:
        train, test = split(np.arange(num_samples), test_size=fraction, random_state=seed, stratify=labels)
    except ValueError as error:
        raise ValueError(f"data.test_fraction={fraction} cannot split {num_samples} samples: {error}") from error
    lost = [] if labels is None else np.setdiff1d(labels, labels[train])
    if len(lost):
        raise ValueError(f"{describe(lost[0])} has no sample in the train part; lower data.test_fraction={fraction}")
    return train, test


def split(*arrays: np.ndarray, **settings: Any) -> list[np.ndarray]:
    """scikit-learn's `train_test_split`, imported here: that takes two seconds, and most data need no split."""
    from sklearn import model_selection

    return model_selection.train_test_split(*arrays, **settings)


def check_seed(seed: int, name: str = "split_seed") -> None:
    """Raises ValueError for a seed that NumPy would not take."""
    if not 0 <= seed < 2**32:
        raise ValueError(f"data.{name} must be 0 to {2**32 - 1}, got {seed}")
