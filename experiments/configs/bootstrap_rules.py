"""Other learning rules on natural images: a GLN and a meta-learned rule beside SGD, in both worlds (not in the papers).

    python -m launch.train --config=experiments/configs/bootstrap_rules.py:cifar10 --workdir=runs/rules --data_dir=DIR

DIR holds CIFAR-10's binary files or cifar10.npz; images are grey, of 14 x 14 pixels.

variant  what                                                                                           seconds
cifar10  n = 2,000 against one pass over 45,000, 351 steps of 128                                            94
smoke    4 steps

             test error, real  ideal   bootstrap error   test - train
GLN                      .717  .636    .066 ± .015       .717
genome muon              .660  .542    .118 ± .009       .660
SGD, .05, .9             .693  .669    .024 ± .001       .102

Means of 2 seeds, in hard errors; the bootstrap error is that of the GLN's stopping time, step 298, and of the end, step
351, where the others do not stop. GLN and genome learn 2,000 images by heart within 150 steps, at nearly the test error
at which they had begun to, and SGD does not. So the better a rule learns, the more reuse costs it. Seconds are of a
shared core, compiling included.
"""

from ml_collections import ConfigDict

from experiments.configs import bootstrap_glns

ALL = 45_000


def get_config(variant: str = "cifar10") -> ConfigDict:
    """The config of a variant."""
    if variant not in ("cifar10", "smoke"):
        raise ValueError(f"no variant {variant!r}; there are cifar10, smoke")
    smoke = variant == "smoke"
    num_all, num_samples, batch_size = (32, 8, 8) if smoke else (ALL, 2_000, 128)
    log_every = 2 if smoke else 39
    names = ("glns", "blur", "sgd")
    pairs = {
        name: tuple(f"{world}/{name}" if name != "glns" else world for world in ("real", "ideal")) for name in names
    }
    return ConfigDict(
        {
            "seed": 0,
            "num_seeds": 2,
            "num_steps": num_all // batch_size,
            "log_every": log_every,
            "eval_every": log_every,
            "checkpoint_every": 5 * log_every,
            "log_metrics": ("eval/real/test_error", "eval/ideal/test_error"),
            "evals": {name: {"batch_size": 1000} for name in ("classification", "training")} | {"synapses": {}},
            "analyses": {"gap": {"pairs": pairs}},
            "figures": {"pair": {"learners": ("", "blur", "sgd"), "score": "error"}},
            "data": {
                "name": "cifar10",
                "num_train": num_all,
                "num_test": 20 if smoke else 2_000,
                "num_held_out": 5_000,
                "grey_side": 14,
            },
            "world": {"name": "paired", "batch_size": batch_size, "num_samples": num_all},
            "grid": {
                "real": {"world": {"num_samples": num_samples}},
                "ideal": {"world": {"num_samples": num_all}},
            },
            "learner": bootstrap_glns.get_config().learner.to_dict(),
            "baselines": {
                "blur": {"name": "blur", "genome": "muon", "sizes": (256, 10)},
                "sgd": {
                    "name": "sgd",
                    "net": {"name": "mlp", "features": (256,), "num_classes": 10},
                    "tx": {"name": "sgd", "learning_rate": 0.05, "momentum": 0.9},
                },
            },
        }
    )
