"""Simple mode: Bob learns to push a puck from Alice alone, and is asked for goals that he never saw.

    python -m launch.train --config=experiments/configs/self_play_puck.py --workdir=runs/self_play_puck

variant     what                                                        seconds  holdout_success after 30, 60, 90, 120
puck        PPO for both, and Bob clones Alice                              261  0.305  0.708  0.831  0.879
no_abc      PPO alone                                                       313  0.180  0.680  0.889  0.942
uniform     Bob alone, PPO: goals drawn over the whole table                334  0.083  0.457  0.866  0.964
curriculum  Bob alone, PPO: such goals, but only part of the way there      355  0.275  0.861  0.989  0.994
two         two pucks and longer turns                                  622  0.020  0.047  0.071  0.103
two_no_abc  the same without cloning                                    675  0.005  0.006  0.012  0.022
no_clip     ABC without its clip                                        205  0.293  0.633  0.821  0.901
no_filter   ABC of all valid goals, also of those that Bob reached      188  0.413  0.736  0.880  0.926
one_goal    one goal an episode                                         212  0.195  0.658  0.846  0.923
timestep    Alice is paid by how much longer Bob takes (Sukhbaatar)     188  0.293  0.645  0.859  0.881
past        a fifth of the episodes against past versions               208  0.376  0.716  0.897  0.923
quick       `puck`, half as long, one seed                              107  0.415  0.753
smoke       `puck`, cut to 2 updates of 8 games

probe/holdout_success is the share of the goals of the task `uniform` that Bob solves: the puck is to go to another
place of the grid on which episodes begin, within 100 control steps, up to five times, until he fails. A Bob who acts at
random solves none of 128 (probe/holdout_success_random). Means of 3 seeds, but `no_clip` to `past` are of one
(--config.num_seeds=1); those of `puck` end at 0.910, 0.830, 0.896. Seconds are of whole runs on 2 cores, from two pucks
on beside another program; a third of them compiling and films. A step is an update, after 128 control steps of each of
256 games: 32,768. `uniform` and `curriculum` were run with other random streams, by which `puck` ended at 0.925.

One puck needs neither cloning nor Alice: with cloning Bob is ahead of PPO alone for 60 updates and behind in the end.
Beside goals drawn over the whole table, of which chance reaches 1 in 100, Alice's teach four times as much in the first
30 updates, one and a half times in 60, and less in the last 30: of her goals he has then learned 0.82, and they are
0.18 m away; the table's are 0.25 m. A curriculum made by hand, which knows the holdouts' distribution, is the best
teacher all along. At equal control steps its Bob has twice as many: her turns only pass.

With two pucks and turns of 50 and 120 steps cloning decides, as in the paper: after 120 updates Bob reaches 0.40, 0.42
and 0.42 of Alice's goals with it, by seed, and 0.17, 0.21 and 0.22 without (experiments/gallery/cloning.png); of those
of `uniform`, with one puck, 0.10 and 0.02. The task of two pucks, probe/two_success, is hardly begun: 0.005 and 0.

`no_clip` to `past` end at 0.88 to 0.93, where `puck`'s seeds end at 0.83 to 0.91: one puck does not tell them apart.
One goal an episode begins slower, as in the paper, which finds no difference between Alice's rewards either.

A collapse shows in train/valid_goals (Alice moves nothing: longer turns for her), train/goal_direction (all her goals
lie on one side: more entropy_weight, or past versions), train/bob_entropy (he no longer tries: likewise) and
train/demo_fraction at 0 (nothing to clone). figures/curriculum.png has them; figures/payoff.png has the past versions
of one against those of the other, figures/arena.png an episode, and episode.html plays it.

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
    num_steps, log_every, num_games = {"smoke": (2, 1, 8), "quick": (60, 5, 256)}.get(variant, (120, 10, 256))
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
            "sequence_fraction": 0.6,
            "cloning_weight": 0.5,
            "pool_size": 4,
            "pool_every": max(1, num_steps // 4),
        },
    }
    for part, changes in _VARIANTS[variant].items():
        config[part] |= changes
    if variant.startswith("two"):
        config["probes"]["holdout"]["tasks"] = ("uniform", "two")
    if variant == "quick":
        config["files"], config["figures"] = ("episode",), {"arena": {}, "curriculum": {}}
    if variant == "smoke":
        config["world"] |= {"num_steps": 16, "alice_steps": 4, "bob_steps": 4}
        config["probes"]["holdout"]["bob_steps"] = 2
    return ConfigDict(config)
