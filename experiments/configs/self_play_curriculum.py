"""Is an automatic curriculum an ideal world? Bob learns from few goals, from fresh ones, or from Alice's.

    python -m launch.sweep --config=experiments/configs/self_play_curriculum.py --workdir=runs/self_play_curriculum
    python -m launch.plot runs/self_play_curriculum/* --out=runs/figures

variant    Bob's goals                                                after 40 updates        after 80
tasks_4    one of 4 tables and uniform goals, again and again       0.792    0.123    0.996    0.185
tasks_16   of 16                                                    0.177    0.086    0.642    0.510
tasks_64   of 64                                                    0.222    0.342    0.891    0.867
tasks_256  of 256                                                   0.179    0.269    0.881    0.886
fresh      uniform goals, each a new one                            0.139    0.215    0.860    0.875
curriculum such goals, but only part of the way there, ever farther 0.773    0.312    0.877    0.902
replay     where Bob's objects ended in earlier turns               0.075    0.141    0.782    0.722
mega       of these where they were least often, if in his reach   0.277    0.238    0.637    0.579
sfl        goals that Bob may reach or not, by his latest turns     0.147    0.200    0.870    0.895
alice      Alice's, each from a new table                           0.310    0.174    0.545    0.450
smoke      `tasks_4`, cut to 2 updates of 8 games

Of one seed: the fraction that Bob reaches of the goals that he trains on (train/bob_success, the mean of ten updates),
then the fraction that he solves of the holdout's (eval/holdout_success, within 60 steps; each lies within .06 with 95 %
of 128 games). A run takes 180 to 380 seconds on one shared core, `mega` two to three times that. replay, mega and sfl
are `self_play/sources.py`. The second command draws experiments/gallery/self_play_worlds.png.
experiments/gallery/teachers.png has the six teachers, without a path of starts, and of cloning only Alice's: with one
puck and this budget the hand-made curriculum, SFL and uniform goals teach best, and Alice, who learns as well and takes
a third of the steps, least.
"""

from typing import Any

from ml_collections import ConfigDict

_WORLDS: dict[str, dict[str, Any]] = {
    **{f"tasks_{n}": {"goal_source": "uniform", "alice_steps": 4, "num_tasks": n} for n in (4, 16, 64, 256)},
    "fresh": {"goal_source": "uniform", "alice_steps": 4},
    "curriculum": {"goal_source": "curriculum", "alice_steps": 4},
    **{name: {"goal_source": {"name": name}, "alice_steps": 4} for name in ("replay", "mega", "sfl")},
    "alice": {"alice_steps": 30},
}
_WORLDS["smoke"] = _WORLDS["tasks_4"]


def get_config(variant: str = "alice") -> ConfigDict:
    """The config of a variant."""
    if variant not in _WORLDS:
        raise ValueError(f"no variant {variant!r}; there are {', '.join(_WORLDS)}")
    num_steps, log_every, num_games = (2, 1, 8) if variant == "smoke" else (80, 10, 256)
    config: dict[str, Any] = {
        "seed": 0,
        "num_seeds": 1,
        "num_steps": num_steps,
        "log_every": log_every,
        "eval_every": max(1, num_steps // 8),
        "checkpoint_every": num_steps // 2,
        "log_metrics": ("train/bob_success", "eval/holdout_success"),
        "evals": {"holdout": {"tasks": ("uniform",), "num_games": num_games // 2, "bob_steps": 60}},
        "data": {"name": "none"},
        "world": {
            "name": "self_play",
            "mode": "pucks",
            "num_games": num_games,
            "num_steps": 128,
            "bob_steps": 60,
            "max_goals": 1,
            **_WORLDS[variant],
        },
        "learner": {
            "name": "self_play",
            "embedding": 64,
            "widths": (64,),
            "learning_rate": 1e-3,
            "sample_reuse": 3,
            "num_minibatches": 16,
            "sequence_fraction": 0.6 if variant == "alice" else 0.9,
            "cloning_weight": 0.5 if variant == "alice" else 0.0,
        },
    }
    if variant == "smoke":
        config["world"] |= {"num_steps": 16, "bob_steps": 4}
        config["evals"]["holdout"]["bob_steps"] = 2
    return ConfigDict(config)


def sweep(add) -> None:
    """All worlds."""
    for variant in _WORLDS:
        if variant != "smoke":
            add(variant)
