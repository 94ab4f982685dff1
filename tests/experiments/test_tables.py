"""Tables and arrays that people have: what they become, and how they are refused."""

import gzip
import json

import numpy as np
import pytest
from ml_collections import ConfigDict

from experiments.data import check, csv, npz
from launch.train import train

TABLE = """size,colour,price,kind
1,red,10.5,b
3, blue ,11.5,a
"5","red",12.5,a
7,"a, ""b""
c",13.5,b
"""


def write(folder, text, name="t.csv"):
    content = text.encode("utf-8")
    (folder / name).write_bytes(gzip.compress(content) if name.endswith(".gz") else content)
    return str(folder)


def test_a_table_by_hand(tmp_path):
    folder = write(tmp_path, TABLE)
    write(tmp_path, "size,colour,price,kind\n9,green,14.5,a\n1,blue,10.5,b\n", "test.csv")
    data = csv(folder, train="t.csv", test="test.csv", target="kind", drop=("price",))
    check(data)
    size = (np.array([1.0, 3, 5, 7]) - 4) / np.sqrt(5)
    colours = ['a, "b"\nc', "blue", "red"]  # in order; "green" is none of them
    indicators = [[colour == of_row for colour in colours] for of_row in ("red", "blue", "red", 'a, "b"\nc')]
    np.testing.assert_allclose(data.train.x, np.column_stack([size, indicators]), rtol=1e-6)
    np.testing.assert_allclose(data.test.x, [[5 / np.sqrt(5), 0, 0, 0], [-3 / np.sqrt(5), 0, 1, 0]], rtol=1e-6)
    np.testing.assert_array_equal(data.train.y, np.array([1, 0, 0, 1], np.int32), strict=True)
    np.testing.assert_array_equal(data.test.y, [0, 1])
    assert data.train.x.dtype == np.float32


@pytest.mark.parametrize(
    ("name", "change"),
    [
        ("t.csv", lambda text: "\ufeff" + text),
        ("t.csv", lambda text: text.replace("\n", "\r\n")),
        ("t.csv.gz", lambda text: text),
        ("t.tsv", lambda text: text.replace(",", "\t")),
        ("t.tsv.gz", lambda text: text.replace(",", "\t")),
    ],
)
def test_files_as_they_come(tmp_path, name, change):
    text = "a,b,y\n" + "".join(f"{i},{i * i},{i % 3}\n" for i in range(30))
    folder = write(tmp_path, text, "plain.csv")
    write(tmp_path, change(text), name)
    plain, other = (csv(folder, train=file, target="y") for file in ("plain.csv", name))
    for one, two in zip((*plain.train, *plain.test), (*other.train, *other.test), strict=True):
        np.testing.assert_array_equal(one, two)
    assert len(plain.test.y) == 6
    np.testing.assert_array_equal(np.bincount(plain.test.y), [2, 2, 2])


@pytest.mark.parametrize(
    ("values", "settings", "dtype"),
    [
        (["no", "yes"], {}, np.int32),
        (["10", "9", "2"], {}, np.int32),
        (["1.5", "2.5", "3.5"], {}, np.float32),
        ([str(i) for i in range(30)], {}, np.float32),
        ([str(i) for i in range(30)] * 5, {}, np.int32),
        (["1", "2"], {"task": "regression"}, np.float32),
        (["1.5", "2.5"], {"task": "classification"}, np.int32),
    ],
)
def test_what_a_target_is(tmp_path, values, settings, dtype):
    rows = "".join(f"{i},{value}\n" for i, value in enumerate(values * 10))
    data = csv(write(tmp_path, "x,y\n" + rows), train="t.csv", target="y", **settings)
    assert data.train.y.dtype == dtype
    assert data.train.y.ndim == (1 if dtype == np.int32 else 2)
    if values == ["10", "9", "2"]:  # 2 < 9 < 10
        np.testing.assert_array_equal(np.bincount(np.concatenate([data.train.y, data.test.y])), [10, 10, 10])


GOOD = "x,z,y\n" + "".join(f"{i},{i},{'ab'[i % 2]}\n" for i in range(10))


