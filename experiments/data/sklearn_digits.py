"""scikit-learn's digits: embedded, so nothing is read. Images are float32 in [0, 1], [n, H, W]; labels int32 [n]."""

from typing import Any

import jax.numpy as jnp
import numpy as np

import blur
from experiments.data.held_out import check_seed, split
from experiments.data.kinds import Data, Part, standardised


def digits(
    data_dir: str | None,
    *,
    train_fraction: float = 0.75,
    split_seed: int = 0,
    side: int | None = None,
    standardise: bool = False,
) -> Data:
    """scikit-learn's 1797 embedded digits, 8 x 8 pixels, split at random with equal shares of every class.

    side: then they are resized to side x side pixels (`blur.images.resized`). standardise: see `kinds.standardised`.
    """
    del data_dir
    if not 0 < train_fraction < 1:
        raise ValueError(f"data.train_fraction must lie between 0 and 1, got {train_fraction}")
    check_seed(split_seed)
    x, y = embedded()
    if side is not None and side < 1:
        raise ValueError(f"data.side must be at least 1, got {side}")
    if side is not None:
        x = np.asarray(blur.images.resized(jnp.asarray(x), side))
    x_train, x_test, y_train, y_test = split(x, y, train_size=train_fraction, random_state=split_seed, stratify=y)
    data = Data(Part(x_train, y_train), Part(x_test, y_test))
    return standardised(data) if standardise else data


def embedded() -> Part:
    """All 1797 digits, in scikit-learn's order."""
    from sklearn import datasets  # see `held_out.split`

    everything: Any = datasets.load_digits()
    return Part(everything.images.astype(np.float32) / 16, everything.target.astype(np.int32))
