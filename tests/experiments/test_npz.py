"""Arrays of one's own: their types become those that learners take; what cannot be read is one line that names it."""

import zipfile

import numpy as np
import pytest

from experiments import data as data_sets
from experiments.data import npz
from experiments.data.parameter_files import parameters

X = np.arange(24.0).reshape(8, 3) / 7
LABELS = np.array([0, 1, 2, 1, 0, 2, 1, 0])
ARRAYS = {"x_train": X, "y_train": LABELS, "x_test": X[:2] + 1, "y_test": LABELS[:2]}
TRAIN = {"x_test": None, "y_test": None}  # for a file without test arrays


def load(folder, settings=None, **changed):
    """The data of a file of these arrays, but for those that are None."""
    arrays = {name: array for name, array in {**ARRAYS, **changed}.items() if array is not None}
    np.savez(folder / "data.npz", **arrays)
    return npz(str(folder), **(settings or {}))


def test_the_arrays_are_the_data(tmp_path):
    data = load(tmp_path, notes=np.array("not looked at"))
    for leaf, name in zip((*data.train, *data.test), ARRAYS, strict=True):
        np.testing.assert_array_equal(leaf, ARRAYS[name].astype(leaf.dtype))
    assert [leaf.dtype for part in data[:2] for leaf in part] == [np.float32, np.int32] * 2
    data_sets.check(data)


@pytest.mark.parametrize(
    ("given", "dtype", "shape"),
    [
        (X.astype(np.float16), np.float32, (8, 3)),
        (X > 1, np.float32, (8, 3)),
        (np.arange(8), np.float32, (8, 1)),
        (np.arange(8, dtype=np.uint8).reshape(8, 1, 1), np.uint8, (8, 1, 1)),
        (np.asfortranarray(X.astype(">f8")), np.float32, (8, 3)),
    ],
)
def test_inputs_of_any_type(tmp_path, given, dtype, shape):
    x = load(tmp_path, x_train=given, x_test=given[:2]).train.x
    assert (x.dtype, x.shape) == (dtype, shape)
    np.testing.assert_array_equal(x, given.reshape(shape).astype(dtype))


@pytest.mark.parametrize(
    ("given", "task", "dtype", "shape"),
    [
        (LABELS.astype(np.uint8)[:, None], None, np.int32, (8,)),
        (LABELS.astype(">u8"), None, np.int32, (8,)),
        (LABELS > 0, None, np.int32, (8,)),
        (LABELS, "regression", np.float32, (8, 1)),
        (LABELS.astype(float), "classification", np.int32, (8,)),
        (LABELS.astype(float)[:, None], "regression", np.float32, (8, 1)),
        (X[:, 0], None, np.float32, (8, 1)),
        (X, None, np.float32, (8, 3)),
        (np.eye(8), None, np.float32, (8, 8)),
    ],
)
def test_targets_of_any_type(tmp_path, given, task, dtype, shape):
    y = load(tmp_path, {"task": task}, y_train=given, y_test=given[:2]).train.y
    assert (y.dtype, y.shape) == (dtype, shape)
    np.testing.assert_array_equal(y, given.reshape(shape).astype(dtype))


def test_a_part_is_held_out_where_the_file_has_no_test_arrays(tmp_path):
    x, y = np.arange(40.0), np.arange(40) % 4 == 0
    settings = [{"split_seed": 0}, {"split_seed": 1}, {"test_fraction": 0.5}]
    data, other, half = (load(tmp_path, of_one, x_train=x, y_train=y, **TRAIN) for of_one in settings)
    assert (len(data.test.y), len(half.test.y)) == (8, 20)
    assert data.train.y.mean() == data.test.y.mean() == 0.25
    assert sorted([*data.train.x[:, 0], *data.test.x[:, 0]]) == [*x]
    for part in data[:2]:
        np.testing.assert_array_equal(part.y, part.x[:, 0] % 4 == 0)
    assert not np.array_equal(data.test.x, other.test.x)


def test_a_part_of_a_regression_is_held_out_at_random(tmp_path):
    data = load(tmp_path, y_train=X[:, 1], **TRAIN)
    assert (data.train.x.shape, data.test.x.shape) == ((6, 3), (2, 3))
    for part in data[:2]:
        np.testing.assert_array_equal(part.y[:, 0], part.x[:, 1])


NAN = np.where(np.arange(24).reshape(8, 3) == 16, np.nan, X)


