"""Is an automatic curriculum an ideal world? Bob learns from few goals, from fresh ones, or from Alice's.

    python -m launch.sweep --config=experiments/configs/self_play_curriculum.py --workdir=runs/self_play_curriculum
    python -m launch.plot runs/self_play_curriculum/* --out=runs/figures

variant    Bob's goals                                                after 40 updates        after 80
tasks_4    one of 4 tables and uniform goals, again and again       0.989    0.371    0.999    0.423
tasks_16   of 16                                                    0.808    0.696    0.994    0.851
tasks_64   of 64                                                    0.718    0.780    0.986    0.958
tasks_256  of 256                                                   0.669    0.763    0.962    0.948
fresh      uniform goals, each a new one                            0.566    0.756    0.975    0.967
curriculum such goals, but only part of the way there, ever farther 0.873    0.673    0.965    0.963
replay     where Bob's objects ended in earlier turns               0.312    0.621    0.930    0.950
mega       of these where they were least often, if in his reach  0.664    0.707    0.848    0.879
sfl        goals that Bob may reach or not, by his latest turns     0.595    0.714    0.967    0.967
alice      Alice's, each from a new table                           0.515    0.534    0.882    0.843
smoke      `tasks_4`, cut to 2 updates of 8 games

Of one seed: the fraction that Bob reaches of the goals that he trains on (train/bob_success, the mean of ten updates),
then the fraction that he solves of the holdout's (eval/holdout_success, within 60 steps; each lies within .06 with 95 %
of 128 games). A run takes 60 to 90 seconds of a fast core, `mega` two. replay, mega and sfl are `self_play/sources.py`.
The second command draws experiments/gallery/self_play_worlds.png: of 4 tasks he learns all and solves .42 of others, 64
are as good as ever new ones. With one puck and this budget all teachers are level at .95 to .97 but MEGA and Alice, who
learns as well and takes a third of the steps.
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
