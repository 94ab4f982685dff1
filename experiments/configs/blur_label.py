"""BLUR proper that keeps what it learns: labels as feedback, no loss, asymmetric synapses of 4 states (Sandler 2021).

python -m launch.train --config=experiments/configs/blur_label.py --workdir=runs/label --data_dir=MNIST
"""

from ml_collections import ConfigDict

AT = (10, 20, 50, 100, 200, 500, 1000)
RULE = {"name": "blur", "last_activation": "linear", "change_norm": "layer", "normalise_inputs": True}


def get_config(variant: str = "meta") -> ConfigDict:
    """The config of a variant."""
    if variant not in ("meta", "smoke"):
        raise ValueError(f"no variant {variant!r}; there are meta, smoke")
    smoke = variant == "smoke"
    digits, mnist, unroll = tuple(range(10)), tuple(range(10, 20)), 3 if smoke else 100
    families = {
        "digits": {"name": "images", "side": 10, "classes": digits},
        "mnist": {"name": "images", "side": 10, "classes": mnist},
        "projected": {"name": "images", "side": 10, "classes": mnist, "project": True},
        "modes": {"name": "blobs", "num_classes": 10, "num_modes": 4, "dim": 100, "std": 0.8},
    }
    return ConfigDict(
        {
            "seed": 0,
            "num_seeds": 1,
            "num_steps": 2 if smoke else 500,
            "log_every": 1 if smoke else 10,
            "eval_every": 2 if smoke else 100,
            "checkpoint_every": 2 if smoke else 20,
            "log_metrics": ("train/loss", "train/accuracy", "eval/mnist/accuracy_at_1000"),
            "evals": {
                "endurance": {
                    "families": {name: families[name] for name in ("digits", "mnist")},
                    "sizes": (64, 10),
                    "rule": RULE,
                    "batch_size": 128,
                    "num_draws": 2,
                    "steps": (1, 2) if smoke else AT,
                }
            },
            "artifacts": ("genome",),
            "data": {"name": "digits_and_idx", "side": 10, "crop": 4},
            "world": {"name": "tasks", "families": families, "unroll": unroll, "batch_size": 128},
            "learner": {
                "name": "blur_meta",
                "init_genome": {"name": "delta", "num_states": 4, "log_steps": 3.0},
                "sizes": ((8, 10),) if smoke else ((64, 10), (32, 32, 10)),
                "batch_sizes": (16,) if smoke else (128, 64),
                "shortest": 2 if smoke else 10,
                "rule": RULE,
                "population": 1,
                "sequential": True,  # for a CPU; side by side on a GPU
                "learning_rate": {"name": "cosine", "learning_rate": 3e-3, "num_steps": 500},
                "num_scored": unroll + 1,
            },
        }
    )
