"""CIFAR-5m's files: every row comes from its place, nothing is read that is not asked for, a bad file is one line."""

import tracemalloc
from pathlib import Path

import numpy as np
import pytest

from experiments.data import cifar5m
from experiments.data.cifar5m_shards import shards
from tests.experiments.shard_files import PER_PART, X, Y, opened, six_parts, write

folder = pytest.fixture(six_parts)


@pytest.mark.parametrize(
    ("first", "count"), [(0, 1), (6, 1), (7, 1), (6, 2), (3, 4), (5, 20), (0, 35), (34, 1), (35, 0)]
)
def test_rows_come_from_their_files(folder, first, count):
    train, _ = opened(folder)
    images, labels = train.rows(first, count)
    assert (images.dtype, labels.dtype) == (np.uint8, np.int32)
    np.testing.assert_array_equal(images, X[first : first + count])
    np.testing.assert_array_equal(labels, Y[first : first + count])


def test_train_is_the_first_five_parts_and_test_the_last(folder):
    train, test = opened(folder)
    assert (len(train), len(test)) == (35, 7)
    np.testing.assert_array_equal(test.rows(1, 6)[0], X[36:])


def test_the_data_set(folder):
    data = cifar5m(str(folder), num_train=9, num_test=3, num_per_part=PER_PART)
    assert (data.first.x.dtype, data.test.x.dtype) == (np.uint8, np.uint8)
    np.testing.assert_array_equal(data.first.x, X[:9])
    np.testing.assert_array_equal(data.first.y, Y[:9])
    np.testing.assert_array_equal(data.test.x, X[35:38])
    np.testing.assert_array_equal(data.test.y, Y[35:38])
    np.testing.assert_array_equal(data.read(5, 12).x, X[5:17])


def test_an_order_seed_draws_the_order_of_the_images(folder):
    """Each train image comes once, with its label, also across files; other seeds have other ones first."""
    labels = []
    for seed in (0, 1):
        data = cifar5m(str(folder), num_train=9, num_test=3, num_per_part=PER_PART, order_seed=seed)
        x, y = (np.concatenate([data.read(0, 20)[i], data.read(20, 15)[i]]) for i in range(2))
        rows = [int(np.flatnonzero((image == X).all(axis=(1, 2, 3)))[0]) for image in x]
        np.testing.assert_array_equal(np.sort(rows), np.arange(35))
        np.testing.assert_array_equal(y, Y[rows])
        np.testing.assert_array_equal(data.first.x, x[:9])
        np.testing.assert_array_equal(data.test.x, X[35:38])
        labels.append(rows)
    assert labels[0] != labels[1]


def test_more_than_there_is_is_refused(folder):
    for name, most in {"num_train": 35, "num_test": 7}.items():
        settings = {"num_train": 1, "num_test": 1, name: most + 1}
        with pytest.raises(ValueError, match=rf"data\.{name} must be 1 to {most}, got {most + 1}"):
            cifar5m(str(folder), **settings, num_per_part=PER_PART)


def test_the_public_files_hold_1000448_images(folder):
    with pytest.raises(ValueError, match=r"part0.npz: 7 images and 7 labels, not 1000448; fetch it again"):
        cifar5m(str(folder))


@pytest.mark.parametrize(("first", "count"), [(-1, 2), (0, 36), (35, 1), (3, -1)])
def test_rows_that_are_not_there_are_refused(folder, first, count):
    with pytest.raises(ValueError, match=r"no samples .*: the files hold 35"):
        opened(folder)[0].rows(first, count)


@pytest.mark.parametrize("dtype", [np.uint8, np.int8, np.int32, np.int64, np.uint64, ">i4"])
def test_labels_of_any_integer_type(folder, dtype):
    write(folder, 1, Y=Y[7:14].astype(dtype))
    labels = opened(folder)[0].rows(6, 9)[1]
    assert labels.dtype == np.int32
    np.testing.assert_array_equal(labels, Y[6:15])


def test_labels_in_a_column(folder):
    write(folder, 1, Y=Y[7:14, None])
    np.testing.assert_array_equal(opened(folder)[0].rows(6, 9)[1], Y[6:15])


