"""Runs on files of one's own: a table and an archive of arrays, learned by GLNs and by SGD."""

import json

import numpy as np
import pytest
from ml_collections import ConfigDict

from launch.train import train

CLASSES = {"name": "csv", "train": "things.csv", "target": "class", "drop": ("cost",)}
COSTS = {"name": "csv", "train": "things.csv", "target": "cost", "drop": ("class",)}
GLNS = {"sizes": (4, 1), "num_half_spaces": 2, "learning_rate": 0.1}
ADAM = {"name": "adam", "learning_rate": 0.1}


def descent(name, num_outputs):
    return {"name": name, "net": {"name": "mlp", "features": (), "num_classes": num_outputs}, "tx": ADAM}


@pytest.fixture
def folder(tmp_path):
    """Weights and colours, whose sum tells what costs more than 3, and what it costs."""
    rng = np.random.default_rng(0)
    weights, colours = rng.normal(size=200), rng.integers(0, 3, 200)
    costs = 2 + weights + colours
    names = np.array(["amber", "blue", "cyan"])[colours]
    classes = np.where(costs > 3, "dear", "cheap")
    rows = [",".join(map(str, row)) for row in zip(weights, names, costs, classes, strict=True)]
    (tmp_path / "things.csv").write_text("\n".join(["weight,colour,cost,class", *rows]))
    x = np.column_stack([weights, colours])
    np.savez(tmp_path / "classes.npz", x_train=x, y_train=(costs > 3).astype(int))
    np.savez(tmp_path / "costs.npz", x_train=x[:160], y_train=costs[:160], x_test=x[160:], y_test=costs[160:])
    return tmp_path


def summary(folder, learner, data, probe):
    """What a run of 60 batches of 16 leaves."""
    config = {
        "seed": 0,
        "num_seeds": 1,
        "num_steps": 60,
        "log_every": 30,
        "probe_every": 60,
        "checkpoint_every": 60,
        "show": (),
        "probes": (probe,),
        "data": data,
        "world": {"name": "real", "batch_size": 16},
        "learner": learner,
    }
    train(ConfigDict(config).lock(), folder / "run", str(folder))
    return json.loads((folder / "run" / "summary.json").read_text())


@pytest.mark.parametrize(
    ("data", "learner"),
    [
        (CLASSES, {"name": "glns", "num_classes": 2, **GLNS}),
        (CLASSES, descent("sgd", 2)),
        ({"name": "npz", "file": "classes.npz"}, descent("sgd", 2)),
    ],
)
def test_a_classifier_learns_them(folder, data, learner):
    assert summary(folder, learner, data, "classification")["probe/test_error"] < 0.15


@pytest.mark.parametrize(
    ("data", "learner"),
    [
        (COSTS, {"name": "glns_regressor", **GLNS}),
        ({"name": "npz", "file": "costs.npz"}, descent("sgd_regressor", 1)),
    ],
)
def test_a_regressor_learns_them(folder, data, learner):
    """The variance of the costs is 1.7."""
    assert summary(folder, learner, data, "regression")["probe/mse"] < 0.4
