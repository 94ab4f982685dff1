"""Figure 5: a rule of 4 states, learned on small images, in larger networks on MNIST at 28 x 28, beside SGD.

    python -m launch.train --config=experiments/configs/blur_mnist.py:256 --workdir=runs/blur_mnist --data_dir=DIR

DIR holds the four IDX files of a set (train-images-idx3-ubyte and its companions, .gz or not): MNIST, or for more
transfer EMNIST's digits or letters (--config.learner.sizes then ends in their number) or Fashion-MNIST.

variant     network, images                                  seconds  accuracy at 10, 20, 30, 50 steps  ahead of all SGD
256         256 neurons, 28 x 28: the paper's first network       41  0.772  0.806  0.800  0.212       steps 2 to 12
            the best SGD of each step                                 0.747  0.816  0.828  0.869
256_128     256 and 128 neurons                                    -
512_256     512 and 256 neurons                                    -
learned_on  64 neurons, cut to 20 x 20, resized to 10 x 10        17  0.762  0.786  0.797  0.550       steps 2 to 34
            the best SGD of each step                                 0.532  0.742  0.787  0.845
meta        all digits, the first and the last five, 10 x 10      49  leaves genome.json, shipped as `mnist`
smoke       8 neurons, 4 x 4, 4 steps                              8

Means of 3 seeds on 1000 test digits, probed every second step; SGD at 4 rates over as many decades, with and without
momentum, on the same batches. The genome is `mnist`, of `meta`: 400 meta-steps of unroll 20 in the network of
`learned_on`, after which it has 0.859 on all ten digits, 0.945 and 0.894 on the first and the last five. In 29 times
as many synapses it is figure 5's shape as far as it knows, 20 steps, and a little further; then it forgets: the paper's
curriculum goes on to 50 unrolls, 10,000 meta-steps each, and asks for a GPU. `256` is of two runs, BLUR's without
rivals. From set to set: `mnist` has 0.916 and 0.900, two seeds, on scikit-learn's digits after 20 batches, in a network
of 64; `digits` (--config.learner.genome=digits) comes to 0.713 in `256` at step 6, ahead of every SGD so far, and then
forgets. EMNIST and Fashion-MNIST have not been run. Seconds are of one core that others shared.
"""

from ml_collections import ConfigDict

# Hidden layers, side of the images: the paper's networks.
TESTS = {
    "256": ((256,), 28),
    "256_128": ((256, 128), 28),
    "512_256": ((512, 256), 28),
    "learned_on": ((64,), 10),
    "smoke": ((8,), 4),
}
RATES = (0.001, 0.01, 0.1, 1.0)
COMMAND = "python -m launch.train --config=experiments/configs/blur_mnist.py:meta --workdir=DIR --data_dir=MNIST"


def get_config(variant: str = "256") -> ConfigDict:
    """The config of a variant."""
    if variant not in (*TESTS, "meta"):
        raise ValueError(f"no variant {variant!r}; there are {', '.join((*TESTS, 'meta'))}")
    return _meta() if variant == "meta" else _test(variant)


def _meta() -> ConfigDict:
    """Meta-learning on three tasks, the paper's: all digits, the first five, the last five."""
    classes = {"all": tuple(range(10)), "first": tuple(range(5)), "last": tuple(range(5, 10))}
    families = {
        name: {"name": "images", "crop": 4, "side": 10, "classes": of_task} for name, of_task in classes.items()
    }
    return ConfigDict(
        {
            "command": COMMAND,
            "seed": 0,
            "num_seeds": 1,
            "num_steps": 400,
            "log_every": 25,
            "probe_every": 100,
            "checkpoint_every": 100,
            "show": ("train/loss", "train/accuracy", "probe/test_accuracy"),
            "probes": {
                "adaptation": {"groups": {"test": families}, "unroll": 20, "batch_size": 128, "num_draws": 2},
            },
            "files": ("genome",),
            "data": {"name": "idx"},
            "world": {"name": "tasks", "families": families, "unroll": 20, "batch_size": 128},
            "learner": {
                "name": "blur_meta",
                "genome": {"name": "delta", "num_states": 4},
                "sizes": (64, 10),
                "rule": {"last_activation": "linear"},
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
    rivals = {
        f"sgd_{rate:g}{suffix}".replace(".", "_"): {
            "name": "sgd",
            "net": {"name": "mlp", "features": hidden, "num_classes": 10},
            "tx": {"name": "sgd", "learning_rate": rate, "momentum": momentum},
        }
        for momentum, suffix in ((0.0, ""), (0.9, "_momentum"))
        for rate in ((0.1,) if smoke else RATES)
    }
    return ConfigDict(
        {
            "seed": 0,
            "num_seeds": 2 if smoke else 3,
            "num_steps": 4 if smoke else 100,
            "log_every": 1 if smoke else 2,
            "probe_every": 1 if smoke else 2,
            "checkpoint_every": 4 if smoke else 100,
            "show": ("probe/test_error", f"probe/{list(rivals)[-1]}/test_error"),
            "probes": ("classification",),
            "conclusions": {"race": {"first": 2 if smoke else 50}},
            "figures": {"race": {"first": 4 if smoke else 100}},
            "data": {
                "name": "idx",
                "num_train": 60 if smoke else None,
                "num_test": 50 if smoke else 1000,
                "side": side,
                "crop": 4 if side < 28 else 0,
            },
            "world": {"name": "real", "batch_size": 32 if smoke else 128},
            "learner": {"name": "blur", "genome": "mnist", "sizes": (*hidden, 10)},
            "rivals": rivals,
        }
    )


def sweep(add) -> None:
    """The network that it was learned on, and three that it was not."""
    for variant in ("learned_on", "256", "256_128", "512_256"):
        add(variant)
