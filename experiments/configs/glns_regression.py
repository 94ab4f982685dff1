"""Gaussian GLNs on the UCI regression sets and the SARCOS arm, beside a linear model and an SGD network (Budden 2020).

    python -m launch.train --config=experiments/configs/glns_regression.py:yacht --workdir=runs/yacht --data_dir=DIR

DIR holds the sets' folders (SET/data/data.txt and the indices of its splits), for sarcos sarcos_inv_test.mat.

variant           passes  seconds  rmse: GLN      linear         SGD            nats: GLN     linear        SGD
bostonHousing     40      134      3.3±1.0        4.60±0.96      2.88±0.83      2.77±0.15     2.98±0.23     2.75±0.73
concrete          40      228      5.65±0.63      10.33±0.66     5.24±0.58      3.274±0.050   3.757±0.063   3.23±0.24
energy            40      119      1.48±0.24      3.08±0.25      0.71±0.16      1.953±0.069   2.551±0.087   1.11±0.23
kin8nm            10      60       0.1168±0.0032  0.2030±0.0042  0.0808±0.0045  -0.715±0.022  -0.175±0.021  -1.092±0.059
power-plant       10      86       4.22±0.21      4.65±0.13      4.23±0.22      2.911±0.031   2.956±0.030   2.863±0.056
wine-quality-red  40      188      0.627±0.060    0.658±0.036    0.673±0.061    1.43±0.31     1.002±0.055   1.28±0.24
yacht             40      57       3.9±1.3        8.9±1.2        2.34±0.97      2.86±0.21     3.62±0.14     2.38±0.29
sarcos            10      77       2.29±0.12      3.44±0.12      2.71±0.18      11.992±0.092  14.78±0.13    12.04±0.43
smoke             1                yacht, two splits

Errors on the test splits: mean ± std of the 20 customary splits (sarcos: 5 at random), one a seed; rmse in the units of
the target, nats a sample. The SGD network has the hidden sizes, and so about the active weights, of the GLN; all three
learn from the same batches. Seconds are of the whole run on one shared core, about half of it compiling.
"""

from ml_collections import ConfigDict

_SETS = {  # samples to learn from, passes, max_variance
    "bostonHousing": (455, 40, 0.3),
    "concrete": (927, 40, 0.25),
    "energy": (691, 40, 0.05),
    "kin8nm": (7373, 10, 0.25),
    "power-plant": (8611, 10, 0.1),
    "wine-quality-red": (1439, 40, 1.0),
    "yacht": (277, 40, 0.1),
    "sarcos": (3559, 10, 0.1),
    "smoke": (277, 1, 0.1),
}
_BATCH_SIZE, _HIDDEN = 32, (128, 32)


def get_config(variant: str = "concrete") -> ConfigDict:
    """The config of a set."""
    if variant not in _SETS:
        raise ValueError(f"no variant {variant!r}; there are {', '.join(_SETS)}")
    num_train, num_epochs, max_variance = _SETS[variant]
    log_every = max(1, num_epochs * num_train // _BATCH_SIZE // 10)
    num_splits = {"smoke": 2, "sarcos": 5}.get(variant, 20)
    data = {"name": "uci_regression", "set": "yacht" if variant == "smoke" else variant}
    hidden, target_dim = ((8,) if variant == "smoke" else _HIDDEN), 1
    if variant == "sarcos":
        data, target_dim = {"name": "sarcos", "train_fraction": 0.8, "split_seed": 0}, 7
    return ConfigDict(
        {
            "seed": 0,
            "num_seeds": num_splits,
            "num_steps": 10 * log_every,
            "log_every": log_every,
            "eval_every": log_every,
            "checkpoint_every": 5 * log_every,
            "log_metrics": ("eval/rmse", "eval/loss", "eval/linear/rmse", "eval/sgd/rmse"),
            "evals": ("regression",),
            "data": {**data, "num_splits": num_splits},
            "world": {"name": "real", "batch_size": _BATCH_SIZE},
            "learner": {
                "name": "glns_regressor",
                "sizes": (*hidden, 1),
                "num_half_spaces": 4,
                "target_dim": target_dim,
                "offset_scale": 0.05,
                "learning_rate": 0.1,
                "learning_rate_decay": 0.2 * num_train,
                "projection": "signed",
                "step_rule": "damped",
                "min_variance": max_variance / 5,
                "max_variance": max_variance,
            },
            "baselines": {"linear": _descent((), target_dim), "sgd": _descent(hidden, target_dim)},
        }
    )


def _descent(features, target_dim):
    return {
        "name": "sgd_regressor",
        "net": {"name": "mlp", "features": features, "num_classes": target_dim},
        "tx": {"name": "adam", "learning_rate": 0.01},
    }


def sweep(add) -> None:
    """Every set."""
    for variant in _SETS:
        if variant != "smoke":
            add(variant)
