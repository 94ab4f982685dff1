"""How to descend, in both worlds: small, large and full batches, momentum, Adam, decay and averages (Nakkiran 2021).

    python -m launch.train --config=experiments/configs/bootstrap_descent.py:digits --workdir=runs/descent

variant  what
digits   an MLP of 128 by eight ways, deformed digits of 8 x 8, n = 512, 1500 steps of 32
smoke    4 steps

way            test error: ideal  real   real - ideal
full_batch                 0.571  0.610  0.04 ± 0.03
large_batch                0.522  0.601  0.08 ± 0.06
decay                      0.437  0.525  0.09 ± 0.07
sgd                        0.440  0.561  0.12 ± 0.07
adam                       0.433  0.557  0.12 ± 0.06
momentum                   0.370  0.518  0.15 ± 0.05
warm_adam                  0.363  0.531  0.17 ± 0.06
average                    0.318  0.526  0.21 ± 0.07

Means of 3 seeds and 95 % intervals (analysis/WAY/bootstrap_error/error), at the end or, for momentum and average, where
the samples are learned by heart, steps 1114 and 1142. The faster a way descends, the more it gets from new samples, and
the more reuse costs it; on 512 samples all but the slowest end alike. Weight decay, beside momentum without it, takes
from the ideal world and gives nothing to the real one.
"""

from ml_collections import ConfigDict

from experiments.configs.bootstrap_width import in_two_worlds


def get_config(variant: str = "digits") -> ConfigDict:
    """The config of a variant."""
    if variant not in ("digits", "smoke"):
        raise ValueError(f"no variant {variant!r}; there are digits, smoke")
    smoke = variant == "smoke"
    num_samples, batch_size = 512, 32
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
    return in_two_worlds(learners, smoke=smoke, num_steps=1500, num_samples=num_samples)
