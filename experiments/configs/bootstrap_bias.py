"""A convolutional network beside the fully connected one that contains it (Nakkiran 2021, on implicit bias).

    python -m launch.train --config=experiments/configs/bootstrap_bias.py:digits --workdir=runs/bootstrap_bias

variant  what                                                                             seconds
digits   deformed digits of 16 x 16, n = 4000, 2000 steps of 64, both nets in both worlds      63
deep     D-CONV, D-LOCAL and D-FC of width 2 (32 in the paper), n = 2000, 600 steps of 32        -
smoke    4 steps                                                                               15

net              test soft error: ideal  real   real - ideal     train soft error, real
convolutional                     0.239  0.289  0.050 ± 0.005    0.059
fully_connected                   0.278  0.314  0.036 ± 0.007    0.051

Means of 3 seeds and standard errors after 2000 steps: neither net reaches the stopping time (train soft error under
0.01), so "real - ideal" is analysis/NET/bootstrap_error. Both nets learn from the same batches. Seconds are of one
core's time, compiling included. A dash: not measured.
"""

from ml_collections import ConfigDict

import bootstrap


def get_config(variant: str = "digits") -> ConfigDict:
    """The config of a variant."""
    if variant not in ("digits", "deep", "smoke"):
        raise ValueError(f"no variant {variant!r}; there are digits, deep, smoke")
    if variant == "deep":
        return _deep()
    smoke = variant == "smoke"
    shape = {"num_classes": 10, "channels": (8, 16), "strides": (2, 2), "features": 64}
    descent = {"name": "sgd", "learning_rate": 0.05, "momentum": 0.9}
    log_every = 2 if smoke else 25
    return ConfigDict(
        {
            "seed": 0,
            "num_seeds": 2 if smoke else 3,
            "num_steps": 4 if smoke else 2000,
            "log_every": log_every,
            "eval_every": log_every,
            "evals_per_decade": 12,
            "checkpoint_every": 20 * log_every,
            "log_metrics": tuple(
                f"eval/{cell}{net}/test_soft_error" for net in ("", "/fully_connected") for cell in ("real", "ideal")
            ),
            "evals": ("classification", "training"),
            "analyses": {
                "gap": {
                    "pairs": {
                        "convolutional": ("real", "ideal"),
                        "fully_connected": ("real/fully_connected", "ideal/fully_connected"),
                    }
                }
            },
            "figures": {"fan": {"reals": ("real", "real/fully_connected", "ideal/fully_connected")}},
            "execution": "vmap",
            "data": {"name": "deformed_digits", "size": 16, "num_test": 2000},
            "world": {"name": "paired", "batch_size": 64, "num_samples": 4000},
            "grid": {
                "real": {"world": {"num_samples": 4000}},
                "ideal": {"world": {"num_samples": bootstrap.UNLIMITED}},
            },
            "learner": {
                "name": "sgd",
                "net": {"name": "convolutional", "form": "product", **shape},
                "tx": descent,
            },
            "baselines": {
                "fully_connected": {"name": "sgd", "net": {"name": "fully_connected", **shape}, "tx": descent}
            },
        }
    )


def _deep() -> ConfigDict:
    """D-CONV, D-LOCAL and D-FC, narrow ones, as the two nets of `digits`."""
    config = get_config("smoke").to_dict()
    cells = ("real", "ideal")

    def of_kind(kind):
        net = {"name": "d_conv", "kind": kind, "width": 2, "num_classes": 10, "form": "product"}
        return {"name": "sgd", "net": net, "tx": {"name": "sgd", "learning_rate": 0.05, "momentum": 0.9}}

    pairs = {"d_conv": cells, **{f"d_{kind}": tuple(f"{cell}/{kind}" for cell in cells) for kind in ("local", "full")}}
    num_samples = {"real": 2000, "ideal": bootstrap.UNLIMITED}
    return ConfigDict(
        {
            **config,
            "num_seeds": 2,
            "num_steps": 600,
            "log_every": 25,
            "eval_every": 25,
            "checkpoint_every": 500,
            "log_metrics": tuple(f"eval/{member}/test_soft_error" for of_kind in pairs.values() for member in of_kind),
            "analyses": {"gap": {"pairs": pairs}},
            "figures": {"scatter": {"pairs": pairs}},
            "data": {"name": "deformed_digits", "size": 16, "num_test": 1000},
            "world": {"name": "paired", "batch_size": 32, "num_samples": 2000},
            "grid": {name: {"world": {"num_samples": n}} for name, n in num_samples.items()},
            "learner": of_kind("conv"),
            "baselines": {kind: of_kind(kind) for kind in ("local", "full")},
        }
    )