@pytest.mark.parametrize(
    ("changed", "settings", "message"),
    [
        ({"x_train": None}, {}, r"data\.npz has no 'x_train'; its arrays: 'y_train', 'x_test', 'y_test'"),
        ({"y_test": None}, {}, r"data\.npz has no 'y_test'; its arrays: 'x_train', 'y_train', 'x_test'"),
        ({"x_train": X.astype(object)}, {}, r"data\.npz: x_train: .*; save numbers, as objects are never unpickled"),
        ({"x_train": X.astype(complex)}, {}, r"data\.npz: x_train is complex128 of shape \(8, 3\); save integers"),
        ({"y_train": LABELS.astype(str)}, {}, r"data\.npz: y_train is <U21 of shape \(8,\); save integers"),
        ({"x_train": np.array(1.0)}, {}, r"x_train is float64 of shape \(\), which are no numbers for each"),
        ({"x_train": X[:, :0]}, {}, r"x_train is float64 of shape \(8, 0\), which are no numbers for each"),
        ({"y_train": X}, {"task": "classification"}, r"y_train is float64 of shape \(8, 3\); labels are class numbers"),
        ({"y_train": np.eye(8, dtype=int)}, {}, r"y_train is int64 of .*; labels are class numbers .*task=regression"),
        ({"y_train": X[:, 1]}, {"task": "classification"}, r"y_train\[0\] is 0\.142.*, which is no class number"),
        ({"y_train": LABELS.astype(float)}, {}, "is y_train, whole numbers as float64, of labels or of amounts"),
        ({"y_train": LABELS + 2**31}, {}, r"y_train\[0\] is 2147483648, which is no class number"),
        ({"y_test": X[:2, 1]}, {}, r"y_test\[0\] is 0\.142.*, which is no class number"),
        ({"y_train": X[:, :2, None]}, {}, r"y_train is float64 of .*; targets of a regression are \[n\] or \[n, d\]"),
        ({"x_test": X[:2, 1:]}, {}, r"x_train is float64 of shape \(8, 3\), but x_test float64 of shape \(2, 2\)"),
        ({"x_test": X[:2].astype(np.uint8)}, {}, r"x_train is float64 .*, but x_test uint8 of shape \(2, 3\)"),
        ({}, {"test_fraction": 0.5}, r"data\.npz has arrays to test on: data\.test_fraction must be None"),
        ({}, {"file": "no.npz"}, r"^no file 'no\.npz' in .*; the files there: 'data\.npz'; see data\.file"),
        ({}, {"task": "guess"}, "data.task must be classification, regression or None, got 'guess'"),
        ({**TRAIN, "y_train": LABELS[:7]}, {}, "train part of the data: x and y .*at least one, got 8 and 7"),
        (
            {**TRAIN, "x_train": X[:0], "y_train": LABELS[:0]},
            {},
            r"the train part of the data: x and y .*at least one, got 0 and 0",
        ),
        ({**TRAIN, "x_train": NAN}, {}, "NaN or infinite x in 1 of 8 samples"),
        ({**TRAIN, "x_train": X * 1e39}, {}, "NaN or infinite x in 7 of 8 samples"),
        ({**TRAIN, "y_train": NAN[:, 1]}, {}, "NaN or infinite y in 1 of 8 samples"),
        ({**TRAIN, "y_train": NAN[:, 1] // 1}, {"task": "classification"}, r"y_train\[5\] is nan, .* no class number"),
        ({**TRAIN, "y_train": LABELS - 1}, {}, "the train part of the data: a label must be at least 0, got -1"),
        ({**TRAIN, "y_train": np.arange(8) // 7}, {}, r"data\.npz: label 1 has a single sample, but a split needs two"),
        (TRAIN, {"test_fraction": 0.0}, r"data\.test_fraction must lie between 0 and 1, got 0\.0"),
        (TRAIN, {"split_seed": -1}, r"data\.split_seed must be 0 to 4294967295, got -1"),
    ],
)
def test_what_cannot_be_read_is_said_in_one_line(tmp_path, changed, settings, message):
    with pytest.raises((ValueError, FileNotFoundError), match=message) as refusal:
        load(tmp_path, settings, **changed)
    assert "\n" not in str(refusal.value)
    assert len(str(refusal.value)) < 400  # which is where the launcher cuts


@pytest.mark.parametrize("content", [b"", b"x,y\n1,2\n", None])
def test_what_is_no_npz_file_is_refused(tmp_path, content):
    load(tmp_path)
    path = tmp_path / "data.npz"
    path.write_bytes(path.read_bytes()[:-100] if content is None else content)
    with pytest.raises(ValueError, match=r"data\.npz is not a whole \.npz file; numpy\.savez writes them"):
        npz(str(tmp_path))


def test_a_single_array_is_no_npz_file(tmp_path):
    np.save(tmp_path / "data.npy", X)
    with pytest.raises(ValueError, match=r"data\.npy is not a whole \.npz file"):
        npz(str(tmp_path), file="data.npy")


def test_an_array_with_wrong_bytes_is_named(tmp_path):
    load(tmp_path)
    path = tmp_path / "data.npz"
    content = bytearray(path.read_bytes())
    content[content.index(X.tobytes()) + 9] ^= 1
    path.write_bytes(content)
    with pytest.raises(ValueError, match=r"data\.npz: x_train is not whole \(Bad CRC-32 .*\); fetch it again"):
        npz(str(tmp_path))


@pytest.mark.parametrize("reader", ["npz", "bandit", "parameters"])
def test_wherever_a_byte_is_damaged_the_file_is_named(tmp_path, reader):
    """zipfile, zlib, NumPy and Python's tokenizer raise many kinds of exceptions. Some bytes nobody reads."""
    path = tmp_path / ("bandit_adult.npz" if reader == "bandit" else "data.npz")
    read = {
        "npz": lambda: npz(str(tmp_path), test_fraction=0.5),
        "bandit": lambda: data_sets.bandit(str(tmp_path), set="adult"),
        "parameters": lambda: parameters(str(path)),
    }[reader]
    arrays = {"x_train": X, "y_train": LABELS // 2} if reader == "npz" else {"a0": X, "a1": X}
    np.savez_compressed(path, **arrays)
    good, num_refused = path.read_bytes(), 0
    for i in range(len(good)):
        path.write_bytes(good[:i] + bytes([good[i] ^ (1, 32, 255)[i % 3]]) + good[i + 1 :])
        try:
            read()
        except ValueError as error:
            assert str(path) in str(error)  # noqa: PT017
            num_refused += 1
    assert num_refused > len(good) / 2


def test_a_member_that_is_no_array_is_refused(tmp_path):
    np.savez(tmp_path / "data.npz", y_train=LABELS)
    with zipfile.ZipFile(tmp_path / "data.npz", "a") as archive:
        archive.writestr("x_train", "1 2 3")
    with pytest.raises(ValueError, match=r"data\.npz: x_train is \|S5 of shape \(\); save integers"):
        npz(str(tmp_path))
