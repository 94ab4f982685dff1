"""DRAFT"""

from ml_collections import ConfigDict


def get_config(variant: str = "learned") -> ConfigDict:
    """The config of a variant."""
    variants = ("learned", "smoke")
    if variant not in variants:
        raise ValueError(f"no variant {variant!r}; there are {', '.join(variants)}")
    num_steps, log_every = {"smoke": (4, 2)}.get(variant, (2000, 100))
    return ConfigDict(
        {
            "seed": 0,
            "num_seeds": 1,
            "num_steps": num_steps,
            "log_every": log_every,
            "probe_every": log_every,
            "checkpoint_every": log_every,
            "show": ("train/loss", "probe/train_tasks_accuracy", "probe/unseen_tasks_accuracy"),
            "probes": {
                "adaptation": {
                    "groups": {
                        "train_tasks": (
                            "xor",
                            "and",
                            "two_moon",
                            "center_circle",
                            "small_center_circle",
                            "pieslice",
                        ),
                        "unseen_tasks": ("blobs", "cross", "triangle", "or", "nxor", "square"),
                    },
                    "unroll": 10,
                    "batch_size": 128,
                    "num_draws": 8,
                }
            },
            "data": {"name": "nothing"},
            "world": {
                "name": "tasks",
                "families": ("xor", "and", "two_moon", "center_circle", "small_center_circle", "pieslice"),
                "unroll": 10,
                "batch_size": 128,
            },
            "learner": {
                "name": "blur_meta",
                "genome": {"name": "backprop", "learning_rate": 0.005, "deviation": 0.1},
                "sizes": (64, 5),
                "rule": {
                    "activation": "relu_slope",
                    "backward_activation": "linear",
                    "last_activation": "tanh",
                    "backward_update": "multiplicative_second_state",
                    "symmetric": True,
                    "single_state": True,
                },
                "population": 4,
                "scale": 3.0,
                "learning_rate": 1e-3,
            },
        }
    )
