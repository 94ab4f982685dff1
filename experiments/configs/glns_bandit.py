"""Contextual bandits: the cumulative regret of one pass, for GLCB and two plain players (Sezener 2020).

    python -m launch.train --config=experiments/configs/glns_bandit.py:adult --workdir=runs/adult --data_dir=DIR

DIR is the folder of bandit_adult.npz and the other bandits' files.

variant           player               seconds  eval/regret, mean ± std of 10 seeds
adult             GLCB                      11   869 ± 19
adult_linear      LinUCB                     4   878 ± 12
adult_neural      neural greedy              2  1021 ± 102
covertype         GLCB and ridge             9  1665 ± 43
covertype_linear  LinUCB                     4  1647 ± 45
covertype_neural  neural greedy              2  2040 ± 166
statlog           GLCB                      14   163 ± 20
statlog_linear    LinUCB                     2   404 ± 17
statlog_neural    neural greedy              2   487 ± 186
stock             GLCB and ridge            11    63 ± 6
stock_linear      LinUCB                     6    67 ± 11
stock_neural      neural greedy              1   842 ± 257
smoke             GLCB, 20 steps             5

Regret is against the best arm of each context in hindsight. "and ridge": each arm's ridge regression is an input of its
networks and their first prediction. Seconds are of the whole run on a CPU, some with programs compiled before.
"""

from ml_collections import ConfigDict

NUM_CONTEXTS = {"adult": 5000, "covertype": 5000, "statlog": 5000, "stock": 3713}
NUM_ARMS = {"adult": 2, "covertype": 7, "statlog": 7, "stock": 8}


def get_config(variant: str = "adult") -> ConfigDict:
    """The config of a variant: a bandit, and who plays at it."""
    players = {"": glcb, "_linear": linear, "_neural": neural}
    variants = {f"{bandit}{name}": (bandit, player) for bandit in NUM_ARMS for name, player in players.items()}
    variants["smoke"] = variants["statlog"]
    if variant not in variants:
        raise ValueError(f"no variant {variant!r}; there are {', '.join(variants)}")
    bandit, player = variants[variant]
    num_steps, log_every, num_seeds = (20, 10, 2) if variant == "smoke" else (NUM_CONTEXTS[bandit], 100, 10)
    return ConfigDict(
        {
            "seed": 0,
            "num_seeds": num_seeds,
            "num_steps": num_steps,
            "log_every": log_every,
            "eval_every": log_every,
            "checkpoint_every": 10 * log_every,
            "log_metrics": ("eval/regret",),
            "evals": ("regret",),
            "data": {"name": "bandit", "set": bandit},
            "world": {"name": "bandit"},
            "learner": player(bandit),
        }
    )


def glcb(bandit: str) -> dict:
    """GLCB: on the features alone, or beside the ridge regression of each arm."""
    best = {
        "covertype": {
            "sizes": (20, 1),
            "num_half_spaces": 6,
            "reward_range": (-0.5, 1.5),
            "learning_rate": 0.04,
            "learning_rate_decay": 30.0,
            "ridge": 3.0,
        },
        "stock": {
            "num_half_spaces": 1,
            "reward_range": (-20.0, 20.0),
            "exploration": 0.02,
            "learning_rate": 0.01,
            "learning_rate_decay": 30.0,
            "epsilon": 0.01,
            "ridge": 0.1,
        },
    }
    return {
        "name": "glns_bandit",
        "num_arms": NUM_ARMS[bandit],
        "sizes": (20, 10, 1),
        "num_half_spaces": 3,
        "reward_range": (0.0, 1.0),
        "tree_depth": 1,
        "exploration": 0.003,
        "logit_scale": 1.0,
        "offset_scale": 1.0,
        "learning_rate": 0.03,
        "learning_rate_decay": 3.0,
        "feature_epsilon": 0.01,
        "feature_bound": 3.0,
        "epsilon": 0.05,
        "weight_bound": 200.0,
        "clip_rule": "margin",
        "ridge": None,
        **best.get(bandit, {}),
    }


def linear(bandit: str) -> dict:
    """LinUCB, with the best setting of each bandit."""
    best = {"adult": (0.0, 3.0), "covertype": (0.0, 3.0), "statlog": (0.1, 0.1), "stock": (0.03, 0.03)}
    exploration, ridge = best[bandit]
    return {"name": "linear_bandit", "num_arms": NUM_ARMS[bandit], "exploration": exploration, "ridge": ridge}


def neural(bandit: str) -> dict:
    """Neural greedy, with the best setting of each bandit."""
    wide, narrow = (100, 100), (50,)
    best = {
        "adult": (narrow, 0.001, 0.0),
        "covertype": (wide, 0.001, 0.01),
        "statlog": (wide, 0.001, 0.01),
        "stock": (narrow, 0.003, 0.01),
    }
    features, learning_rate, epsilon = best[bandit]
    return {
        "name": "neural_bandit",
        "net": {"name": "mlp", "features": features, "num_classes": NUM_ARMS[bandit]},
        "tx": {"name": "adam", "learning_rate": learning_rate},
        "epsilon": epsilon,
    }


def sweep(add) -> None:
    """Every player at every bandit."""
    for bandit in NUM_ARMS:
        for player in ("", "_linear", "_neural"):
            add(f"{bandit}{player}")
