"""UCI sets: words become indicators, numbers are standardised by the training part; a bad file is one clear line."""

from pathlib import Path

import numpy as np
import pytest
from sklearn.model_selection import train_test_split

from experiments.data import uci

FILES = Path(__file__).parents[3] / "shared" / "data" / "uci_classification"
RNG = np.random.default_rng(0)
MAGIC = np.round(RNG.normal([1e3, *range(9)], [30.0, *range(1, 10)], size=(40, 10)), 3)
SIGNS = np.arange(40) % 4 == 0  # is +1, which comes before -1


def write(folder, name, rows, separator=",", header=""):
    (folder / name).write_text(header + "\n".join(separator.join(map(str, row)) for row in rows) + "\n")


@pytest.fixture
def magic(tmp_path):
    """A folder with a small magic04.data: -> it, and a function that writes other rows."""

    def give(rows):
        write(tmp_path, "magic04.data", rows, separator="\t")
        return tmp_path

    give([[*row, "+1" if sign else "-1"] for row, sign in zip(MAGIC, SIGNS, strict=True)])
    return tmp_path, give


def adult_row(age, work, label):
    return [age, work, 7.5, "HS-grad", 9, "Single", "Sales", "Wife", "A", "F", 0, 0, 40, "Peru", label]


def adult(folder, test_rows):
    train = [adult_row(20, "State", "<=50K"), adult_row(40, "Private", ">50K"), adult_row(30, "State", "<=50K")]
    write(folder, "adult-train.csv", train, separator=", ")
    write(folder, "adult-test.csv", test_rows, separator=", ")
    return str(folder)


def standardised(train, other):
    """The features of the rows `other` of MAGIC where `train` are the training part's."""
    least, most = np.quantile(MAGIC[train], 0.001, axis=0), np.quantile(MAGIC[train], 0.999, axis=0)
    of_train, of_other = (np.clip(MAGIC[rows], least, most) for rows in (train, other))
    return (of_other - of_train.mean(0)) / of_train.std(0)


def split(rows, fraction):
    return train_test_split(rows, test_size=fraction, random_state=1, stratify=~SIGNS[rows])


def test_numbers_are_standardised_by_the_training_part(magic):
    data = uci(str(magic[0]), set="magic", test_fraction=0.25, split_seed=1)
    assert (data.train.x.dtype, data.train.y.dtype) == (np.float32, np.int32)
    train, test = split(np.arange(40), 0.25)
    for part, rows in zip(data[:2], (train, test), strict=True):
        np.testing.assert_allclose(part.x, standardised(train, rows), atol=1e-5)
        np.testing.assert_array_equal(part.y, ~SIGNS[rows])


def test_the_validation_part_is_of_the_training_part(magic):
    data = uci(str(magic[0]), set="magic", test_fraction=0.5, split_seed=1, validation_fraction=0.4)
    train, validation = split(split(np.arange(40), 0.5)[0], 0.4)
    for part, rows in zip(data[:2], (train, validation), strict=True):
        np.testing.assert_allclose(part.x, standardised(train, rows), atol=1e-5)


def test_a_split_keeps_the_shares_of_the_classes_and_follows_its_seed(magic):
    data, same, other = (uci(str(magic[0]), set="magic", test_fraction=0.2, split_seed=seed) for seed in (0, 0, 1))
    for part in data[:2]:
        assert part.y.mean() == 0.75
    np.testing.assert_array_equal(data.train.x, same.train.x)
    assert not np.array_equal(data.train.x, other.train.x)


def test_a_few_wild_numbers_are_clipped(tmp_path):
    rows = np.column_stack([np.tile(np.arange(2000.0)[:, None], 14), np.arange(2000) % 2])
    rows[7, 3] = 1e9
    write(tmp_path, "EEG_Eye_State.arff", rows, header="@\n" * 19)
    data = uci(str(tmp_path), set="eeg", test_fraction=0.25)
    assert max(np.abs(part.x).max() for part in data[:2]) < 1.8  # uniform numbers end at √3


