"""Classes that come up in the stream, and weights of samples and classes."""

import jax
import numpy as np
import pytest

from glns.estimator import Classifier, Regressor

pytestmark = pytest.mark.usefixtures("one_size_of_calls")
SMALL = {"sizes": (8, 1), "num_half_spaces": 2, "shuffle": False, "random_state": 0}
RNG = np.random.default_rng(0)
X = RNG.normal(3, 2, size=(96, 4))
Y = np.array(["left", "right", "up"])[X[:, :3].argmax(-1)]
SORTED = np.argsort(Y == "up", kind="stable")  # "up" comes up last
NUM = np.sum(Y != "up")
WEIGHTS = RNG.choice([0.0, 0.5, 1.0, 2.0], size=96)


@pytest.mark.parametrize("shared_gates", [True, False])
def test_a_new_class_is_exactly_a_network_more(shared_gates):
    """The others learn as if it had always been known; its own begins when it comes up, with the same gates."""
    settings = SMALL | {"shared_gates": shared_gates}
    x, y = X[SORTED], Y[SORTED]
    told = Classifier(**settings).partial_fit(x[:NUM], y[:NUM], classes=["left", "right", "up"])
    fresh = Classifier(**settings).partial_fit(x[:1], y[:1], classes=["left", "right", "up"], sample_weight=[0.0])
    of_up = jax.tree.map(lambda told, fresh: np.stack([*told[:2], fresh[2]]), _networks(told), _networks(fresh))
    told.state_ = told.state_._replace(layers=tuple(
        layer._replace(weights=weights) for layer, weights in zip(told.state_.layers, of_up[0], strict=True)
    ), mixture=of_up[1], experts=of_up[2])  # fmt: skip
    surprised = Classifier(**settings).partial_fit(x[:NUM], y[:NUM])
    assert surprised.classes_.tolist() == ["left", "right"]
    for model in (told, surprised):
        model.partial_fit(x[NUM:], y[NUM:])
    assert surprised.classes_.tolist() == ["left", "right", "up"]
    np.testing.assert_allclose(surprised.predict_proba(x), told.predict_proba(x), atol=1e-5)
    np.testing.assert_allclose(surprised.predict_proba(x).sum(axis=1), 1, rtol=1e-12)


def _networks(model):
    return [layer.weights for layer in model.state_.layers], model.state_.mixture, model.state_.experts


def test_the_first_class_alone_is_certain():
    model = Classifier(**SMALL).partial_fit(X[:3], ["up"] * 3)
    np.testing.assert_array_equal(model.predict_proba(X), np.ones((96, 1)))
    model.partial_fit(X[:3], ["down"] * 3, sample_weight=np.zeros(3))
    assert model.classes_.tolist() == ["down", "up"]
    weights = np.asarray(model.state_.layers[0].weights)  # "down" starts from nothing, whatever was in its place
    assert np.all(weights[1] == np.float32(1 / 5))
    assert np.any(weights[0] != weights[1])


@pytest.mark.parametrize("model", [Classifier, Regressor])
def test_of_weight_0_nothing_is_learned(model):
    """Not by the moments either: as if the samples were not there."""
    y = Y if model is Classifier else X[:, 0] * X[:, 1]
    weights = (WEIGHTS > 0).astype(float)
    without = model(**SMALL).fit(X[weights > 0], y[weights > 0])
    within = model(**SMALL).fit(X, y, sample_weight=weights)
    assert np.all(within.state_.count == np.sum(weights))
    one, other = (of.explain(X).bias if model is Regressor else of.predict_proba(X) for of in (within, without))
    np.testing.assert_allclose(one, other, atol=1e-3)
    before = within.predict(X)
    np.testing.assert_array_equal(within.partial_fit(X, y, sample_weight=np.zeros(96)).predict(X), before)


def test_weights_multiply_rates():
    """Against a schedule that gives the same rates, in a network that has no mixture."""
    settings = SMALL | {"aggregation": "last", "learning_rate_decay": None}
    weights = jax.numpy.asarray(np.maximum(WEIGHTS, 0.5))
    expected = Classifier(**settings, learning_rate=lambda t: 0.1 * weights[t - 1]).fit(X, Y)
    given = Classifier(**settings, learning_rate=0.1).fit(X, Y, sample_weight=np.maximum(WEIGHTS, 0.5))
    np.testing.assert_allclose(given.predict_proba(X), expected.predict_proba(X), atol=1e-5)
    unweighted = Classifier(**settings, learning_rate=0.1).fit(X, Y)
    assert not np.allclose(unweighted.predict_proba(X), expected.predict_proba(X), atol=1e-3)


def test_class_weights_are_sample_weights():
    of_classes = {"left": 0.5, "up": 3.0}
    weights = np.array([of_classes.get(label, 1.0) for label in Y])
    by_class = Classifier(**SMALL, class_weight=of_classes).fit(X, Y, sample_weight=WEIGHTS)
    by_sample = Classifier(**SMALL).fit(X, Y, sample_weight=WEIGHTS * weights)
    np.testing.assert_array_equal(by_class.predict_proba(X), by_sample.predict_proba(X))
    names, counts = np.unique(Y, return_counts=True)
    balanced = dict(zip(names.tolist(), 96 / (3 * counts), strict=True))
    by_counts, by_word = (Classifier(**SMALL, class_weight=given).fit(X, Y) for given in (balanced, "balanced"))
    np.testing.assert_allclose(by_word.predict_proba(X), by_counts.predict_proba(X), atol=1e-6)


@pytest.mark.parametrize("model", [Classifier, Regressor])
def test_what_a_sample_of_weight_0_holds_changes_nothing(model):
    """Not the units either, as the first sample of all and as one far beyond the others; to the bit."""
    y, told = (Y, {"classes": np.unique(Y)}) if model is Classifier else (X[:, 0] * X[:, 1], {})
    x, others, weights = X.copy(), y.copy(), np.ones(96)
    weights[[0, 50]] = 0
    x[0], x[50] = 1e30, [1e305, -1e30, 1e-30, 0]
    if model is Regressor:
        others[[0, 50]] = 1e30, -1e305
    expected = model(**SMALL).fit(X, y, sample_weight=weights)
    before = expected.explain(X)
    later = model(**SMALL).partial_fit(x[[0, 50]], others[[0, 50]], sample_weight=[0, 0], **told)
    later.partial_fit(x, others, sample_weight=weights)
    for same in (
        later,
        model(**SMALL).fit(x, others, sample_weight=weights),
        expected.partial_fit(x[[0, 50]], others[[0, 50]], sample_weight=[0, 0]),
    ):
        np.testing.assert_array_equal(same.explain(X).bias, before.bias)
        np.testing.assert_array_equal(same.explain(X).weights, before.weights)


def test_before_anything_was_learned_no_feature_matters():
    model = Classifier(**SMALL).partial_fit(X[:2], Y[:2], classes=np.unique(Y), sample_weight=[0, 0])
    np.testing.assert_array_equal(model.feature_importances_, np.zeros(4))


def test_a_label_without_a_sample_is_explained_too():
    model = Classifier(**SMALL).partial_fit(X, np.where(Y == "up", "left", Y), classes=np.unique(Y))
    assert np.all(np.isfinite(model.explain(X[:3]).weights))
    assert model.feature_importances_.sum() == pytest.approx(1)
