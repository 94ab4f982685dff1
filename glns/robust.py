"""Settings of `glns.learner` for people who tune nothing: `glns.learner(num_classes, **glns.ROBUST)`.

Neurons learn at rates from 0.001 to 1, none of which decays. A mixture of all of them, and of experts that know simple
laws from few examples, follows whichever predict well at the time. So it learns as long as a stream changes, and as
well where it does not. Gates look at one feature each, for tables and streams of features that mean something by
themselves; for images take axis_aligned=False. `LOG.md` has the search (2026-11-28 and 29),
`experiments/configs/glns_streams.py` and the estimator use it.
"""

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
    "experts": True,
}
