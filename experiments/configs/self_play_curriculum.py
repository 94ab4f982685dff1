"""Is an automatic curriculum an ideal world? Bob learns from few goals, from fresh ones, or from Alice's.

    python -m launch.sweep --config=experiments/configs/self_play_curriculum.py --workdir=runs/self_play_curriculum
    python -m launch.plot runs/self_play_curriculum/* --out=runs/figures

variant    Bob's goals                                                after 40 updates        after 80
tasks_4    one of 4 tables and uniform goals, again and again       0.749    0.158    0.997    0.273
tasks_16   of 16                                                    0.164    0.086    0.824    0.536
tasks_64   of 64                                                    0.246    0.273    0.904    0.888
tasks_256  of 256                                                   0.190    0.235    0.916    0.917
fresh      uniform goals, each a new one                            0.113    0.135    0.722    0.781
alice      Alice's, each from a new table                           0.287    0.185    0.507    0.440
smoke      `tasks_4`, cut to 2 updates of 8 games

The columns are, twice, the share that Bob reaches of the goals he trains on and of the holdout's (train/bob_success,
the mean of ten updates; probe/holdout_success within 60 steps), of one seed. A run takes three to four minutes
on one core that others share. The second command draws experiments/gallery/self_play_worlds.png.

The real worlds are finite sets of tasks, the ideal one is fresh goals from the holdout's distribution. As in supervised
learning they part once a set is known by heart, the smaller the sooner: with 4 tasks after 40 updates, with 16 after
60; 64 and 256 have not parted from the ideal one within 80, and learned faster, which may be the seed. Alice's world is
neither: her goals are ever fresh, and for 30 updates teach more than any other's; then her Bob falls behind. He has 0.6
of the control steps where the others have nine tenths, and what she asks, 0.17 m away, is not what he is examined on,
0.25 m. `self_play_puck.py` gives her five goals an episode, and more time.
"""

from typing import Any

from ml_collections import ConfigDict

_WORLDS: dict[str, dict[str, Any]] = {
    **{f"tasks_{n}": {"goal_source": "uniform", "alice_steps": 4, "num_tasks": n} for n in (4, 16, 64, 256)},
    "fresh": {"goal_source": "uniform", "alice_steps": 4},
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
        "loop": "map",
        "probe_every": max(1, num_steps // 8),
        "checkpoint_every": num_steps // 2,
        "show": ("train/bob_success", "probe/holdout_success"),
        "probes": {"holdout": {"tasks": ("uniform",), "num_games": num_games // 2, "bob_steps": 60}},
        "data": {"name": "nothing"},
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
        config["probes"]["holdout"]["bob_steps"] = 2
    return ConfigDict(config)


def sweep(add) -> None:
    """All worlds."""
    for variant in _WORLDS:
        if variant != "smoke":
            add(variant)
