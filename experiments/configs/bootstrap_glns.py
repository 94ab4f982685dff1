"""Is a good online learner a good offline generaliser? A GLN in the real and the ideal world, beside an SGD network.

    python -m launch.train --config=experiments/configs/bootstrap_glns.py --workdir=runs/bootstrap_glns

variant  what                                                                                seconds
digits   GLN [50, 25, 1] a class and MLP 256-256, n = 4000, 2000 steps of 64, 16 x 16 pixels     206
smoke    the same, 4 steps                                                                        20

What `digits` gives, means of 2 seeds, real / ideal world; the curves are one until step 62, one pass over n:

                          GLN             SGD network
test error, step 50       0.658 / 0.658   0.596 / 0.596
test error, step 250      0.423 / 0.405   0.427 / 0.405
test error, step 2000     0.409 / 0.299   0.317 / 0.258
test soft error, 2000     0.443 / 0.487   0.328 / 0.324
train soft error, 2000    0.006           0.085
stopping step             1139            not reached
bootstrap error there     -0.043 +- 0.005 +0.003 +- 0.010
the same, hard error      +0.101 +- 0.006 +0.060 +- 0.012

Not by itself. The GLN memorises: its convex, local rule brings the train soft error to zero sooner than SGD does. What
it loses by reusing samples, 0.10 of hard error, is more than the SGD network loses, though online it is not better on
this task. Its negative soft gap says how sure of itself it has become in the real world, and how careful it is in the
ideal one. The two use about as many numbers each step: of 16 contexts a neuron of the GLN selects one.

Seconds are of the whole run on 2 CPU cores, beside other programs.
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
