"""Augmentation slows the real world and hardly hurts the ideal world (Nakkiran 2021, on data augmentation).

    python -m launch.train --config=experiments/configs/bootstrap_augment.py:digits --workdir=runs/bootstrap_augment

variant  what                                                                                        seconds
digits   deformed digits of 16 x 16, n = 2000, 3000 steps of 64, plain and shifted by up to a tenth       77
crop     `digits` plain, but cut out of images with 2 pixels of black around them                        116
flip     left and right swapped in every other image, of digits                                           91
cutout   a square of 6 pixels hidden                                                                      65
mixup    batches mixed with themselves, α = 0.2 (Zhang et al. 2018)                                       63
smoke    4 steps                                                                                          16

                                  plain          shifted        crop           flip          cutout        mixup
test soft error at the end, real  .322           .292           .300           .456          .371          .412
the same, ideal                   .234           .258           .307           .359          .284          .277
bootstrap error                   .061 ± .016    .034 ± .008   -.008 ± .023    .096 ± .020   .088 ± .010   .135 ± .028
the same of hard errors                                         .025 ± .018    .181 ± .015   .156 ± .007   .170 ± .017

Means of 3 seeds and standard errors. The bootstrap error is that of the stopping time (train soft error under 0.01),
step 1597 of the plain run; the others do not reach it, and their end, step 3000, is taken. The ideal world is hurt by
each of them, the real one helped by shifts and crops and hurt by the rest. Seconds are of a shared core, compiling
included.
"""

from ml_collections import ConfigDict

import bootstrap

ONE = {"crop": {"crop": {"padding": 2}}, "flip": {"flip": {}}, "cutout": {"cutout": {"size": 6}}}


def get_config(variant: str = "digits") -> ConfigDict:
    """The config of a variant."""
    if variant not in (*ONE, "digits", "mixup", "smoke"):
        raise ValueError(f"no variant {variant!r}; there are digits, {', '.join(ONE)}, mixup, smoke")
    smoke, of_shifts = variant == "smoke", variant in ("digits", "smoke")
    sizes = {"real": 2000, "ideal": bootstrap.UNLIMITED}
    shifts = {"": 0.0, "_shifted": 0.1} if of_shifts else {"": 0.0}
    cells = {
        f"{world}{name}": {
            "world": {"num_samples": n, **({"augment": {"shift": {"max_shift": max_shift}}} if of_shifts else {})}
        }
        for name, max_shift in shifts.items()
        for world, n in sizes.items()
    }
    pairs = {"plain": ("real", "ideal"), "shifted": ("real_shifted", "ideal_shifted")}
    log_every = 2 if smoke else 25
    return ConfigDict(
        {
            "seed": 0,
            "num_seeds": 2 if smoke else 3,
            "num_steps": 4 if smoke else 3000,
            "log_every": log_every,
            "eval_every": log_every,
            "evals_per_decade": 12,
            "checkpoint_every": 20 * log_every,
            "log_metrics": tuple(f"eval/{cell}/test_soft_error" for cell in cells),
            "evals": ("classification", "training"),
            "analyses": {"gap": {"pairs": pairs} if of_shifts else {}},
            "figures": {"fan": {"reals": ("real", "real_shifted", "ideal_shifted")}} if of_shifts else {"pair": {}},
            "data": {"name": "deformed_digits", "size": 16, "num_test": 2000},
            "world": {
                "name": "paired",
                "batch_size": 64,
                "num_samples": 2000,
                "augment": {"shift": {"max_shift": 0.0}} if of_shifts else ONE.get(variant),
            },
            "grid": cells,
            "learner": {
                "name": "sgd",
                "net": {
                    "name": "convolutional",
                    "num_classes": 10,
                    "channels": (8, 16),
                    "strides": (2, 2),
                    "features": 64,
                }
                | {"form": "product"},
                "mixup": 0.2 if variant == "mixup" else None,
                "tx": {"name": "sgd", "learning_rate": 0.05, "momentum": 0.9},
            },
        }
    )
