"""Label noise and random labels: where the soft error flatters the real world.

    python -m launch.train --config=experiments/configs/bootstrap_noise.py:digits --workdir=runs/bootstrap_noise

variant  what                                                                                          seconds
digits   deformed digits of 16 x 16, n = 1000, 2000 steps of 64, labels of which 0, 20 or 90 % are wrong    31
smoke    4 steps                                                                                            16

labels          stops at  soft error, real / ideal  real - ideal      error, real / ideal  nats, real / ideal
clean               1102  0.421 / 0.424             -0.003 ± 0.012    0.410 / 0.323         3.2 / 1.0
20 % wrong           871  0.627 / 0.698             -0.072 ± 0.003    0.617 / 0.515         6.2 / 1.7
random: 90 %       never  0.897 / 0.900             -0.003 ± 0.001    0.895 / 0.897        15.9 / 2.3

Test scores at the stopping time (train soft error under 0.01), or after 2000 steps: means of 2 seeds and standard
errors. "real - ideal" is analysis/LABELS/bootstrap_error (LABELS: clean, noisy, random). Train and test labels are
equally noisy, and a sample keeps its label. Seconds are of one core's time, compiling included.
"""

from ml_collections import ConfigDict

import bootstrap


def get_config(variant: str = "digits") -> ConfigDict:
    """The config of a variant."""
    if variant not in ("digits", "smoke"):
        raise ValueError(f"no variant {variant!r}; there are digits, smoke")
    smoke = variant == "smoke"
    sizes, noises = {"real": 1000, "ideal": bootstrap.UNLIMITED}, {"clean": 0.0, "noisy": 0.2, "random": 0.9}
    cells = {
        f"{world}_{name}": {"world": {"num_samples": n, "label_noise": noise}}
        for name, noise in noises.items()
        for world, n in sizes.items()
    }
    log_every = 2 if smoke else 25
    return ConfigDict(
        {
            "seed": 0,
            "num_seeds": 2,
            "num_steps": 4 if smoke else 2000,
            "log_every": log_every,
            "eval_every": log_every,
            "evals_per_decade": 12,
            "checkpoint_every": 20 * log_every,
            "log_metrics": tuple(f"eval/{cell}/test_soft_error" for cell in cells),
            "evals": ("classification", "training"),
            "analyses": {"gap": {"pairs": {name: (f"real_{name}", f"ideal_{name}") for name in noises}}},
            "figures": {"scatter": {"pairs": {name: (f"real_{name}", f"ideal_{name}") for name in noises}}},
            "data": {"name": "deformed_digits", "size": 16, "num_test": 2000},
            "world": {"name": "paired", "batch_size": 64, "num_samples": 1000, "label_noise": 0.0},
            "grid": cells,
            "learner": {
                "name": "sgd",
                "net": {"name": "mlp", "features": (128, 128), "num_classes": 10},
                "tx": {"name": "sgd", "learning_rate": 0.1, "momentum": 0.9},
            },
        }
    )
