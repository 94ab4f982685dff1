"""A text table of one's own: its columns become inputs and targets; what cannot be read is one line that names it."""

import gzip

import numpy as np
import pytest

from experiments import data as data_sets
from experiments.data import csv

HEADER = "size,colour,price,kind\n"
ROWS = ["1,red,10.5,b", "2,blue,20.5,a", "3,red,30.5,b", "4,green,40.5,a"]
TABLE = HEADER + "\n".join(ROWS) + "\n"
TEST = HEADER + "5,blue,1.5,a\n3,black,2.5,b\n"


def write(folder, name="data.csv", text=TABLE):
    content = text if isinstance(text, bytes) else text.encode()
    (folder / name).write_bytes(gzip.compress(content) if name.endswith(".gz") else content)
    return str(folder)


def load(folder, text=TABLE, test_text=TEST, **settings):
    """The data of a table and a test file."""
    write(folder, "test.csv", test_text)
    settings = {"train": "data.csv", "target": "kind", "test": "test.csv", "drop": ("price",), **settings}
    return csv(write(folder, text=text), **settings)


def test_numbers_are_standardised_and_words_are_indicators(tmp_path):
    data = load(tmp_path)
    scale = np.sqrt(1.25)  # the deviation of 1, 2, 3, 4
    blue, green, red = np.eye(3)
    expected = [[-1.5 / scale, *red], [-0.5 / scale, *blue], [0.5 / scale, *red], [1.5 / scale, *green]]
    np.testing.assert_allclose(data.train.x, expected, rtol=1e-6)
    np.testing.assert_allclose(data.test.x, [[2.5 / scale, *blue], [0.5 / scale, 0, 0, 0]], rtol=1e-6)
    np.testing.assert_array_equal(data.train.y, [1, 0, 1, 0])
    np.testing.assert_array_equal(data.test.y, [0, 1])
    assert [leaf.dtype for part in data[:2] for leaf in part] == [np.float32, np.int32] * 2
    data_sets.check(data)


def test_targets_of_a_regression_keep_their_units(tmp_path):
    data = load(tmp_path, target="price", drop=("kind", "colour"), standardise=False)
    np.testing.assert_array_equal(data.train.x, [[1], [2], [3], [4]])
    np.testing.assert_array_equal(data.train.y, [[10.5], [20.5], [30.5], [40.5]])
    np.testing.assert_array_equal(data.test.y, [[1.5], [2.5]])
    assert [leaf.dtype for part in data[:2] for leaf in part] == [np.float32] * 4


@pytest.mark.parametrize(
    ("name", "text", "settings"),
    [
        ("data.csv", "\ufeff" + TABLE, {}),
        ("data.csv", TABLE.replace("\n", "\r\n"), {}),
        ("data.csv", TABLE.replace("\n", "\r"), {}),
        ("data.csv", TABLE.replace("\n", "\n\n") + "  \n", {}),
        ("data.csv", TABLE.replace(",", " , "), {}),
        ("data.csv", TABLE.replace("red", ' "red"').replace("size", '"size"'), {}),
        ("data.csv", TABLE.replace("blue", "blau"), {"test": "data.csv"}),
        ("data.csv", TABLE.replace("red", '"r,e\n""d"""'), {"test": "data.csv"}),
        ("data.csv", TABLE.replace("kind", "Größe"), {"test": "data.csv", "target": "Größe"}),
        ("data.txt", TABLE.replace(",", ";"), {"test": "data.txt", "separator": ";"}),
        ("data.csv.gz", TABLE, {}),
        ("data.tsv", TABLE.replace(",", "\t"), {}),
        ("data.tsv.gz", TABLE.replace(",", "\t"), {}),
    ],
)
def test_every_way_to_write_a_table(tmp_path, name, text, settings):
    expected = load(tmp_path, test_text=TABLE)
    folder = write(tmp_path, name, text)
    data = csv(folder, **{"train": name, "target": "kind", "test": "test.csv", "drop": "price", **settings})
    for part, of_expected in zip(data[:2], expected[:2], strict=True):
        np.testing.assert_array_equal(part.x, of_expected.x)
        np.testing.assert_array_equal(part.y, of_expected.y)


def test_the_columns_of_the_test_file_are_found_by_their_names(tmp_path):
    moved = "\n".join(",".join(row.split(",")[::-1]) for row in TEST.split())
    np.testing.assert_array_equal(load(tmp_path, test_text=moved).test.x, load(tmp_path).test.x)


