"""What is wrong with data files, or with the settings that name them, is one line and exit status 2."""

import gzip
import io

import numpy as np
import pytest

CONFIG = '''
from ml_collections import ConfigDict

def get_config(settings):
    """settings: of the data, as Python writes them."""
    data, learner = eval(f"dict({settings})"), {"name": "glns", "num_classes": 2, "sizes": (3, 1), "num_half_spaces": 1}
    return ConfigDict({"num_steps": 2, "data": data, "world": {"name": "real", "batch_size": 1}, "learner": learner})
'''


def idx(array):
    header = bytes((0, 0, 8, array.ndim)) + b"".join(size.to_bytes(4, "big") for size in array.shape)
    return header + array.astype(np.uint8).tobytes()


def npz(**arrays):
    file = io.BytesIO()
    np.savez(file, **arrays)
    return file.getvalue()


IMAGES, LABELS = idx(np.zeros((20, 28, 28))), idx(np.arange(20) % 10)
GOOD_IDX = {
    f"{part}-{name}": content
    for part in ("train", "t10k")
    for name, content in (("images-idx3-ubyte.gz", gzip.compress(IMAGES)), ("labels-idx1-ubyte", LABELS))
}
X, Y = np.zeros((6, 2)), np.arange(6) % 2

FILES = {  # path -> content
    **{f"good/{name}": content for name, content in GOOD_IDX.items()},
    **{f"truncated/{name}": content for name, content in GOOD_IDX.items()},
    "truncated/train-images-idx3-ubyte.gz": gzip.compress(IMAGES)[:50],
    **{f"other/{name}": content for name, content in GOOD_IDX.items()},
    "other/t10k-labels-idx1-ubyte": b"label,5",
    **{f"short/{name}": content for name, content in GOOD_IDX.items()},
    "short/t10k-labels-idx1-ubyte": LABELS[:-3],
    **{f"counts/{name}": content for name, content in GOOD_IDX.items()},
    "counts/train-labels-idx1-ubyte": idx(np.arange(19) % 10),
    "good.csv": "a,y\n" + "".join(f"{i},{i % 2}\n" for i in range(40)),
    "numbers.csv": "a,y\n" + "".join(f"{i},{i * 0.37}\n" for i in range(40)),
    "words.csv": "a,y\n1,x\n2,y\n3,x\n4,y\n",
    "latin.csv": b"a,y\n\xe9,1\n",
    "nan.csv": "a,y\n1,0\nnan,1\n2,0\n",
    "one_class.csv": "a,y\n1,0\n2,0\n3,0\n",
    "header.csv": "a,y\n",
    "empty.csv": "",
    "ragged.csv": "a,y\n1\n",
    "twice.csv": "a,a\n1,2\n",
    "quotes.csv": 'a,y\n"1,0\n',
    "table": "a,y\n1,2\n",
    "half.csv.gz": gzip.compress(b"a,y\n" + b"1,2\n" * 1000)[:30],
    "text.npz": "text",
    "others.npz": npz(a=X),
    "counts.npz": npz(x_train=X, y_train=Y[:5]),
    "nan.npz": npz(x_train=X + np.nan, y_train=Y),
    "objects.npz": npz(x_train=np.array([{}] * 6, object), y_train=Y),
    "words.npz": npz(x_train=np.array(["a"] * 6), y_train=Y),
    "no_rows.npz": npz(x_train=X[:0], y_train=Y[:0]),
    "one_class.npz": npz(x_train=X, y_train=0 * Y),
    "negative.npz": npz(x_train=X, y_train=Y - 1),
    "half.npz": npz(x_train=X, y_train=Y)[:300],
    "bandit_adult.npz": "text",
    "bandit_statlog.npz": npz(a0=X),
    "bandit_covertype.npz": npz(a0=np.array(["x"] * 6), a1=X),
    "bandit_stock.npz": npz(a0=X, a1=Y),
    "HTRU_2.csv": b"\xff\xfe\0",
    "Skin_NonSkin.csv": "header\n1,2,3,1\n1,2,3,2\n",
    "magic04.data": "",
    "EEG_Eye_State.arff": "\n" * 19 + "1,2\n",
    "agaricus-lepiota.csv": "header\n" + ("p," + ",".join("x" * 22) + "\n") * 4,
    **{f"binarized_mnist_{part}.amat": "text" for part in ("train", "valid", "test")},
    "sarcos_inv_test.mat": "text",
    "ragged/data/data.txt": "1 2 3\n1 2\n",
    "words/data/data.txt": "1 2 x\n",
    "empty/data/data.txt": "",
    "columns/data/data.txt": "1 2 3\n" * 4,
    "columns/data/index_features.txt": "0\n9\n",
    "rows/data/data.txt": "1 2 3\n" * 4,
    "rows/data/index_features.txt": "0\n1\n",
    "rows/data/index_target.txt": "2\n",
    "rows/data/index_train_0.txt": "0\n77\n",
    "cifar10.npz": "text",
    **{f"part{i}.npz": "text" for i in range(6)},
}