@pytest.mark.parametrize(
    ("text", "settings", "message"),
    [
        (GOOD, {"train": "u.csv"}, r"no file .*u\.csv; tables in its folder: t\.csv"),
        (GOOD, {"target": "w"}, r"t\.csv has no column 'w'; there are x, z, y"),
        (GOOD, {"drop": ("w",)}, r"t\.csv has no column 'w'; there are x, z, y"),
        (GOOD, {"drop": ("x", "z")}, "no column to learn from beside 'y'"),
        (GOOD, {"task": "both"}, "data.task must be classification or regression, got 'both'"),
        (GOOD, {"test_fraction": 1.5}, "data.test_fraction must lie between 0 and 1, got 1.5"),
        (GOOD, {"test": "t.csv", "test_fraction": 0.5}, "data.test_fraction is for a table without a test file"),
        (
            GOOD,
            {"task": "regression"},
            r"t\.csv, line \d+, column 'y': expected a number, got 'a', as in \d+ of \d+ rows",
        ),
        ("", {}, r"t\.csv has nothing in it"),
        ("x,y\n", {}, r"t\.csv has a header but no rows"),
        (GOOD.replace("x,z", "x,x"), {}, "the header names 'x' twice"),
        (GOOD + "1,2\n", {}, r"t\.csv, line 12: 2 cells where the header has 3"),
        (
            GOOD.replace("4,4", "4,four"),
            {"test": "t.csv"},
            r"line 6, column 'z': expected a number, got 'four'",
        ),
        (GOOD.replace("4,4", "4,nan"), {"test": "t.csv"}, r"line 6, column 'z': expected a number, got 'nan'"),
        (GOOD.replace("4,4", "4,inf"), {"test": "t.csv"}, r"line 6, column 'z': expected a number, got 'inf'"),
        (GOOD.replace("4,4", "4,"), {"test": "t.csv"}, r"line 6, column 'z': empty '', as in 1 of 10 rows"),
        (GOOD.replace(",b", ",a"), {"task": "classification"}, "every 'y' is a: there is nothing to learn"),
        (GOOD + "1,1,c\n", {}, "class c has one sample"),
        (GOOD + '1,"2,c\n', {}, r"t\.csv is not a whole table \(unexpected end of data\)"),
    ],
)
def test_a_table_that_is_refused(tmp_path, text, settings, message):
    with pytest.raises((ValueError, FileNotFoundError), match=message) as error:
        csv(write(tmp_path, text), **{"train": "t.csv", "target": "y", **settings})
    assert "\n" not in str(error.value)


def test_other_refusals(tmp_path):
    folder = write(tmp_path, GOOD)
    write(tmp_path, GOOD.replace("x,z", "z,x"), "other.csv")
    with pytest.raises(ValueError, match=r"other\.csv has the columns \['z', 'x', 'y'\], not those of .*t\.csv"):
        csv(folder, train="t.csv", test="other.csv", target="y")
    write(tmp_path, GOOD + "1,1,c\n", "more.csv")
    with pytest.raises(ValueError, match=r"more\.csv, line 12, column 'y': a label that no training row has, 'c'"):
        csv(folder, train="t.csv", test="more.csv", target="y")
    (tmp_path / "latin.csv").write_bytes("x,y\n1,caf\xe9\n".encode("latin-1"))
    with pytest.raises(ValueError, match=r"latin\.csv is not UTF-8 text"):
        csv(folder, train="latin.csv", target="y")
    (tmp_path / "t.csv.gz").write_bytes(gzip.compress(GOOD.encode())[:30])
    with pytest.raises(ValueError, match=r"t\.csv\.gz is not a whole table"):
        csv(folder, train="t.csv.gz", target="y")


RNG = np.random.default_rng(0)
X, Y = RNG.normal(size=(30, 2, 3)), np.arange(30) % 3


def save(folder, **arrays):
    np.savez(folder / "data.npz", **arrays)
    return str(folder)


def test_arrays_with_a_test_part(tmp_path):
    folder = save(tmp_path, x_train=X, y_train=Y[:, None], x_test=X[:6] > 0, y_test=Y[:6, None])
    data = npz(folder)
    np.testing.assert_array_equal(data.train.x, X.astype(np.float32), strict=True)
    np.testing.assert_array_equal(data.train.y, Y.astype(np.int32), strict=True)
    np.testing.assert_array_equal(data.test.x, (X[:6] > 0).astype(np.float32), strict=True)
    check(data)


