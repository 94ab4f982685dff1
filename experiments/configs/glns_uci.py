"""A GLN on UCI's classification sets: one online pass, beside an SGD network and a linear model in the same run.

    python -m launch.train --config=experiments/configs/glns_uci.py:magic --workdir=runs/glns_uci/magic --data_dir=DIR

DIR holds the sets' text files, under the names that `experiments.data.uci` gives.
"""

from ml_collections import ConfigDict

# Samples to learn from, the share of the set that is tested on (None where the set has test files of its own), and the
# learning rates: the GLN's, its decay, the network's and the linear model's.
SETS = {
    "adult": (32561, None, 0.03, 100.0, 0.01, 0.01),
    "eeg": (11235, 0.25, 0.1, 100.0, 0.003, 0.003),
    "htru2": (13423, 0.25, 0.03, 100.0, 0.001, 0.01),
    "magic": (14265, 0.25, 0.03, 100.0, 0.003, 0.003),
    "mushroom": (6093, 0.25, 0.1, 100.0, 0.01, 0.01),
    "occupancy": (8143, None, 0.03, 100.0, 0.01, 0.01),
    "skin": (183792, 0.25, 0.1, 1000.0, 0.003, 0.01),
}


def get_config(variant: str = "magic") -> ConfigDict:
    """The config of a variant: the name of a set."""
    if variant not in (*SETS, "smoke"):
        raise ValueError(f"no variant {variant!r}; there are {', '.join((*SETS, 'smoke'))}")
    name = "mushroom" if variant == "smoke" else variant
    num_train, test_fraction, rate, decay, sgd_rate, linear_rate = SETS[name]
    batch_size = 16
    log_every = 1 if variant == "smoke" else num_train // batch_size // 10
    return ConfigDict(
        {
            "seed": 0,
            "num_seeds": 3,
            "num_steps": 4 if variant == "smoke" else 10 * log_every,
            "log_every": log_every,
            "probe_every": log_every if variant == "smoke" else 5 * log_every,
            "checkpoint_every": log_every,
            "show": ("probe/test_error", "probe/sgd/test_error", "probe/linear/test_error"),
            "probes": ("classification",),
            "data": {
                "name": "uci",
                "set": name,
                "test_fraction": test_fraction,
                "split_seed": 0,
                "validation_fraction": 0.0,
            },
            "world": {"name": "real", "batch_size": batch_size},
            "learner": {
                "name": "glns",
                "num_classes": 2,
                "sizes": (50, 25, 1),
                "num_half_spaces": 4,
                "offset_scale": 0.3,
                "learning_rate": rate,
                "learning_rate_decay": decay,
                "feature_epsilon": 1 / 255,
                "epsilon": 0.01,
                "weight_bound": 200.0,
                "clip_rule": "margin",
            },
            "rivals": {"sgd": sgd((100, 25), sgd_rate), "linear": sgd((), linear_rate)},
        }
    )


def sgd(features, learning_rate) -> dict:
    """A rival: a network, or with no hidden layer a linear model."""
    return {
        "name": "sgd",
        "net": {"name": "mlp", "features": features, "num_classes": 2},
        "tx": {"name": "adam", "learning_rate": learning_rate},
    }


def sweep(add) -> None:
    """Every set."""
    for name in SETS:
        add(name)
