"""Regression sets in their splits: from files written here, in their public formats."""

import numpy as np
import pytest
from scipy.io import savemat

from experiments import data, regression_evals
from experiments.evals import View
from glns.gaussian import Normal


@pytest.fixture
def folder(tmp_path):
    """A set of 5 rows; the target is its second column; two splits."""
    files = tmp_path / "tiny" / "data"
    files.mkdir(parents=True)
    np.savetxt(files / "data.txt", np.arange(15).reshape(5, 3))
    (files / "index_features.txt").write_text("0\n2\n")
    (files / "index_target.txt").write_text("1\n")
    for k, (train, test) in enumerate([((0, 1, 2, 3), (4,)), ((4, 3, 2, 1), (0,))]):
        np.savetxt(files / f"index_train_{k}.txt", train)
        np.savetxt(files / f"index_test_{k}.txt", test)
    return str(tmp_path)


def test_uci_regression(folder):
    tiny = data.uci_regression(folder, set="tiny", num_splits=2)
    assert tiny.per_seed
    np.testing.assert_array_equal(tiny.train.x[1], [[12, 14], [9, 11], [6, 8], [3, 5]])
    np.testing.assert_array_equal(tiny.train.y[..., 0], [[1, 4, 7, 10], [13, 10, 7, 4]])
    np.testing.assert_array_equal(tiny.test.x, [[[12, 14]], [[0, 2]]])
    np.testing.assert_array_equal(tiny.test.y, [[[13]], [[1]]])
    assert {array.dtype for part in (tiny.train, tiny.test) for array in part} == {np.dtype(np.float32)}
    data.check(tiny)


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"set": "huge"}, "no folder .*huge.*; data.set may be tiny"),
        ({"num_splits": 3}, "no .*index_train_2.txt; data.num_splits may be too many"),
        ({"num_splits": 0}, "data.num_splits must be at least 1"),
    ],
)
def test_what_is_not_there_is_refused(folder, settings, message):
    with pytest.raises((ValueError, FileNotFoundError), match=message):
        data.uci_regression(folder, **{"set": "tiny", "num_splits": 2, **settings})


def test_sarcos(tmp_path):
    table = np.arange(280.0).reshape(10, 28)
    savemat(tmp_path / "sarcos_inv_test.mat", {"sarcos_inv_test": table})
    arm = data.sarcos(str(tmp_path), num_splits=2, train_fraction=0.7, split_seed=3)
    assert (arm.train.x.shape, arm.test.y.shape) == ((2, 7, 21), (2, 3, 7))
    for k in range(2):
        rows = np.concatenate([np.concatenate([part.x[k], part.y[k]], axis=1) for part in (arm.train, arm.test)])
        np.testing.assert_array_equal(rows[np.argsort(rows[:, 0])], table)
    assert np.any(arm.test.x[0] != arm.test.x[1])
    np.testing.assert_array_equal(data.sarcos(str(tmp_path), num_splits=1, train_fraction=0.7, split_seed=4).train.x[0],
                                  arm.train.x[1])  # fmt: skip
    with pytest.raises(ValueError, match=r"data.train_fraction must lie between 0 and 1, got 1.5"):
        data.sarcos(str(tmp_path), train_fraction=1.5)
    with pytest.raises(FileNotFoundError, match=r"no folder .*nowhere; --data_dir or COLLAGE_DATA names"):
        data.sarcos(str(tmp_path / "nowhere"))


def test_the_eval_by_hand():
    # Squared errors 1, 9 and 4, 4; variances of the targets 4 and 1. rmse² = 18 / 4; mse (5 / 4 + 4 / 1) / 2.
    y = np.array([[0.0, 2.0], [4.0, 0.0]])
    output = Normal(np.array([[1.0, 0.0], [1.0, 2.0]]), np.array([[1.0, 2.0], [9.0, 2.0]]))
    metrics = regression_evals.regression(View(lambda x: output, (None, y), None, None, None))
    assert metrics["rmse"] == pytest.approx(np.sqrt(4.5))
    assert metrics["mse"] == pytest.approx(2.625)
    # 4 * ln(2 pi) / 2 + (ln 1 + ln 2 + ln 9 + ln 2) / 2 + (1 + 2 + 1 + 2) / 2, over 2 examples.
    assert metrics["loss"] == pytest.approx((2 * np.log(2 * np.pi) + np.log(36) / 2 + 3) / 2)


def test_means_of_another_shape_than_the_targets_are_refused():
    """They would be broadcast, and every error be wrong without a word."""
    output = Normal(np.zeros(3), np.ones(3))
    with pytest.raises(ValueError, match=r"its learner predicts means \[3\] of targets \[3, 1\]"):
        regression_evals.regression(View(lambda x: output, (None, np.zeros((3, 1))), None, None, None))
