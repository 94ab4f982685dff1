"""Two sets of digits as one, for tasks of both. Images are float32 in [0, 1], [n, H, W]; labels int32 [n]."""

import numpy as np

from experiments.data.idx_files import idx
from experiments.data.kinds import Data, Part
from experiments.data.sklearn_digits import digits


def digits_and_idx(
    data_dir: str | None, *, side: int, crop: int = 0, num_train: int | None = None, num_test: int | None = None
) -> Data:
    """scikit-learn's digits, with the labels 0 to 9, and an IDX set, with labels from 10; all side x side pixels.

    crop, num_train, num_test: of the IDX set. The classes of a family say which set it draws from.
    """
    embedded = digits(data_dir, side=side)
    files = idx(data_dir, side=side, crop=crop, num_train=num_train, num_test=num_test)

    def both(one: Part, other: Part) -> Part:
        return Part(np.concatenate([one.x, other.x]), np.concatenate([one.y, other.y + 10]))

    return Data(both(embedded.train, files.train), both(embedded.test, files.test))