def test_files_by_their_other_name(folder):
    for path in folder.glob("part*.npz"):
        path.rename(folder / f"cifar5m_{path.name}")
    np.testing.assert_array_equal(opened(folder)[0].rows(0, 35)[1], Y[:35])
    (folder / "partX.npz").touch()
    (folder / "part0.npz").touch()  # of another set, whose others are not here
    np.testing.assert_array_equal(opened(folder)[0].rows(0, 35)[1], Y[:35])
    (folder / "cifar5m_part2.npz").unlink()
    with pytest.raises(FileNotFoundError, match=r"^no cifar5m_part2.npz in "):
        opened(folder)


@pytest.mark.parametrize(
    ("changed", "message"),
    [
        ({"X": X[:6]}, "6 images and 7 labels, not 7; fetch it again"),
        ({"Y": Y[:6]}, "7 images and 6 labels, not 7; fetch it again"),
        ({"X": X[:8], "Y": Y[:8]}, "8 images and 8 labels, not 7; fetch it again"),
        ({"X": None, "images": X[:7]}, "has no array X; it holds Y, images"),
        ({"Y": None}, "has no array Y; it holds X"),
        ({"X": X[:7].astype(np.float32)}, r"X should be images uint8 \[n, 32, 32, 3\], not float32 of shape \(7, "),
        ({"X": X[:7].transpose(0, 3, 1, 2).copy()}, r"X should be .*, not uint8 of shape \(7, 3, 32, 32\)"),
        ({"X": np.asfortranarray(X[:7])}, "X is in Fortran order; save it again in C order"),
        ({"Y": Y[:7].astype(float)}, r"Y should be integers \[n\] or \[n, 1\], not float64 of shape \(7,\)"),
        ({"Y": Y[:14].reshape(7, 2)}, r"Y should be integers \[n\] or \[n, 1\], not int64 of shape \(7, 2\)"),
        ({"Y": Y[:7].astype(object)}, "Y holds Python objects; save it again as an array of numbers"),
        ({"Y": np.arange(4, 11)}, "labels from 4 to 10, not 0 to 9; fetch it again"),
        ({"Y": np.arange(-1, 6)}, "labels from -1 to 5, not 0 to 9; fetch it again"),
    ],
)
def test_a_wrong_part_is_named(folder, changed, message):
    path = write(folder, 4, **changed)
    with pytest.raises(ValueError, match=f"^{path}:? ?(?:{message})") as refusal:
        opened(folder)
    assert "\n" not in str(refusal.value)


def test_missing_parts_are_named(folder):
    for part in (1, 5):
        (folder / f"part{part}.npz").unlink()
    with pytest.raises(FileNotFoundError, match=rf"^no part1.npz, part5.npz in {folder}; --data_dir names the folder"):
        opened(folder)


def test_a_folder_must_be_named():
    with pytest.raises(ValueError, match="give their folder with --data_dir"):
        shards(None)


def resident():
    """Bytes of mapped files that are in this process's memory."""
    lines = Path("/proc/self/status").read_text().splitlines()
    return 1024 * next(int(line.split()[1]) for line in lines if line.startswith("RssFile"))


@pytest.mark.skipif(not Path("/proc/self/status").exists(), reason="no /proc here to read the resident memory from")
def test_a_pass_holds_no_more_than_a_slab(tmp_path):
    size, slab = 2000, 500  # files of 6.1 MB, slabs of 1.5 MB
    for part in range(6):
        np.savez(tmp_path / f"part{part}.npz", X=np.full((size, *X.shape[1:]), part, np.uint8), Y=np.zeros(size, int))
    train, _ = shards(str(tmp_path), num_per_part=size)
    mapped, most_mapped = resident(), 0
    tracemalloc.start()
    for first in range(0, len(train), slab):
        images, labels = train.rows(first, slab)
        most_mapped = max(most_mapped, resident() - mapped)
        assert images[0, 0, 0, 0] == first // size
        del images, labels
    _, most = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert most < 2 * slab * 3072
    assert most_mapped < 4 * slab * 3072
