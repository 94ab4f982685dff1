"""scikit-learn's own checks of the estimators."""

import pytest
from sklearn.utils.estimator_checks import parametrize_with_checks

from glns.estimator import Classifier, Regressor, programs

SMALL = {"sizes": (1,), "num_half_spaces": 1, "learning_rate": 0.1}
OF_WEIGHTS = "one step at twice the rate is not two steps at the rate, and the order of samples matters"
EXPECTED = dict.fromkeys(
    (f"check_sample_weight_equivalence_on_{kind}_data" for kind in ("dense", "sparse")), OF_WEIGHTS
)


@pytest.fixture(autouse=True)
def one_size_of_calls(monkeypatch):
    """Calls are of 1 or 32 samples: nearly all of the tests' time is compiling. `test_estimator` has calls of 256."""
    monkeypatch.setattr(programs, "_MANY", 32)


@parametrize_with_checks(
    [Classifier(**SMALL, aggregation="last"), Regressor(**SMALL)], expected_failed_checks=lambda _: EXPECTED
)
@pytest.mark.filterwarnings("ignore::sklearn.exceptions.SkipTestWarning")
def test_scikit_learns_checks(estimator, check):
    check(estimator)
