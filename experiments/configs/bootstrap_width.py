"""Under- and over-parameterised nets, in both worlds: one hidden layer of 8 to 2048 units (after Nakkiran 2021).

    python -m launch.train --config=experiments/configs/bootstrap_width.py:digits --workdir=runs/width

variant  what                                                                                        seconds
digits   one hidden layer of 8 to 2048 units, deformed digits of 8 x 8, n = 500, 1000 steps of 32         78
smoke    4 steps

units    test error: ideal  real   real - ideal
8                    0.716  0.727  0.01 ± 0.13
32                   0.460  0.562  0.10 ± 0.04
128                  0.379  0.507  0.13 ± 0.03
512                  0.339  0.498  0.16 ± 0.09
2048                 0.322  0.501  0.18 ± 0.02

Means of 3 seeds and 95 % intervals (analysis/wW/bootstrap_error/error), at the end or, for 512 and 2048 units, where
the samples are learned by heart, steps 947 and 810. What new samples give to a wider net, samples shown again do not:
from 128 units on the real world's error stands still. So at n = 500 the worlds are no longer close, as they are in the
paper's at 50,000. Seconds are of one shared core, compiling included.
"""

from collections.abc import Mapping

from ml_collections import ConfigDict

import bootstrap
from experiments.records import member

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
    return in_two_worlds(learners, smoke=smoke, num_steps=1000)


def in_two_worlds(
    learners: Mapping[str, dict],
    *,
    smoke: bool,
    num_steps: int,
    num_samples: int = 500,
    num_seeds: int = 3,
    num_test: int = 1000,
    evals_per_decade: int = 10,
) -> ConfigDict:
    """The config of learners by name, side by side, on the same deformed digits: n again and again, or ever new ones.

    Its figure is a point for each, see `figures.scatter`.
    """
    first, *others = learners
    pairs = {
        name: tuple(member(world, name if name in others else "") for world in ("real", "ideal")) for name in learners
    }
    log_every = 2 if smoke else 25
    return ConfigDict(
        {
            "seed": 0,
            "num_seeds": 2 if smoke else num_seeds,
            "num_steps": 4 if smoke else num_steps,
            "log_every": log_every,
            "eval_every": log_every,
            "evals_per_decade": evals_per_decade,
            "checkpoint_every": 20 * log_every,
            "log_metrics": tuple(f"eval/{members[0]}/test_soft_error" for members in pairs.values()),
            "evals": ("classification", "training"),
            "analyses": {"gap": {"pairs": pairs}},
            "figures": {"scatter": {"pairs": pairs}},
            "data": {"name": "deformed_digits", "size": 8, "num_test": num_test},
            "world": {"name": "paired", "batch_size": 32, "num_samples": num_samples},
            "grid": {
                "real": {"world": {"num_samples": num_samples}},
                "ideal": {"world": {"num_samples": bootstrap.UNLIMITED}},
            },
            "learner": learners[first],
            "baselines": {name: learners[name] for name in others},
        }
    )
