"""Is a good online learner a good offline generaliser? A GLN and an SGD network in both worlds (not in the papers).

    python -m launch.train --config=experiments/configs/bootstrap_glns.py --workdir=runs/bootstrap_glns

variant  what                                                                                seconds
digits   GLN [50, 25, 1] a class and MLP 256-256, n = 4000, 2000 steps of 64, 16 x 16 pixels     206
smoke    the same, 4 steps                                                                        20

                                GLN             SGD network
test error at the end           0.409 / 0.299   0.317 / 0.258    real / ideal world
stopping step                   1139            not reached      train soft error under 0.01; else the end is taken
bootstrap error there           -0.043 ± 0.005  +0.003 ± 0.010
the same, of the hard error     +0.101 ± 0.006  +0.060 ± 0.012

Means of 2 seeds and standard errors. Seconds are of 2 shared CPU cores, compiling included.
"""

from ml_collections import ConfigDict

import bootstrap


def get_config(variant: str = "digits") -> ConfigDict:
    """The config of a variant."""
    if variant not in ("digits", "smoke"):
        raise ValueError(f"no variant {variant!r}; there are digits, smoke")
    smoke = variant == "smoke"
    log_every = 2 if smoke else 25
    return ConfigDict(
        {
            "seed": 0,
            "num_seeds": 2,
            "num_steps": 4 if smoke else 2000,
            "log_every": log_every,
            "eval_every": log_every,
            "evals_per_decade": 12,
            "checkpoint_every": 500 if not smoke else 4,
            "log_metrics": ("eval/real/test_soft_error", "eval/ideal/test_soft_error"),
            "evals": ("classification", "training"),
            "analyses": {"gap": {"pairs": {"": ("real", "ideal"), "sgd": ("real/sgd", "ideal/sgd")}}},
            "figures": {"pair": {}},
            "execution": "vmap",
            "prefetch": 1 if smoke else 25,
            "data": {"name": "deformed_digits", "size": 16, "num_test": 1000},
            "world": {"name": "paired", "batch_size": 64, "num_samples": 4000},
            "grid": {
                "real": {"world": {"num_samples": 4000}},
                "ideal": {"world": {"num_samples": bootstrap.UNLIMITED}},
            },
            "learner": {
                "name": "glns",
                "num_classes": 10,
                "sizes": (50, 25, 1),
                "num_half_spaces": 4,
                "learning_rate": 0.03,
                "feature_epsilon": 1 / 16,
                "shared_gates": True,
                "offset_scale": 0.05,
            },
            "baselines": {
                "sgd": {
                    "name": "sgd",
                    "net": {"name": "mlp", "features": (256, 256), "num_classes": 10},
                    "tx": {"name": "sgd", "learning_rate": 0.1, "momentum": 0.9},
                }
            },
        }
    )
