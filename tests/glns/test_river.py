"""River's interface: dicts whose names, categories and labels come up as the stream goes; river's checks."""

import copy

import numpy as np
import pytest

from glns import estimator as estimators
from glns.river import Classifier, Regressor

SMALL = {"sizes": (8, 1), "num_half_spaces": 2}
RNG = np.random.default_rng(0)
X = RNG.normal(3, 2, size=(60, 4))
Y = np.array(["left", "right", "up"])[X[:, :3].argmax(-1)]
ROWS = [dict(zip("abcd", map(float, x), strict=True)) for x in X]


def _classifier():
    return Classifier(estimators.Classifier(**SMALL), seed=0)


@pytest.fixture(scope="module")
def learned():
    model = _classifier()
    for x, y in zip(ROWS, Y.tolist(), strict=True):
        model.learn_one(x, y)
    return model


def test_it_is_the_estimator_one_by_one(learned):
    whole = estimators.Classifier(**SMALL, random_state=0)
    for t in range(60):
        whole.partial_fit(X[t : t + 1], Y[t : t + 1])
    np.testing.assert_array_equal(list(learned.predict_proba_one(ROWS[0])), whole.classes_)
    np.testing.assert_allclose([*learned.predict_proba_one(ROWS[0]).values()], whole.predict_proba(X[:1])[0], atol=1e-6)
    assert learned.predict_one(ROWS[0]) == max(learned.predict_proba_one(ROWS[0]).items(), key=lambda pair: pair[1])[0]


def test_it_explains_by_name(learned):
    """A label's weights are the derivatives that the estimator has."""
    weights = learned.explain_one(ROWS[0])
    assert list(weights) == learned._estimator.classes_.tolist()
    expected = learned._estimator.explain(X[:1]).weights[0, 1]
    np.testing.assert_allclose([weights["right"][name] for name in "abcd"], expected, rtol=1e-6)
    assert np.any(expected)
    assert _classifier().explain_one(ROWS[0]) == {}


def test_before_the_first_example():
    assert _classifier().predict_proba_one({"a": 1}) == {}
    assert _classifier().predict_one({"a": 1}) is None
    assert Regressor().predict_one({"a": 1}) == 0


def test_names_in_any_order_and_missing_ones(learned):
    x = ROWS[0]
    expected = learned.predict_proba_one(x)
    assert learned.predict_proba_one(dict(reversed(x.items()))) == expected
    assert learned.predict_proba_one(x | {"e": 5.0}) == expected  # it was never seen
    without = learned.predict_proba_one({"a": x["a"]})
    for missing in (0, None, np.nan):
        assert learned.predict_proba_one({"a": x["a"], "b": missing, "c": missing, "d": missing}) == without


@pytest.mark.parametrize(
    ("x", "y", "w", "message"),
    [
        ({"b": np.inf}, "up", 1, "'b' must be finite, or None or NaN"),
        ({"e": -np.inf}, "up", 1, "'e' must be finite, or None or NaN"),
        ({"b": [1]}, "up", 1, r"'b' must be a number, a string or None, got \[1\]"),
        ({"b": np.zeros(2)}, "up", 1, r"'b' must be a number, a string or None, got array"),
        ({"b": 10**400}, "up", 1, "'b' must be a number, a string or None, got 1000"),
        ({"e": 1.0, "f": 1e305}, "up", 1, "within ±1e.300"),
        ({"e": 1.0}, 3, 1, "all strings or all numbers"),
        *(({"a": 1.0}, "up", w, "w must be at least 0 and finite") for w in (-1, np.nan, "1", None)),
        ({"a": 1.0}, "up", 1e31, "w must be at most"),
    ],
)
def test_what_is_refused_leaves_no_trace(learned, x, y, w, message):
    before = learned.predict_proba_one(ROWS[0]), dict(learned._columns.places)
    with pytest.raises(ValueError, match=message):
        learned.learn_one(x, y, w)
    assert (learned.predict_proba_one(ROWS[0]), learned._columns.places) == before


def test_class_weights_count_for_every_example():
    weighted = Classifier(estimators.Classifier(**SMALL, class_weight={"up": 3.0}), seed=0)
    same = _classifier()
    for x, y in zip(ROWS[:20], Y.tolist(), strict=False):
        weighted.learn_one(x, y)
        same.learn_one(x, y, w=3.0 if y == "up" else 1.0)
    assert weighted.predict_proba_one(ROWS[0]) == same.predict_proba_one(ROWS[0])


def test_a_name_that_comes_up_later_was_0(learned):
    """Predictions without it stay; then it is learned: here it is the label."""
    model = copy.deepcopy(learned)
    before = [model.predict_proba_one(x) for x in ROWS]
    model.learn_one(ROWS[0] | {"e": "left", "f": 0.0}, "left", w=0.0)
    assert [model.predict_proba_one(x) for x in ROWS] == [pytest.approx(p, abs=1e-5) for p in before]
    for x, y in zip(ROWS, Y.tolist(), strict=True):
        model.learn_one(x | {"e": y}, y)
    right = [model.predict_one(x | {"e": y}) == y for x, y in zip(ROWS, Y.tolist(), strict=True)]
    assert np.mean(right) > np.mean([model.predict_one(x) == y for x, y in zip(ROWS, Y.tolist(), strict=True)])


@pytest.mark.parametrize("y", [np.nan, np.inf])
def test_a_target_must_be_finite(y):
    with pytest.raises(ValueError, match=f"y must be finite, got {y}"):
        Regressor().learn_one({"a": 1.0}, y)


def test_the_regressor_learns():
    model = Regressor(estimators.Regressor(**SMALL, learning_rate=0.1), seed=0)
    errors = []
    for x in ROWS * 3:
        y = 5 + 2 * x["a"]
        errors.append(abs(model.predict_one(x) - y))
        model.learn_one(x, y)
    assert np.mean(errors[-60:]) < 0.5 * np.std(10 * X[:, 0]) / 5


@pytest.mark.parametrize("kind", [Classifier, Regressor])
def test_rivers_checks(kind, monkeypatch):
    """On few examples each, for every number of features is a program more; all of them passed on all of river's."""
    checks, datasets = pytest.importorskip("river.checks"), pytest.importorskip("river.datasets")
    stream = datasets.Phishing() if kind is Classifier else datasets.TrumpApproval()
    monkeypatch.setattr(checks, "_yield_datasets", lambda model, scale=1: [list(stream.take(25))])
    least = {"sizes": (1,), "num_half_spaces": 1} | ({"aggregation": "last"} if kind is Classifier else {})
    model = kind(getattr(estimators, kind.__name__)(**least), seed=0)
    for check in checks.yield_checks(model):
        if check.__name__ != "check_learn_many_matches_learn_one":  # needs pandas
            check(model.clone())
