"""Rules of the paper's kind in its three networks, on 28 x 28 MNIST, beside SGD (Sandler 2021, figure 5).

    python -m launch.train --config=experiments/configs/blur_mnist.py:256 --workdir=runs/blur_mnist/256 --data_dir=DIR

DIR holds the four IDX files of a set of ten classes (train-images-idx3-ubyte and its companions, .gz or not): MNIST,
Fashion-MNIST, KMNIST or EMNIST's digits.

TABLE
meta        all digits, the first and the last five, 10 x 10: 400 meta-steps, 49 seconds; leaves genome.json, shipped as
            `mnist`
mixed       `meta` in networks, batch sizes, numbers of steps and ages that it draws, 83 seconds; not better: in 64
            neurons .67 .70 .37 .20 at steps 10, 20, 50, 100
smoke       8 neurons, 4 x 4, 4 steps

TEXT
"""

from ml_collections import ConfigDict

from experiments.configs.blur_digits import AT, sgd_at

# Hidden layers, side of the images, genome. The first three are the paper's networks.
TESTS = {
    "256": ((256,), 28, "nudged"),
    "256_128": ((256, 128), 28, "nudged"),
    "512_256": ((512, 256), 28, "nudged"),
    "wider": ((256,), 28, "mnist"),
    "deeper": ((256, 128), 28, "mnist"),
    "learned_on": ((64,), 10, "mnist"),
    "smoke": ((8,), 4, "mnist"),
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
RATES = {"mnist": (0.001, 0.01, 0.1, 1.0), "nudged": (0.001, 0.003, 0.01, 0.03, 0.1, 0.3, 1.0)}


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
    """A genome and SGD at rates over four decades, with and without momentum."""
    hidden, side, genome = TESTS[variant]
    smoke, standardise = variant == "smoke", genome == "nudged"  # `mnist` was learned on images as they are
    every = 1 if smoke else 5 if standardise else 2
    net = {"name": "mlp", "features": hidden, "num_classes": 10}
    baselines = sgd_at(net, (0.1,) if smoke else RATES[genome])
    return ConfigDict(
        {
            "seed": 0,
            "num_seeds": 2 if smoke else 3,
            "num_steps": 4 if smoke else AT[-1],
            "log_every": every,
            "eval_every": every,
            "checkpoint_every": 4 if smoke else AT[-1],
            "log_metrics": ("eval/test_error", f"eval/{list(baselines)[-1]}/test_error"),
            "evals": ("classification", "synapses"),
            "analyses": {"race": {"first": 2, "at": (2, 4)} if smoke else {"at": AT}},
            "figures": {"race": {"log_from": 2 * every}},
            "data": {
                "name": "idx",
                "num_train": 60 if smoke else None,
                "num_test": 50 if smoke else 1000,
                "side": side,
                "crop": 4 if side < 28 else 0,
                "standardise": standardise,
            },
            "world": {"name": "real", "batch_size": 32 if smoke else 128},
            "learner": {"name": "blur", "genome": genome, "sizes": (*hidden, 10)},
            "baselines": baselines,
        }
    )


def sweep(add) -> None:
    """The paper's three networks, and what was meta-learned where it was learned, wider and deeper."""
    for variant in ("256", "256_128", "512_256", "learned_on", "wider", "deeper"):
        add(variant)
