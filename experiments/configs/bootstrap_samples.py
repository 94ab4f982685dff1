"""How many samples make a real world ideal: seven sizes of it beside the ideal world, in one program.

    python -m launch.train --config=experiments/configs/bootstrap_samples.py --workdir=runs/bootstrap_samples/mlp

variant  what                                                           seconds
mlp      an MLP of 256-256 on digits deformed at 16 x 16, 2000 steps        160
smoke    n = 128 and the ideal world, 4 steps                                10

   n  stops at step  soft error, real / ideal  bootstrap error  of the hard error  at step 2000  test - train
 128             64             0.694 / 0.663           +0.031             +0.179        +0.461         0.684
 256            101             0.613 / 0.587           +0.025             +0.158        +0.375         0.603
 512            172             0.508 / 0.503           +0.005             +0.105        +0.267         0.498
1024            295             0.420 / 0.410           +0.010             +0.092        +0.178         0.410
2048            539             0.331 / 0.345           -0.014             +0.062        +0.090         0.321
4096            937             0.265 / 0.288           -0.023             +0.038        +0.023         0.255
8192           1941             0.210 / 0.229           -0.019             +0.032        -0.021         0.199

Means of 3 seeds at the stopping time (train soft error under 0.01), but for the column "at step 2000"; standard errors
are 0.003 to 0.01. With n = 8192 one seed does not stop, and its end is taken. Seconds are of 2 shared CPU cores.
"""

from ml_collections import ConfigDict

import bootstrap

SIZES = (128, 256, 512, 1024, 2048, 4096, 8192)


def get_config(variant: str = "mlp") -> ConfigDict:
    """The config of a variant."""
    if variant not in ("mlp", "smoke"):
        raise ValueError(f"no variant {variant!r}; there are mlp, smoke")
    smoke = variant == "smoke"
    real = {f"n{n}": {"world": {"num_samples": n}} for n in (SIZES[:1] if smoke else SIZES)}
    log_every = 2 if smoke else 20
    return ConfigDict(
        {
            "seed": 0,
            "num_seeds": 2 if smoke else 3,
            "num_steps": 4 if smoke else 2000,
            "log_every": log_every,
            "eval_every": log_every,
            "evals_per_decade": 12,
            "checkpoint_every": 500 if not smoke else 4,
            "log_metrics": ("eval/ideal/test_soft_error", f"eval/n{SIZES[0]}/test_soft_error"),
            "evals": ("classification", "training"),
            "analyses": {"gap": {"pairs": {name: (name, "ideal") for name in real}}},
            "figures": {"fan": {}},
            "prefetch": 1 if smoke else 20,
            "data": {"name": "deformed_digits", "size": 16, "num_test": 2000},
            "world": {"name": "paired", "batch_size": 128, "num_samples": SIZES[0]},
            "grid": {**real, "ideal": {"world": {"num_samples": bootstrap.UNLIMITED}}},
            "learner": {
                "name": "sgd",
                "net": {"name": "mlp", "features": (256, 256), "num_classes": 10},
                "tx": {"name": "sgd", "learning_rate": 0.1, "momentum": 0.9},
            },
        }
    )
