"""Gaussian GLNs on regression sets, beside a linear model and an SGD network."""

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
            "probe_every": 5 * log_every,
            "checkpoint_every": 5 * log_every,
            "show": ("probe/rmse", "probe/nats", "probe/linear/rmse", "probe/sgd/rmse"),
            "probes": ("regression",),
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
                "space": "signed",
                "step": "damped",
                "min_variance": max_variance / 5,
                "max_variance": max_variance,
            },
            "rivals": {"linear": _descent((), target_dim), "sgd": _descent(hidden, target_dim)},
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
