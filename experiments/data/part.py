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
