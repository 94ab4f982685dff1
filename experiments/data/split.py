"""A held-out part, drawn at random, for data sets that come without one."""

import numpy as np
from sklearn.model_selection import train_test_split


def held_out(y: np.ndarray, test_fraction: float, split_seed: int, *, stratify: bool) -> tuple[np.ndarray, np.ndarray]:
    """-> the rows to learn from and those to test on. stratify: with equal fractions of every class of y.

    Raises ValueError where a part would be empty or a class has one sample alone.
    """
    if not 0 < test_fraction < 1:
        raise ValueError(f"data.test_fraction must lie between 0 and 1, got {test_fraction}")
    values, counts = np.unique(y, return_counts=True) if stratify else ((), ())
    if few := [str(value) for value, count in zip(values, counts, strict=True) if count < 2]:
        raise ValueError(
            f"class {', '.join(few)} has one sample, which cannot be in both parts; drop it or bring a test part"
        )
    try:
        return tuple(
            train_test_split(
                np.arange(len(y)), test_size=test_fraction, random_state=split_seed, stratify=y if stratify else None
            )
        )
    except ValueError as error:
        raise ValueError(f"data.test_fraction={test_fraction} of {len(y)} samples: {error}") from error