MISTAKES = {  # settings -> words
    'name="csv"': "data 'csv': needs train, target; give them in the config",
    'name="csv", train="", target="y"': "data.train must name a file",
    'name="csv", train="nope.csv", target="y"': "no file 'nope.csv' in",
    'name="csv", train="latin.csv", target="y"': "latin.csv, line 2: byte 0xe9 is no UTF-8 text",
    'name="csv", train="nan.csv", target="y"': "nan.csv, line 3, column 'a': 'nan' is no finite float32",
    'name="csv", train="one_class.csv", target="y"': "all rows are of one class, '0'; a classifier needs two",
    'name="csv", train="header.csv", target="y"': "holds a header line and no rows",
    'name="csv", train="empty.csv", target="y"': "empty.csv is empty",
    'name="csv", train="ragged.csv", target="y"': "ragged.csv, line 2: 1 cells",
    'name="csv", train="twice.csv", target="a"': "2 columns are named 'a'",
    'name="csv", train="quotes.csv", target="y"': "mend the quotes of the row",
    'name="csv", train="table", target="y"': "tell the separator; say data.separator",
    'name="csv", train="half.csv.gz", target="y"': "is not a whole gzip file",
    'name="csv", train="words.csv", target="y", task="regression"': "column 'y': 'x' is no number",
    'name="csv", train="words.csv", target="z"': "no column 'z', as data.target says",
    'name="csv", train="numbers.csv", target="y"': "the data has 1 targets that are numbers, not classes",
    'name="csv", train="good.csv", target="y", drop="a"': "drop must be a tuple, each a string, got 'a'",
    'name="csv", train="good.csv", target="y", drop=("a",)': "no column is left to learn from",
    'name="csv", train="good.csv", target="y", drop=("b",)': "no column 'b', as data.drop says",
    'name="csv", train="good.csv", target="y", test="words.csv"': "no training sample is of the class 'x'",
    'name="csv", train="good.csv", target="y", test_fraction=0.0': "data.test_fraction must lie between 0 and 1",
    'name="csv", train="good.csv", target="y", test="good.csv", test_fraction=0.5': "test_fraction must be None",
    'name="csv", train="good.csv", target="y", split_seed=-1': "data.split_seed must be 0 to 4294967295, got -1",
    'name="csv", train="good.csv", target="y", separator=";;"': "data.separator must be one character",
    'name="csv", train="good.csv", target="y", task="guess"': "data.task must be classification, regression or None",
    'name="npz", file="nope.npz"': "no file 'nope.npz' in",
    'name="npz", file="text.npz"': "text.npz is not a whole .npz file",
    'name="npz", file="half.npz"': "half.npz is not a whole .npz file",
    'name="npz", file="others.npz"': "has no 'x_train', 'y_train'; its arrays: 'a'",
    'name="npz", file="counts.npz"': "at least one, got 6 and 5",
    'name="npz", file="nan.npz"': "NaN or infinite x in 6 of 6 samples",
    'name="npz", file="objects.npz"': "objects are never unpickled",
    'name="npz", file="words.npz"': "save integers, floats or booleans",
    'name="npz", file="no_rows.npz"': "the train part of the data: x and y must be equally many",
    'name="npz", file="one_class.npz"': "all of y_train are of one class, 0; a classifier needs two",
    'name="npz", file="negative.npz"': "a label must be at least 0, got -1",
    'name="npz", file="text.npz", task="guess"': "data.task must be classification, regression or None",
    'name="bandit", set="adlt"': "no data.set named 'adlt' (did you mean 'adult'?)",
    'name="bandit", set="adult"': "bandit_adult.npz is not a whole .npz file of numbers a0 and a1",
    'name="bandit", set="statlog"': "bandit_statlog.npz is not a whole .npz file of numbers a0 and a1",
    'name="bandit", set="covertype"': "bandit_covertype.npz is not a whole .npz file of numbers a0 and a1",
    'name="bandit", set="stock"': "a0 and a1 have shapes (6, 2) and (6,)",
    'name="uci", set="egg"': "no data.set named 'egg' (did you mean 'eeg'?)",
    'name="uci", set="adult"': "no adult-train.csv in",
    'name="uci", set="htru2"': "htru2 has no test file: give a fraction",
    'name="uci", set="htru2", test_fraction=0.5': "HTRU_2.csv is no UTF-8 text",
    'name="uci", set="skin", test_fraction=0.5': "data.test_fraction=0.5 cannot split 2 samples",
    'name="uci", set="magic", test_fraction=0.5': "magic04.data holds no samples",
    'name="uci", set="eeg", test_fraction=0.5': "has 2 fields, not 15",
    'name="uci", set="mushroom", test_fraction=0.5': "all training samples are labelled p",
    'name="uci", set="mushroom", test_fraction=7.0': "data.test_fraction must lie between 0 and 1",
    'name="uci_regression", set="nope"': "data.set may be columns, empty, ragged, rows, words",
    'name="uci_regression", set="ragged"': "data.txt: the number of columns changed",
    'name="uci_regression", set="words"': "data.txt: could not convert string 'x'",
    'name="uci_regression", set="empty"': "data.txt is empty",
    'name="uci_regression", set="columns"': "index_features.txt must name some of 0 to 2",
    'name="uci_regression", set="rows"': "index_train_0.txt must name some of 0 to 3",
    'name="uci_regression", set="rows", num_splits=0': "data.num_splits must be at least 1",
    'name="sarcos"': "sarcos_inv_test.mat is not a MATLAB file",
    'name="sarcos", train_fraction=1.0': "data.train_fraction must lie between 0 and 1",
    'name="sarcos", split_seed=-1': "data.split_seed must be 0 to 4294967295",
    'name="binarized_mnist"': "binarized_mnist_train.amat is not a MATLAB 5 file",
    'name="cifar10"': "cifar10.npz is not a whole .npz file",
    'name="cifar5m"': "part0.npz is not a whole .npz file",
    'name="permuted", num_tasks=0': "data.num_tasks must be at least 1",
    'name="permuted", num_tasks=2, permutation_seed=-1': "data.permutation_seed must be 0 to 4294967295",
    'name="idx"': "no train-images-idx3-ubyte or train-images-idx3-ubyte.gz in",
    'name="digits", side=0': "data.side must be at least 1",
    'name="digits", train_fraction=1.5': "data.train_fraction must lie between 0 and 1",
    'name="digits", split_seed=-1': "data.split_seed must be 0 to 4294967295",
    'name="none"': "labels must be whole numbers, got float32",
}

