"""scikit-learn's own checks of the estimators."""

import pytest
from sklearn.utils.estimator_checks import parametrize_with_checks

from glns.estimator import Classifier, Regressor

SMALL = {"sizes": (1,), "num_half_spaces": 1, "learning_rate": 0.1}
OF_WEIGHTS = "one step at twice the rate is not two steps at the rate, and the order of samples matters"
EXPECTED = dict.fromkeys(
    (f"check_sample_weight_equivalence_on_{kind}_data" for kind in ("dense", "sparse")), OF_WEIGHTS
)


pytestmark = pytest.mark.usefixtures("one_size_of_calls")


@parametrize_with_checks(
    [Classifier(**SMALL, aggregation="last"), Regressor(**SMALL)], expected_failed_checks=lambda _: EXPECTED
)
@pytest.mark.filterwarnings("ignore::sklearn.exceptions.SkipTestWarning")
def test_scikit_learns_checks(estimator, check):
    check(estimator)
