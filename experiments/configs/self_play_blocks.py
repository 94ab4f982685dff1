"""The gripper: Bob learns to handle blocks from Alice alone, and is asked to push, lift, flip and stack them.

    python -m launch.train --config=experiments/configs/self_play_blocks.py --workdir=runs/self_play_blocks

variant  what                                                        updates
one      one block, 128 games, on a CPU                                  240
two      one or two blocks, 64 games, on a CPU                            60
gpu      one or two blocks, 2048 games and players with memory          3000
smoke    `one`, cut to 2 updates of 4 games                                2

What 2 cores reach: `one`, one seed, in 41 minutes beside other programs. Alice learns to move the block first: valid
goals rise from 0.02 of all to 0.85 within 60 updates, 0.1 m away, four of five turned as well, next to none lifted.
Then Bob learns from her: 0.07 of her goals after 60 updates, 0.19 after 120, 0.28 to 0.33 in the last 60. Of the
holdouts he solves 0.04 of `push_1` and none of `pick_and_place_1`; a random Bob solves none of either. An episode of
theirs is experiments/gallery/arena.png. `two` and `gpu` were not run.
"""

from typing import Any

from ml_collections import ConfigDict

_VARIANTS: dict[str, dict[str, Any]] = {
    "one": {"num_steps": 240, "num_games": 128, "num_blocks": 1, "tasks": ("push_1", "pick_and_place_1")},
    "two": {"num_steps": 60, "num_games": 64, "num_blocks": 2, "tasks": ("push_1", "push_2", "stack_2")},
    "gpu": {
        "num_steps": 3000,
        "num_games": 2048,
        "num_blocks": 2,
        "tasks": ("push_1", "push_2", "pick_and_place_1", "flip_1", "stack_2"),
        "lstm_size": 256,
    },
    "smoke": {"num_steps": 2, "num_games": 4, "num_blocks": 1, "tasks": ("push_1",)},
}


def get_config(variant: str = "one") -> ConfigDict:
    """The config of a variant."""
    if variant not in _VARIANTS:
        raise ValueError(f"no variant {variant!r}; there are {', '.join(_VARIANTS)}")
    of = _VARIANTS[variant]
    smoke, lstm_size = variant == "smoke", of.get("lstm_size", 0)
    config: dict[str, Any] = {
        "seed": 0,
        "num_seeds": 1,
        "num_steps": of["num_steps"],
        "log_every": max(1, of["num_steps"] // 20),
        "probe_every": max(1, of["num_steps"] // 2),
        "checkpoint_every": max(1, of["num_steps"] // 4),
        "show": ("train/valid_goals", "train/bob_success", "probe/holdout_success", "probe/holdout_success_random"),
        "probes": {
            "holdout": {
                "tasks": of["tasks"],
                "num_games": 4 if smoke else of["num_games"],
                "bob_steps": 2 if smoke else 100,
            }
        },
        "files": () if smoke else ("episode",),
        "figures": {"curriculum": {}} if smoke else {"arena": {}, "curriculum": {}},
        "data": {"name": "nothing"},
        "world": {
            "name": "self_play",
            "mode": "blocks",
            "num_objects": of["num_blocks"],
            "min_objects": 1,
            "num_games": of["num_games"],
            "num_steps": 15 if smoke else 127,
            "alice_steps": 4 if smoke else 50,
            "bob_steps": 4 if smoke else 100,
            "lstm_size": lstm_size,
        },
        "learner": {
            "name": "self_play",
            "embedding": 64,
            "widths": (64,),
            "lstm_size": lstm_size,
            "bptt_length": 16 if lstm_size else 1,
            "learning_rate": 3e-4 if lstm_size else 1e-3,
            "sample_reuse": 3,
            "num_minibatches": 4 if smoke else 16,
            "sequence_fraction": 0.6,
            "cloning_weight": 0.5,
        },
    }
    return ConfigDict(config)
