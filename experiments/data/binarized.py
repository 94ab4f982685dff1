"""Binarised MNIST: images of zeros and ones, float32 [n, 28, 28] (Larochelle & Murray 2011)."""

from pathlib import Path

import numpy as np
import scipy.io
from scipy.io.matlab import MatReadError

from experiments.data.folder import required
from experiments.data.kinds import Data, Part

_SIDE = 28


def binarized_mnist(data_dir: str | None, *, num_train: int | None = None, num_test: int | None = None) -> Data:
    """Binarised MNIST from its three files `binarized_mnist_{train,valid,test}.amat`, MATLAB 5 files with a matrix X.

    50,000 and 10,000 images to train on and 10,000 to test on. There are no labels: the target of an image is 0.
    num_train, num_test: only as many, spread evenly over the file, because the test images are in the order of
    their classes.
    """
    folder = required(data_dir)
    train, valid, test = (_images(folder / f"binarized_mnist_{part}.amat") for part in ("train", "valid", "test"))
    return Data(
        _part(np.concatenate([train, valid]), num_train, "data.num_train"), _part(test, num_test, "data.num_test")
    )


def _part(x: np.ndarray, number: int | None, name: str) -> Part:
    number = len(x) if number is None else number
    if not 0 < number <= len(x):
        raise ValueError(f"{name} must be 1 to {len(x)}, got {number}")
    return Part(x[np.arange(number) * len(x) // number], np.zeros(number, np.int32))


def _images(path: Path) -> np.ndarray:
    if not path.is_file():
        raise FileNotFoundError(f"no {path}; --data_dir names the folder that holds the binarised MNIST files")
    try:
        x = scipy.io.loadmat(path, appendmat=False)["X"]
    except (ValueError, KeyError, TypeError, NotImplementedError, EOFError, MatReadError) as error:
        raise ValueError(f"{path} is not a MATLAB 5 file with a matrix X ({error}); fetch it again") from error
    if x.ndim != 2 or x.shape[1] != _SIDE**2 or not np.isin(x, (0, 1)).all():
        raise ValueError(f"{path}: X should be n images of {_SIDE**2} zeros and ones, but its shape is {x.shape}")
    return x.astype(np.float32).reshape(-1, _SIDE, _SIDE)
