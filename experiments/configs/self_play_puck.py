"""Simple mode: Bob learns to push a puck from Alice alone, and is asked for goals that he never saw.

    python -m launch.train --config=experiments/configs/self_play_puck.py --workdir=runs/self_play_puck

variant  what                                       seconds  holdout_success  of each seed
puck     PPO for both, and Bob clones Alice             457            0.937  0.924, 0.932, 0.954
quick    the same, half as long, one seed               141            0.742
no_abc   PPO alone                                      677            0.972  0.972, 0.970, 0.972
smoke    `puck`, cut to 2 updates of 8 games             81

probe/holdout_success is the share of the goals of the task `uniform` that Bob solves: the puck is to go to another
place of the grid on which episodes begin, within 100 control steps, up to five times, until he fails. A Bob who acts at
random solves none of 128 (probe/holdout_success_random). Seconds are of the whole run on one core of a busy machine,
compiling included (60 of 457, 82 of 141, 67 of 677, 64 of 81); `puck` took 323 CPU seconds, `no_abc` 359.

Nothing here needs cloning: it is ahead at first (after 30, 60, 90, 120 updates 0.26, 0.71, 0.88, 0.94 of the goals, and
0.16, 0.64, 0.86, 0.97 without it) and behind in the end. In the paper's tasks with a gripper nothing works without it.

A step is an update, after 128 control steps of each of 256 games: 32,768. All along Alice's goals grow harder: the puck
is 0.14 m from its goal when Bob's turn begins in updates 21 to 30, and 0.19 m in the last ten, in which he solves 0.89.
She makes 0.35 of her goals valid in the first ten updates, 0.98 in the last.

The paper has turns of 100 and 200 steps, a rate of 3e-4 and memory. Minibatches are of 1228 rows: with four times as
many rows in each, and a quarter of the steps of Adam, Bob solved 0.48 of Alice's goals in updates 71 to 80, and with
these 0.73 (one seed).
"""

from typing import Any

from ml_collections import ConfigDict

_TWO = {"num_objects": 2, "alice_steps": 50}
_VARIANTS: dict[str, dict[str, dict]] = {  # name -> changes of the learner and of the world
    "puck": {},
    "quick": {},
    "no_abc": {"learner": {"cloning_weight": 0.0}},
    "no_clip": {"learner": {"cloning_clip": None}},
    "no_filter": {"world": {"demonstrations": "valid"}},
    "one_goal": {"world": {"max_goals": 1}},
    "timestep": {"world": {"alice_reward": "timestep"}},
    "past": {"world": {"past_share": 0.2}},
    "uniform": {"learner": {"cloning_weight": 0.0}, "world": {"goal_source": "uniform", "alice_steps": 4}},
    "curriculum": {"learner": {"cloning_weight": 0.0}, "world": {"goal_source": "curriculum", "alice_steps": 4}},
    "two": {"world": _TWO},
    "two_no_abc": {"world": _TWO, "learner": {"cloning_weight": 0.0}},
    "smoke": {},
}


def get_config(variant: str = "puck") -> ConfigDict:
    """The config of a variant."""
    if variant not in _VARIANTS:
        raise ValueError(f"no variant {variant!r}; there are {', '.join(_VARIANTS)}")
    num_steps, log_every, num_games = {"smoke": (2, 1, 8), "quick": (60, 10, 256)}.get(variant, (120, 10, 256))
    config: dict[str, Any] = {
        "seed": 0,
        "num_seeds": 1 if variant in ("quick", "smoke") else 3,
        "num_steps": num_steps,
        "log_every": log_every,
        "loop": "map",
        "probe_every": num_steps // 4 if num_steps > 4 else num_steps,
        "checkpoint_every": num_steps // 4 if num_steps > 4 else num_steps,
        "show": ("train/valid_goals", "train/bob_success", "probe/holdout_success", "probe/holdout_success_random"),
        "probes": {"holdout": {"tasks": ("uniform",), "num_games": num_games // 2, "bob_steps": 100}},
        "files": ("episode", "payoff"),
        "figures": {"arena": {}, "curriculum": {}, "payoff": {}},
        "data": {"name": "nothing"},
        "world": {
            "name": "self_play",
            "mode": "pucks",
            "num_games": num_games,
            "num_steps": 128,
            "alice_steps": 30,
            "bob_steps": 60,
        },
        "learner": {
            "name": "self_play",
            "embedding": 64,
            "widths": (64,),
            "learning_rate": 1e-3,
            "entropy_weight": 0.01,
            "sample_reuse": 3,
            "num_minibatches": 16,
            "share": 0.6,
            "cloning_weight": 0.5,
            "num_past": 4,
            "past_every": max(1, num_steps // 4),
        },
    }
    for part, changes in _VARIANTS[variant].items():
        config[part] |= changes
    if variant.startswith("two"):
        config["num_seeds"] = 1
        config["probes"]["holdout"]["tasks"] = ("uniform", "two")
    if variant == "smoke":
        config["world"] |= {"num_steps": 16, "alice_steps": 4, "bob_steps": 4}
        config["probes"]["holdout"]["bob_steps"] = 2
    return ConfigDict(config)
