"""Rules fed labels, as the paper's are, in its three networks, on 28 x 28 MNIST, beside SGD (Sandler 2021, figure 5).

    python -m launch.train --config=experiments/configs/blur_mnist.py:256 --workdir=runs/blur_mnist/256 --data_dir=DIR

DIR holds the four IDX files of a set of ten classes (train-images-idx3-ubyte and its companions, .gz or not): MNIST,
Fashion-MNIST, KMNIST or EMNIST's digits.

variant     network, images, genome                 accuracy at 10, 20, 30, 50, 100, 1000 steps    ahead of all SGD
256         256 neurons, `nudged`                   0.864  0.876  0.899  0.909  0.919  0.926       to step 50
            the best SGD of each step               0.789  0.839  0.877  0.905  0.931  0.975
256_128     256 and 128 neurons, `nudged`           0.851  0.872  0.893  0.898  0.910  0.916       to step 45
            the best SGD                            0.742  0.819  0.877  0.906  0.924  0.976
512_256     512 and 256 neurons, `nudged`           0.860  0.875  0.897  0.907  0.917  0.920       to step 45
            the best SGD                            0.780  0.834  0.877  0.910  0.933  0.976
learned_on  64 neurons, cut to 20 x 20, resized to
            10 x 10, `mnist`                        0.772  0.788  0.806  0.503  0.009  0.007       2 to 16, 22 to 32
            the best SGD                            0.616  0.799  0.801  0.854  0.868  0.955
wider       256 neurons, `mnist`                    0.795  0.813  0.810  0.225  0.004  0.035       2 to 12, and 16
            the best SGD                            0.759  0.822  0.845  0.883  0.912  0.975
deeper      256 and 128 neurons, `mnist`            0.064  0.095  0.089  0.088  0.088  0.093       never
meta        all digits, the first and the last five, 10 x 10: 400 meta-steps, 49 seconds; leaves genome.json, shipped as
            `mnist`
mixed       `meta` in networks, batch sizes, numbers of steps and ages that it draws, 83 seconds; not better: in 64
            neurons .67 .70 .37 .20 at steps 10, 20, 50, 100
smoke       8 neurons, 4 x 4, 4 steps

Means of 3 seeds on 1000 test digits; `256` takes 178 seconds of a shared core, the two beside it ten minutes, the last
three 40 to 100 seconds. `mnist` is what `meta` learned by gradients, in one hidden layer. `nudged` was made by hand
(`blur.nudged`): labels as feedback and no loss, as in the paper, but its changes are orthogonalised and shrink with
age; its numbers were chosen on MNIST of 14 x 14 pixels in 64 neurons. The paper has SGD level after about 100 steps;
`nudged` is ahead of it for 45 to 50. "Best SGD" is, at each step, the best of all settings: rates from 0.001 to 1, with
and without momentum, beside `nudged` 7 rates and images standardised, for all; beside `mnist` 4 rates and images as it
knew them. `256` on KMNIST: .661 .740 .772 .807 .828 .855, the best SGD .670 .712 .754 .806 .862 .906; on notMNIST .845
.872 .877 .886 .893 .896 and .837 .873 .880 .890 .904 .918. experiments/gallery/blur_networks.png has the first three.
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
    """A genome and SGD at rates from 0.001 to 1, with and without momentum."""
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
