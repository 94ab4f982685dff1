"""A GLN on UCI's classification sets: one online pass, beside an SGD network and a linear model (Veness 2019).

    python -m launch.train --config=experiments/configs/glns_uci.py:magic --workdir=runs/glns_uci/magic --data_dir=DIR

DIR holds the sets' text files, under the names that `experiments.data.uci` gives.

variant    samples         seconds  GLN              SGD network      linear model
adult      32,480            228  0.1491 ± 0.0004  0.1498 ± 0.0100  0.1532 ± 0.0016
eeg        11,200              24  0.1105 ± 0.0030  0.1333 ± 0.0119  0.3859 ± 0.0196
htru2      13,280              32  0.0210 ± 0.0017  0.0205 ± 0.0008  0.0229 ± 0.0007
magic      14,240              34  0.1391 ± 0.0022  0.1410 ± 0.0131  0.2170 ± 0.0048
mushroom   6,080               86  0.0015 ± 0.0000  0.0000 ± 0.0000  0.0023 ± 0.0003
occupancy  8,000               37  0.0325 ± 0.0095  0.0317 ± 0.0283  0.0114 ± 0.0007
skin       183,680            100  0.0007 ± 0.0002  0.0012 ± 0.0001  0.0814 ± 0.0117
smoke      64 of mushroom

The numbers are eval/test_error, eval/sgd/test_error and eval/linear/test_error: mean ± std of 3 seeds on one split.
The network (100, 25) has as many weights as are active in the two one-vs-all GLNs of 50, 25 and 1 neurons. Seconds are
of the whole run on one shared core, compiling included; most of them are waiting.
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
            "eval_every": log_every if variant == "smoke" else 5 * log_every,
            "checkpoint_every": log_every,
            "log_metrics": ("eval/test_error", "eval/sgd/test_error", "eval/linear/test_error"),
            "evals": ("classification",),
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
            "baselines": {"sgd": sgd((100, 25), sgd_rate), "linear": sgd((), linear_rate)},
        }
    )


def sgd(features, learning_rate) -> dict:
    """A baseline: a network, or with no hidden layer a linear model."""
    return {
        "name": "sgd",
        "net": {"name": "mlp", "features": features, "num_classes": 2},
        "tx": {"name": "adam", "learning_rate": learning_rate},
    }


def sweep(add) -> None:
    """Every set."""
    for name in SETS:
        add(name)
