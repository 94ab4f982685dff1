"""Distributions as data sets."""

import numpy as np
import pytest

from experiments import data
from experiments.data.sklearn_digits import embedded


def test_some_digits_are_renamed_in_their_order():
    whole, some = embedded(), data.deformed_digits(None, size=8, num_test=1, labels=(7, 3))
    images, labels = some.arrays
    for new, old in enumerate((7, 3)):
        np.testing.assert_array_equal(images[labels == new], whole.x[whole.y == old])
    assert {*labels.tolist()} == {0, 1}


def test_no_digit():
    with pytest.raises(ValueError, match=r"data\.labels: 12 is no digit"):
        data.deformed_digits(None, labels=(3, 12))
