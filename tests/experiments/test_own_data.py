"""Runs on files of one's own: a table and an archive of arrays, learned by GLNs and by SGD."""

import json

import jax
import numpy as np
import pytest
from ml_collections import ConfigDict

from experiments import registry
from experiments.data import Data, Part
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
        "eval_every": 60,
        "checkpoint_every": 60,
        "log_metrics": (),
        "evals": (probe,),
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
    assert summary(folder, learner, data, "classification")["eval/test_error"] < 0.15


@pytest.mark.parametrize(
    ("data", "learner"),
    [
        (COSTS, {"name": "glns_regressor", **GLNS}),
        ({"name": "npz", "file": "costs.npz"}, descent("sgd_regressor", 1)),
    ],
)
def test_a_regressor_learns_them(folder, data, learner):
    """The variance of the costs is 1.7."""
    assert summary(folder, learner, data, "regression")["eval/mse"] < 0.4


@pytest.mark.parametrize("world", [{"name": "real"}, {"name": "paired", "num_samples": 8}], ids=str)
def test_bytes_are_learned_from_as_they_are_tested_on(world):
    """Pixels from -1 to 1, whichever world shows them."""
    pixels, labels = np.random.default_rng(0).integers(0, 256, (8, 3), np.uint8), np.arange(8, dtype=np.int32)
    data = Data(Part(pixels, labels), Part(pixels, labels))
    made = registry.build("world", {**world, "batch_size": 8}, data)
    _, (x, y) = made.draw(jax.random.key(0), made.data, made.init(jax.random.key(0), made.data), None)
    np.testing.assert_allclose(x, pixels[y] / 127.5 - 1, atol=1e-6)
