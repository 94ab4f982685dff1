"""Nets and learning rates, real world against ideal: one point each, near the diagonal (Nakkiran 2021, figure 2).

    python -m launch.train --config=experiments/configs/bootstrap_scatter.py:digits --workdir=runs/bootstrap_scatter

variant  what                                                                    seconds  correlation  mean gap, largest
digits   deformed digits of 16 x 16, n = 2000, 2500 steps of 64; seven nets at        69  0.97         0.042, 0.128
         rates 0.05 and 0.01, in one program
cifar10  grey CIFAR-10 of 14 x 14, n = 2000 or one pass over 45,000, 351 steps of    600  0.99         0.014, 0.027
         128; MLPs, CNNs of width 4 and 8 and two random cells, rate 0.05
smoke    4 steps                                                                      16

Of the pairs of test soft errors, means of 2 seeds, at the stopping time (train soft error under 0.01) or at the end; a
gap is analysis/NET_RATE/bootstrap_error, and its size is averaged. LOG.md has all of them. Seconds are of one core's
time, compiling included; of cifar10, which needs --data_dir=DIR with CIFAR-10's files, at most so many.

On natural images no net stops, and both worlds rank the nine nets alike. Reuse costs none of them soft error (-.004 to
-.027), while test and train are .171 apart on the mean and .583 at most, so the claim holds. In hard errors it costs
.016 to .098, most in the nets that learn most, and real and ideal correlate 0.88.
"""

from ml_collections import ConfigDict

import bootstrap
from experiments.records import member

RATES = {"fast": 0.05, "slow": 0.01}
NETS = {
    "linear": {"name": "mlp", "features": ()},
    "mlp_16": {"name": "mlp", "features": (16,)},
    "mlp_64": {"name": "mlp", "features": (64,)},
    "mlp_256": {"name": "mlp", "features": (256,)},
    "mlp_128_128": {"name": "mlp", "features": (128, 128)},
    "normalised": {"name": "mlp", "features": (64, 64), "batch_norm": True},
    "conv": {"name": "convolutional", "channels": (8, 16), "strides": (2, 2), "features": 64, "form": "product"},
}
OF_NATURAL_IMAGES = {
    **{name: NETS[name] for name in ("linear", "mlp_64", "mlp_256", "mlp_128_128", "normalised")},
    **{f"conv_{width}": {"name": "cnn", "width": width, "form": "product"} for width in (4, 8)},
    **{f"cell_{i}": {"name": "random_cells", "cell_seed": i, "width": 4, "form": "product"} for i in (0, 1)},
}
ALL = 45_000


def get_config(variant: str = "digits") -> ConfigDict:
    """The config of a variant."""
    if variant not in ("digits", "cifar10", "smoke"):
        raise ValueError(f"no variant {variant!r}; there are digits, cifar10, smoke")
    smoke, natural = variant == "smoke", variant == "cifar10"
    learners = {
        name: {
            "name": "sgd",
            "net": {"num_classes": 10, **net},
            "tx": {"name": "sgd", "learning_rate": 0.05, "momentum": 0.9},
        }
        for name, net in (OF_NATURAL_IMAGES if natural else NETS).items()
    }
    first, *others = learners
    sizes = {"real": 2000, "ideal": ALL if natural else bootstrap.UNLIMITED}
    rates = {"": 0.05} if natural else {f"_{speed}": rate for speed, rate in RATES.items()}
    cells = {
        f"{world}{speed}": {
            "world": {"num_samples": n},
            "learner": {"tx": {"learning_rate": rate}},
            "baselines": {name: {"tx": {"learning_rate": rate}} for name in others},
        }
        for speed, rate in rates.items()
        for world, n in sizes.items()
    }
    pairs = {
        f"{name}{speed}": tuple(member(f"{world}{speed}", name if name in others else "") for world in sizes)
        for name in learners
        for speed in rates
    }
    digits = {"name": "deformed_digits", "size": 16, "num_test": 2000}
    images = {"name": "cifar10", "num_train": ALL, "num_test": 2000, "num_held_out": 5000, "grey_side": 14}
    evals = ("classification", "training")
    batch_size, log_every = (128, 39) if natural else (64, 2 if smoke else 25)
    return ConfigDict(
        {
            "seed": 0,
            "num_seeds": 2,
            "num_steps": 4 if smoke else ALL // batch_size if natural else 2500,
            "log_every": log_every,
            "eval_every": log_every,
            "evals_per_decade": 5 if natural else 10,
            "checkpoint_every": (1 if natural else 20) * log_every,
            "log_metrics": tuple(f"eval/{one}/test_soft_error" for one in [*pairs.values()][-1]),
            "evals": {name: {"batch_size": 1000} for name in evals} if natural else evals,
            "analyses": {"gap": {"pairs": pairs}},
            "figures": {"scatter": {"pairs": pairs}},
            "data": images if natural else digits,
            "world": {"name": "paired", "batch_size": batch_size, "num_samples": 2000},
            "grid": cells,
            "learner": learners[first],
            "baselines": {name: learners[name] for name in others},
        }
    )
