"""GLNs for people with arrays: scikit-learn estimators over the learners.

    from glns.estimator import Classifier  # `import glns` alone does not import scikit-learn
    Classifier().fit(X, y).predict_proba(X_new)

Letters: D features, N classes, n samples.
"""

from collections.abc import Callable, Iterable, Sequence
from functools import lru_cache, partial
from numbers import Real
from typing import Any

import jax
import numpy as np
from sklearn.base import BaseEstimator, ClassifierMixin, RegressorMixin
from sklearn.utils import check_random_state
from sklearn.utils.multiclass import check_classification_targets
from sklearn.utils.validation import check_is_fitted, validate_data  # pyrefly: ignore  # newer than its stubs

from glns.classification import learner
from glns.regression import regressor
from glns.settings import check_counts

_RATES = ("learning_rate", "learning_rate_decay")
_CHUNK = 128  # samples learned or predicted by one call; the rest are learned one by one
_MAX_MAGNITUDE = 1e15  # the squares of 1e8 such numbers can be summed in float32


class Classifier(ClassifierMixin, BaseEstimator):
    """One-vs-all Bernoulli GLNs (Veness 2019), learned exactly online: see `glns.learner`.

    `partial_fit` learns the samples in the order given; splitting them over several calls changes nothing. `fit` starts
    from nothing and makes `num_passes` passes, each in a new random order if `shuffle`. Features may have any unit:
    they are standardised by their running moments. These are float32: values above 1e15 are a ValueError, a feature
    whose std is below 1e-18 counts as constant, and first subtract a mean much larger than the std.

    sizes, num_half_spaces, offset_scale, learning_rate, learning_rate_decay, feature_epsilon: see `glns.learner`; the
    defaults are for a few thousand samples, and feature_epsilon is 0 because the unit of a feature is not known. A
    fitted model keeps its settings; `partial_fit` takes new learning rates and refuses other changes.

    After fitting: classes_ [N], n_features_in_ = D, and state_, a `glns.State`.
    """

    def __init__(
        self,
        *,
        sizes: Sequence[int] = (50, 25, 1),
        num_half_spaces: int = 4,
        offset_scale: float = 0.05,
        learning_rate: float = 0.03,
        learning_rate_decay: float = 100.0,
        feature_epsilon: float = 0.0,
        num_passes: int = 1,
        shuffle: bool = True,
        random_state: Any = None,
    ):
        self.sizes = sizes
        self.num_half_spaces = num_half_spaces
        self.offset_scale = offset_scale
        self.learning_rate = learning_rate
        self.learning_rate_decay = learning_rate_decay
        self.feature_epsilon = feature_epsilon
        self.num_passes = num_passes
        self.shuffle = shuffle
        self.random_state = random_state

    def fit(self, X, y) -> "Classifier":
        """Learns X [n, D] and labels y [n] from nothing."""
        check_counts(1, num_passes=self.num_passes)
        X, y = _validated(self, X, y)
        check_classification_targets(y)
        random = check_random_state(self.random_state)
        self._begin(np.unique(y), X.shape[1], random)
        _make_passes(self, X, y, random)
        return self

    def partial_fit(self, X, y, classes=None) -> "Classifier":
        """Continues learning, in the order given. classes: all labels of all calls; required in the first call."""
        first = not hasattr(self, "state_")
        if not first:
            _check_unchanged(self)
        X, y = _validated(self, X, y, reset=first)
        check_classification_targets(y)
        if first:
            if classes is None:
                raise ValueError("classes must be given in the first call of partial_fit")
            self._begin(np.unique(classes), X.shape[1], check_random_state(self.random_state))
        elif classes is not None and not np.array_equal(np.unique(classes), self.classes_):
            raise ValueError(f"classes {classes} are not those of the first call of partial_fit, {self.classes_}")
        self._learn(X, y)
        return self

    def predict_proba(self, X) -> np.ndarray:
        """X [n, D] -> the classes' probabilities [n, N], in the order of classes_."""
        check_is_fitted(self)
        X = _validated(self, X, reset=False)
        return np.exp(_predict(self._programs(), self.state_, X))

    def predict(self, X) -> np.ndarray:
        """X [n, D] -> the most likely labels [n]."""
        check_is_fitted(self)
        return self.classes_[self.predict_proba(X).argmax(axis=1)]

    def _begin(self, classes, dim, random):
        if len(classes) < 2:
            raise ValueError(f"a classifier needs at least two classes to tell apart; got one class, {classes}")
        fitted = _settings(self)
        init, _, _ = _programs(learner, len(classes), **fitted)
        self.classes_, self._fitted = classes, fitted
        example = np.zeros((1, dim), np.float32), np.zeros(1, np.int32)
        self.state_ = init(jax.random.key(random.randint(2**31)), example)

    def _learn(self, X, y):
        unknown = np.setdiff1d(y, self.classes_)
        if len(unknown):
            raise ValueError(f"y has the labels {unknown}, which are not among classes {self.classes_}")
        self.state_ = _learn(self._programs(), self.state_, X, np.searchsorted(self.classes_, y).astype(np.int32))

    def _programs(self, fitted=None):
        return _programs(learner, len(self.classes_), **(fitted or self._fitted))


