"""Augmentation slows the real world, and hardly hurts the ideal one.

    python -m launch.train --config=experiments/configs/bootstrap_augment.py:digits --workdir=runs/bootstrap_augment

variant  what                                                                                        seconds
digits   deformed digits of 16 x 16, n = 2000, 3000 steps of 64, shifts of none or a tenth of the side    77
smoke    4 steps                                                                                          16

Seconds are of one core's time, compiling included. A sample is shifted afresh each time that it is shown, in the ideal
world once. Training is scored on the samples as they are, so is the test. Soft errors, mean of 3 seeds:

               train, real         test, real         test, ideal
step           plain   shifted     plain  shifted     plain  shifted
 550           0.128   0.338       0.380  0.418       0.395  0.435
1725           0.006   0.159       0.336  0.304       0.281  0.312
3000           0.000   0.125       0.322  0.292       0.234  0.258

Plain, the real world stops (train soft error under 0.01) at step 1597, with a bootstrap error of 0.061 ± 0.016
(probe/plain/bootstrap_error). Shifted, it does not in 3000 steps, where its bootstrap error is 0.034 ± 0.008: it stays
near its ideal world for longer, at a price of 0.024 to 0.04 in the ideal world, and in the end it is the better real
one by 0.030.
"""

from ml_collections import ConfigDict

import bootstrap


def get_config(variant: str = "digits") -> ConfigDict:
    """The config of a variant."""
    if variant not in ("digits", "smoke"):
        raise ValueError(f"no variant {variant!r}; there are digits, smoke")
    smoke = variant == "smoke"
    sizes, shifts = {"real": 2000, "ideal": bootstrap.UNLIMITED}, {"": 0.0, "_shifted": 0.1}
    cells = {
        f"{world}{name}": {"world": {"num_samples": n, "augment": {"shift": {"max_shift": max_shift}}}}
        for name, max_shift in shifts.items()
        for world, n in sizes.items()
    }
    log_every = 2 if smoke else 25
    return ConfigDict(
        {
            "seed": 0,
            "num_seeds": 2 if smoke else 3,
            "num_steps": 4 if smoke else 3000,
            "log_every": log_every,
            "probe_every": log_every,
            "probes_per_decade": 12,
            "checkpoint_every": 20 * log_every,
            "show": tuple(f"probe/{cell}/test_soft_error" for cell in cells),
            "probes": ("classification", "training"),
            "conclusions": {
                "gap": {"pairs": {"plain": ("real", "ideal"), "shifted": ("real_shifted", "ideal_shifted")}}
            },
            "figures": {"fan": {"reals": ("real", "real_shifted", "ideal_shifted")}},
            "slab": log_every,
            "data": {"name": "deformed_digits", "size": 16, "num_test": 2000},
            "world": {
                "name": "paired",
                "batch_size": 64,
                "num_samples": 2000,
                "augment": {"shift": {"max_shift": 0.0}},
            },
            "cells": cells,
            "learner": {
                "name": "sgd",
                "net": {
                    "name": "convolutional",
                    "num_classes": 10,
                    "channels": (8, 16),
                    "strides": (2, 2),
                    "features": 64,
                }
                | {"form": "product"},
                "tx": {"name": "sgd", "learning_rate": 0.05, "momentum": 0.9},
            },
        }
    )
