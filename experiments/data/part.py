"""What every data set is: NumPy arrays in two parts."""

from typing import NamedTuple

import numpy as np


class Part(NamedTuple):
    """Inputs and their targets, equally many."""

    x: np.ndarray
    y: np.ndarray


class Data(NamedTuple):
    """A data set in its two parts."""

    train: Part
    test: Part


def check(data: Data) -> None:
    """Raises ValueError, with what to mend, where nothing could learn from the data or be tested on them."""
    for name, part in data._asdict().items():
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
    widths = [part.x.shape[1:] for part in data]
    if widths[0] != widths[1]:
        raise ValueError(f"train inputs have shape {widths[0]} but test inputs {widths[1]}")
