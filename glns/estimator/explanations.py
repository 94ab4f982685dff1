"""What an estimator's predictions depend on: exact derivatives, for between its contexts a GLN is smooth.

Letters: D features, N outputs (the log-probabilities of classes, or the means of targets), n samples.
"""

from typing import Any, NamedTuple

import numpy as np

from glns.estimator import inputs


class Map(NamedTuple):
    """The local linear map of n predictions: output = bias + weights . x, in the units of the features.

    It equals the prediction at x, with its derivative; contexts, which jump, are held fixed. A regressor's mean IS
    linear until a context changes. `glns.explain` has the maps of single Bernoulli networks, in logits.
    """

    weights: np.ndarray  # [n, N, D]; a column of categories has a weight for each category
    bias: np.ndarray  # [n, N]


def explain(estimator: Any, rows: inputs.Rows) -> Map:
    """The maps of rows."""
    weights = estimator._jacobian(rows) * estimator._units.scale
    x = rows.take(slice(None)).astype(float)
    return Map(weights, estimator._predict(rows) - np.einsum("nkd,nd->nk", weights, x))


def importances(estimator: Any) -> np.ndarray:
    """Each feature's share in the derivatives of the outputs, over the last 256 samples that were learned.

    The mean size of the derivative of an output by a feature is taken per standard deviation of the feature in those
    samples, and as a fraction of those of all features, so units do not matter; then the mean over the outputs. The
    categories of a column are added. [features], they sum to 1; all 0 where no output depends on a feature, and where
    nothing was learned.
    """
    recent = estimator._recent
    if not len(recent):
        return np.zeros(estimator.n_features_in_)
    weights = estimator._jacobian(inputs.Rows(len(recent), recent.__getitem__)) * estimator._units.scale
    sizes = np.abs(weights).mean(axis=0) * recent.std(axis=0)  # [N, D]
    sums = sizes.sum(axis=1, keepdims=True)
    shares = (sizes / np.where(sums > 0, sums, 1.0)).sum(axis=0) / max(1, np.sum(sums > 0))
    return inputs.of_columns(shares, estimator._categories, estimator.n_features_in_)
