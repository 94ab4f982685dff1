"""Sparse matrices, tables with categories, several targets; and what is read off a fitted model."""

import copy
import json

import jax
import numpy as np
import pytest
from scipy import sparse

from glns.estimator import Classifier, Regressor, inputs

pytestmark = pytest.mark.usefixtures("one_size_of_calls")
SMALL = {"sizes": (8, 1), "num_half_spaces": 2, "shuffle": False, "random_state": 0}
RNG = np.random.default_rng(0)
X = RNG.normal(3, 2, size=(300, 4))
LABELS = np.array(["left", "right", "up"])[X[:, :3].argmax(-1)]
TARGETS = np.stack([100 + 10 * X[:, 0], 1e-9 * X[:, 1]], axis=1)
COLORS = np.array(["red", "green", "blue"])[RNG.integers(0, 3, 300)]
MIXED = np.array([[a, color, b] for (a, b), color in zip(X[:, :2], COLORS, strict=True)], object)
CODED = np.stack([X[:, 0], *(name == COLORS for name in ("blue", "green", "red")), X[:, 1]], axis=1)


@pytest.fixture(scope="module")
def classifier():
    return Classifier(**SMALL).fit(X, LABELS)


@pytest.fixture(scope="module")
def regressor():
    return Regressor(**SMALL).fit(X, TARGETS)


@pytest.fixture(scope="module")
def mixed():
    return Classifier(**SMALL).fit(MIXED, LABELS)


@pytest.mark.parametrize("kind", [sparse.csr_matrix, sparse.coo_array])
def test_sparse_is_dense(classifier, kind):
    same = Classifier(**SMALL).fit(kind(X), LABELS)
    np.testing.assert_array_equal(same.predict_proba(kind(X)), classifier.predict_proba(X))


def test_sparse_rows_become_dense_a_few_at_a_time(monkeypatch):
    sizes = []
    dense = sparse.csr_matrix.toarray
    monkeypatch.setattr(sparse.csr_matrix, "toarray", lambda part: sizes.append(part.shape[0]) or dense(part))
    Classifier(**SMALL).fit(sparse.csr_matrix(np.tile(X, (2, 1))), np.tile(LABELS, 2))
    assert max(sizes) <= 32


def test_a_category_is_a_column(mixed):
    coded = Classifier(**SMALL).fit(CODED, LABELS)
    np.testing.assert_array_equal(mixed.predict_proba(MIXED), coded.predict_proba(CODED))
    unknown, zeros = MIXED.copy(), CODED.copy()
    unknown[0, 1], unknown[1, 1], unknown[2, 1] = "pink", None, np.nan
    zeros[:3, 1:4] = 0
    np.testing.assert_array_equal(mixed.predict_proba(unknown), coded.predict_proba(zeros))
    np.testing.assert_array_equal(mixed.predict_proba(MIXED.tolist()), mixed.predict_proba(MIXED))
    assert mixed.feature_importances_.shape == (3,)
    with pytest.raises(ValueError, match="X has 2 features, but Classifier is expecting 3"):
        mixed.predict(MIXED[:, :2])
    with pytest.raises(ValueError, match="column 0, contains NaN"):
        mixed.predict(np.array([[np.nan, "red", 1.0]], object))


def test_tables_have_categories_too(mixed):
    pandas = pytest.importorskip("pandas")
    table = pandas.DataFrame({"a": X[:, 0], "color": COLORS, "b": X[:, 1]})
    for frame in (table, table.astype({"color": "category"})):
        same = Classifier(**SMALL).fit(frame, LABELS)
        np.testing.assert_array_equal(same.predict_proba(frame), mixed.predict_proba(MIXED))
        assert same.feature_names_in_.tolist() == ["a", "color", "b"]
    with pytest.raises(ValueError, match="feature names should match"):
        same.predict(table[["b", "color", "a"]])
    missing = table[["color"]].assign(color=pandas.Categorical([None] * 300))
    for bad, message in (
        (missing, "neither a number nor a category in any column"),
        (table.set_axis(["a", "c", "a"], axis=1), "names of their own, got a, c, a"),
        (table.assign(b=1j), "column 2, must be real, got complex"),
    ):
        with pytest.raises(ValueError, match=message):
            Classifier(**SMALL).fit(bad, LABELS)


def test_several_targets_are_as_many_networks(regressor):
    """Each learns alone: the other target's values do not matter. Units of 100 and of 1e-9, side by side."""
    mean, std = regressor.predict(X, return_std=True)
    assert mean.shape == std.shape == (300, 2)
    assert np.all(1 - np.mean((TARGETS - mean) ** 2, axis=0) / np.var(TARGETS, axis=0) > 0.9)
    other = Regressor(**SMALL).fit(X, TARGETS * [1, -1])
    np.testing.assert_array_equal(other.predict(X)[:, 0], mean[:, 0])
    np.testing.assert_array_equal(Regressor(**SMALL).fit(X, TARGETS[:, :1]).predict(X).shape, (300, 1))
    with pytest.raises(ValueError, match=r"y must have the shape \(n, 2\)"):
        regressor.partial_fit(X, TARGETS[:, 0])


def test_intervals_hold_as_often_as_they_say():
    """Noise of another size than the Gaussians can have, so that it is the calibration that is right."""
    rng = np.random.default_rng(1)
    x = rng.normal(size=(4000, 4))
    y = x[:, 0] + rng.normal(size=4000)
    model = Regressor(**SMALL).fit(x[:2000], y[:2000])
    for coverage in (0.5, 0.9):
        low, high = model.predict_interval(x[2000:], coverage)
        assert np.mean((low <= y[2000:]) & (y[2000:] <= high)) == pytest.approx(coverage, abs=0.04)
    mean, std = model.predict(x[2000:], return_std=True)
    assert np.mean(np.abs(y[2000:] - mean) < 1.645 * std) < 0.85
    with pytest.raises(ValueError, match="coverage must lie between 0 and 1, got 90"):
        model.predict_interval(x, 90)


