"""A meta-learned rule in the real and in the ideal world, beside SGD on the same batches.

    python -m launch.train --config=experiments/configs/bootstrap_blur.py --workdir=runs/bootstrap_blur

variant  world                                                      seconds
digits   deformed digits, 8 x 8: 1280 of them again and again, or ever new ones
smoke    the same, cut to 4 steps

The rule is the shipped `digits`, learned on digits that were not deformed; --config.learner.genome takes the path of
another. Not measured yet.
"""

from ml_collections import ConfigDict

import bootstrap


def get_config(variant: str = "digits") -> ConfigDict:
    """The config of a variant."""
    if variant not in ("digits", "smoke"):
        raise ValueError(f"no variant {variant!r}; there are digits, smoke")
    smoke = variant == "smoke"
    sgd = {"name": "sgd", "net": {"name": "mlp", "features": (128,), "num_classes": 10}}
    return ConfigDict(
        {
            "seed": 0,
            "num_seeds": 1 if smoke else 3,
            "num_steps": 4 if smoke else 400,
            "log_every": 2,
            "probe_every": 2,
            "probes_per_decade": 12,
            "checkpoint_every": 4 if smoke else 400,
            "show": ("probe/real/train_soft_error", "probe/real/test_soft_error", "probe/ideal/test_soft_error"),
            "probes": ("classification", "training"),
            "conclusions": {"gap": {}},
            "figures": {"pair": {}},
            "data": {"name": "deformed_digits", "size": 8, "num_test": 1000},
            "world": {"name": "paired", "batch_size": 128, "num_samples": 1280},
            "cells": {
                "real": {"world": {"num_samples": 1280}},
                "ideal": {"world": {"num_samples": bootstrap.UNLIMITED}},
            },
            "learner": {"name": "blur", "genome": "digits", "sizes": (128, 10)},
            "rivals": {"sgd": sgd | {"tx": {"name": "sgd", "learning_rate": 0.3, "momentum": 0.9}}},
        }
    )
