"""How many samples make a real world ideal: seven sizes of it beside the ideal world, in one program.

    python -m launch.train --config=experiments/configs/bootstrap_samples.py --workdir=runs/bootstrap_samples/mlp

variant  what                                                           seconds
mlp      an MLP of 256-256 on digits deformed at 16 x 16, 2000 steps        160
smoke    n = 128 and the ideal world, 4 steps                                10

   n  stops at step  soft error, real / ideal  bootstrap error  of the hard error  at step 2000  test - train
 128             64             0.694 / 0.663           +0.031             +0.177        +0.454         0.684
 256            101             0.613 / 0.587           +0.026             +0.154        +0.366         0.603
 512            180             0.511 / 0.494           +0.017             +0.117        +0.261         0.501
1024            267             0.420 / 0.426           -0.006             +0.071        +0.172         0.410
2048            520             0.330 / 0.350           -0.020             +0.057        +0.082         0.320
4096           1013             0.265 / 0.290           -0.025             +0.034        +0.018         0.255
8192           1965             0.213 / 0.234           -0.021             +0.027        -0.024         0.199

Means of 3 seeds at the stopping time (train soft error under 0.01), but for the column "at step 2000"; standard errors
are 0.001 to 0.015. With n = 8192 one seed does not stop, and its end is taken. Seconds are of 2 shared CPU cores.
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
