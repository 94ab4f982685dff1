"""A meta-learned rule in the real and in the ideal world, beside SGD on the same batches (not in either paper).

    python -m launch.train --config=experiments/configs/bootstrap_blur.py --workdir=runs/bootstrap_blur/digits

variant  world                                                                                  seconds
digits   slightly deformed digits, 8 x 8: 256 of them again and again, or ever new ones, 3 seeds     43
smoke    the same, cut to 4 steps                                                                     -

test error, real / ideal:
step                    10             20             44             64            100
BLUR         0.296 / 0.276  0.139 / 0.107  0.114 / 0.076  0.110 / 0.073  0.127 / 0.123
SGD          0.198 / 0.197  0.136 / 0.136  0.120 / 0.092  0.106 / 0.079  0.106 / 0.050

Means of 3 seeds. A run ends at step 100, where the rule has begun to forget in both worlds: what it knows at steps 200
to 1000 is in the summaries of `blur_digits`. The rule is the shipped `digits`; --config.learner.genome takes the path
of another. Seconds are of one shared core, compiling included; a dash: not measured.
"""

from ml_collections import ConfigDict

import bootstrap

# About a quarter of the default deformations.
A_LITTLE = {"rotation": 0.1, "scale": 0.06, "shear": 0.08, "shift": 0.04, "elastic": 0.025, "contrast": 0.08}


def get_config(variant: str = "digits") -> ConfigDict:
    """The config of a variant."""
    if variant not in ("digits", "smoke"):
        raise ValueError(f"no variant {variant!r}; there are digits, smoke")
    smoke = variant == "smoke"
    sgd = {"name": "sgd", "net": {"name": "mlp", "features": (256,), "num_classes": 10}}
    return ConfigDict(
        {
            "seed": 0,
            "num_seeds": 1 if smoke else 3,
            "num_steps": 4 if smoke else 100,
            "log_every": 2,
            "eval_every": 2,
            "evals_per_decade": 12,
            "checkpoint_every": 4 if smoke else 100,
            "log_metrics": ("eval/real/train_soft_error", "eval/real/test_soft_error", "eval/ideal/test_soft_error"),
            "evals": ("classification", "training", "synapses"),
            "analyses": {"gap": {"pairs": {"": ("real", "ideal"), "sgd": ("real/sgd", "ideal/sgd")}}},
            "figures": {"pair": {"learners": ("", "sgd"), "score": "error"}},
            "prefetch": 1,
            "data": {"name": "deformed_digits", "size": 8, "num_test": 1000} | A_LITTLE,
            "world": {"name": "paired", "batch_size": 128, "num_samples": 256},
            "grid": {
                "real": {"world": {"num_samples": 256}},
                "ideal": {"world": {"num_samples": bootstrap.UNLIMITED}},
            },
            "learner": {"name": "blur", "genome": "digits", "sizes": (256, 10)},
            "baselines": {"sgd": sgd | {"tx": {"name": "sgd", "learning_rate": 0.3, "momentum": 0.9}}},
        }
    )
