"""How to descend, in both worlds: small, large and full batches, momentum, Adam, decay and averages (Nakkiran 2021).

    python -m launch.train --config=experiments/configs/bootstrap_descent.py:digits --workdir=runs/descent

variant  what                                                                                       seconds
digits   an MLP of 128 by eight ways, deformed digits of 8 x 8, n = 512, 1500 steps of 32                 -
smoke    4 steps

A dash: not measured yet.
"""

from ml_collections import ConfigDict

import bootstrap


def get_config(variant: str = "digits") -> ConfigDict:
    """The config of a variant."""
    if variant not in ("digits", "smoke"):
        raise ValueError(f"no variant {variant!r}; there are digits, smoke")
    smoke = variant == "smoke"
    num_samples, batch_size, num_steps = 512, 32, 4 if smoke else 1500
    small = {"name": "optax:sgd", "learning_rate": 0.1}
    fast = {"name": "optax:sgd", "learning_rate": 0.1, "momentum": 0.9}
    warm = {
        "name": "optax:warmup_cosine_decay_schedule",
        "init_value": 0.0,
        "peak_value": 0.003,
        "warmup_steps": 100,
        "decay_steps": 1500,
    }

    def of_batches(number):  # one step after so many batches, at a rate that is the square root of it larger
        opt = {"name": "optax:sgd", "learning_rate": 0.1 * number**0.5}
        return {"name": "optax:MultiSteps", "opt": opt, "every_k_schedule": number}

    ways = {
        "sgd": small,
        "large_batch": of_batches(4),
        "full_batch": of_batches(num_samples // batch_size),
        "momentum": fast,
        "adam": {"name": "adam", "learning_rate": 0.001},
        "warm_adam": {"name": "adam", "learning_rate": warm},
        "decay": {"name": "descent", "learning_rate": 0.1, "momentum": 0.9, "weight_decay": 0.003},
    }
    net = {"name": "mlp", "features": (128,), "num_classes": 10}
    learners: dict[str, dict] = {name: {"name": "sgd", "net": net, "tx": tx} for name, tx in ways.items()}
    learners["average"] = {"name": "averaged", "decay": 0.98, "learner": learners["momentum"]}
    first, *others = learners
    pairs = {
        name: tuple(f"{world}/{name}" if name in others else world for world in ("real", "ideal")) for name in learners
    }
    log_every = 2 if smoke else 25
    return ConfigDict(
        {
            "seed": 0,
            "num_seeds": 2 if smoke else 3,
            "num_steps": num_steps,
            "log_every": log_every,
            "eval_every": log_every,
            "evals_per_decade": 10,
            "checkpoint_every": 20 * log_every,
            "log_metrics": tuple(f"eval/{members[0]}/test_soft_error" for members in pairs.values()),
            "evals": ("classification", "training"),
            "analyses": {"gap": {"pairs": pairs}},
            "figures": {"scatter": {"pairs": pairs}},
            "data": {"name": "deformed_digits", "size": 8, "num_test": 1000},
            "world": {"name": "paired", "batch_size": batch_size, "num_samples": num_samples},
            "grid": {
                "real": {"world": {"num_samples": num_samples}},
                "ideal": {"world": {"num_samples": bootstrap.UNLIMITED}},
            },
            "learner": learners[first],
            "baselines": {name: learners[name] for name in others},
        }
    )
