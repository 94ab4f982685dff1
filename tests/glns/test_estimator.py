"""The scikit-learn estimators are the learners that they say they are, and refuse what they cannot learn."""

import inspect
import re
import subprocess
import sys

import jax
import numpy as np
import pytest
from sklearn.base import clone
from sklearn.datasets import load_digits
from sklearn.model_selection import train_test_split

import glns
from glns.estimator import Classifier, Regressor, growth, programs

pytestmark = pytest.mark.usefixtures("one_size_of_calls")
SMALL = {"sizes": (8, 1), "num_half_spaces": 2, "learning_rate": 0.1}
RNG = np.random.default_rng(0)
X = RNG.normal(3, 2, size=(300, 4)).astype(np.float32)
GATE = glns.context.Gate(2, lambda key, dim: jax.numpy.zeros(()), lambda _, side: 3)
Y = np.array(["left", "right", "up"])[X[:, :3].argmax(-1)]


def test_it_is_the_learner(monkeypatch):
    """One pass in the order given: a full and a padded call, against one batch of the learner."""
    monkeypatch.setattr(programs, "_MANY", 256)
    estimator = Classifier(**SMALL, shuffle=False, random_state=0).fit(X, Y)
    init, update, predict = map(jax.jit, glns.learner(3, **glns.ROBUST | SMALL))
    batch = X, np.searchsorted(estimator.classes_, Y)
    seed = np.random.RandomState(0).randint(2**31)
    state, _ = update(jax.random.key(1), init(jax.random.key(seed), batch), batch)
    np.testing.assert_array_equal(estimator.classes_, ["left", "right", "up"])
    np.testing.assert_allclose(estimator.predict_proba(X), np.exp(predict(state, X)), atol=1e-4)
    np.testing.assert_array_equal(estimator.predict(X), estimator.classes_[predict(state, X).argmax(-1)])


@pytest.mark.parametrize(("model", "factory"), [(Classifier, glns.learner), (Regressor, glns.regressor)])
def test_every_setting_of_the_learner_can_be_given(model, factory):
    """All but how many classes or targets there are, which the data say, and the devices."""
    names = {*inspect.signature(factory).parameters} - {"num_classes", "target_dim", "divide", "rule"}
    names |= {*glns.gaussian.Rule._fields} if model is Regressor else set()
    assert names - set(model().get_params()) == set()


@pytest.mark.parametrize("rates", [[0.1, 0.3], np.array([0.1, 0.3]), (np.float32(0.1), 0.3)], ids=str)
def test_rates_may_be_a_list_or_an_array(rates):
    same, settings = (
        Classifier(**SMALL | {"learning_rate": (0.1, 0.3)}, random_state=0),
        SMALL | {"learning_rate": rates},
    )
    given = clone(Classifier(**settings, random_state=0)).fit(X, Y).partial_fit(X[:5], Y[:5])
    expected = same.fit(X, Y).partial_fit(X[:5], Y[:5])
    np.testing.assert_allclose(given.predict_proba(X), expected.predict_proba(X), atol=1e-6)


def test_a_gate_and_side_information_of_ones_own():
    """The sign of the first side number; it is given to clones, and to no file."""
    gate = glns.context.Gate(2, lambda key, dim: jax.numpy.zeros(()), lambda _, side: (side[0] > 0).astype(int))
    settings = SMALL | {"gate": gate, "side": lambda features: features[2:]}
    fitted = clone(Classifier(**settings, random_state=0)).fit(X, Y)
    assert fitted.state_.layers[0].weights.shape == (3, 8, 2, 5)
    plain = Classifier(**SMALL, random_state=0).fit(X, Y)
    assert not np.allclose(fitted.predict_proba(X), plain.predict_proba(X), atol=1e-3)


def test_calls_of_partial_fit_may_be_cut_anywhere():
    whole = Classifier(**SMALL, shuffle=False, random_state=0).fit(X, Y)
    parts = Classifier(**SMALL, random_state=0)
    for part in (slice(0, 1), slice(1, 150), slice(150, 300)):
        parts.partial_fit(X[part], Y[part], classes=["up", "right", "left"])
    np.testing.assert_allclose(parts.predict_proba(X), whole.predict_proba(X), atol=1e-4)


