"""Permuted images, what is kept of each task, and its figure."""

import jax
import numpy as np
import pytest

from experiments import evals, figures
from experiments.data import check, digits, permuted, permuted_digits
from experiments.evals import View
from experiments.figures import tasks
from experiments.records import Records

RNG = np.random.default_rng(0)


@pytest.fixture
def folder(tmp_path):
    """Six images of 3 x 2 pixels to learn from and four to test on."""
    for prefix, n in (("train", 6), ("t10k", 4)):
        images, labels = RNG.integers(0, 256, (n, 3, 2), np.uint8), RNG.integers(0, 10, n, np.uint8)
        for name, array in ((f"{prefix}-images-idx3-ubyte", images), (f"{prefix}-labels-idx1-ubyte", labels)):
            sizes = b"".join(size.to_bytes(4, "big") for size in array.shape)
            (tmp_path / name).write_bytes(bytes((0, 0, 8, array.ndim)) + sizes + array.tobytes())
    return tmp_path


def images(folder, prefix):
    return np.frombuffer((folder / f"{prefix}-images-idx3-ubyte").read_bytes(), np.uint8, offset=16).reshape(-1, 6)


def test_pixels_are_flat_and_standardised_by_the_training_pixels_together(folder):
    data = permuted(str(folder), num_tasks=3)
    check(data)
    train = images(folder, "train").astype(float)
    for part, prefix in ((data.train, "train"), (data.test, "t10k")):
        np.testing.assert_allclose(part.x, (images(folder, prefix) - train.mean()) / train.std(), atol=1e-5)
        assert part.x.dtype == np.float32


def test_every_task_permutes_the_pixels_in_its_own_way(folder):
    data, again, other = (permuted(str(folder), num_tasks=5, permutation_seed=seed) for seed in (0, 0, 1))
    np.testing.assert_array_equal(np.sort(data.train.permutations), np.tile(np.arange(6), (5, 1)))
    np.testing.assert_array_equal(data.train.permutations[0], np.arange(6))
    assert len(np.unique(data.train.permutations, axis=0)) == 5
    np.testing.assert_array_equal(data.train.permutations, data.test.permutations)
    np.testing.assert_array_equal(data.train.permutations, again.train.permutations)
    assert not np.array_equal(data.train.permutations, other.train.permutations)


def test_at_least_one_task(folder):
    with pytest.raises(ValueError, match=r"data\.num_tasks must be at least 1, got 0"):
        permuted(str(folder), num_tasks=0)


def test_the_eval_tests_every_task_under_its_permutation():
    x, weights = RNG.normal(size=(40, 6)).astype(np.float32), RNG.normal(size=(6, 3)).astype(np.float32)
    permutations = np.array([[0, 1, 2, 3, 4, 5], [5, 4, 3, 2, 1, 0]])
    y = (x @ weights).argmax(-1)  # the first task is known

    @jax.jit
    def measure(test):
        return evals.retention(View(lambda inputs: inputs @ weights, test, None, None, None))

    metrics = measure((x, y, permutations))
    errors = [0.0, np.mean((x[:, ::-1] @ weights).argmax(-1) != y)]
    assert errors[1] > 0.2
    assert metrics.keys() == {"retention", "task_1/test_error", "task_2/test_error"}
    np.testing.assert_allclose([metrics["task_1/test_error"], metrics["task_2/test_error"]], errors, atol=1e-6)
    np.testing.assert_allclose(metrics["retention"], 1 - np.mean(errors), atol=1e-6)


def test_the_figure_counts_the_tasks_seen_so_far():
    lines = [
        {"step": 0, "eval/task_1/test_error": 1.0, "eval/task_2/test_error": 1.0},
        {"step": 5, "eval/task_1/test_error": 0.2, "eval/task_2/test_error": 0.9},
        {"step": 10, "eval/task_1/test_error": 0.1, "eval/task_2/test_error": 0.9},
        {"step": 12, "train/loss": 1.0},
        {"step": 15, "eval/task_1/test_error": 0.4, "eval/task_2/test_error": 0.2},
    ]
    figure = figures.retention({"run": Records(lines)}, steps_per_task=10)
    of_first, of_seen = (axes.get_lines()[0] for axes in figure.axes)
    np.testing.assert_allclose(of_first.get_xydata(), [[5, 0.8], [10, 0.9], [15, 0.6]])
    np.testing.assert_allclose(of_seen.get_xydata(), [[5, 0.8], [10, 0.9], [15, 0.7]])


def test_permuted_digits_are_the_standardised_digits_in_other_orders():
    data, plain = permuted_digits(None, num_tasks=3), digits(None, standardise=True)
    np.testing.assert_array_equal(data.train.x, plain.train.x.reshape(-1, 64))
    np.testing.assert_array_equal(data.test.y, plain.test.y)
    np.testing.assert_allclose((plain.train.x.mean(), plain.train.x.std()), (0, 1), atol=1e-5)
    assert data.train.permutations.shape == (3, 64)


def test_the_last_task_never_ends():
    lines = [{"step": step, "eval/task_1/test_error": 0.5, "eval/task_2/test_error": 0.1} for step in (10, 20, 30)]
    _, _, of_seen = tasks.kept(Records(lines), "", 10)
    np.testing.assert_allclose(of_seen, [[0.5, 0.7, 0.7]])
