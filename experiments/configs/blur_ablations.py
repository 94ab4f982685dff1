"""Figures 8, 10, 12 and 13 on scikit-learn's digits: what a rule needs to learn at all, and to transfer.

    python -m launch.train --config=experiments/configs/blur_ablations.py:both --workdir=runs/blur_ablations/both

DRAFT
"""

from ml_collections import ConfigDict

# States, normalisation, rule, hidden layers.
TWO_LAYERS = (32,)
SYMMETRIC = {"symmetric": True}
VARIANTS = {
    # Figure 8: normalisation.
    "both": (4, "both", {}, TWO_LAYERS),
    "forward": (4, "forward", {}, TWO_LAYERS),
    "backward": (4, "backward", {}, TWO_LAYERS),
    "none": (4, "none", {}, TWO_LAYERS),
    # Figure 13: states.
    "states_2": (2, "both", {}, TWO_LAYERS),
    "states_8": (8, "both", {}, TWO_LAYERS),
    # Figure 9: the backward update, and how many synapses there are.
    "multiplicative": (4, "both", {"backward_update": "multiplicative"}, TWO_LAYERS),
    "second_state": (4, "both", {"backward_update": "multiplicative_second_state"}, TWO_LAYERS),
    "symmetric": (4, "both", SYMMETRIC, TWO_LAYERS),
    "symmetric_single": (4, "both", SYMMETRIC | {"single_state": True}, TWO_LAYERS),
    # Figure 12: non-linearities.
    "relu": (4, "both", {"activation": "relu", "backward_activation": "linear"}, TWO_LAYERS),
    "linear": (4, "both", {"activation": "linear", "backward_activation": "linear"}, TWO_LAYERS),
    # Figure 10: depth while it learned.
    "deep": (4, "both", {}, (32, 32, 32, 32)),
    "smoke": (2, "both", {}, (4,)),
}


def get_config(variant: str = "both") -> ConfigDict:
    """The config of a variant."""
    if variant not in VARIANTS:
        raise ValueError(f"no variant {variant!r}; there are {', '.join(VARIANTS)}")
    num_states, normalise, rule, hidden = VARIANTS[variant]
    num_steps, log_every = (2, 1) if variant == "smoke" else (200, 25)
    unroll = 2 if variant == "smoke" else 10
    return ConfigDict(
        {
            "command": f"python -m launch.train --config=experiments/configs/blur_ablations.py:{variant} --workdir=DIR",
            "seed": 0,
            "num_seeds": 1,
            "num_steps": num_steps,
            "log_every": log_every,
            "probe_every": num_steps // 2,
            "checkpoint_every": num_steps // 2,
            "show": ("train/loss", "train/accuracy", "probe/test_accuracy", "probe/finer_accuracy"),
            "probes": {
                "adaptation": {
                    "groups": {
                        "test": {"digits": {"name": "images", "side": 8}},
                        "finer": {"finer_digits": {"name": "images", "side": 16}},
                    },
                    "unroll": unroll,
                    "batch_size": 128,
                    "num_draws": 4,
                }
            },
            "files": ("genome",),
            "data": {"name": "digits"},
            "world": {
                "name": "tasks",
                "families": {"digits": {"name": "images", "side": 8}},
                "unroll": unroll,
                "batch_size": 128,
                "num_tasks": 1,
            },
            "learner": {
                "name": "blur_meta",
                "genome": {"name": "delta", "num_states": num_states, "normalise": normalise},
                "sizes": (*hidden, 10),
                "rule": {"last_activation": "linear"} | rule,
                "population": 2,
                "learning_rate": 3e-3,
                "num_scored": unroll + 1,
            },
        }
    )


def sweep(add) -> None:
    """All of them."""
    for variant in VARIANTS:
        if variant != "smoke":
            add(variant)