def test_fit_begins_anew_and_partial_fit_does_not():
    once, twice, passes = (Classifier(**SMALL, shuffle=False, random_state=0) for _ in range(3))
    once.fit(X, Y)
    np.testing.assert_array_equal(once.predict_proba(X), twice.fit(X, Y).fit(X, Y).predict_proba(X))
    passes.set_params(num_passes=2).fit(X, Y)
    assert not np.allclose(once.predict_proba(X), passes.predict_proba(X), atol=1e-3)
    np.testing.assert_allclose(once.partial_fit(X, Y).predict_proba(X), passes.predict_proba(X), atol=1e-4)


def test_shuffling_saves_sorted_samples():
    order = np.argsort(Y, kind="stable")
    scores = [Classifier(**SMALL, shuffle=shuffle, random_state=0).fit(X[order], Y[order]) for shuffle in (True, False)]
    shuffled, sorted_ = (estimator.score(X, Y) for estimator in scores)
    assert shuffled > 0.8
    assert shuffled > sorted_


def test_the_regressor_is_the_learner():
    y = 100 + 10 * X[:, 0] * (X[:, 1] > 3)
    estimator = Regressor(**SMALL, shuffle=False, random_state=0).partial_fit(X[:7], y[:7]).partial_fit(X[7:], y[7:])
    whole = Regressor(**SMALL, shuffle=False, random_state=0).fit(X, y)
    settings = {"offset_scale": whole.offset_scale, "learning_rate_decay": whole.learning_rate_decay}
    settings |= {"feature_epsilon": 0.0}
    init, update, predict = map(jax.jit, glns.regressor(**SMALL, **settings))
    batch, seed = (X, y[:, None]), np.random.RandomState(0).randint(2**31)
    state, _ = update(jax.random.key(1), init(jax.random.key(seed), batch), batch)
    for one in (estimator, whole):
        mean, std = one.predict(X, return_std=True)
        np.testing.assert_allclose(mean, predict(state, X).mean[:, 0], rtol=1e-3)
        np.testing.assert_allclose(std**2, predict(state, X).variance[:, 0], rtol=1e-3)
        np.testing.assert_array_equal(one.predict(X), mean)
    assert whole.score(X, y) > 0.5


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda new, _: new.fit(X * np.nan, Y), "Input X contains NaN"),
        (lambda new, _: new.fit(X[:0], Y[:0]), "Found array with 0 sample"),
        (lambda new, _: new.fit(X, np.zeros(300)), "at least two classes to tell apart; got one class"),
        (lambda new, _: new.set_params(num_passes=0).fit(X, Y), "num_passes must be at least 1, got 0"),
        (lambda new, _: new.set_params(sizes=(3, 2)).fit(X, Y), "end in 1"),
        (lambda _, old: old.partial_fit(X[:1], [3]), "all strings or all numbers; got 3 beside 'left'"),
        (lambda _, old: old.partial_fit(X[:1], Y[:1], sample_weight=[-1.0]), "Negative values in data"),
        (lambda new, _: new.fit(X, Y, sample_weight=np.full(300, 1e31)), r"sample_weight must be at most 1e\+30, got"),
        (lambda new, _: new.fit(X[:3], np.array(["a", None, "b"], object)), "all strings .*; got None beside 'a'"),
        (lambda new, _: new.set_params(gate=GATE).fit(X, Y).predict(X), "the gate gave a context that is not in 0 .. "),
        (lambda new, _: new.set_params(class_weight="balanced").partial_fit(X, Y), "needs all samples at once"),
        (lambda _, old: old.partial_fit(X[:, :3], Y), "X has 3 features, but Classifier is expecting 4"),
        (lambda _, old: old.fit(1e305 * X.astype(float), Y), "within ±1e.300, got .*; divide them by a constant"),
        (lambda new, _: new.set_params(feature_epsilon=0.1).fit(1e20 * X, Y), "within ±1e.15, got"),
        (lambda _, old: old.set_params(sizes=(3, 2)).fit(X, Y), "end in 1"),
        (lambda _, old: old.set_params(learning_rate=np.nan).partial_fit(X, Y), "learning_rate must be positive"),
        (lambda _, old: old.predict(X[:, :3]), "X has 3 features, but Classifier is expecting 4"),
    ],
)
def test_wrong_input_is_refused(call, message):
    old = Classifier(**SMALL, random_state=0).fit(X, Y)
    before = old.predict_proba(X)
    with pytest.raises(ValueError, match=message):
        call(Classifier(**SMALL), old)
    np.testing.assert_array_equal(old.predict_proba(X), before)


