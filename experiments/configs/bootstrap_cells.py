"""Random architectures, real world against ideal: nets whose cells are drawn by a seed (Nakkiran 2021, figure 2b).

    python -m launch.train --config=experiments/configs/bootstrap_cells.py:digits --workdir=runs/cells

variant  what                                                                                           seconds
digits   six random cells of width 4, deformed digits of 8 x 8, n = 500, 600 steps of 32                    -
smoke    two cells, 4 steps

A dash: not measured yet.
"""

from ml_collections import ConfigDict

import bootstrap


def get_config(variant: str = "digits") -> ConfigDict:
    """The config of a variant."""
    if variant not in ("digits", "smoke"):
        raise ValueError(f"no variant {variant!r}; there are digits, smoke")
    smoke = variant == "smoke"
    learners = {
        f"cell{seed}": {
            "name": "sgd",
            "net": {"name": "random_cells", "cell_seed": seed, "width": 4, "num_classes": 10, "form": "product"},
            "tx": {"name": "sgd", "learning_rate": 0.05, "momentum": 0.9},
        }
        for seed in range(2 if smoke else 6)
    }
    first, *others = learners
    pairs = {
        name: tuple(f"{world}/{name}" if name in others else world for world in ("real", "ideal")) for name in learners
    }
    log_every = 2 if smoke else 25
    return ConfigDict(
        {
            "seed": 0,
            "num_seeds": 2,
            "num_steps": 4 if smoke else 600,
            "log_every": log_every,
            "eval_every": log_every,
            "evals_per_decade": 8,
            "checkpoint_every": 20 * log_every,
            "log_metrics": tuple(f"eval/{members[0]}/test_soft_error" for members in pairs.values()),
            "evals": ("classification", "training"),
            "analyses": {"gap": {"pairs": pairs}},
            "figures": {"scatter": {"pairs": pairs}},
            "data": {"name": "deformed_digits", "size": 8, "num_test": 500},
            "world": {"name": "paired", "batch_size": 32, "num_samples": 500},
            "grid": {
                "real": {"world": {"num_samples": 500}},
                "ideal": {"world": {"num_samples": bootstrap.UNLIMITED}},
            },
            "learner": learners[first],
            "baselines": {name: learners[name] for name in others},
        }
    )
