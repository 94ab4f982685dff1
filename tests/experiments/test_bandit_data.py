"""Bandit tables, and the way of the regret from the world into the evals."""

import jax
import numpy as np
import pytest

import bootstrap
import experiments
from experiments import evaluation
from experiments.data import bandit


@pytest.fixture
def folder(tmp_path):
    """A folder with a small bandit: 12 contexts, 3 arms."""
    rng = np.random.default_rng(0)
    np.savez(tmp_path / "bandit_adult.npz", a0=rng.normal(size=(12, 2)), a1=rng.uniform(size=(12, 3)))
    return tmp_path


def test_a_table(folder):
    data = bandit(str(folder), set="adult", num_contexts=7)
    with np.load(folder / "bandit_adult.npz") as arrays:
        np.testing.assert_allclose(data.train.x, arrays["a0"][:7], rtol=1e-6)
        np.testing.assert_allclose(data.train.y, arrays["a1"][:7], rtol=1e-6)
    assert (data.train.x.dtype, data.train.y.dtype) == (np.float32, np.float32)
    assert len(bandit(str(folder), set="adult").train.x) == 12


def test_what_is_not_there_is_refused(folder):
    with pytest.raises(ValueError, match=r"no data\.set named 'wheel'; there are adult, covertype, statlog, stock"):
        bandit(str(folder), set="wheel")
    with pytest.raises(FileNotFoundError, match=r"no .*bandit_stock.npz; --data_dir names the folder"):
        bandit(str(folder), set="stock")
    with pytest.raises(ValueError, match="num_contexts must be 1 to 12, got 13"):
        bandit(str(folder), set="adult", num_contexts=13)


def test_the_eval_is_the_regret_of_the_run(folder):
    config = {
        "evals": ("regret",),
        "data": {"name": "bandit", "set": "adult"},
        "world": {"name": "bandit"},
        "learner": {"name": "linear_bandit", "num_arms": 3, "exploration": 0.0, "ridge": 1.0},
    }
    plan = experiments.plan(config, str(folder))
    experiment = plan.stages[0].experiment({})
    key = jax.random.key(0)
    run = bootstrap.begin(key, experiment.learner, experiment.world)
    run, metrics = bootstrap.advance(key, experiment.learner, experiment.world, run, 12)
    best = bandit(str(folder), set="adult").train.y.max(axis=1).sum()
    measured = evaluation.measure(plan.evals, experiment.views(run, experiment.world.data, plan.test))
    assert list(measured) == ["regret"]
    np.testing.assert_allclose(measured["regret"], best - metrics["reward"].sum(), rtol=1e-5)