class Regressor(RegressorMixin, BaseEstimator):
    """A Gaussian GLN (Budden 2020), learned exactly online: see `glns.regressor`. One target.

    `fit`, `partial_fit` and the settings are those of `Classifier`, with defaults that suit a few thousand samples.
    Targets may have any unit too. After fitting: n_features_in_ = D, and state_, a `glns.regression.State`.
    """

    def __init__(
        self,
        *,
        sizes: Sequence[int] = (50, 25, 1),
        num_half_spaces: int = 4,
        offset_scale: float = 0.3,
        learning_rate: float = 0.01,
        learning_rate_decay: float = 1000.0,
        feature_epsilon: float = 0.0,
        num_passes: int = 1,
        shuffle: bool = True,
        random_state: Any = None,
    ):
        self.sizes = sizes
        self.num_half_spaces = num_half_spaces
        self.offset_scale = offset_scale
        self.learning_rate = learning_rate
        self.learning_rate_decay = learning_rate_decay
        self.feature_epsilon = feature_epsilon
        self.num_passes = num_passes
        self.shuffle = shuffle
        self.random_state = random_state

    def fit(self, X, y) -> "Regressor":
        """Learns X [n, D] and targets y [n] from nothing."""
        check_counts(1, num_passes=self.num_passes)
        X, y = _validated(self, X, y, y_numeric=True)
        random = check_random_state(self.random_state)
        self._begin(X.shape[1], random)
        _make_passes(self, X, y, random)
        return self

    def partial_fit(self, X, y) -> "Regressor":
        """Continues learning, in the order given."""
        first = not hasattr(self, "state_")
        if not first:
            _check_unchanged(self)
        X, y = _validated(self, X, y, y_numeric=True, reset=first)
        if first:
            self._begin(X.shape[1], check_random_state(self.random_state))
        self._learn(X, y)
        return self

    def predict(self, X, return_std: bool = False) -> np.ndarray | tuple[np.ndarray, np.ndarray]:
        """X [n, D] -> the predicted means [n], and if return_std the predicted stds [n]."""
        check_is_fitted(self)
        X = _validated(self, X, reset=False)
        mean, variance = _predict(self._programs(), self.state_, X)
        return (mean[:, 0], np.sqrt(variance[:, 0])) if return_std else mean[:, 0]

    def _begin(self, dim, random):
        fitted = _settings(self)
        init, _, _ = self._programs(fitted)
        self._fitted = fitted
        example = np.zeros((1, dim), np.float32), np.zeros((1, 1), np.float32)
        self.state_ = init(jax.random.key(random.randint(2**31)), example)

    def _learn(self, X, y):
        self.state_ = _learn(self._programs(), self.state_, X, y.astype(np.float32)[:, None])

    def _programs(self, fitted=None):
        return _programs(regressor, **(fitted or self._fitted))


