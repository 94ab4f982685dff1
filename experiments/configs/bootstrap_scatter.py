"""Nets and learning rates, real world against ideal: one point each, near the diagonal (Nakkiran 2021, figure 2).

    python -m launch.train --config=experiments/configs/bootstrap_scatter.py:digits --workdir=runs/bootstrap_scatter

variant  what                                                                    seconds  correlation  mean gap, largest
digits   deformed digits of 16 x 16, n = 2000, 2500 steps of 64; seven nets at        69  0.97         0.042, 0.128
         rates 0.05 and 0.01, in one program
smoke    4 steps                                                                      16

Of the 14 pairs of test soft errors, means of 2 seeds, at the stopping time (train soft error under 0.01) or after 2500
steps; a gap is analysis/NET_RATE/bootstrap_error, and its size is averaged. LOG.md has all 14. Seconds are of one
core's time, compiling included.
"""

from ml_collections import ConfigDict

import bootstrap

RATES = {"fast": 0.05, "slow": 0.01}
NETS = {
    "linear": {"name": "mlp", "features": ()},
    "mlp_16": {"name": "mlp", "features": (16,)},
    "mlp_64": {"name": "mlp", "features": (64,)},
    "mlp_256": {"name": "mlp", "features": (256,)},
    "mlp_128_128": {"name": "mlp", "features": (128, 128)},
    "normalised": {"name": "mlp", "features": (64, 64), "batch_norm": True},
    "conv": {"name": "convolutional", "channels": (8, 16), "strides": (2, 2), "features": 64, "form": "product"},
}


def get_config(variant: str = "digits") -> ConfigDict:
    """The config of a variant."""
    if variant not in ("digits", "smoke"):
        raise ValueError(f"no variant {variant!r}; there are digits, smoke")
    smoke = variant == "smoke"
    learners = {
        name: {
            "name": "sgd",
            "net": {"num_classes": 10, **net},
            "tx": {"name": "sgd", "learning_rate": 0.1, "momentum": 0.9},
        }
        for name, net in NETS.items()
    }
    first, *others = learners
    sizes = {"real": 2000, "ideal": bootstrap.UNLIMITED}
    cells = {
        f"{world}_{speed}": {
            "world": {"num_samples": n},
            "learner": {"tx": {"learning_rate": rate}},
            "baselines": {name: {"tx": {"learning_rate": rate}} for name in others},
        }
        for speed, rate in RATES.items()
        for world, n in sizes.items()
    }
    pairs = {
        f"{name}_{speed}": tuple(f"{world}_{speed}" + (f"/{name}" if name in others else "") for world in sizes)
        for name in learners
        for speed in RATES
    }
    log_every = 2 if smoke else 25
    return ConfigDict(
        {
            "seed": 0,
            "num_seeds": 2,
            "num_steps": 4 if smoke else 2500,
            "log_every": log_every,
            "eval_every": log_every,
            "evals_per_decade": 10,
            "checkpoint_every": 20 * log_every,
            "log_metrics": ("eval/real_fast/conv/test_soft_error", "eval/ideal_fast/conv/test_soft_error"),
            "evals": ("classification", "training"),
            "analyses": {"gap": {"pairs": pairs}},
            "figures": {"scatter": {"pairs": pairs}},
            "data": {"name": "deformed_digits", "size": 16, "num_test": 2000},
            "world": {"name": "paired", "batch_size": 64, "num_samples": 2000},
            "grid": cells,
            "learner": learners[first],
            "baselines": {name: learners[name] for name in others},
        }
    )
