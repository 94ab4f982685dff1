"""Under- and over-parameterised nets, in both worlds: one hidden layer of 8 to 2048 units (after Nakkiran 2021).

    python -m launch.train --config=experiments/configs/bootstrap_width.py:digits --workdir=runs/width

variant  what                                                                                        seconds
digits   one hidden layer of 8 to 2048 units, deformed digits of 8 x 8, n = 500, 1000 steps of 32          -
smoke    4 steps

A dash: not measured yet.
"""

from ml_collections import ConfigDict

import bootstrap

WIDTHS = (8, 32, 128, 512, 2048)


def get_config(variant: str = "digits") -> ConfigDict:
    """The config of a variant."""
    if variant not in ("digits", "smoke"):
        raise ValueError(f"no variant {variant!r}; there are digits, smoke")
    smoke = variant == "smoke"
    learners = {
        f"w{width}": {
            "name": "sgd",
            "net": {"name": "mlp", "features": (width,), "num_classes": 10},
            "tx": {"name": "sgd", "learning_rate": 0.1, "momentum": 0.9},
        }
        for width in (WIDTHS[:2] if smoke else WIDTHS)
    }
    first, *others = learners
    pairs = {
        name: tuple(f"{world}/{name}" if name in others else world for world in ("real", "ideal")) for name in learners
    }
    log_every = 2 if smoke else 25
    return ConfigDict(
        {
            "seed": 0,
            "num_seeds": 2 if smoke else 3,
            "num_steps": 4 if smoke else 1000,
            "log_every": log_every,
            "eval_every": log_every,
            "evals_per_decade": 10,
            "checkpoint_every": 20 * log_every,
            "log_metrics": tuple(f"eval/{members[0]}/test_soft_error" for members in pairs.values()),
            "evals": ("classification", "training"),
            "analyses": {"gap": {"pairs": pairs}},
            "figures": {"scatter": {"pairs": pairs}},
            "data": {"name": "deformed_digits", "size": 8, "num_test": 1000},
            "world": {"name": "paired", "batch_size": 32, "num_samples": 500},
            "grid": {
                "real": {"world": {"num_samples": 500}},
                "ideal": {"world": {"num_samples": bootstrap.UNLIMITED}},
            },
            "learner": learners[first],
            "baselines": {name: learners[name] for name in others},
        }
    )
