"""Contextual bandits: the cumulative regret of one pass, for GLCB and two plain players.

    python -m launch.train --config=experiments/configs/glns_bandit.py:adult --workdir=runs/glns_bandit/adult

variant           player               seconds  probe/regret, mean ± deviation of 10 seeds
adult             GLCB                      91   869 ± 19
adult_linear      LinUCB                    22   880 ± 23
adult_neural      neural greedy             41  1021 ± 102
covertype         GLCB                      72  1764 ± 35
covertype_linear  LinUCB                    23  1695 ± 110
covertype_neural  neural greedy             57  2040 ± 166
statlog           GLCB                      45   163 ± 20
statlog_linear    LinUCB                    10   394 ± 25
statlog_neural    neural greedy             24   487 ± 186
stock             GLCB                      42   931 ± 97
stock_linear      LinUCB                    16    66 ± 9
stock_neural      neural greedy             29   842 ± 257
smoke             GLCB, 20 steps            25

--data_dir names the folder of bandit_adult.npz and so on. Seconds are of the whole run on one busy CPU core, two thirds
of them compiling. Regret is against the best arm of each context in hindsight; on stock, against its expected reward,
it is 16 less for every player.

GLCB has less regret than both on statlog, and on adult, where its lead on LinUCB is within the spread of seeds. On
covertype LinUCB (greedy there: exploration 0) has 4 % less; on stock, whose rewards are linear, it has 14 times less,
and neural greedy is ahead too.

Settings were chosen by the regret of one or two other seeds, 100 and 101. LinUCB: the best of 12 for each bandit
(exploration 0, 0.03, 0.1, 0.3; ridge 1, 10, 100). Neural: the best of 18 for each (two widths; rate 0.0003, 0.001,
0.003; epsilon 0, 0.01, 0.05). GLCB: one setting for the three bandits of 0 and 1, of 129 tried on covertype, 40 on
adult and 24 on statlog, and one of 96 for stock: sizes, half-spaces, offset_scale, exploration, sharpness, rates,
epsilon, clip_rule, feature_bound, reward_range, tree_depth. So GLCB was searched more. More neurons or half-spaces,
sharpness -1 and trees of depth 3 (on stock 1302, where depth 1 had 1064) did not help.
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
            "probe_every": log_every,
            "checkpoint_every": 10 * log_every,
            "show": ("probe/regret",),
            "probes": ("regret",),
            "data": {"name": "bandit", "set": bandit},
            "world": {"name": "bandit"},
            "learner": player(bandit),
        }
    )


def glcb(bandit: str) -> dict:
    """GLCB: one setting for the rewards of 0 and 1, another for the real ones."""
    real = bandit == "stock"
    return {
        "name": "glns_bandit",
        "num_arms": NUM_ARMS[bandit],
        "sizes": (20, 10, 1),
        "num_half_spaces": 1 if real else 3,
        "reward_range": (-20.0, 20.0) if real else (0.0, 1.0),
        "tree_depth": 1,
        "exploration": 0.1 if real else 0.003,
        "sharpness": 1.0,
        "offset_scale": 1.0,
        "learning_rate": 0.1 if real else 0.03,
        "learning_rate_decay": 30.0 if real else 3.0,
        "feature_epsilon": 0.01,
        "feature_bound": 3.0,
        "epsilon": 0.01 if real else 0.05,
        "weight_bound": 200.0,
        "clip_rule": "margin",
    }


def linear(bandit: str) -> dict:
    """LinUCB, with the best setting of each bandit."""
    best = {"adult": (0.1, 10.0), "covertype": (0.0, 10.0), "statlog": (0.1, 1.0), "stock": (0.3, 1.0)}
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
