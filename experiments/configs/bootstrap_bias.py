"""A convolutional network against the fully connected one that contains it: implicit bias as speed in the ideal world.

    python -m launch.train --config=experiments/configs/bootstrap_bias.py:digits --workdir=runs/bootstrap_bias

variant  what                                                                             seconds
digits   deformed digits of 16 x 16, n = 4000, 2000 steps of 64, both nets in both worlds      63
smoke    4 steps                                                                               15

Seconds are of one core's time, compiling included. Both nets learn from the very same batches: 8 and 16 channels, or as
many units as they have pixels, then 64 units. Every function of the first is one of the second (tests/bootstrap/
test_nets.py turns the one into the other), so a comparison of what they can express favours the second. Test soft error
after 2000 steps, mean of 3 seeds:

net              ideal  real   real - ideal     train, real
convolutional    0.239  0.289  0.050 ± 0.005    0.059
fully_connected  0.278  0.314  0.036 ± 0.007    0.051

The one that is better with 4000 samples is the one that is faster on fresh ones, and the two gaps are small beside the
generalisation gaps of 0.23 and 0.26: why convolutions generalise is, by this account, why they optimise. In the first
300 steps the fully connected net is ahead. Neither stops (train soft error under 0.01) in 2000 steps, so
analysis/convolutional/bootstrap_error and analysis/fully_connected/bootstrap_error are those of the end. The paper's nets
have eight convolutions and batch normalisation, and CIFAR-5m.
"""

from ml_collections import ConfigDict

import bootstrap


def get_config(variant: str = "digits") -> ConfigDict:
    """The config of a variant."""
    if variant not in ("digits", "smoke"):
        raise ValueError(f"no variant {variant!r}; there are digits, smoke")
    smoke = variant == "smoke"
    shape = {"num_classes": 10, "channels": (8, 16), "strides": (2, 2), "features": 64}
    descent = {"name": "sgd", "learning_rate": 0.05, "momentum": 0.9}
    log_every = 2 if smoke else 25
    return ConfigDict(
        {
            "seed": 0,
            "num_seeds": 2 if smoke else 3,
            "num_steps": 4 if smoke else 2000,
            "log_every": log_every,
            "eval_every": log_every,
            "evals_per_decade": 12,
            "checkpoint_every": 20 * log_every,
            "log_metrics": tuple(
                f"eval/{cell}{net}/test_soft_error" for net in ("", "/fully_connected") for cell in ("real", "ideal")
            ),
            "evals": ("classification", "training"),
            "analyses": {
                "gap": {
                    "pairs": {
                        "convolutional": ("real", "ideal"),
                        "fully_connected": ("real/fully_connected", "ideal/fully_connected"),
                    }
                }
            },
            "figures": {"fan": {"reals": ("real", "real/fully_connected", "ideal/fully_connected")}},
            "data": {"name": "deformed_digits", "size": 16, "num_test": 2000},
            "world": {"name": "paired", "batch_size": 64, "num_samples": 4000},
            "grid": {
                "real": {"world": {"num_samples": 4000}},
                "ideal": {"world": {"num_samples": bootstrap.UNLIMITED}},
            },
            "learner": {
                "name": "sgd",
                "net": {"name": "convolutional", "form": "product", **shape},
                "tx": descent,
            },
            "baselines": {
                "fully_connected": {"name": "sgd", "net": {"name": "fully_connected", **shape}, "tx": descent}
            },
        }
    )
