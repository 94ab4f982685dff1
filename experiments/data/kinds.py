"""What every data set is: NumPy arrays in two parts."""

from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np


class Part(NamedTuple):
    """Inputs and their targets, equally many."""

    x: np.ndarray
    y: np.ndarray


class Data(NamedTuple):
    """A data set in its two parts.

    by_seed: every array has a leading axis of splits: seed i of a run learns and is tested on split i.
    sampler: (key, arrays) -> (x, y), for a distribution: it draws one sample, and `train` are the arrays that it takes.
    feed: (first, count) -> rows of a data set that is too large for the device: `train` are its first rows, and each
      program gets the rows that it needs.
    """

    train: Any  # a Part, or the sampler's arrays
    test: Part
    by_seed: bool = False
    sampler: Callable | None = None
    feed: Callable | None = None

    @property
    def num_classes(self) -> int:
        """How many labels there are, where labels are class numbers."""
        labels = [self.test.y] if self.sampler else [self.train.y, self.test.y]
        return int(max(part.max() for part in labels)) + 1


def check(data: Data) -> None:
    """Raises ValueError, with what to mend, where nothing could learn from the data or be tested on them."""
    parts = {"test": data.test} if data.sampler else {"train": data.train, "test": data.test}
    if data.by_seed:
        parts = {name: Part(*map(np.concatenate, part)) for name, part in parts.items()}
    for name, part in parts.items():
        if not len(part.x):
            raise ValueError(f"the {name} part of the data is empty")
        if len(part.x) != len(part.y):
            raise ValueError(f"the {name} part of the data has {len(part.x)} inputs but {len(part.y)} targets")
        for field, array in part._asdict().items():
            bad = ~np.isfinite(array).reshape(len(array), -1).all(axis=1)
            if bad.any():
                raise ValueError(
                    f"the {name} part of the data has NaN or infinite {field} in {bad.sum()} of {len(bad)} samples; "
                    "mend or drop them"
                )
        if np.issubdtype(part.y.dtype, np.integer) and part.y.min() < 0:
            raise ValueError(f"the {name} part of the data has the label {part.y.min()}; labels count from 0")
    widths = [part.x.shape[1:] for part in parts.values()]
    if widths[0] != widths[-1]:
        raise ValueError(f"train inputs have shape {widths[0]} but test inputs {widths[1]}")
