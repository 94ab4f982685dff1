"""A GLN on scikit-learn's digits: 1347 to learn from, 450 to test on.

    python -m launch.train --config=experiments/configs/glns_digits.py:real --workdir=runs/glns_digits/real

variant      world                                   seconds  eval/test_error, mean ± std of 3 seeds (one at a time: 5)
real         the 1347 samples, thirty passes              16  0.022 ± 0.004
ideal        as many fresh deformations of them           13  0.016 ± 0.008
online       the 1347 samples, once, one at a time        12  0.046 ± 0.026
dendritic    `online`, neurons of 16 branches              -  0.043 ± 0.015
categorical  `online`, one network for all digits          -  0.065 ± 0.063; of four of the seeds 0.037 ± 0.004
smoke        `real`, cut to 4 steps                        3

Seconds are of the whole run on 2 CPU cores, compiling included; a dash: it ran on a crowded machine. The test digits
are real in both worlds.
"""

from ml_collections import ConfigDict

# Neurons of other kinds.
OTHER_NEURONS = {
    "dendritic": {"neuron": "dendritic", "num_half_spaces": 16},
    "categorical": {"neuron": "categorical"},
}


def get_config(variant: str = "real") -> ConfigDict:
    """The config of a variant."""
    deformed = {"name": "deformed", "rotation": 0.1, "stretch": 0.05, "shift": 0.025, "elastic": 0.03}
    real, one_by_one = ({"name": "real", "batch_size": size} for size in (32, 1))
    worlds = {
        "real": real,
        "ideal": {"name": "ideal", "batch_size": 32, "sampler": deformed},
        "online": one_by_one,
        "dendritic": one_by_one,
        "categorical": one_by_one,
        "smoke": real,
    }
    if variant not in worlds:
        raise ValueError(f"no variant {variant!r}; there are {', '.join(worlds)}")
    online = variant in ("online", *OTHER_NEURONS)
    num_steps, log_every = (1347, 449) if online else (4, 2) if variant == "smoke" else (1260, 42)
    return ConfigDict(
        {
            "seed": 0,
            "num_seeds": 5 if online else 3,
            "num_steps": num_steps,
            "log_every": log_every,
            "eval_every": log_every,
            "checkpoint_every": 5 * log_every,
            "log_metrics": ("train/error", "eval/test_error"),
            "evals": ("classification",),
            "data": {"name": "digits", "train_fraction": 0.75, "split_seed": 0},
            "world": worlds[variant],
            "learner": {
                "name": "glns",
                "num_classes": 10,
                "sizes": (50, 25, 1),
                "num_half_spaces": 4,
                "offset_scale": 0.05,
                "learning_rate": 0.03,
                "learning_rate_decay": 100.0,
                "feature_epsilon": 1 / 16,
                "epsilon": 0.01,
                "weight_bound": 200.0,
                "clip_rule": "margin",
                **OTHER_NEURONS.get(variant, {}),
            },
        }
    )


def sweep(add) -> None:
    """The two worlds."""
    add("real")
    add("ideal")