def one_column(values, name="y"):
    """A table of an input that counts and a target of these values."""
    return f"x,{name}\n" + "".join(f"{i},{value}\n" for i, value in enumerate(values))


@pytest.mark.parametrize(
    ("values", "labels"),
    [
        (["b", "a", "b", "a"], [1, 0, 1, 0]),
        (["10", "9", "10", "9"], [1, 0, 1, 0]),
        (["-1.0", "1", "-1", "1.0"], [0, 1, 0, 1]),
        (["10", "9", "10", "no"] * 2, None),
        (["1", "2", "3", "4"], [[1], [2], [3], [4]]),
        (["0.5", "1", "0.5", "1"], [[0.5], [1], [0.5], [1]]),
        ([*range(101)] * 3, [[i] for i in [*range(101)] * 3]),
        ([*range(21)] * 3, None),
    ],
)
def test_the_target_tells_the_task(tmp_path, values, labels):
    text = one_column(values)
    if labels is None:
        with pytest.raises(ValueError, match=r"column 'y': ('no' is no number|are the 21 whole numbers)"):
            load(tmp_path, text, test_text=text, target="y", drop=())
    else:
        data = load(tmp_path, text, test_text=text, target="y", drop=())
        assert data.train.y.dtype == (np.int32 if np.ndim(labels) == 1 else np.float32)
        np.testing.assert_array_equal(data.train.y, labels)
        np.testing.assert_array_equal(data.test.y, labels)


@pytest.mark.parametrize(
    ("values", "settings", "labels"),
    [
        (["1", "2", "10", "9"], {"task": "classification"}, [0, 1, 3, 2]),
        (["1", "2", "1", "2"], {"task": "regression"}, [[1], [2], [1], [2]]),
        (["1", "2", "10", "x"], {"task": "classification"}, [0, 2, 1, 3]),
        (["1", "2", "10", "x"], {"categorical": "y"}, [0, 2, 1, 3]),
    ],
)
def test_a_named_task_is_the_task(tmp_path, values, settings, labels):
    text = one_column(values)
    data = load(tmp_path, text, test_text=text, target="y", drop=(), **settings)
    np.testing.assert_array_equal(data.train.y, labels)


def test_columns_of_words_that_look_like_numbers(tmp_path):
    text = "doors,persons,y\n2,3,a\n10,3,b\n2,3,a\n4more,3,b\n"
    data = load(tmp_path, text, test_text=text, target="y", drop=(), categorical=("doors", "persons"))
    np.testing.assert_array_equal(data.train.x, [[0, 1, 0, 1], [1, 0, 0, 1], [0, 1, 0, 1], [0, 0, 1, 1]])


@pytest.mark.parametrize("last", ["2024_03", "later"])
def test_a_number_with_an_underscore_is_a_word(tmp_path, last):
    text = f"month,y\n2024_01,a\n2024_02,b\n2024_01,a\n{last},b\n"
    data = load(tmp_path, text, test_text=text, target="y", drop=())
    np.testing.assert_array_equal(data.train.x, np.eye(3)[[0, 1, 0, 2]])


def test_a_dropped_column_may_hold_anything(tmp_path):
    data = load(tmp_path, TABLE + "1,red,,a\n2,red,nan,b\n")
    assert data.train.x.shape == (6, 4)


def test_a_constant_column_is_nothing(tmp_path):
    """Though 0.1 added three times and divided by three is not 0.1."""
    text = "x,y\n0.1,a\n0.1,b\n0.1,b\n"
    data = load(tmp_path, text, test_text="x,y\n0.3,b\n", target="y", drop=())
    np.testing.assert_allclose(data.train.x, np.zeros((3, 1)), atol=1e-7)
    np.testing.assert_allclose(data.test.x, [[0.2]], rtol=1e-6)


def test_a_split_keeps_the_fractions_of_the_classes_and_follows_its_seed(tmp_path):
    folder = write(tmp_path, text=one_column(["a", "b", "b", "b"] * 25))
    data, same, other = (csv(folder, train="data.csv", target="y", split_seed=seed) for seed in (0, 0, 1))
    assert (data.train.y.shape, data.test.y.shape) == ((80,), (20,))
    assert data.train.y.mean() == data.test.y.mean() == 0.75
    np.testing.assert_array_equal(data.train.x, same.train.x)
    assert not np.array_equal(data.train.x, other.train.x)
    np.testing.assert_allclose([data.train.x.mean(), data.train.x.std()], [0, 1], atol=1e-6)
    assert csv(folder, train="data.csv", target="y", test_fraction=0.5).test.x.shape == (50, 1)


