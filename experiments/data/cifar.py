"""CIFAR-10 from its files (Krizhevsky 2009). Images are bytes [n, 32, 32, 3]; labels int32 [n]."""

from pathlib import Path

import jax
import numpy as np

import blur
from experiments.data.files import whole_npz
from experiments.data.folder import required
from experiments.data.kinds import Data, Part

_TRAIN, _TEST = tuple(f"data_batch_{i}.bin" for i in range(1, 6)), "test_batch.bin"
_RECORD = 1 + 3 * 32 * 32  # bytes: the label, then the red, the green and the blue plane


def cifar10(
    data_dir: str | None,
    *,
    num_train: int | None = None,
    num_test: int | None = None,
    num_held_out: int = 0,
    mirrored: bool = False,
    grey_side: int | None = None,
) -> Data:
    """CIFAR-10 from its binary version (data_batch_1.bin .. data_batch_5.bin, test_batch.bin) or from cifar10.npz.

    Both are looked for in data_dir, the binary files also in its folder cifar-10-batches-bin, where their archive puts
    them. cifar10.npz holds x_train, y_train, x_test, y_test, bytes [n, 32, 32, 3] and integers [n] or [n, 1].
    num_train, num_test: only the first ones. num_held_out: so many of the last train images are test images instead.
    mirrored: with each train image its mirror image is there, n more. grey_side: images of side x side in shades of
    grey, float32 [n, side, side] in [0, 1], for learners of few inputs: 0.299 red + 0.587 green + 0.114 blue (BT.601).
    """
    if grey_side is not None and not 0 < grey_side <= 32:
        raise ValueError(f"data.grey_side must be 1 to 32, got {grey_side}")
    folder = required(data_dir)
    if (folder / "cifar-10-batches-bin").is_dir():
        folder /= "cifar-10-batches-bin"
    if (folder / "cifar10.npz").is_file():
        train, test = _npz(folder / "cifar10.npz")
    else:
        *train, test = _binary(folder)
        train = Part(*map(np.concatenate, zip(*train, strict=True)))
    if not 0 <= num_held_out < len(train.x):
        raise ValueError(f"data.num_held_out must be 0 to {len(train.x) - 1}, got {num_held_out}")
    test = Part(*(np.concatenate([old, new[len(new) - num_held_out :]]) for old, new in zip(test, train, strict=True)))
    train = Part(*(array[: len(array) - num_held_out] for array in train))
    for name, number, part in (("num_train", num_train, train), ("num_test", num_test, test)):
        if number is not None and not 0 < number <= len(part.x):
            raise ValueError(f"data.{name} must be 1 to {len(part.x)}, got {number}")
    train, test = Part(train.x[:num_train], train.y[:num_train]), Part(test.x[:num_test], test.y[:num_test])
    if mirrored:
        train = Part(np.concatenate([train.x, train.x[:, :, ::-1]]), np.concatenate([train.y, train.y]))
    if grey_side is not None:
        train, test = (Part(_grey(part.x, grey_side), part.y) for part in (train, test))
    return Data(train, test)


_LUMINANCE = np.array([0.299, 0.587, 0.114], np.float32) / np.float32(255)


def _grey(x: np.ndarray, side: int) -> np.ndarray:
    def of_some(images):
        return blur.images.resized(images @ _LUMINANCE, side)

    of_some = jax.jit(of_some)
    return np.concatenate([np.asarray(of_some(x[i : i + 1000])) for i in range(0, len(x), 1000)])


def _binary(folder: Path) -> list[Part]:
    """The parts in the binary files, equally large, the test part last."""
    paths = [folder / name for name in (*_TRAIN, _TEST)]
    missing = [path.name for path in paths if not path.is_file()]
    if missing:
        raise FileNotFoundError(
            f"no {', '.join(missing)} and no cifar10.npz in {folder}; --data_dir names the folder of CIFAR-10's files"
        )
    sizes = [path.stat().st_size for path in paths]
    for path, size in zip(paths, sizes, strict=True):
        if not size or size % _RECORD or size != max(sizes):
            raise ValueError(f"{path} has {size} bytes, others {max(sizes)}, of {_RECORD} an image; fetch it again")
    return [_part(path, *_records(path)) for path in paths]


def _records(path: Path) -> tuple[np.ndarray, np.ndarray]:
    records = np.fromfile(path, np.uint8).reshape(-1, _RECORD)
    return records[:, 1:].reshape(-1, 3, 32, 32).transpose(0, 2, 3, 1), records[:, 0]


def _npz(path: Path) -> list[Part]:
    names = [f"{array}_{part}" for part in ("train", "test") for array in ("x", "y")]
    with whole_npz(path, ", ".join(names)) as content:
        arrays = [content[name] for name in names]
    return [_part(path, *arrays[:2]), _part(path, *arrays[2:])]


def _part(path: Path, x: np.ndarray, y: np.ndarray) -> Part:
    y = y[:, None] if y.ndim == 1 else y
    if (x.dtype, x.shape[1:]) != (np.uint8, (32, 32, 3)):
        raise ValueError(f"{path}: images should be uint8 [n, 32, 32, 3], not {x.dtype} of shape {x.shape}")
    if not len(x):
        raise ValueError(f"{path} has no images; fetch it again")
    if not np.issubdtype(y.dtype, np.integer) or y.shape != (len(x), 1):
        raise ValueError(f"{path}: {len(x)} images have labels {y.dtype} of shape {y.shape}")
    if y.min() < 0 or y.max() > 9:
        raise ValueError(f"{path}: labels from {y.min()} to {y.max()}, not 0 to 9; fetch it again")
    return Part(x, y[:, 0].astype(np.int32))
