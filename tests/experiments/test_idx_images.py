"""What is done to the images of IDX files, one step after the other."""

import numpy as np
import pytest

import blur
from bootstrap import images
from experiments.data.idx_files import idx

IMAGES = np.random.default_rng(0).integers(0, 256, (5, 8, 8)).astype(np.uint8)


@pytest.fixture
def folder(tmp_path):
    for prefix in ("train", "t10k"):
        (tmp_path / f"{prefix}-images-idx3-ubyte").write_bytes(
            np.array([2051, *IMAGES.shape], ">i4").tobytes() + IMAGES.tobytes()
        )
        (tmp_path / f"{prefix}-labels-idx1-ubyte").write_bytes(np.array([2049, 5], ">i4").tobytes() + bytes(range(5)))
    return tmp_path


def filtered(image, std):
    """By its definition: each pixel the mean of all, weighted by a Gaussian; the image is mirrored beyond its edges."""
    reach = int(4 * std + 0.5)
    weights = np.exp(-0.5 * (np.arange(-reach, reach + 1) / std) ** 2)
    weights /= weights.sum()
    padded = np.pad(image, reach, mode="symmetric")
    rows = sum(w * padded[k : k + len(image)] for k, w in enumerate(weights))
    return sum(w * rows[:, k : k + image.shape[1]] for k, w in enumerate(weights))


def test_images_are_straightened_then_smoothed_then_made_gradients_then_resized(folder):
    plain = IMAGES.astype(np.float32) / 255
    assert np.array_equal(idx(folder).train.x, plain)
    smooth = np.stack([filtered(image, 1.0) for image in plain])
    np.testing.assert_allclose(idx(folder, smooth=1.0).test.x, smooth, atol=1e-6)
    both = np.stack([filtered(np.asarray(images.deskew(image)), 1.0) for image in plain])
    np.testing.assert_allclose(idx(folder, deskew=True, smooth=1.0).train.x, both, atol=1e-5)
    gradients = np.stack([images.oriented_gradients(image) for image in smooth.astype(np.float32)])
    np.testing.assert_allclose(idx(folder, smooth=1.0, gradients=True).train.x, gradients, atol=1e-5)
    small = blur.images.resized(smooth.astype(np.float32), side=4, crop=1)
    np.testing.assert_allclose(idx(folder, smooth=1.0, side=4, crop=1).train.x, small, atol=1e-5)


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"crop": 2}, "data.crop=2 needs data.side"),
        ({"crop": -3, "side": 4}, "data.crop must be at least 0, got -3"),
        ({"gradients": True, "side": 4}, "data.side must be at least 1, got gradients=True, whose images are not"),
    ],
)
def test_settings_that_would_do_nothing_are_refused(folder, settings, message):
    with pytest.raises(ValueError, match=message):
        idx(folder, **settings)
