"""The classifier as a scikit-learn estimator.

Letters: D features, N classes, n samples.
"""

from collections.abc import Callable, Sequence
from typing import Any

import jax
import numpy as np
from scipy.special import logsumexp
from sklearn.base import BaseEstimator, ClassifierMixin
from sklearn.utils import check_random_state, compute_class_weight
from sklearn.utils.multiclass import check_classification_targets
from sklearn.utils.validation import check_is_fitted

from glns.classification import learner
from glns.estimator import explanations, fitting, growth, inputs, storage, units
from glns.estimator.programs import programs
from glns.settings import check_counts


class Classifier(ClassifierMixin, BaseEstimator):
    """One-vs-all Bernoulli GLNs (Veness 2019), learned exactly online: see `glns.learner`.

    `partial_fit` learns the samples in the order given; splitting them over several calls changes nothing. `fit` starts
    from nothing and makes `num_passes` passes, each in a new random order if `shuffle`.

    X is an array, a sparse matrix (its rows become dense a few at a time) or a table. A column of strings, or of a
    categorical type, becomes one of 0 and 1 for each category of the first call; others are all zeros. Features may
    have any unit and offset: they are standardised by their running moments.

    Labels are numbers or strings. A label that comes up later in `partial_fit` gets a network of its own, which starts
    from nothing; the other networks learn on as if its label had always been known. Its gates depend on `random_state`
    and the label alone, so networks do not depend on when labels came up.

    sample_weight multiplies the rates of its sample; a sample of weight 0 is not learned at all, not by the running
    moments either. Weight 2 is twice as large a step, not two steps. class_weight: {label: weight}, others 1, or
    "balanced" for `fit`: both multiply.

    The other settings: see `glns.learner`; the defaults are for a few thousand samples, and feature_epsilon is 0 because
    the unit of a feature is not known. A fitted model keeps its settings; `partial_fit` takes new learning rates and
    refuses other changes.

    After fitting: classes_ [N], n_features_in_, feature_importances_, and state_, a `glns.State` of the features as
    `glns.estimator.units` scales them.
    """

    def __init__(
        self,
        *,
        sizes: Sequence[int] = (50, 25, 1),
        num_half_spaces: int = 4,
        offset_scale: float = 0.05,
        gate: Any = None,
        side: Callable | None = None,
        learning_rate: Any = 0.03,
        learning_rate_decay: Any = 100.0,
        rate_by_context: bool = False,
        feature_epsilon: float = 0.0,
        feature_scale: float = 1.0,
        standardised: bool = True,
        epsilon: float = 0.01,
        weight_bound: float = 200.0,
        clip_rule: str = "margin",
        shared_gates: bool = False,
        aggregation: str = "last",
        implementation: str = "auto",
        class_weight: Any = None,
        num_passes: int = 1,
        shuffle: bool = True,
        random_state: Any = None,
    ):
        self.sizes = sizes
        self.num_half_spaces = num_half_spaces
        self.offset_scale = offset_scale
        self.gate = gate
        self.side = side
        self.learning_rate = learning_rate
        self.learning_rate_decay = learning_rate_decay
        self.rate_by_context = rate_by_context
        self.feature_epsilon = feature_epsilon
        self.feature_scale = feature_scale
        self.standardised = standardised
        self.epsilon = epsilon
        self.weight_bound = weight_bound
        self.clip_rule = clip_rule
        self.shared_gates = shared_gates
        self.aggregation = aggregation
        self.implementation = implementation
        self.class_weight = class_weight
        self.num_passes = num_passes
        self.shuffle = shuffle
        self.random_state = random_state

    def fit(self, X, y, sample_weight=None) -> "Classifier":
        """Learns X [n, features] and labels y [n] from nothing. sample_weight [n]."""
        check_counts(1, num_passes=self.num_passes)
        categories = inputs.learn_categories(X)
        rows, y = inputs.read_both(self, X, y, categories, reset=True)
        check_classification_targets(y)
        if len(classes := np.unique(y)) < 2:
            raise ValueError(f"a classifier needs at least two classes to tell apart; got one class, {classes}")
        weights = self._weights(sample_weight, y, classes)
        random = check_random_state(self.random_state)
        self._begin(classes, categories, random)
        for order in fitting.orders(self, rows.num, random):
            self._learn(rows, self._slots[np.searchsorted(classes, y)], weights, order)
        return self

    def partial_fit(self, X, y, classes=None, sample_weight=None) -> "Classifier":
        """Continues learning, in the order given. classes: labels to expect, which then need no later compiling."""
        first = not hasattr(self, "state_")
        fitted = fitting.settings(self, learner) if first else fitting.unchanged(self, learner)
        categories = inputs.learn_categories(X) if first else self._categories
        rows, y = inputs.read_both(self, X, y, categories, reset=first)
        self.learn_rows(rows, y, sample_weight, classes, categories, fitted)
        return self

    def learn_rows(self, rows, y, sample_weight=None, classes=None, categories=None, fitted=None) -> None:
        """`partial_fit` of rows that were read."""
        check_classification_targets(y)
        named = np.unique(y) if classes is None else np.unique(np.concatenate([np.asarray(classes), np.unique(y)]))
        weights = self._weights(sample_weight, y, None)
        if not hasattr(self, "state_"):
            self._begin(named, categories or {}, check_random_state(self.random_state), fitted)
        else:
            self._fitted = fitted or self._fitted
            self._expect(named)
        self._learn(rows, self._slots[np.searchsorted(self.classes_, y)], weights, slice(None))

    def predict_proba(self, X) -> np.ndarray:
        """X [n, features] -> the classes' probabilities [n, N], in the order of classes_."""
        return np.exp(self.predict_log_proba(X))

    def predict_log_proba(self, X) -> np.ndarray:
        """X [n, features] -> the logarithms of the classes' probabilities [n, N]."""
        check_is_fitted(self)
        return self.predict_rows(inputs.read(self, X, self._categories, reset=False))

    def predict(self, X) -> np.ndarray:
        """X [n, features] -> the most likely labels [n]."""
        return self.classes_[self.predict_log_proba(X).argmax(axis=1)]

    def predict_rows(self, rows) -> np.ndarray:
        """Log-probabilities [n, N] of rows that were read."""
        return self._of_classes(fitting.predict(self, self._programs().predict, rows))

    def explain(self, X) -> "explanations.Map":
        """The local linear map of each prediction: see `explanations.Map`; outputs are the N log-probabilities."""
        check_is_fitted(self)
        rows = inputs.read(self, X, self._categories, reset=False)
        return explanations.explain(self, rows, self._of_classes, self._centred(rows))

    @property
    def feature_importances_(self) -> np.ndarray:
        """See `explanations.importances`. [features], they sum to 1."""
        check_is_fitted(self)
        return explanations.importances(self, self._centred(self._recent_rows()))

    def save(self, path: Any) -> None:
        """Writes a fitted model to one file, without pickle. Functions and random generators cannot be saved."""
        check_is_fitted(self)
        storage.save(self, path)

    @classmethod
    def load(cls, path: Any) -> "Classifier":
        """The model that `save` wrote. Raises ValueError for any other file."""
        return storage.load(cls, path)
