"""Simple mode: Bob learns to push a puck from Alice alone, and is tested on goals that he never saw (OpenAI 2021).

    python -m launch.train --config=experiments/configs/self_play_puck.py --workdir=runs/self_play_puck/puck

variant     what                                                        seconds  holdout_success after 30, 60, 90, 120
puck        PPO for both, and Bob clones Alice                              226  0.638  0.892  0.936  0.949
no_abc      PPO alone                                                       176  0.434  0.919  0.969  0.984
uniform     Bob alone, PPO: goals drawn over the whole table                212  0.306  0.920  0.986  0.990
curriculum  Bob alone, PPO: such goals, but only part of the way there      210  0.733  0.973  0.995  0.997
two         two pucks and longer turns                                      297  0.051  0.144  0.163  0.177
two_no_abc  the same without cloning                                        265  0.006  0.026  0.118  0.200
no_clip     ABC without its clip                                            135  0.442  0.847  0.871  0.942
no_filter   ABC of all valid goals, also of those that Bob reached          114  0.655  0.896  0.946  0.954
one_goal    one goal an episode                                              88  0.504  0.906  0.947  0.969
timestep    Alice is paid by how much longer Bob takes (Sukhbaatar)          90  0.624  0.873  0.921  0.927
past        a fifth of the episodes against past versions                   100  0.612  0.839  0.910  0.946
quick       `puck`, a third as long, one seed                                 -  0.640, and 0.830 after 40
smoke       `puck`, cut to 2 updates of 8 games

eval/holdout_success is the fraction of the goals of the task `uniform` that Bob solves, each within 100 control steps;
a random Bob solves none; of `two` and `two_no_abc` the mean of that, .342 and .388 in the end, and of goals for two
pucks, .013. By cross-play cloning is no matter after 120 updates: .40 and .40 of the goals of Alices with it, .38 and
.42 of those without. Means of 3 seeds, but `no_clip` to `past` are of one (--config.num_seeds=1). An update follows 128
control steps of each of 256 games. Seconds are of one of two shared cores, compiling and films included.

figures/arena.png and episode.html are an episode, figures/payoff.png past versions of each against the other's.
Signs of a collapse, in figures/curriculum.png, and what helps:
  train/valid_goals near 0: Alice moves nothing. Give her longer turns.
  train/goal_direction high: all her goals lie on one side. Raise entropy_weight, or play against past versions.
  train/bob_entropy near 0: Bob no longer explores. Do the same.
  train/demo_fraction at 0: there is nothing to clone.
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
    "past": {"world": {"past_prob": 0.2}},
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
    num_steps, log_every, num_games = {"smoke": (2, 1, 8), "quick": (40, 5, 256)}.get(variant, (120, 10, 256))
    config: dict[str, Any] = {
        "seed": 0,
        "num_seeds": 1 if variant in ("quick", "smoke") else 3,
        "num_steps": num_steps,
        "log_every": log_every,
        "eval_every": num_steps // 4 if num_steps > 4 else num_steps,
        "checkpoint_every": num_steps // 4 if num_steps > 4 else num_steps,
        "log_metrics": (
            "train/valid_goals",
            "train/bob_success",
            "eval/holdout_success",
            "eval/holdout_success_random",
        ),
        "evals": {"holdout": {"tasks": ("uniform",), "num_games": num_games // 2, "bob_steps": 100}},
        "artifacts": ("episode", "payoff"),
        "figures": {"arena": {}, "curriculum": {}, "payoff": {}},
        "data": {"name": "none"},
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
            "sequence_fraction": 0.6,
            "cloning_weight": 0.5,
            "pool_size": 4,
            "pool_every": max(1, num_steps // 4),
        },
    }
    for part, changes in _VARIANTS[variant].items():
        config[part] |= changes
    if variant.startswith("two"):
        config["evals"]["holdout"]["tasks"] = ("uniform", "two")
        config["log_metrics"] += ("eval/uniform_success",)
    if variant == "quick":
        config["artifacts"], config["figures"] = ("episode",), {"arena": {}, "curriculum": {}}
    if variant == "smoke":
        config["artifacts"] = {"episode": {"num_frames": 20}, "payoff": {"num_games": 2, "num_steps": 20}}
        config["world"] |= {"num_steps": 16, "alice_steps": 4, "bob_steps": 4}
        config["evals"]["holdout"]["bob_steps"] = 2
    return ConfigDict(config)
