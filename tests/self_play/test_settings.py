"""Settings of the learner that cannot be are refused where it is made."""

import numpy as np
import pytest

import self_play


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"pool_every": 0}, "pool_every must be a whole number of at least 1, got 0"),
        ({"pool_size": -1}, "pool_size must be a whole number of at least 0, got -1"),
        ({"widths": (4, 0)}, r"widths\[1\] must be a whole number of at least 1, got 0"),
        ({"sample_reuse": 1.5}, "sample_reuse must be a whole number of at least 1, got 1.5"),
        ({"discount": 2}, "discount must be a finite number, at least 0.0 and at most 1.0, got 2"),
        ({"gae_lambda": np.nan}, "gae_lambda must be a finite number, .*, got nan"),
        ({"learning_rate": np.nan}, "learning_rate must be a finite number, at least 0.0, got nan"),
        ({"max_norm": np.inf}, "max_norm must be a finite number, above 0.0, got inf"),
        ({"cloning_clip": -0.1}, "cloning_clip must be a finite number, at least 0.0, got -0.1"),
        ({"clip": "0.2"}, "clip must be a finite number, above 0.0, got 0.2"),
        ({"lstm_size": -1}, "lstm_size must be a whole number of at least 0, got -1"),
        ({"num_minibatches": 0}, "num_minibatches must be a whole number of at least 1, got 0"),
        ({"sequence_fraction": 0.0}, "sequence_fraction must be a finite number, above 0.0 and at most 1.0, got 0.0"),
    ],
)
def test_bad_settings_are_refused(settings, message):
    with pytest.raises(ValueError, match=message):
        self_play.learner(**settings)