def test_a_word_that_only_the_held_out_rows_have_has_no_indicator(tmp_path):
    rows = [f"{word},{i / 2}\n" for i, word in enumerate("abcdefghij")]
    data = csv(write(tmp_path, text="x,y\n" + "".join(rows)), train="data.csv", target="y")
    assert data.train.x.shape == (8, 8)
    np.testing.assert_array_equal(data.test.x, np.zeros((2, 8)))


def test_paths_are_from_the_working_folder_or_absolute(tmp_path, monkeypatch):
    monkeypatch.chdir(write(tmp_path, text=one_column(["a", "b"] * 5)))
    (tmp_path / "elsewhere").mkdir()
    paths = ((None, "data.csv"), ("elsewhere", "../data.csv"), ("elsewhere", str(tmp_path / "data.csv")))
    for folder, path in paths:
        assert csv(folder, train=path, target="y").train.x.shape == (8, 1)


@pytest.mark.parametrize(
    ("text", "settings", "message"),
    [
        (TABLE, {"train": "no.csv"}, r"^no file 'no\.csv' in FOLDER; the files there: 'data\.csv', 'test\.csv'"),
        (TABLE, {"test": "no.csv"}, r"^no file 'no\.csv' in .*; see data\.test$"),
        (TABLE, {"train": "sub/no.csv"}, r"^no folder FOLDER/sub; data\.train is a path from --data_dir"),
        (TABLE, {"train": ""}, "^data.train must name a file"),
        (
            TABLE,
            {"target": "no"},
            r"data\.csv, line 1: no column 'no', as data\.target says; .* names 'size', 'colour'",
        ),
        (TABLE, {"drop": ("no",)}, r"data\.csv, line 1: no column 'no', as data\.drop says"),
        (TABLE, {"categorical": ("no",)}, "no column 'no', as data.categorical says"),
        (TABLE, {"drop": ("size", "price", "colour")}, "data.csv: no column is left to learn from"),
        (TABLE, {"task": "guess"}, "data.task must be classification, regression or None, got 'guess'"),
        (TABLE, {"separator": ", "}, "data.separator must be one character, no quote and no line end, got ', '"),
        (TABLE, {"separator": ";"}, "no column 'kind', .* names 'size,colour,price,kind'; see data.separator"),
        (TABLE, {"separator": '"'}, "data.separator must be one character, no quote and no line end, got '\"'"),
        (TABLE, {"test_fraction": 0.5}, "data.test names the samples to test on: data.test_fraction must be None"),
        (TABLE, {"test": None, "test_fraction": 1.0}, r"data\.test_fraction must lie between 0 and 1, got 1\.0"),
        (TABLE, {"test": None, "test_fraction": 0.1}, r"data\.test_fraction=0\.1 cannot split 4 samples: "),
        ("", {}, "data.csv is empty"),
        ("\n\n", {}, "data.csv is empty"),
        (HEADER, {}, "data.csv holds a header line and no rows"),
        (TABLE + "1,red,3\n", {}, r"data\.csv, line 6: 3 cells with the separator ',', but line 1 names 4 columns"),
        (TABLE + '1,"r\ned",3,a\n1,red,3,4,5\n', {}, r"data\.csv, line 8: 5 cells"),
        (TABLE + '1,"red,3,a\n', {}, r"data\.csv, line 6: unexpected end of data; mend the quotes"),
        (TABLE.replace("price", "size"), {}, r"data\.csv, line 1: 2 columns are named 'size'"),
        (TABLE.replace("size", ""), {}, r"data\.csv, line 1: column 1 has no name; .* data\.drop=\('',\)"),
        (TABLE.replace("size", ""), {"drop": ("",)}, r"test\.csv, line 1: a column 'size', which not .*data\.csv has"),
        (TABLE + "x,red,1,a\n", {}, r"data\.csv, line 6, column 'size': 'x' is no number; mend it, or .*categorical"),
        (TABLE + ",red,1,a\n", {}, r"data\.csv, line 6, column 'size': the cell is empty; mend it, or leave out"),
        (TABLE + "1, ,1,a\n", {}, r"data\.csv, line 6, column 'colour': the cell is empty"),
        (TABLE + "1,red,1,\n", {}, r"data\.csv, line 6, column 'kind': the cell is empty"),
        (TABLE + "NaN,red,1,a\n", {}, r"data\.csv, line 6, column 'size': 'NaN' is no finite float32"),
        (TABLE + "-inf,red,1,a\n", {}, r"data\.csv, line 6, column 'size': '-inf' is no finite float32"),
        (TABLE + "1e39,red,1,a\n", {}, r"data\.csv, line 6, column 'size': '1e39' is no finite float32"),
        (TABLE + "1,nan,1,a\n", {}, r"data\.csv, line 6, column 'colour': 'nan' is no finite float32"),
        (TABLE + "1,red,x,a\n", {"target": "price"}, r"data\.csv, line 6, column 'price': 'x' is no number"),
        (TABLE, {"task": "regression"}, r"data\.csv, line 2, column 'kind': 'b' is no number"),
        (TABLE.replace(",a\n", ",b\n"), {}, r"data\.csv, line 2, column 'kind': all rows are of one class, 'b'"),
        (TABLE + "1,red,1,c\n", {"test": None}, r"data\.csv, line 6, column 'kind': class 'c' has a single sample"),
        (b"x,y\n1,\xfc\n", {}, r"data\.csv, line 2: byte 0xfc is no UTF-8 text; save the file as UTF-8"),
        (b"\xef\xbb\xbfx,y\n1,\xfc\n", {}, r"data\.csv, line 2: byte 0xfc is no UTF-8 text"),
        (b"x,y\n1,\0\n", {}, r"data\.csv, line 2: byte 0x00 is no text"),
    ],
)
def test_what_cannot_be_read_is_said_in_one_line(tmp_path, text, settings, message):
    with pytest.raises((ValueError, FileNotFoundError), match=message.replace("FOLDER", str(tmp_path))) as refusal:
        load(tmp_path, text, **settings)
    assert "\n" not in str(refusal.value)
    assert len(str(refusal.value)) < 400  # which is where the launcher cuts