def test_digits_in_one_pass():
    x, y = load_digits(return_X_y=True)
    x, x_test, y, y_test = train_test_split(x, y, test_size=0.25, random_state=0)
    assert Classifier(sizes=(16, 1), random_state=0).fit(x, y).score(x_test, y_test) >= 0.93


@pytest.mark.parametrize("model", [Classifier, Regressor])
def test_a_fitted_model_keeps_its_settings(model):
    """It predicts as before, learns on at another rate, and says to fit again where another setting would be meant."""
    y = (X[:, 0] > 3).astype(int)
    fitted = model(**SMALL, random_state=0).fit(X, y)
    before, settings = fitted.predict(X), fitted.get_params()
    for name, value in {"num_half_spaces": 3, "sizes": (4, 1), "feature_epsilon": 0.1, "offset_scale": 0.2}.items():
        np.testing.assert_array_equal(fitted.set_params(**{name: value}).predict(X), before)
        with pytest.raises(ValueError, match=re.escape(f"{name} is {value!r} but the model was fitted with")):
            fitted.partial_fit(X[:5], y[:5])
        fitted.set_params(**{name: settings[name]})
    np.testing.assert_array_equal(fitted.predict(X), before)
    weights = fitted.state_.layers[-1].weights
    assert np.any(fitted.set_params(learning_rate=0.3).partial_fit(X[:5], y[:5]).state_.layers[-1].weights != weights)


def test_a_model_is_read_as_it_was_while_it_learns(monkeypatch):
    """Here by the thread that lets it learn, amid new classes."""
    model = Classifier(**SMALL, random_state=0).partial_fit(X, Y)
    before, read, add_network = model.predict_proba(X), [], growth.add_network

    def reading(*args, **how):
        read.append(model.predict_proba(X))
        return add_network(*args, **how)

    monkeypatch.setattr(growth, "add_network", reading)
    model.partial_fit(X[:2], ["down", "side"])
    np.testing.assert_array_equal(read, [before, before])
    assert model.predict_proba(X).shape == (300, 5)


@pytest.mark.parametrize("wide", [False, True])
def test_a_model_goes_on_in_another_width(wide, tmp_path):
    """It was learned in 32 bits, or in 64, and is now used in the other, from memory and from its file."""
    with jax.enable_x64(wide):
        model = Classifier(**SMALL, random_state=0).partial_fit(X, Y)
        before = model.predict_proba(X)
        model.save(tmp_path / "model")
    with jax.enable_x64(not wide):
        for same in (model, Classifier.load(tmp_path / "model")):
            np.testing.assert_allclose(same.predict_proba(X), before, atol=1e-5)
            same.partial_fit(X[:2], ["down", "up"])
            assert same.state_.layers[0].weights.dtype == (np.float32 if wide else np.float64)


@pytest.mark.parametrize("model", [Classifier, Regressor])
def test_another_rate_is_no_other_program(model, caplog):
    y = (X[:, 0] > 3).astype(int)
    first = model(**SMALL | {"learning_rate_decay": 100}, random_state=0)
    first.fit(X[:9], y[:9]).partial_fit(X[:2], y[:2]).predict(X[:9])
    other = model(**SMALL | {"learning_rate": 0.02, "learning_rate_decay": 7}, random_state=0)
    with jax.log_compiles():
        other.fit(X[:9], y[:9]).partial_fit(X[:2], y[:2]).predict(X[:9])
        assert "Compiling" not in caplog.text
        jax.jit(lambda x: x + 1)(X)
        assert "Compiling" in caplog.text


def test_glns_alone_does_not_import_scikit_learn():
    program = "import glns, sys; sys.exit('sklearn' in sys.modules or 'river' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", program], check=False).returncode == 0
