"""Data in splits, one a seed: each seed learns and is tested on its own, and no other number of seeds will do."""

import jax
import numpy as np
import pytest

import experiments
from experiments import data as data_sets
from experiments import registry
from experiments.data import Part, PerSeed
from launch.clock import Clock
from launch.programs import programs

NUM_SPLITS, SPREAD = 3, 50


def draw_data(data_dir, *, splits=range(NUM_SPLITS)):
    """Targets that are a multiple of the first input, which tells the splits apart. No two numbers agree."""
    del data_dir
    x, x_test = np.random.default_rng(0).normal(size=(2, NUM_SPLITS, SPREAD, 2)).astype(np.float32)
    slopes = np.array([1.0, -2.0, 3.0], np.float32)[:, None, None]
    parts = (Part(inputs[list(splits)], (slopes * inputs[..., :1])[list(splits)]) for inputs in (x, x_test))
    return PerSeed(*parts)


def build(monkeypatch, **settings):
    monkeypatch.setitem(registry.KINDS["data"].names, "splits", draw_data)
    net = {"name": "mlp", "features": (), "num_classes": 1}
    config = {
        "data": {"name": "splits", **settings},
        "world": {"name": "real", "batch_size": 10},
        "learner": {"name": "sgd_regressor", "net": net, "tx": {"name": "adam", "learning_rate": 0.1}},
        "evals": ("regression",),
    }
    return experiments.plan(config)


def test_every_seed_has_its_split(monkeypatch):
    together = programs(build(monkeypatch), 5, NUM_SPLITS, Clock())
    run, metrics, _ = together.advance(0, together.begin(), 100)
    assert metrics["train/mse"].shape == (NUM_SPLITS,)
    probed, _ = together.evaluate(100, run)
    assert np.all(probed["eval/mse"] < 0.05)  # one line through all splits would leave more than half
    alone = programs(build(monkeypatch, splits=(1,)), 6, 1, Clock())
    run_alone, _, _ = alone.advance(0, alone.begin(), 100)
    for leaf, expected in zip(jax.tree.leaves(run), jax.tree.leaves(run_alone), strict=True):
        np.testing.assert_allclose(leaf[1], expected[0], rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize("num_seeds", [1, 2, 4])
def test_another_number_of_seeds_is_refused(monkeypatch, num_seeds):
    with pytest.raises(ValueError, match=f"num_seeds={num_seeds} must be 3: every split of the data is one seed's"):
        programs(build(monkeypatch), 0, num_seeds, Clock())


def test_splits_are_checked_as_other_data_are():
    data = draw_data(None)
    data.train.y[1, 7] = np.nan
    with pytest.raises(ValueError, match="NaN or infinite y in 1 of 150 samples"):
        data_sets.check(data)
