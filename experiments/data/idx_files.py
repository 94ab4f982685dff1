"""MNIST-style images from IDX files. Images are float32 in [0, 1], [n, H, W]; labels int32 [n]."""

import gzip
import struct
import zlib
from functools import partial
from pathlib import Path

import jax
import numpy as np
from scipy.ndimage import gaussian_filter

import blur
from bootstrap import images, settings
from experiments.data.folder import required
from experiments.data.kinds import Data, Part, standardised


def idx(
    data_dir: str | None,
    *,
    deskew: bool = False,
    smooth: float = 0.0,
    gradients: bool = False,
    crop: int = 0,
    side: int | None = None,
    num_train: int | None = None,
    num_test: int | None = None,
    standardise: bool = False,
) -> Data:
    """MNIST or any set in its IDX files (`train-images-idx3-ubyte`, .gz or not, and its three companions).

    deskew: centres and straightens every image (`bootstrap.images.deskew`). smooth: the standard deviation, in pixels,
    of a Gaussian filter after that. gradients: then x are its oriented gradients [n, O, H / 4, W / 4] in place of its
    pixels (`bootstrap.images.oriented_gradients`). side: cuts `crop` pixels from every edge and resizes the rest to
    side x side (`blur.images.resized`). num_train, num_test: only the first ones. standardise: see
    `kinds.standardised`.
    """
    folder = required(data_dir)
    train, test = (_idx_part(folder, prefix) for prefix in ("train", "t10k"))
    train, test = _first(train, num_train, "data.num_train"), _first(test, num_test, "data.num_test")
    settings.check_not_negative(**{"data.smooth": smooth})
    settings.check_counts(0, **{"data.crop": crop})
    if side is not None and (side < 1 or gradients):
        got = "gradients=True, whose images are not resized" if gradients else side
        raise ValueError(f"data.side must be at least 1, got {got}")
    if side is None and crop:
        raise ValueError(f"data.crop={crop} needs data.side, to which what is left is resized")
    steps = [
        _of_each(images.deskew) if deskew else None,
        partial(gaussian_filter, sigma=(0, smooth, smooth)) if smooth else None,
        _of_each(images.oriented_gradients) if gradients else None,
        None if side is None else jax.jit(partial(blur.images.resized, side=side, crop=crop)),
    ]
    for step in filter(None, steps):
        train, test = (Part(np.asarray(step(part.x)), part.y) for part in (train, test))
    return standardised(Data(train, test)) if standardise else Data(train, test)


def _of_each(step):
    """step: image -> array. -> the function that does it to every one of many images."""
    return jax.jit(partial(jax.lax.map, step, batch_size=500))


def _first(part: Part, number: int | None, name: str) -> Part:
    if number is not None and not 0 < number <= len(part.x):
        raise ValueError(f"{name} must be 1 to {len(part.x)}, got {number}")
    return Part(part.x[:number], part.y[:number])


def _idx_part(folder: Path, prefix: str) -> Part:
    x = _idx_array(folder, f"{prefix}-images-idx3-ubyte", rank=3)
    y = _idx_array(folder, f"{prefix}-labels-idx1-ubyte", rank=1)
    if len(x) != len(y):
        raise ValueError(f"{folder}: {len(x)} {prefix} images but {len(y)} labels; the files do not belong together")
    return Part(x.astype(np.float32) / 255, y.astype(np.int32))


def _idx_array(folder: Path, name: str, rank: int) -> np.ndarray:
    path = next((path for path in (folder / name, folder / f"{name}.gz") if path.is_file()), None)
    if path is None:
        raise FileNotFoundError(
            f"no {name} or {name}.gz in {folder}; --data_dir names the folder that holds the IDX files"
        )
    try:
        content = gzip.decompress(path.read_bytes()) if path.suffix == ".gz" else path.read_bytes()
    except (EOFError, gzip.BadGzipFile, zlib.error) as error:
        raise ValueError(f"{path} is not a whole gzip file ({error}); fetch it again") from error
    header = 4 + 4 * rank
    if len(content) < header or content[:4] != bytes((0, 0, 8, rank)):  # 8: unsigned bytes
        raise ValueError(f"{path} is not an IDX file of unsigned bytes with {rank} dimensions; fetch it again")
    shape = struct.unpack(f">{rank}I", content[4:header])
    if len(content) - header != np.prod(shape):
        raise ValueError(
            f"{path} should hold {np.prod(shape)} bytes for its shape {shape}, not {len(content) - header}"
        )
    return np.frombuffer(content, np.uint8, offset=header).reshape(shape)