FOLDERS = {  # data_dir, settings -> words
    ("good", 'name="idx", num_train=21'): "data.num_train must be 1 to 20, got 21",
    ("good", 'name="idx", side=0'): "data.side must be at least 1",
    ("good", 'name="idx", smooth=-1.0'): "data.smooth must be at least 0",
    ("truncated", 'name="idx"'): "not a whole gzip file",
    ("other", 'name="idx"'): "not an IDX file",
    ("short", 'name="idx"'): "should hold",
    ("counts", 'name="idx"'): "do not belong together",
    ("nope", 'name="idx"'): "no folder",
    ("good.csv", 'name="idx"'): "--data_dir or COLLAGE_DATA names the folder of the data files",
    ("good.csv", 'name="csv", train="good.csv", target="y"'): "data.train is a path from --data_dir",
}


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    folder = tmp_path_factory.mktemp("data")
    (folder / "config.py").write_text(CONFIG)
    for name, content in FILES.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_bytes(content if isinstance(content, bytes) else content.encode())
    return folder


@pytest.mark.parametrize("settings", MISTAKES)
def test_data(refused, folder, tmp_path, settings):
    flags = (f"--config={folder}/config.py:{settings}", f"--data_dir={folder}", f"--workdir={tmp_path / 'run'}")
    refused(MISTAKES[settings], "launch.train", *flags, folder=folder)


@pytest.mark.parametrize("where", FOLDERS)
def test_data_folders(refused, folder, tmp_path, where):
    data_dir, settings = where
    flags = (f"--config={folder}/config.py:{settings}", f"--data_dir={folder / data_dir}")
    refused(FOLDERS[where], "launch.train", *flags, f"--workdir={tmp_path / 'run'}", folder=folder)


def test_data_without_a_folder(refused, folder, tmp_path):
    flags = (f'--config={folder}/config.py:name="idx"', f"--workdir={tmp_path / 'run'}")
    refused("--data_dir", "launch.train", *flags, folder=folder)  # or, if $COLLAGE_DATA is set, no files in it