def test_words_are_indicators_of_the_training_values(tmp_path):
    test = [adult_row(30, "State", ">50K."), adult_row(30, "Without", "<=50K.")]
    data = uci(adult(tmp_path, test), set="adult")
    np.testing.assert_array_equal(data.train.y, [0, 1, 0])
    np.testing.assert_array_equal(data.test.y, [1, 0])
    # age, two kinds of work, a constant number, then a constant word or number each
    np.testing.assert_allclose(data.train.x[:, :4], [[-1.2247, 0, 1, 0], [1.2247, 1, 0, 0], [0, 0, 1, 0]], atol=2e-3)
    np.testing.assert_allclose(data.test.x[:, :4], [[0, 0, 1, 0], [0, 0, 0, 0]], atol=1e-3)
    assert data.train.x.shape[1] == 6 + 2 + 7


def test_both_test_files_of_occupancy_are_tested_on(tmp_path):
    for name, size in (("training", 5), ("test", 3), ("test2", 4)):
        rows = [[f'"{i}"', '"2015-02-04"', *RNG.normal(size=5), i % 2] for i in range(size)]
        write(tmp_path, f"occupancy_data{name}.txt", rows, header='"date","..","Occupancy"\n')
    data = uci(str(tmp_path), set="occupancy")
    assert (data.train.x.shape, data.test.x.shape) == ((5, 5), (7, 5))


@pytest.mark.parametrize(
    ("row", "settings", "message"),
    [
        (None, {"set": "nope"}, "no data.set named 'nope'; there are adult, eeg"),
        (None, {"set": "skin"}, r"no Skin_NonSkin\.csv in .*; --data_dir names the folder"),
        (None, {"test_fraction": None}, "magic has no test file: give a fraction"),
        (None, {"set": "adult"}, "adult has its own test files: data.test_fraction must be None"),
        (None, {"test_fraction": 1.0}, r"data\.test_fraction must lie between 0 and 1, got 1\.0"),
        (None, {"validation_fraction": 2.0}, r"data\.validation_fraction must lie between 0 and 1, got 2\.0"),
        ([1, 2, "+1"], {}, r"magic04\.data: sample on or after line 41 has 3 fields, not 11; fetch it again"),
        ([*"1234567890", "?"], {}, "The least populated class"),
        ([*"123456789", "x", "+1"], {}, r"magic04\.data, input 9: could not convert string to float: .*'x'.*; fetch"),
        ([], {}, r"magic04\.data holds no samples; fetch it again"),
    ],
)
def test_what_cannot_be_read_is_said_in_one_line(magic, row, settings, message):
    folder, give = magic
    if row is not None:
        give([*([*numbers, "+1"] for numbers in MAGIC), row] if row else [])
    with pytest.raises((ValueError, FileNotFoundError), match=message) as refusal:
        uci(str(folder), **{"set": "magic", "test_fraction": 0.25, **settings})
    assert "\n" not in str(refusal.value)


def test_a_test_label_that_training_lacks_is_refused(tmp_path):
    with pytest.raises(ValueError, match="adult: no training sample is labelled 50K, but test samples are"):
        uci(adult(tmp_path, [adult_row(1, "State", "50K.")]), set="adult")


@pytest.mark.skipif(not FILES.is_dir(), reason=f"the data files are missing: no folder {FILES}")
@pytest.mark.parametrize(
    ("name", "train", "test", "positive"),
    [
        ("eeg", (11235, 14), (3745, 14), 6723),
        ("mushroom", (6093, 117), (2031, 117), 3916),
        ("occupancy", (8143, 5), (12417, 5), 4750),
    ],
)
def test_the_sets_at_hand(name, train, test, positive):
    """Sizes and positives, of both parts together, are the repository's. 3916 mushrooms are poisonous."""
    fraction = None if name == "occupancy" else 0.25
    data = uci(str(FILES), set=name, test_fraction=fraction)
    assert (data.train.x.shape, data.test.x.shape) == (train, test)
    assert sum(part.y.sum() for part in data[:2]) == positive
