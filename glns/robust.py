"""Settings of `glns.learner` for people who tune nothing: `glns.learner(num_classes, **glns.ROBUST)`."""

from typing import Any

ROBUST: dict[str, Any] = {
    "sizes": (50, 25, 1),
    "num_half_spaces": 4,
    "offset_scale": 1.0,
    "axis_aligned": True,
    "learning_rate": (0.001, 0.003, 0.01, 0.03, 0.1, 0.3, 1.0),
    "learning_rate_decay": None,
    "feature_epsilon": 0.0,  # the units of features are not known
    "shared_gates": True,
    "aggregation": "switching",
}
