"""CIFAR-10 from its binary files and from an .npz file: the same images, every pixel in its place."""

import numpy as np
import pytest

from experiments.data import cifar10

PER_FILE = 4
NAMES = (*(f"data_batch_{i}.bin" for i in range(1, 6)), "test_batch.bin")
RNG = np.random.default_rng(0)
X = RNG.integers(0, 256, size=(6 * PER_FILE, 32, 32, 3), dtype=np.uint8)
Y = RNG.integers(0, 10, size=6 * PER_FILE, dtype=np.uint8)


def record(image, label):
    """A label, then the red, the green and the blue plane, row by row."""
    return bytes([label, *(image[row, column, c] for c in range(3) for row in range(32) for column in range(32))])


def write_binary(folder):
    for i, name in enumerate(NAMES):
        rows = range(i * PER_FILE, (i + 1) * PER_FILE)
        (folder / name).write_bytes(b"".join(record(X[row], Y[row]) for row in rows))
    return folder


def write_npz(folder, **changed):
    arrays = {"x_train": X[:20], "y_train": Y[:20, None], "x_test": X[20:], "y_test": Y[20:]} | changed
    np.savez(folder / "cifar10.npz", **{name: array for name, array in arrays.items() if array is not None})
    return folder


def write_below(folder):
    (folder / "cifar-10-batches-bin").mkdir()
    write_binary(folder / "cifar-10-batches-bin")
    return folder


@pytest.mark.parametrize("write", [write_binary, write_below, write_npz])
def test_every_pixel_is_in_its_place(tmp_path, write):
    data = cifar10(str(write(tmp_path)))
    for part, x, y in zip(data[:2], (X[:20], X[20:]), (Y[:20], Y[20:]), strict=True):
        assert (part.x.dtype, part.y.dtype) == (np.uint8, np.int32)
        np.testing.assert_array_equal(part.x, x)
        np.testing.assert_array_equal(part.y, y)


def test_only_the_first(tmp_path):
    whole, few = cifar10(str(write_npz(tmp_path))), cifar10(str(tmp_path), num_train=6, num_test=3)
    for part, of_whole, number in zip(few[:2], whole[:2], (6, 3), strict=True):
        np.testing.assert_array_equal(part.x, of_whole.x[:number])
        np.testing.assert_array_equal(part.y, of_whole.y[:number])
    for name, most in {"num_train": 20, "num_test": 4}.items():
        with pytest.raises(ValueError, match=rf"data\.{name} must be 1 to {most}, got {most + 1}"):
            cifar10(str(tmp_path), **{name: most + 1})


def test_grey_images_are_the_luminance(tmp_path):
    """Each pixel of half the side is the weighted mean of 4 x 4, (1, 3, 3, 1) / 8 along a side, as triangles weigh."""
    whole, small = cifar10(str(write_npz(tmp_path)), grey_side=32), cifar10(str(tmp_path), grey_side=16)
    grey = (X[:20] @ np.array([0.299, 0.587, 0.114]) / 255).astype(np.float32)
    np.testing.assert_allclose(whole.train.x, grey, atol=1e-6)
    weights = np.array([1, 3, 3, 1]) / 8
    inner = np.einsum("i,j,nij->n", weights, weights, grey[:, 9:13, 5:9])  # of pixels 10, 11 and 6, 7
    np.testing.assert_allclose(small.train.x[:, 5, 3], inner, atol=1e-5)
    assert small.test.x.shape == (4, 16, 16)
    with pytest.raises(ValueError, match=r"data\.grey_side must be 1 to 32, got 33"):
        cifar10(str(tmp_path), grey_side=33)


def test_held_out_and_mirrored(tmp_path):
    train, test = cifar10(str(write_npz(tmp_path)), num_held_out=5, mirrored=True)[:2]
    np.testing.assert_array_equal(train.x, np.concatenate([X[:15], X[:15, :, ::-1]]))
    np.testing.assert_array_equal(train.y, np.concatenate([Y[:15], Y[:15]]))
    np.testing.assert_array_equal(test.x, np.concatenate([X[20:], X[15:20]]))
    np.testing.assert_array_equal(test.y, np.concatenate([Y[20:], Y[15:20]]))
    with pytest.raises(ValueError, match=r"data\.num_held_out must be 0 to 19, got 20"):
        cifar10(str(tmp_path), num_held_out=20)


def test_files_that_are_missing_are_named(tmp_path):
    write_binary(tmp_path)
    for name in ("data_batch_3.bin", "test_batch.bin"):
        (tmp_path / name).unlink()
    with pytest.raises(
        FileNotFoundError, match=rf"^no data_batch_3.bin, test_batch.bin and no cifar10.npz in {tmp_path}"
    ):
        cifar10(str(tmp_path))


@pytest.mark.parametrize("lost", [1, 3073, 4 * 3073])
def test_a_file_cut_short_is_named(tmp_path, lost):
    path = write_binary(tmp_path) / "data_batch_2.bin"
    path.write_bytes(path.read_bytes()[:-lost])
    with pytest.raises(ValueError, match=f"^{path} has {4 * 3073 - lost} bytes, others 12292, .*; fetch it again"):
        cifar10(str(tmp_path))


def test_a_label_that_is_none_is_named(tmp_path):
    path = write_binary(tmp_path) / "data_batch_2.bin"
    path.write_bytes(b"\x0a" + path.read_bytes()[1:])
    with pytest.raises(ValueError, match=f"^{path}: labels from [0-9] to 10, not 0 to 9; fetch it again"):
        cifar10(str(tmp_path))


@pytest.mark.parametrize(
    ("changed", "message"),
    [
        ({"x_test": None}, "is not a whole .npz file of x_train, y_train, x_test, y_test .*x_test"),
        ({"x_train": X[:20].astype(np.float32)}, r"images should be uint8 \[n, 32, 32, 3\], not float32 of shape"),
        ({"x_train": X[:20].transpose(0, 3, 1, 2)}, r"images should be .*, not uint8 of shape \(20, 3, 32, 32\)"),
        ({"y_test": Y[20:23]}, r"4 images have labels uint8 of shape \(3, 1\)"),
        ({"y_test": Y[20:].astype(float)}, r"4 images have labels float64 of shape \(4, 1\)"),
        ({"y_test": np.array(3)}, r"4 images have labels int64 of shape \(\)"),
        ({"x_test": X[:0], "y_test": Y[:0]}, "has no images; fetch it again"),
        ({"y_train": np.eye(10, dtype=int)[Y[:20]]}, r"20 images have labels int64 of shape \(20, 10\)"),
    ],
)
def test_a_wrong_npz_file_is_named(tmp_path, changed, message):
    path = write_npz(tmp_path, **changed) / "cifar10.npz"
    with pytest.raises(ValueError, match=f"^{path}:? {message}"):
        cifar10(str(tmp_path))


@pytest.mark.parametrize("end", [-100, 100, 0])
def test_an_npz_file_cut_short_is_named(tmp_path, end):
    path = write_npz(tmp_path) / "cifar10.npz"
    path.write_bytes(path.read_bytes()[:end])
    with pytest.raises(ValueError, match=f"^{path} is not a whole .npz file"):
        cifar10(str(tmp_path))


def test_what_is_no_npz_file_is_named(tmp_path):
    path = tmp_path / "cifar10.npz"
    path.write_text("<html>404</html>")
    with pytest.raises(ValueError, match=f"^{path} is not a whole .npz file"):
        cifar10(str(tmp_path))