def test_arrays_without_one(tmp_path):
    pixels = RNG.integers(0, 256, (30, 4, 4), np.uint8)
    data = npz(save(tmp_path, x_train=pixels, y_train=Y), test_fraction=0.3, split_seed=1)
    assert data.train.x.dtype == np.uint8
    assert (len(data.train.y), len(data.test.y)) == (21, 9)
    np.testing.assert_array_equal(np.bincount(data.test.y), [3, 3, 3])
    targets = npz(save(tmp_path, x_train=X, y_train=X[:, 0, 0]))
    assert (targets.train.y.shape, targets.train.y.dtype) == ((24, 1), np.float32)


@pytest.mark.parametrize(
    ("arrays", "settings", "message"),
    [
        ({"x_train": X, "y_train": Y}, {"file": "other.npz"}, r"no file .*other\.npz; --data_dir names its folder"),
        ({"x_train": X, "labels": Y}, {}, r"data\.npz has no y_train; it holds x_train, labels"),
        ({"x_train": X, "y_train": Y, "x_test": X}, {}, r"data\.npz has no y_test; it holds"),
        ({"x_train": X, "y_train": Y[:9]}, {}, "x_train has 30 rows but y_train 9"),
        ({"x_train": X.astype(str), "y_train": Y}, {}, "x_train is <U.*; it must hold numbers"),
        ({"x_train": X + 1j, "y_train": Y}, {}, "x_train is complex128; it must hold numbers"),
        ({"x_train": X.astype(object), "y_train": Y}, {}, "Object arrays cannot be loaded.*; save plain arrays"),
        ({"x_train": X, "y_train": np.stack([Y, Y], 1)}, {}, r"y_train holds integers of shape \(30, 2\); labels are"),
        ({"x_train": np.float32(3), "y_train": Y}, {}, "x_train is one number"),
        ({"x_train": X, "y_train": Y, "x_test": X, "y_test": Y}, {"test_fraction": 0.1}, "test arrays of its own"),
    ],
)
def test_arrays_that_are_refused(tmp_path, arrays, settings, message):
    with pytest.raises((ValueError, FileNotFoundError), match=message) as error:
        npz(save(tmp_path, **arrays), **settings)
    assert "\n" not in str(error.value)


@pytest.mark.parametrize("content", [b"", b"no archive", b"PK\x03\x04 half"])
def test_a_file_that_is_no_archive(tmp_path, content):
    (tmp_path / "data.npz").write_bytes(content)
    with pytest.raises(ValueError, match=r"data\.npz"):
        npz(str(tmp_path))


@pytest.mark.parametrize(
    ("target", "learner", "measure", "metric"),
    [
        ("kind", {"name": "glns", "num_classes": 2}, "classification", "test_error"),
        ("price", {"name": "glns_regressor"}, "regression", "mse"),
    ],
)
def test_a_table_is_learned(tmp_path, target, learner, measure, metric):
    rows = [(a, "ns"[i % 2], 3 * a + (i % 2), "uv"[int(a > 0)]) for i, a in enumerate(RNG.normal(size=400).round(3))]
    text = "a,side,price,kind\n" + "".join(",".join(map(str, row)) + "\n" for row in rows)
    dropped = ({"kind", "price"} - {target}).pop()
    config = {
        "seed": 0,
        "num_seeds": 1,
        "num_steps": 32,
        "log_every": 16,
        "eval_every": 16,
        "checkpoint_every": 32,
        "log_metrics": (f"eval/{metric}",),
        "evals": (measure,),
        "data": {"name": "csv", "train": "t.csv", "target": target, "drop": (dropped,)},
        "world": {"name": "real", "batch_size": 10},
        "learner": {**learner, "sizes": (8, 1), "num_half_spaces": 2},
    }
    train(ConfigDict(config).lock(), tmp_path / "run", write(tmp_path, text))
    last = (tmp_path / "run" / "metrics.jsonl").read_text().splitlines()[-1]
    assert json.loads(last)[f"eval/{metric}"] < 0.2
