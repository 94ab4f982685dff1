"""How many samples make a real world ideal: seven sizes of it, and the ideal world, in one program.

    python -m launch.train --config=experiments/configs/bootstrap_samples.py --workdir=runs/bootstrap_samples

variant  what                                                           seconds
mlp      an MLP of 256-256 on digits deformed at 16 x 16, 2000 steps        160
smoke    n = 128 and the ideal world, 4 steps                                10

What `mlp` gives at the stopping time (train soft error under 1 %), means of 3 seeds; standard errors 0.003 to 0.01:

   n  stopping step  soft error, real / ideal  bootstrap error  of the hard error  at step 2000  test less train
 128             64             0.694 / 0.663           +0.031             +0.179        +0.461            0.684
 256            101             0.613 / 0.587           +0.025             +0.158        +0.375            0.603
 512            172             0.508 / 0.503           +0.005             +0.105        +0.267            0.498
1024            295             0.420 / 0.410           +0.010             +0.092        +0.178            0.410
2048            539             0.331 / 0.345           -0.014             +0.062        +0.090            0.321
4096            937             0.265 / 0.288           -0.023             +0.038        +0.023            0.255
8192           1941             0.210 / 0.229           -0.019             +0.032        -0.021            0.199

The larger n, the later a real world leaves the ideal curve, and until it has learned its samples it stays within 0.03
of it (figure `fan`). Two warnings come with that. At small n the end is another story: 0.46 above it. And the soft
error flatters the real world, whose network is by then sure of itself also where it is wrong: in hard error the gap is
0.03 to 0.18. n = 8192 reached the threshold in 2 of the 3 seeds, and is taken at the end in the third.

Seconds are of the whole run on 2 CPU cores, beside other programs.
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
