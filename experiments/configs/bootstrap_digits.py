"""The Deep Bootstrap on deformed digits."""

from ml_collections import ConfigDict

import bootstrap

def get_config(variant: str = "mlp") -> ConfigDict:
    """The config of a variant."""
    nets = {"mlp": {"name": "mlp", "features": (256, 256), "num_classes": 10}}
    num_steps = 4 if variant == "smoke" else 2000
    return ConfigDict(
        {
            "seed": 0,
            "num_seeds": 3,
            "num_steps": num_steps,
            "log_every": 20,
            "probe_every": 20,
            "probes_per_decade": 20,
            "checkpoint_every": 500,
            "show": ("probe/real/train_soft_error", "probe/real/test_soft_error", "probe/ideal/test_soft_error"),
            "probes": ("classification", "training"),
            "conclusions": {"gap": {}},
            "slab": 10,
            "loop": "map",
            "data": {"name": "deformed_digits", "size": 28, "num_test": 2000},
            "world": {"name": "paired", "batch_size": 128, "num_samples": 4000},
            "cells": {
                "real": {"world": {"num_samples": 4000}},
                "ideal": {"world": {"num_samples": bootstrap.UNLIMITED}},
            },
            "learner": {
                "name": "sgd",
                "net": nets["mlp"],
                "tx": {"name": "sgd", "learning_rate": 0.1, "momentum": 0.9},
            },
        }
    )
