"""Pretraining, in both worlds: a net that has learned other digits beside one from scratch (after Nakkiran 2021).

    python -m launch.train --config=experiments/configs/bootstrap_pretraining.py:pretrain \
        --workdir=runs/bootstrap_pretraining/pretrain
    python -m launch.train --config=experiments/configs/bootstrap_pretraining.py:digits \
        --workdir=runs/bootstrap_pretraining/digits

variant   what                                                                                         seconds
pretrain  a convolutional net learns the deformed digits 0 to 4, 3000 steps; leaves params.npz             38
digits    it goes on with the digits 5 to 9, n = 500, with a new last layer, beside one from scratch       56
smoke     `pretrain`, 4 steps

--config.learner.init_from=PATH names another start: the folder of a run, or an .npz file.

            test soft error, real / ideal, at step 20    100          1000         stops at  bootstrap error there
pretrained                                 .553 / .566   .308 / .299  .264 / .148       221  .035 ± .063
from scratch                               .768 / .770   .495 / .507  .296 / .184       397  .022 ± .013

Means of 3 seeds, 95 % intervals; all go on from one pretrained net. Pretraining speeds up both worlds alike, and the
real world stops sooner: the gap there is not smaller, nor larger as far as 3 seeds can tell. So here, as in the paper,
a pretrained net is the better one because it learns faster. In hard errors the gap is .105 ± .085 and .103 ± .041.
Seconds are of one core's time, compiling included.
"""

from ml_collections import ConfigDict

import bootstrap


def get_config(variant: str = "digits") -> ConfigDict:
    """The config of a variant."""
    if variant not in ("pretrain", "digits", "smoke"):
        raise ValueError(f"no variant {variant!r}; there are pretrain, digits, smoke")
    pretrains, smoke = variant != "digits", variant == "smoke"
    scratch = {
        "name": "sgd",
        "net": {
            "name": "convolutional",
            "num_classes": 5,
            "channels": (8, 16),
            "strides": (2, 2),
            "features": 64,
            "form": "product",
        },
        "tx": {"name": "sgd", "learning_rate": 0.02, "momentum": 0.9},
    }
    pretrained = {
        "name": "started",
        "learner": scratch,
        "init_from": "runs/bootstrap_pretraining/pretrain",
        "fresh": ("params/output",),
    }
    log_every, n = 2 if smoke else 20, 500
    members = ("ideal",) if pretrains else ("real", "ideal")
    return ConfigDict(
        {
            "seed": 0,
            "num_seeds": 1 if pretrains else 3,
            "num_steps": 4 if smoke else 3000 if pretrains else 1000,
            "log_every": log_every,
            "eval_every": log_every,
            "evals_per_decade": 12,
            "checkpoint_every": 25 * log_every,
            "log_metrics": tuple(f"eval/{member}/test_soft_error" for member in members),
            "evals": ("classification", "training"),
            "data": {
                "name": "deformed_digits",
                "labels": (0, 1, 2, 3, 4) if pretrains else (5, 6, 7, 8, 9),
                "size": 16,
                "num_test": 1000,
            },
            "world": {"name": "paired", "batch_size": 64, "num_samples": n},
            "grid": {
                name: {"world": {"num_samples": n if name == "real" else bootstrap.UNLIMITED}} for name in members
            },
            "learner": scratch if pretrains else pretrained,
            **(
                {"artifacts": {"params": {}}}
                if pretrains
                else {
                    "baselines": {"scratch": scratch},
                    "analyses": {
                        "gap": {
                            "pairs": {"pretrained": ("real", "ideal"), "scratch": ("real/scratch", "ideal/scratch")}
                        }
                    },
                    "figures": {"pair": {"learners": ("", "scratch")}},
                }
            ),
        }
    )
