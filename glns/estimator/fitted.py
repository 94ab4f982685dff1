"""What both estimators have once they are fitted: explanations, and a file of their own."""

from typing import Any, Self

import numpy as np

from glns.estimator import explanations, fitting, inputs, storage


class Fitted:
    """A mixin, as scikit-learn's are. It reads what `fitting` lists, and _categories, _predict and _jacobian."""

    _categories: dict[int, list]

    @fitting.reading
    def explain(self, X) -> explanations.Map:
        """The local linear map of each output, a log-probability or a mean: see `explanations.Map`."""
        return explanations.explain(self, inputs.read(self, X, self._categories, reset=False))

    @property
    @fitting.reading
    def feature_importances_(self) -> np.ndarray:
        """See `explanations.importances`. [features], they sum to 1."""
        return explanations.importances(self)

    @fitting.reading
    def save(self, path: Any) -> None:
        """Writes a fitted model to one file, without pickle. Functions and random generators cannot be saved."""
        storage.save(self, path)

    @classmethod
    def load(cls, path: Any) -> Self:
        """The model that `save` wrote. Raises ValueError for any other file."""
        return storage.load(cls, path)
