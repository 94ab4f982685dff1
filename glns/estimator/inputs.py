"""Inputs as people have them, arrays, sparse matrices and tables with categories, as numbers, a few samples at a time.

A column of a table whose values are strings or of a categorical type becomes one column for each category, 1 where it
is the sample's and 0 elsewhere. Categories are those of the first call; another one, and a missing one, is all zeros.

Letters: D columns of numbers, n samples.
"""

from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np
from scipy import sparse
from sklearn.utils.multiclass import check_classification_targets
from sklearn.utils.validation import _check_sample_weight, assert_all_finite, check_X_y, validate_data  # pyrefly: ignore  # newer than its stubs

from glns.settings import check_not_negative

_MAX_WEIGHT = 1e30
_DTYPES = (np.float64, np.float32)
_CATEGORICAL = ("category", "categorical", "enum")  # pandas and polars


class Rows(NamedTuple):
    """Samples that were checked."""

    num: int
    take: Callable  # indices [k] or a slice -> those samples as numbers [k, D]


def learn_categories(X: Any) -> dict[int, list]:
    """The categories, sorted, of each column that has them."""
    columns = enumerate(_columns(X) or ())
    return {index: _sorted(column) for index, column in columns if column.dtype == object}


def _sorted(column):
    return sorted(filter(_is_value, set(column.tolist())), key=lambda value: (str(value), str(type(value))))


def of_columns(values: np.ndarray, categories: dict[int, list], num_columns: int) -> np.ndarray:
    """Sums what belongs to one column of the input. values [D] -> [num_columns]."""
    sizes = [len(categories.get(index, [0])) for index in range(num_columns)]
    return np.array([part.sum() for part in np.split(values, np.cumsum(sizes)[:-1])])


def read(estimator: Any, X: Any, categories: dict[int, list], *, reset: bool) -> Rows:
    """X [n, columns] as scikit-learn checks it. If `reset`, its names and columns are the estimator's from now on.

    Raises ValueError for NaN, infinity, and other columns than the estimator's.
    """
    if not reset and not categories and _is_plain(estimator, X):
        return _numbers(X)
    if not categories:
        return _numbers(validate_data(estimator, X, accept_sparse="csr", dtype=_DTYPES, reset=reset))
    return _table(validate_data(estimator, X, skip_check_array=True, reset=reset), categories)


def read_both(estimator: Any, X: Any, y: Any, categories: dict[int, list], *, reset: bool, **how: Any) -> tuple:
    """X as of `read`, and y as scikit-learn checks it."""
    if not reset and not categories and _is_plain(estimator, X) and _is_plain_target(y, len(X)):
        return _numbers(X), y
    if not categories:
        checked = {"accept_sparse": "csr", "dtype": _DTYPES, "reset": reset, **how}
        X, y = validate_data(estimator, X, y, **checked)
        return _numbers(X), y
    rows = read(estimator, X, categories, reset=reset)
    return rows, check_X_y(np.zeros((rows.num, 1)), y, **how)[1]


def check_labels(y: Any) -> None:
    """Raises ValueError for what are no labels of classes."""
    if type(y) is np.ndarray and y.dtype.kind in "iubU":
        return
    if isinstance(y, np.ndarray) and y.dtype.kind == "O":
        strings = [isinstance(label, str) for label in y.tolist()]
        if any(strings) and not all(strings):
            other, one = y[strings.index(False)], y[strings.index(True)]
            raise ValueError(f"labels must be all strings or all numbers; got {other!r} beside {one!r}")
    check_classification_targets(y)


def weights(sample_weight: Any, num: int, *, some: bool) -> np.ndarray:
    """The samples' weights [n], or ones. Raises ValueError for others than 0 to 1e30, and if `some` where all are 0."""
    if sample_weight is None:
        return np.ones(num)
    how = {"dtype": np.float64, "ensure_non_negative": True, "allow_all_zero_weights": not some}
    checked = _check_sample_weight(sample_weight, np.zeros((num, 1)), **how)
    for weight in (checked.min(), checked.max()):
        check_weight(sample_weight=float(weight))
    return checked


def check_weight(**weight: Any) -> None:
    """Raises ValueError for one weight, given by its name, that is not 0 to 1e30: float32 has room for its steps."""
    ((name, value),) = weight.items()
    check_not_negative(**weight)
    if not value <= _MAX_WEIGHT:
        raise ValueError(f"{name} must be at most {_MAX_WEIGHT:g}, got {value!r}")


def tags(of_estimator: Any) -> Any:
    """An estimator's tags for scikit-learn, with what `read` takes."""
    of_estimator.input_tags.sparse = of_estimator.input_tags.string = of_estimator.input_tags.categorical = True
    return of_estimator


def _numbers(X):
    if sparse.issparse(X):
        return Rows(X.shape[0], lambda part: X[part].toarray())
    return Rows(len(X), X.__getitem__)


def _table(X, categories):
    columns = _columns(X)
    assert columns is not None
    coded = [_coded(index, column, categories.get(index)) for index, column in enumerate(columns)]
    return Rows(len(columns[0]), lambda part: np.concatenate([function(part) for function in coded], axis=1))


def _coded(index, column, names):
    """A column's function: indices -> numbers [k, 1], or [k, categories]."""
    if names is None:
        if column.dtype.kind == "c":
            raise ValueError(f"X, column {index}, must be real, got complex numbers")
        numbers = column.astype(float)
        assert_all_finite(numbers, input_name=f"X, column {index},")
        return lambda part: numbers[part, None]
    codes = {value: code for code, value in enumerate(names)}
    chosen = np.array([codes.get(value, -1) if _is_value(value) else -1 for value in column.tolist()])
    return lambda part: (chosen[part, None] == np.arange(len(names))).astype(float)


def _columns(X):
    """The columns of a table, those with categories in dtype object; None for what holds numbers alone."""
    if hasattr(X, "columns") and hasattr(X, "dtypes") and not sparse.issparse(X):
        types = list(getattr(X, "dtypes", ()))
        if len(set(X.columns)) < len(types):
            raise ValueError(f"a table's columns must have names of their own, got {', '.join(map(str, X.columns))}")
        columns = [np.asarray(X[name]) for name in X.columns]
        named = [str(kind).lower().startswith(_CATEGORICAL) for kind in types]
    elif isinstance(X, np.ndarray | list | tuple):
        array = X if isinstance(X, np.ndarray) and X.dtype.kind not in "US" else np.array(X, dtype=object)
        if array.ndim != 2 or array.dtype != object:
            return None
        columns, named = list(array.T), [False] * array.shape[1]
    else:
        return None
    return [_typed(column, is_named) for column, is_named in zip(columns, named, strict=True)]


def _typed(column, is_categorical):
    if is_categorical or column.dtype.kind in "US":
        return column.astype(object)
    if column.dtype != object or any(isinstance(value, str | bytes) for value in column.tolist()):
        return column
    return column.astype(float)  # objects that are numbers; raises TypeError for others


def _is_value(value):
    return value is not None and value == value


def _is_plain(estimator, X):
    """Whether X is what scikit-learn's checks would return as it is; they cost more than to learn a few samples."""
    return (
        type(X) is np.ndarray
        and X.ndim == 2
        and X.dtype in _DTYPES
        and X.shape[1] == estimator.n_features_in_
        and len(X) > 0
        and not hasattr(estimator, "feature_names_in_")
        and bool(np.isfinite(X).all())
    )


def _is_plain_target(y, num):
    if type(y) is not np.ndarray or y.shape != (num,):
        return False
    return y.dtype.kind in "iubU" or (y.dtype == np.float64 and bool(np.isfinite(y).all()))
