"""Distributions as data sets."""

import numpy as np
import pytest

from experiments import data, worlds
from experiments.data import kinds
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


def test_the_number_of_classes_is_that_of_the_distribution_not_of_the_few_samples_that_test():
    few = data.gaussians(None, num_inputs=2, num_classes=10, separation=1.0, num_test=3)
    assert kinds.num_classes(few) == 10


def test_noise_of_labels_is_of_class_numbers():
    targets = data.linear(None, num_inputs=2, num_test=3)
    with pytest.raises(ValueError, match=r"world.label_noise is of class numbers: these targets, float32 \[3"):
        worlds.paired(targets, batch_size=2, label_noise=0.1)