@pytest.mark.parametrize(
    ("test", "message"),
    [
        ("size,colour,price\n1,red,1\n", r"test\.csv, line 1: no column 'kind', which .*data\.csv has"),
        ("size,colour,kind\n1,red,1\n", r"test\.csv, line 2, column 'kind': no training sample is of the class '1'"),
        (HEADER + "2,red,1,a\n1,red,1,c\n", r"test\.csv, line 3, column 'kind': no training sample is of .* 'c'"),
        (HEADER + "2,red,1,a\nx,red,1,a\n", r"test\.csv, line 3, column 'size': 'x' is no number"),
        (HEADER + "2,,1,a\n", r"test\.csv, line 2, column 'colour': the cell is empty"),
        (HEADER.replace("price", "cost") + "2,red,1,a\n", r"test\.csv, line 1: a column 'cost', which not .* has"),
        (HEADER, r"test\.csv holds a header line and no rows"),
    ],
)
def test_a_test_file_that_does_not_fit_is_refused(tmp_path, test, message):
    with pytest.raises(ValueError, match=message):
        load(tmp_path, test_text=test)


def test_a_file_that_is_no_gzip_file_or_of_an_unknown_kind(tmp_path):
    for name, message in (("data.csv.gz", "is not a whole gzip file"), ("data.dat", "say data.separator")):
        (tmp_path / name).write_text(TABLE)
        with pytest.raises(ValueError, match=message):
            csv(str(tmp_path), train=name, target="kind")


def test_names_for_all_rows_are_not_learned_from(tmp_path):
    text = "who,y\n" + "".join(f"name {i},{i % 2}\n" for i in range(60))
    with pytest.raises(
        ValueError, match="line 2, column 'who': 'name 0' is one of 60 different words in 60 rows; leave"
    ):
        load(tmp_path, text, target="y", drop=())


def test_a_class_without_a_training_sample_is_refused(tmp_path):
    text = one_column(["a"] * 38 + ["b"] * 2)
    with pytest.raises(ValueError, match=r"line 40, column 'y': class 'b' has no sample in the train part; lower"):
        load(tmp_path, text, test=None, target="y", drop=(), test_fraction=0.9)
