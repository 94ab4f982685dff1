"""BLUR proper that keeps what it learns: labels as feedback, no loss, asymmetric synapses (Sandler 2021).

    python -m launch.train --config=experiments/configs/blur_label.py:64 --workdir=runs/blur_label/64 --data_dir=DIR

DIR holds IDX files, as of `blur_mnist`. The genome is the shipped `nudged`, which was made by hand (`blur.nudged`); its
numbers were chosen on MNIST, its form on KMNIST; it has not seen notMNIST. Not in the paper: changes that are
orthogonalised, with momentum and a rate that shrinks with age, inputs of mean 0 and deviation 1.

variant  what                                   accuracy at steps 10, 20, 50, 100, 200, 500, 1000
64       64 hidden neurons, MNIST, 14 x 14      .837 .876 .895 .904 .909 .913 .911
         best SGD of each step                  .753 .815 .884 .907 .933 .942 .949
         KMNIST                                 .672 .727 .787 .818 .830 .838 .839
         best SGD of each step                  .593 .675 .781 .827 .860 .880 .892
         notMNIST                               .845 .861 .882 .891 .897 .898 .897
         best SGD of each step                  .831 .865 .885 .904 .904 .911 .912
meta     CMA-ES from that genome on four families of tasks, 60 generations of 12 in 8 minutes of a shared core; leaves
         genome.json. Ahead of its start by .010 on the tasks that it draws; over steps 10 to 100 by .014 with 16
         neurons on KMNIST and .011 on notMNIST, with 64 by -.004 and .005, with two layers by -.007 and -.006
smoke    `meta`, cut to 2 generations of a small network

On MNIST and KMNIST it is ahead of SGD at the best of 8 settings (4 rates, with and without momentum) in each evaluation
to step 50, on notMNIST at step 10 alone; from step 100 on SGD is ahead everywhere. It forgets nothing that can be
told from noise: the last hundred steps are .001 below its best hundred on all three. Means of 3 seeds on 1000 test
images, standardised for all; 8000 train images, batches of 128.
"""

from ml_collections import ConfigDict

from experiments.configs.blur_digits import AT, sgd_at
from experiments.configs.blur_lasting import FAMILIES, LAWS

RULE = {
    "name": "blur",
    "last_activation": "tanh",
    "single_state": True,
    "forward_below": True,
    "change_norm": "orthogonal",
    "normalise_inputs": True,
    "normalise_last": False,
}


def get_config(variant: str = "64") -> ConfigDict:
    """The config of a variant."""
    if variant not in ("64", "meta", "smoke"):
        raise ValueError(f"no variant {variant!r}; there are 64, meta, smoke")
    return _test() if variant == "64" else _meta(variant == "smoke")


# By how much each gene varies at first. Of the transforms, those by which nudged and free states differ.
STD = {
    "neuron": {
        "backward": ((0.0, 0.0), (0.02, 0.0)),
        "keep": 0.1,
        "forward_norm": {"deviation": 0.06},
    },
    "synapse": {
        "pre": ((0.0, 0.0), (0.002, 0.0)),
        "post": ((0.002, 0.0), (0.0, 0.0)),
        "keep": 0.001,
        "update": 0.03,
        "age": {"log_steps": 0.12, "power": 0.04},
        "momentum": 0.03,
        "last": 0.03,
        "scale": 0.012,
    },
}


def _meta(smoke: bool) -> ConfigDict:
    """CMA-ES from the genome made by hand, over whole runs of 40 to 320 steps, on four families of tasks."""
    steps = (1, 2) if smoke else AT
    families = FAMILIES | {"teacher": LAWS["teacher"]}
    return ConfigDict(
        {
            "seed": 0,
            "num_seeds": 1,
            "num_steps": 2 if smoke else 60,
            "log_every": 1 if smoke else 5,
            "eval_every": 2 if smoke else 30,
            "checkpoint_every": 2 if smoke else 10,
            "log_metrics": ("train/accuracy", "train/lead", f"eval/mnist/accuracy_at_{steps[-1]}"),
            "evals": {
                "endurance": {
                    "families": {"mnist": families["mnist"]},
                    "sizes": (64, 10),
                    "rule": RULE,
                    "batch_size": 64,
                    "num_draws": 2,
                    "steps": steps,
                }
            },
            "artifacts": ("genome",),
            "data": {"name": "idx", "side": 10, "crop": 4},
            "world": {"name": "tasks", "families": families, "unroll": 4 if smoke else 323, "batch_size": 64},
            "learner": {
                "name": "blur_evolution",
                "init_genome": {"name": "warm", "genome": "nudged"},
                "sizes": (8 if smoke else 64, 10),
                "num_held_out": 2 if smoke else 4,
                "shortest": 2 if smoke else 40,
                "along": True,
                "keep_start": True,
                "rule": RULE,
                "population": 4 if smoke else 12,
                "std": STD,
            },
        }
    )


def _test() -> ConfigDict:
    """The genome, and SGD at 4 rates with and without momentum, on the same batches."""
    net = {"name": "mlp", "features": (64,), "num_classes": 10}
    baselines = sgd_at(net, (0.03, 0.1, 0.3, 1.0))
    return ConfigDict(
        {
            "seed": 0,
            "num_seeds": 3,
            "num_steps": 1000,
            "log_every": 10,
            "eval_every": 10,
            "checkpoint_every": 1000,
            "log_metrics": ("eval/test_error", "eval/sgd_0_3/test_error", "eval/synapses_rms"),
            "evals": ("classification", "synapses"),
            "analyses": {"race": {"at": AT}},
            "figures": {"race": {"log_from": 10}},
            "data": {"name": "idx", "num_train": 8000, "num_test": 1000, "side": 14, "standardise": True},
            "world": {"name": "real", "batch_size": 128},
            "learner": {"name": "blur", "genome": "nudged", "sizes": (64, 10)},
            "baselines": baselines,
        }
    )
