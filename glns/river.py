"""GLNs for people with streams of dicts: river's interface, over the estimators of `glns.estimator`.

    from glns.river import Classifier
    model = Classifier(seed=0)
    for x, y in stream:  # x: {"price": 0.4, "day": "monday"}
        model.predict_proba_one(x)
        model.learn_one(x, y)

Where river is installed these are its estimators, for its pipelines and evaluations; without it they work too.
"""

import copy
import math
from typing import Any

import numpy as np
from sklearn.base import clone

from glns import estimator as estimators
from glns.estimator import explanations, inputs

try:
    from river import base
except ImportError:
    _Classifier: Any = object
    _Regressor: Any = object
else:
    _Classifier, _Regressor = base.Classifier, base.Regressor


class Columns:
    """The columns that the names in dicts have.

    A number is a column; a string or bytes is a column for each value, 1 where it is that value. A name that is
    missing, None or NaN counts as 0, as in river's linear models. Names that come up later get columns then.
    """

    def __init__(self):
        self.places: dict[Any, int] = {}
        self.width = 0

    def copy(self) -> "Columns":
        """The same columns, to which others can be added."""
        columns = Columns()
        columns.places, columns.width = dict(self.places), self.width
        return columns

    def row(self, x: dict) -> tuple[np.ndarray, list]:
        """A dict -> its numbers [1, width], and the columns that there are not. Raises ValueError for other values."""
        row, unknown = np.zeros((1, self.width)), []
        for name, value in x.items():
            if isinstance(value, str | bytes):
                name, value = ("=", name, value), 1.0
            elif value is None or (value := _number(name, value)) != value:
                continue
            place = self.places.get(name)
            if place is None:
                unknown.append(name)
            else:
                row[0, place] = value
        return row, unknown

    def add(self, names: list) -> int:
        """Adds columns, in an order that does not depend on the dict's. -> how many more there are to have room for.

        The first names get as many columns as they are, later ones take from a doubled number: programs last longer.
        """
        for name in sorted(names, key=str):
            self.places[name] = len(self.places)
        before = self.width
        if len(self.places) > before:
            self.width = len(self.places) if before == 0 else 1 << (len(self.places) - 1).bit_length()
        return self.width - before


class Classifier(_Classifier):
    """`glns.estimator.Classifier` for dicts. Labels and features may come up at any time.

    model: an estimator with the settings, by default those of `Classifier()`; it is copied, and learns nothing itself.
    seed: of the gates; it takes the place of the model's random_state.
    """

    def __init__(self, model: Any = None, seed: int | None = None):
        self.model = model
        self.seed = seed
        self._estimator = _copied(model, seed, estimators.Classifier)
        self._columns = Columns()

    @property
    def _multiclass(self):
        return True

    def learn_one(self, x: dict, y: Any, w: float = 1.0) -> None:
        """Learns one example; w: its weight, see `glns.estimator.Classifier`."""
        _learn_one(self, x, y, w, lambda fitted: fitted.class_weight is None and y in fitted.classes_.tolist())

    def predict_proba_one(self, x: dict, **kwargs: Any) -> dict:  # noqa: ARG002
        """The probability of each label so far; empty before the first."""
        if self._columns.width == 0:
            return {}
        fitted = self._estimator
        log_p = fitted._predict(_rows(self._columns.row(x)[0]))[0]
        return dict(zip(fitted.classes_.tolist(), np.exp(log_p).tolist(), strict=True))

    def predict_one(self, x: dict, **kwargs: Any) -> Any:  # noqa: ARG002
        """The most likely label; None before the first."""
        of_labels = self.predict_proba_one(x)
        return max(of_labels, key=of_labels.__getitem__, default=None)

    def explain_one(self, x: dict) -> dict:
        """What the prediction goes by: label -> {feature: derivative of the label's log-probability}.

        Of all features so far, missing ones too; the feature of a category is ("=", name, value). Empty before the
        first example. See `glns.estimator.explanations.Map`.
        """
        if self._columns.width == 0:
            return {}
        weights = explanations.explain(self._estimator, _rows(self._columns.row(x)[0])).weights[0].tolist()
        of_labels = zip(self._estimator.classes_.tolist(), weights, strict=True)
        return {label: dict(zip(self._columns.places, of_label, strict=False)) for label, of_label in of_labels}


class Regressor(_Regressor):
    """`glns.estimator.Regressor` for dicts, of one target. model, seed: as in `Classifier`."""

    def __init__(self, model: Any = None, seed: int | None = None):
        self.model = model
        self.seed = seed
        self._estimator = _copied(model, seed, estimators.Regressor)
        self._columns = Columns()

    def learn_one(self, x: dict, y: float, w: float = 1.0) -> None:
        """Learns one example; w: its weight, see `glns.estimator.Classifier`."""
        if not math.isfinite(y):
            raise ValueError(f"y must be finite, got {y!r}")
        _learn_one(self, x, float(y), w, lambda _: True)

    def predict_one(self, x: dict) -> float:
        """The predicted mean; 0 before the first example."""
        if self._columns.width == 0:
            return 0.0
        return float(self._estimator._predict(_rows(self._columns.row(x)[0]))[0, 0])


def _number(name, value):
    """A feature's value as a number that is not infinite; NaN where it is missing."""
    try:
        number = float(value)
    except (TypeError, ValueError, OverflowError):
        raise ValueError(f"feature {name!r} must be a number, a string or None, got {value!r}") from None
    if math.isinf(number):
        raise ValueError(f"feature {name!r} must be finite, or None or NaN where it is missing; got infinity")
    return number


def _copied(model, seed, kind):
    if model is not None and not isinstance(model, kind):
        raise TypeError(f"model must be a glns.estimator.{kind.__name__}, got {model!r}")
    copy = kind() if model is None else clone(model)
    return copy if seed is None else copy.set_params(random_state=seed)


def _rows(row):
    return inputs.Rows(1, row.__getitem__)


def _learn_one(model, x, y, w, knows):
    """Learns by the short way, or for the first example, a new label or a new feature by the checked one."""
    fitted, columns = model._estimator, model._columns
    inputs.check_weight(w=w)
    row, unknown = columns.row(x)
    targets, weights = np.array([y]), np.array([w], float)
    first = columns.width == 0
    if not first and not unknown and knows(fitted):
        fitted._learn(_rows(row), targets, weights)
        return
    fitted, columns = copy.copy(fitted), columns.copy()  # nothing has changed where something is refused
    if unknown or first:
        missing = columns.add(unknown or ["(no feature)"])
        if not first and missing:
            fitted._widen(missing)
        row, _ = columns.row(x)
    fitted.partial_fit(row, targets, sample_weight=weights)
    model._estimator, model._columns = fitted, columns
