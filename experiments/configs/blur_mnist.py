"""A rule learned on small images, in larger networks on 28 x 28 MNIST, beside SGD (Sandler 2021, figure 5).

    python -m launch.train --config=experiments/configs/blur_mnist.py:256 --workdir=runs/blur_mnist --data_dir=DIR

DIR holds the four IDX files of a set of ten classes (train-images-idx3-ubyte and its companions, .gz or not): MNIST,
Fashion-MNIST, KMNIST or EMNIST's digits.

variant     network, images                                  seconds  accuracy at 10, 20, 30, 50 steps  ahead of all SGD
256         256 neurons, 28 x 28: the paper's first network       41  0.772  0.806  0.800  0.212       steps 2 to 12
            the best SGD of each step                                 0.747  0.816  0.828  0.869
256_128     256 and 128 neurons                                    -  0.064  0.095  0.089  0.088  none
            the best SGD of each step                                 0.685  0.771  0.798  0.880
512_256     512 and 256 neurons                                    -
learned_on  64 neurons, cut to 20 x 20, resized to 10 x 10         -  0.772  0.788  0.806  0.503       2 to 16, 22 to 32
            the best SGD of each step                                 0.616  0.799  0.801  0.854
meta        all digits, the first and the last five, 10 x 10      49  leaves genome.json, shipped as `mnist`
mixed       `meta` in networks, batch sizes, numbers of steps and ages that it draws   -
smoke       8 neurons, 4 x 4, 4 steps                              8

Means of 3 seeds on 1000 test digits, measured every second step. "Best SGD" is, at each step, the best of 8 settings: 4
rates over 4 decades, with and without momentum. A run goes on to step 1000: `learned_on` has .009, .007, .007 and .007
at steps 100, 200, 500 and 1000, the best SGD .868, .906, .940 and .955; `256` was measured to step 100. The genome is
the shipped `mnist`, which `meta` made. Seconds are of one shared core; a dash: not measured.
"""

from ml_collections import ConfigDict

from experiments.configs.blur_digits import AT, sgd_at

# Hidden layers, side of the images: the paper's networks.
TESTS = {
    "256": ((256,), 28),
    "256_128": ((256, 128), 28),
    "512_256": ((512, 256), 28),
    "learned_on": ((64,), 10),
    "smoke": ((8,), 4),
}
RULE = {"name": "blur", "last_activation": "linear"}
NETWORKS = {
    "meta": {"sizes": (64, 10)},
    "mixed": {
        "sizes": ((64, 10), (128, 10), (32, 32, 10)),
        "batch_sizes": (128, 64, 128),
        "shortest": 5,
        "oldest": 50,
        "init_genome": {"name": "delta", "num_states": 4, "log_steps": 3.5},
    },
}
RATES = (0.001, 0.01, 0.1, 1.0)


def get_config(variant: str = "256") -> ConfigDict:
    """The config of a variant."""
    if variant not in (*TESTS, *NETWORKS):
        raise ValueError(f"no variant {variant!r}; there are {', '.join((*TESTS, *NETWORKS))}")
    return _meta(variant) if variant in NETWORKS else _test(variant)


def _meta(variant: str) -> ConfigDict:
    """Meta-learning on three tasks, the paper's: all digits, the first five, the last five."""
    classes = {"all": tuple(range(10)), "first": tuple(range(5)), "last": tuple(range(5, 10))}
    families = {
        name: {"name": "images", "crop": 4, "side": 10, "classes": of_task} for name, of_task in classes.items()
    }
    return ConfigDict(
        {
            "seed": 0,
            "num_seeds": 1,
            "num_steps": 400,
            "log_every": 25,
            "eval_every": 100,
            "checkpoint_every": 100,
            "log_metrics": ("train/loss", "train/accuracy", "eval/test_accuracy"),
            "evals": {
                "adaptation": {
                    "families": families,
                    "groups": {"test": tuple(sorted(families))},
                    "unroll": 20,
                    "batch_size": 128,
                    "num_draws": 2,
                },
                "endurance": {
                    "families": {"all": families["all"]},
                    "sizes": (64, 10),
                    "rule": RULE,
                    "batch_size": 128,
                    "num_draws": 2,
                },
            },
            "artifacts": ("genome",),
            "data": {"name": "idx"},
            "world": {"name": "tasks", "families": families, "unroll": 20, "batch_size": 128},
            "learner": {
                "name": "blur_meta",
                "init_genome": {"name": "delta", "num_states": 4},
                **NETWORKS[variant],
                "rule": RULE,
                "population": 1,
                "sequential": True,  # for a CPU; side by side on a GPU
                "learning_rate": 3e-3,
                "num_scored": 21,
            },
        }
    )


def _test(variant: str) -> ConfigDict:
    """The genome and SGD at 4 rates over as many decades, with and without momentum."""
    hidden, side = TESTS[variant]
    smoke = variant == "smoke"
    net = {"name": "mlp", "features": hidden, "num_classes": 10}
    baselines = sgd_at(net, (0.1,) if smoke else RATES)
    return ConfigDict(
        {
            "seed": 0,
            "num_seeds": 2 if smoke else 3,
            "num_steps": 4 if smoke else AT[-1],
            "log_every": 1 if smoke else 2,
            "eval_every": 1 if smoke else 2,
            "checkpoint_every": 4 if smoke else AT[-1],
            "log_metrics": ("eval/test_error", f"eval/{list(baselines)[-1]}/test_error"),
            "evals": ("classification", "synapses"),
            "analyses": {"race": {"first": 2, "at": (2, 4)} if smoke else {"at": AT}},
            "figures": {"race": {"log_from": 2}},
            "data": {
                "name": "idx",
                "num_train": 60 if smoke else None,
                "num_test": 50 if smoke else 1000,
                "side": side,
                "crop": 4 if side < 28 else 0,
            },
            "world": {"name": "real", "batch_size": 32 if smoke else 128},
            "learner": {"name": "blur", "genome": "mnist", "sizes": (*hidden, 10)},
            "baselines": baselines,
        }
    )


def sweep(add) -> None:
    """The network that it was learned on, and three that it was not."""
    for variant in ("learned_on", "256", "256_128", "512_256"):
        add(variant)