def test_the_map_is_the_prediction_and_its_derivative(classifier, regressor):
    weights, bias = classifier.explain(X[:5])
    assert weights.shape == (5, 3, 4)
    assert np.allclose(bias + np.einsum("nkd,nd->nk", weights, X[:5]), classifier.predict_log_proba(X[:5]), atol=1e-5)
    step = 1e-3 * np.eye(4)
    near = [classifier.predict_log_proba(X[:5] + sign * one) for one in step for sign in (1, -1)]
    slopes = np.stack([(up - down) / 2e-3 for up, down in zip(near[::2], near[1::2], strict=True)], axis=-1)
    assert np.mean(np.abs(slopes - weights) < 2e-3) > 0.8  # in the others a context changes within the step
    weights, bias = regressor.explain(X)  # linear, so it is exact at a distance too
    moved = X + 1e-3
    off = np.abs(bias + np.einsum("nkd,nd->nk", weights, moved) - regressor.predict(moved)) / TARGETS.std(axis=0)
    assert np.mean(off < 1e-4) > 0.95


def test_importances_find_what_matters(classifier, regressor):
    """Labels depend on the first three features, the targets on the first two: and in any unit."""
    for model, num in ((classifier, 3), (regressor, 2)):
        importances = model.feature_importances_
        assert importances.sum() == pytest.approx(1)
        assert importances[num:].max() < 0.5 * importances[:num].min()
    scaled = Classifier(**SMALL).fit(X * [1, 1024, 2.0**-60, 1], LABELS)
    np.testing.assert_allclose(scaled.feature_importances_, classifier.feature_importances_, rtol=1e-6)


@pytest.mark.parametrize("name", ["classifier", "regressor", "mixed"])
def test_a_file_holds_the_model(name, request, tmp_path):
    """It predicts and goes on to the bit, with new classes too."""
    model = request.getfixturevalue(name)
    x = MIXED if name == "mixed" else X
    y = TARGETS if name == "regressor" else LABELS
    model.save(tmp_path / "model")
    loaded, again = (type(model).load(tmp_path / "model") for _ in range(2))
    assert loaded.get_params() == model.get_params()
    assert repr(loaded.predict(x)) == repr(model.predict(x))
    loaded.partial_fit(x[:40], y[:40])
    again.partial_fit(x[:40], y[:40])
    for one, other in zip(jax.tree.leaves(loaded.state_), jax.tree.leaves(again.state_), strict=True):
        np.testing.assert_array_equal(one, other)


def test_other_files_are_refused(classifier, tmp_path):
    path = tmp_path / "model.npz"
    classifier.save(path)
    good = path.read_bytes()
    with pytest.raises(ValueError, match=r"holds .*'Classifier'.*, not .*'Regressor'"):
        Regressor.load(path)
    damaged = bytearray(good)
    damaged[len(good) // 2] ^= 255
    with np.load(path) as arrays:
        header = json.loads(arrays["header"].tobytes()) | {"version": 99}
        newer = dict(arrays) | {"header": np.frombuffer(json.dumps(header).encode(), np.uint8)}
    locked, directory = bytearray(good), good.rindex(b"PK\1\2")
    locked[directory + 8] |= 1  # says that a password is needed
    with np.load(path) as arrays:
        kept = json.loads(arrays["header"].tobytes())
        changed = [{**kept, **part} for part in ({"plain": {}}, {"params": {"depth": 3}}, {"lists": [1]}, {"free": {}})]
        headers = [dict(arrays) | {"header": np.frombuffer(json.dumps(one).encode(), np.uint8)} for one in changed]
        foreign = [*headers, dict(arrays) | {"state.4": np.zeros(3)}, dict(arrays) | {"state.4": arrays["state.4"] > 0}]
    for arrays in foreign:
        np.savez(path, **arrays)
        with pytest.raises(ValueError, match="is no saved estimator, or is damaged"):
            Classifier.load(path)
    for content in (
        bytes(damaged),
        bytes(locked),
        *(good[:end] for end in range(0, len(good), 997)),
        b"hello",
        good[5000:],
    ):
        path.write_bytes(content)
        with pytest.raises(ValueError, match="is no saved estimator, or is damaged"):
            Classifier.load(path)
    np.savez(path, a=X)
    with pytest.raises(ValueError, match="is no saved estimator, or is damaged"):
        Classifier.load(path)
    np.savez(path, **newer)
    with pytest.raises(ValueError, match=r"99.*fit and save it again"):
        Classifier.load(path)
    with pytest.raises(ValueError, match=r"learning_rate is .*, which cannot be saved without pickle"):
        Classifier(**SMALL, learning_rate=lambda t: 0.1 / t).fit(X, LABELS).save(path)
    with pytest.raises(FileNotFoundError):
        Classifier.load(tmp_path / "none")


def test_class_weights_of_numpys_labels_are_saved(classifier, tmp_path):
    copy.copy(classifier).set_params(class_weight={np.int64(1): np.float32(0.5)}).save(tmp_path / "model")
    assert Classifier.load(tmp_path / "model").class_weight == {1: 0.5}


def test_a_column_without_a_category_has_a_sum_too():
    sums = inputs.of_columns(np.array([1.0, 2.0, 4.0]), {1: ["u", "v"], 2: []}, 3)
    np.testing.assert_array_equal(sums, [1, 6, 0])
