"""The regressor as a scikit-learn estimator.

Letters: D features, K targets, n samples.
"""

from collections.abc import Sequence
from typing import Any

import jax
import numpy as np
from scipy.special import ndtri
from sklearn.base import BaseEstimator, RegressorMixin
from sklearn.utils import check_random_state

from glns.estimator import fitting, inputs, units
from glns.estimator.fitted import Fitted
from glns.estimator.independent import independent
from glns.estimator.programs import programs
from glns.gaussian import Rule
from glns.regression import regressor
from glns.settings import check_between


class Regressor(Fitted, RegressorMixin, BaseEstimator):
    """A Gaussian GLN (Budden 2020) for each target, learned exactly online: see `glns.regressor`.

    X, `fit`, `partial_fit` and sample_weight are those of `Classifier`; y is [n], or [n, K] for K targets, each learned
    by a network of its own. Targets may have any unit and offset too.

    The settings: see `glns.regressor` and `glns.gaussian.Rule`, with defaults that suit a few thousand samples.

    After fitting: n_features_in_, feature_importances_, and state_, an `independent.State` whose arrays start with
    K, of features and targets as `glns.estimator.units` scales them.
    """

    _units: units.Units

    def __init__(
        self,
        *,
        sizes: Sequence[int] = (50, 25, 1),
        num_half_spaces: int = 4,
        offset_scale: float = 0.3,
        learning_rate: float = 0.01,
        learning_rate_decay: float = 1000.0,
        input_variance: float = 1.0,
        feature_epsilon: float = 0.0,
        projection: str = "signed",
        step_rule: str = "damped",
        min_variance: float = 0.05,
        max_variance: float = 0.25,
        weight_bound: float = 1e3,
        min_norm: float = 1e-3,
        bias_scale: float = 1.0,
        bias_variance: float = 1.0,
        num_passes: int = 1,
        shuffle: bool = True,
        random_state: Any = None,
    ):
        self.sizes = sizes
        self.num_half_spaces = num_half_spaces
        self.offset_scale = offset_scale
        self.learning_rate = learning_rate
        self.learning_rate_decay = learning_rate_decay
        self.input_variance = input_variance
        self.feature_epsilon = feature_epsilon
        self.projection = projection
        self.step_rule = step_rule
        self.min_variance = min_variance
        self.max_variance = max_variance
        self.weight_bound = weight_bound
        self.min_norm = min_norm
        self.bias_scale = bias_scale
        self.bias_variance = bias_variance
        self.num_passes = num_passes
        self.shuffle = shuffle
        self.random_state = random_state

    @fitting.learning
    def fit(self, X, y, sample_weight=None) -> "Regressor":
        """Learns X [n, features] and targets y [n] or [n, K] from nothing. sample_weight [n]."""
        fitted, categories = fitting.settings(self, regressor, Rule), inputs.learn_categories(X)
        rows, y = inputs.read_both(self, X, y, categories, reset=True, y_numeric=True, multi_output=True)
        weights = inputs.weights(sample_weight, rows.num, some=True)
        random = check_random_state(self.random_state)
        orders = fitting.orders(self, rows.num, random)
        self._begin(fitted, rows, y, categories, random)
        for order in orders:
            self._learn(rows, y, weights, order)
        return self

    @fitting.learning
    def partial_fit(self, X, y, sample_weight=None) -> "Regressor":
        """Continues learning, in the order given."""
        first = not hasattr(self, "state_")
        fitted = fitting.settings(self, regressor, Rule) if first else fitting.unchanged(self, regressor, Rule)
        categories = inputs.learn_categories(X) if first else self._categories
        rows, y = inputs.read_both(self, X, y, categories, reset=first, y_numeric=True, multi_output=True)
        weights = inputs.weights(sample_weight, rows.num, some=False)
        if first:
            self._begin(fitted, rows, y, categories, check_random_state(self.random_state))
        elif np.shape(y)[1:] != self._shape:
            raise ValueError(f"y must have the shape (n, {self._shape[0]})" if self._shape else "y must have one axis")
        self._fitted = fitted
        self._learn(rows, y, weights)
        return self

    @fitting.reading
    def predict(self, X, return_std: bool = False) -> np.ndarray | tuple[np.ndarray, np.ndarray]:
        """X [n, features] -> the predicted means, in the shape of y, and if return_std the predicted stds."""
        mean, std = self._read_and_predict(X)
        return (self._shaped(mean), self._shaped(std)) if return_std else self._shaped(mean)

    @fitting.reading
    def predict_interval(self, X, coverage: float = 0.9) -> tuple[np.ndarray, np.ndarray]:
        """X [n, features] -> the lower and upper ends, in the shape of y, of intervals that hold y so often.

        They are mean ± q std, where q is that quantile of |y - mean| / std over the last 1000 samples, each predicted
        before it was learned: with exchangeable samples the coverage is right whether or not the network's Gaussians
        are. They come out wide while the network still improves, and narrow after further passes of `fit`.
        """
        check_between(0, 1, coverage=coverage)
        mean, std = self._read_and_predict(X)
        half = std * [_quantile(scores[~np.isnan(scores)], coverage) for scores in np.asarray(self.state_.scores)]
        return self._shaped(mean - half), self._shaped(mean + half)

    def _read_and_predict(self, X):
        return self._normal(inputs.read(self, X, self._categories, reset=False))

    def _predict(self, rows):
        """Means [n, K]."""
        return self._normal(rows)[0]

    def _normal(self, rows):
        """Means and stds [n, K], in the units of y."""
        mean, variance = fitting.predict(self, self._programs().predict, rows)
        scale = np.where(self._of_y.scale > 0, self._of_y.scale, np.inf)  # inf: y has been constant
        return self._of_y.offset + mean / scale, np.sqrt(variance) / scale

    def _jacobian(self, rows):
        """d means / d the learner's features, [n, K, D]."""
        scale = np.where(self._of_y.scale > 0, self._of_y.scale, np.inf)
        return fitting.predict(self, self._programs().jacobian, rows)[0] / scale[:, None]

    def _shaped(self, values):
        return values if self._shape else values[:, 0]

    def _programs(self, **changes):
        return programs(independent, self._of_y.scale.size, **self._fitted | changes)

    def _begin(self, fitted, rows, y, categories, random):
        programs(independent, 1, **fitted)  # raises ValueError
        self._fitted, self._categories, self._seed = fitted, categories, random.randint(2**31)
        free = fitted["feature_epsilon"] == 0
        fitting.begin(self, rows, free=free)
        self._shape = y.shape[1:]
        self._of_y = units.begin(y[0].size, free=free)
        self.state_ = self._init(jax.random.key(self._seed))

    def _init(self, key):
        example = np.zeros((1, len(self._units.scale)), np.float32), np.zeros((1, self._of_y.scale.size), np.float32)
        return self._programs().init(key, example)

    def _abstract_state(self):
        return jax.eval_shape(self._init, jax.random.key(0))

    def _widen(self, num):
        """Adds features that were 0 so far."""
        fitting.widen(self, num, "inputs")

    def _learn(self, rows, y, weights, order=None):
        y = y.reshape(len(y), -1).astype(float)
        self._of_y = fitting.offset(self, self._of_y, y.__getitem__, weights)
        self._of_y, factor, numbers = units.learn(self._of_y, y, weights)
        if factor is not None:
            self.state_ = self.state_._replace(targets=units.rescale(self.state_.targets, factor[:, None]))
        self.state_ = fitting.learn(self, self._programs(), rows, (numbers, weights), order, "inputs")

    def __sklearn_tags__(self):
        """What scikit-learn's checks may try."""
        tags = inputs.tags(super().__sklearn_tags__())  # pyrefly: ignore  # newer than its stubs
        tags.target_tags.multi_output = True
        return tags


def _quantile(scores, coverage):
    """The score that a further one exceeds with probability 1 - coverage; where there are too few, a larger guess."""
    rank = int(np.ceil(coverage * (len(scores) + 1)))
    if rank <= len(scores):
        return np.sort(scores)[rank - 1]
    return max(ndtri((1 + coverage) / 2), *scores, 0.0)
