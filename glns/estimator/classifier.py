"""The classifier as a scikit-learn estimator.

Letters: D features, N classes, n samples.
"""

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import jax
import numpy as np
from sklearn.base import BaseEstimator, ClassifierMixin
from sklearn.utils import check_random_state, compute_class_weight

from glns.classification import learner
from glns.estimator import fitting, growth, inputs, units
from glns.estimator.fitted import Fitted
from glns.estimator.programs import programs
from glns.robust import ROBUST


class Classifier(Fitted, ClassifierMixin, BaseEstimator):
    """GLNs that tell classes apart (Veness 2019), learned exactly online: see `glns.learner`.

    `partial_fit` learns the samples in the order given; splitting them over several calls changes nothing. `fit` starts
    from nothing and makes `num_passes` passes, each in a new random order if `shuffle`.

    X is an array, a sparse matrix (its rows become dense a few at a time) or a table. A column of strings, or of a
    categorical type, becomes one of 0 and 1 for each category of the first call; others are all zeros. Features may
    have any unit and offset: they are standardised by their running moments.

    Labels are numbers or strings. A label that comes up later in `partial_fit` gets a network of its own, which starts
    from nothing; the other networks learn on as if its label had always been known. Its gates depend on `random_state`
    and the label alone, so networks do not depend on when labels came up. Categorical neurons have one network for all
    labels, which `fit`, or the first `partial_fit`, must be told.

    sample_weight multiplies the rates of its sample; a sample of weight 0 is not learned at all, not by the running
    moments either. Weight 2 is twice as large a step, not two steps. class_weight: {label: weight}, others 1, or
    "balanced" for `fit`: both multiply.

    The other settings: see `glns.learner`; the defaults are those of `glns.ROBUST`, for people who tune nothing. A
    fitted model keeps its settings; `partial_fit` takes new learning rates and refuses other changes.

    Threads may predict while another learns: they read the model as it was before. A call that raises changes nothing.

    After fitting: classes_ [N], n_features_in_, feature_importances_, and state_, a `glns.State` of the features as
    `glns.estimator.units` scales them.
    """

    _units: units.Units

    def __init__(
        self,
        *,
        neuron: str = "bernoulli",
        sizes: Sequence[int] = ROBUST["sizes"],
        num_half_spaces: int = ROBUST["num_half_spaces"],
        offset_scale: float = ROBUST["offset_scale"],
        axis_aligned: bool = ROBUST["axis_aligned"],
        gate: Any = None,
        side: Callable | None = None,
        learning_rate: Any = ROBUST["learning_rate"],
        learning_rate_decay: Any = ROBUST["learning_rate_decay"],
        rate_by_context: bool = False,
        feature_epsilon: float = ROBUST["feature_epsilon"],
        feature_scale: float = 1.0,
        standardised: bool = True,
        epsilon: float = 0.01,
        weight_bound: float = 200.0,
        clip_rule: str = "margin",
        shared_gates: bool = ROBUST["shared_gates"],
        aggregation: str = ROBUST["aggregation"],
        experts: bool = ROBUST["experts"],
        implementation: str = "auto",
        class_weight: Any = None,
        num_passes: int = 1,
        shuffle: bool = True,
        random_state: Any = None,
    ):
        self.neuron = neuron
        self.sizes = sizes
        self.num_half_spaces = num_half_spaces
        self.offset_scale = offset_scale
        self.axis_aligned = axis_aligned
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
        self.experts = experts
        self.implementation = implementation
        self.class_weight = class_weight
        self.num_passes = num_passes
        self.shuffle = shuffle
        self.random_state = random_state

    @fitting.learning
    def fit(self, X, y, sample_weight=None) -> "Classifier":
        """Learns X [n, features] and labels y [n] from nothing. sample_weight [n]."""
        fitted, categories = fitting.settings(self, learner), inputs.learn_categories(X)
        rows, y = inputs.read_both(self, X, y, categories, reset=True)
        inputs.check_labels(y)
        if len(classes := np.unique(y)) < 2:
            raise ValueError(f"a classifier needs at least two classes to tell apart; got one class, {classes}")
        weights = self._weights(sample_weight, y, some=True)
        random = check_random_state(self.random_state)
        orders = fitting.orders(self, rows.num, random)
        self._begin(fitted, rows, classes, categories, random)
        for order in orders:
            self._learn(rows, y, weights, order)
        return self

    @fitting.learning
    def partial_fit(self, X, y, classes=None, sample_weight=None) -> "Classifier":
        """Continues learning, in the order given. classes: labels to expect, which saves compiling for them later."""
        first = not hasattr(self, "state_")
        fitted = fitting.settings(self, learner) if first else fitting.unchanged(self, learner)
        categories = inputs.learn_categories(X) if first else self._categories
        rows, y = inputs.read_both(self, X, y, categories, reset=first)
        inputs.check_labels(y)
        if isinstance(self.class_weight, str):
            raise ValueError("class_weight 'balanced' needs all samples at once, as in fit; give partial_fit a dict")
        named = y if classes is None else _joined(np.asarray(classes), y)
        weights = self._weights(sample_weight, y, some=False)
        if first:
            self._begin(fitted, rows, np.unique(named), categories, check_random_state(self.random_state))
        else:
            self._expect(named)
            self._fitted = fitted
        self._learn(rows, y, weights)
        return self

    def predict_proba(self, X) -> np.ndarray:
        """X [n, features] -> the classes' probabilities [n, N], in the order of classes_."""
        return np.exp(self.predict_log_proba(X))

    @fitting.reading
    def predict_log_proba(self, X) -> np.ndarray:
        """X [n, features] -> the logarithms of the classes' probabilities [n, N]."""
        return self._predict(inputs.read(self, X, self._categories, reset=False))

    @fitting.reading
    def predict(self, X) -> np.ndarray:
        """X [n, features] -> the most likely labels [n]."""
        return self.classes_[self.predict_log_proba(X).argmax(axis=1)]

    def _predict(self, rows):
        """Log-probabilities [n, N]."""
        log_p = fitting.predict(self, self._programs().predict, rows)[:, self._slots].astype(float)
        if "gate" in self._fitted and np.isnan(log_p).any():
            raise ValueError("the gate gave a context that is not in 0 .. num_contexts - 1")
        log_p -= log_p.max(axis=1, keepdims=True)
        return log_p - np.log(np.exp(log_p).sum(axis=1, keepdims=True))

    def _jacobian(self, rows):
        """d log-probabilities / d the learner's features, [n, N, D]."""
        of_slots = fitting.predict(self, self._programs().jacobian, rows)[:, self._slots].astype(float)
        p = np.exp(self._predict(rows))
        return of_slots - np.einsum("nk,nkd->nd", p, of_slots)[:, None]

    def _programs(self, **changes):
        num_slots = max(2, len(self._slots)) if self._is_one() else len(self.state_.layers[0].weights)
        return programs(learner, num_slots, **self._fitted | changes)

    def _is_one(self):
        """Whether one network is for all classes."""
        return self._fitted["neuron"] == "categorical"

    def _begin(self, fitted, rows, classes, categories, random):
        self._fitted, self._categories = fitted, categories
        self._seed = random.randint(2**31)
        fitting.begin(self, rows, free=fitted["standardised"] and fitted["feature_epsilon"] == 0)
        self.classes_, self._slots = classes, np.arange(len(classes))
        if self._is_one():
            self.state_ = self._init(max(2, len(classes)))(jax.random.key(self._seed))
        else:
            self.state_ = growth.begin(self._init(), self._seed, classes.tolist(), shared_gates=fitted["shared_gates"])

    def _init(self, num_classes=2):
        example = np.zeros((1, len(self._units.scale)), np.float32), np.zeros(1, np.int32)
        init = programs(learner, num_classes, **self._fitted).init
        return lambda key: init(key, example)

    def _abstract_state(self):
        return jax.eval_shape(self._init(), jax.random.key(0))

    def _widen(self, num):
        """Adds features that were 0 so far."""
        if (neuron := self._fitted["neuron"]) != "bernoulli":
            raise ValueError(f"features can appear later only where neurons are bernoulli, not {neuron}")
        fitting.widen(self, num, "moments")

    def _expect(self, labels):
        """Gives networks to labels that have none."""
        joined = _joined(self.classes_, labels)
        unknown = np.setdiff1d(joined, self.classes_)
        if not len(unknown):
            return
        if self._is_one():
            came = ", ".join(map(repr, unknown.tolist()))
            raise ValueError(f"categorical neurons must be told all labels at first, as `classes`; now came {came}")
        shared = self._fitted["shared_gates"]
        for label in unknown.tolist():
            new = growth.network(self._init(), self._seed, label, shared_gates=shared)
            self.state_ = growth.add_network(self.state_, len(self._slots), new, shared_gates=shared)
            self._slots = np.append(self._slots, len(self._slots))
        classes = np.concatenate([self.classes_.astype(joined.dtype), unknown])
        order = np.argsort(classes)  # slots are in the order in which labels came up, classes_ is sorted
        self.classes_, self._slots = classes[order], self._slots[order]

    def _weights(self, sample_weight, y, *, some):
        weights = inputs.weights(sample_weight, len(y), some=some)
        if self.class_weight is None:
            return weights
        classes, codes = np.unique(y, return_inverse=True)
        if isinstance(self.class_weight, str):
            return weights * compute_class_weight(self.class_weight, classes=classes, y=y)[codes]
        if not isinstance(self.class_weight, Mapping):
            raise ValueError(f"class_weight must be a dict, 'balanced' or None, got {self.class_weight!r}")
        for weight in self.class_weight.values():
            inputs.check_weight(class_weight=weight)
        of_classes = [self.class_weight.get(label, 1.0) for label in classes.tolist()]
        return weights * np.array(of_classes, float)[codes]

    def _learn(self, rows, y, weights, order=None):
        slots = self._slots[np.searchsorted(self.classes_, y)].astype(np.int32)
        self.state_ = fitting.learn(self, self._programs(), rows, (slots, weights), order, "moments")

    def __sklearn_tags__(self):
        """What scikit-learn's checks may try."""
        return inputs.tags(super().__sklearn_tags__())  # pyrefly: ignore  # newer than its stubs


def _joined(classes, labels):
    """Labels of both. Raises ValueError where some are strings and some are not."""
    if len(labels) and (classes.dtype.kind in "US") != (labels.dtype.kind in "US"):
        of_strings = [array for array in (classes, labels) if array.dtype.kind != "O"]
        if len(of_strings) == 2:
            one, other = labels[0].item(), classes[0].item()
            raise ValueError(f"labels must be all strings or all numbers; got {one!r} beside {other!r}")
    return np.concatenate([classes, labels])