def _make_passes(estimator: Any, X: np.ndarray, y: np.ndarray, random: np.random.RandomState) -> None:
    for _ in range(estimator.num_passes):
        order = random.permutation(len(X)) if estimator.shuffle else np.arange(len(X))
        estimator._learn(X[order], y[order])


def _settings(estimator: Any) -> dict[str, Any]:
    """The settings that an estimator passes to its learner."""
    names = ("num_half_spaces", "offset_scale", *_RATES, "feature_epsilon")
    sizes = tuple(estimator.sizes) if isinstance(estimator.sizes, Iterable) else estimator.sizes
    return {"sizes": sizes, **{name: getattr(estimator, name) for name in names}}


def _check_unchanged(estimator: Any) -> None:
    """Takes over new learning rates. Raises ValueError for another setting that is not the fitted model's."""
    now = _settings(estimator)
    for name, fitted in estimator._fitted.items():
        if name not in _RATES and now[name] != fitted:
            raise ValueError(f"{name} is {now[name]!r} but the model was fitted with {fitted!r}; call fit again")
    estimator._programs(now)  # raises ValueError where a new rate is out of bounds
    estimator._fitted = now


def _validated(estimator: Any, X: Any, *y: Any, **how: Any) -> Any:
    """X, or X and y, as scikit-learn checks them. Raises ValueError also where squares are beyond float32."""
    checked = validate_data(estimator, X, *y, dtype=np.float32, **how)
    _check_magnitude(checked[0] if y else checked, "features")
    if "y_numeric" in how:
        _check_magnitude(checked[1], "targets")
        if len(checked[1]) > 1 and 0 < (most := np.abs(checked[1].astype(float)).max()) < 1 / _MAX_MAGNITUDE:
            raise ValueError(f"targets must reach ±{1 / _MAX_MAGNITUDE:g}, got {most:g}; multiply them by a constant")
    return checked


def _check_magnitude(values: np.ndarray, name: str) -> None:
    if (most := np.abs(values.astype(float)).max()) > _MAX_MAGNITUDE:
        raise ValueError(f"{name} must be within ±{_MAX_MAGNITUDE:g}, got {most:g}; divide them by a constant")


@lru_cache(maxsize=64)
def _programs(factory: Callable, *args: Any, **settings: Any) -> tuple[Callable, ...]:
    """A learner's functions, compiled once for all estimators whose settings are the same but for their rates.

    Raises ValueError where a setting is out of bounds.
    """
    factory(*args, **settings)
    rates = {name: float(settings.pop(name)) for name in _RATES if isinstance(settings[name], Real)}
    return tuple(partial(program, rates) for program in _compiled(factory, *args, **settings))


@lru_cache(maxsize=64)
def _compiled(factory: Callable, *args: Any, **settings: Any) -> tuple[Callable, ...]:
    """A learner's functions, jitted; each takes the rates as its first argument."""

    def jitted(i):
        return jax.jit(lambda rates, *given: factory(*args, **settings, **rates)[i](*given))

    return tuple(map(jitted, range(3)))


def _learn(programs: tuple[Callable, ...], state: Any, x: np.ndarray, y: np.ndarray) -> Any:
    """Learns n samples in chunks, and the rest one by one: at most two programs are compiled. -> state."""
    whole = len(x) // _CHUNK * _CHUNK
    chunks = [slice(i, i + _CHUNK) for i in range(0, whole, _CHUNK)]
    for part in (*chunks, *(slice(i, i + 1) for i in range(whole, len(x)))):
        state, _ = programs[1](None, state, (x[part], y[part]))  # learning a GLN is not random: no key
    return state


def _predict(programs: tuple[Callable, ...], state: Any, x: np.ndarray) -> Any:
    """Predicts n samples in chunks, the last one padded with zeros: one program is compiled."""
    padded = np.concatenate([x, np.zeros((-len(x) % _CHUNK, x.shape[1]), x.dtype)])
    outputs = [programs[2](state, chunk) for chunk in padded.reshape(-1, _CHUNK, x.shape[1])]
    return jax.tree.map(lambda *parts: np.concatenate(parts)[: len(x)], *outputs)
