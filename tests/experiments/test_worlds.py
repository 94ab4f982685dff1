"""A data set that is too large for the device: both worlds see the rows that they should, however many are read."""

import contextlib
import json

import jax
import numpy as np
import pytest
from ml_collections import ConfigDict

import bootstrap
import experiments
import launch.train
from experiments import evaluation
from experiments.data import kinds
from launch import signals
from launch.train import train

PER_PART, BATCH = 7, 4
RNG = np.random.default_rng(0)
X = RNG.integers(0, 256, size=(6 * PER_PART, 32, 32, 3), dtype=np.uint8)
Y = RNG.integers(0, 10, size=6 * PER_PART)


@pytest.fixture
def folder(tmp_path):
    for part in range(6):
        rows = slice(part * PER_PART, (part + 1) * PER_PART)
        np.savez(tmp_path / f"part{part}.npz", X=X[rows], Y=Y[rows])
    return str(tmp_path)


def config(num_samples=10, num_steps=8, log_every=1, **world):
    return {
        "num_steps": num_steps,
        "log_every": log_every,
        "data": {"name": "cifar5m", "num_train": 10, "num_test": 6, "num_per_part": PER_PART},
        "world": {"name": "paired", "batch_size": BATCH, "num_samples": num_samples, **world},
        "evals": ("classification", "training"),
        "learner": {
            "name": "sgd",
            "net": {"name": "mlp", "features": (), "num_classes": 10},
            "tx": {"name": "sgd", "learning_rate": 0.1},
        },
    }


def build_first(settings, folder):
    """The experiment of the first cell."""
    return experiments.plan(settings, folder).stages[0].experiment({})


def shown(world, num_read):
    """All that eight steps show, of which the rows of num_read are read at once: x [32, 32, 32, 3], y [32]."""
    state, batches = world.init(jax.random.key(0), world.data), []
    draw = jax.jit(world.draw, static_argnums=3)
    for step in range(0, 8, num_read):
        data = world.read_rows(world.data, step, num_read)
        for _ in range(num_read):
            state, batch = draw(jax.random.key(0), data, state, None)
            batches.append(batch)
    return tuple(np.concatenate(arrays) for arrays in zip(*batches, strict=True))


def which(x, y):
    """The row that each image is."""
    rows = np.abs(x[:, None] - (X[None] / 127.5 - 1)).max((2, 3, 4)).argmin(axis=1)
    np.testing.assert_allclose(x, X[rows] / 127.5 - 1, atol=1e-6)
    np.testing.assert_array_equal(y, Y[rows])
    return rows


@pytest.mark.parametrize("num_read", [1, 2, 8])
def test_the_ideal_world_is_one_pass(folder, num_read):
    ideal = build_first(config(num_samples=bootstrap.UNLIMITED), folder)
    np.testing.assert_array_equal(which(*shown(ideal.world, num_read)), np.arange(32))


@pytest.mark.parametrize("num_read", [1, 8])
def test_the_real_world_is_the_first_rows_again_and_again(folder, num_read):
    rows = which(*shown(build_first(config(num_samples=6), folder).world, num_read))
    np.testing.assert_array_equal(rows[:6], np.arange(6))
    for epoch in range(1, 5):
        np.testing.assert_array_equal(np.sort(rows[6 * epoch : 6 * epoch + 6]), np.arange(6))


def test_no_more_is_read_than_the_steps_show(folder):
    world = build_first(config(), folder).world
    data = world.read_rows(world.data, 3, 2)
    assert data.present.x.shape == (2 * BATCH, 32, 32, 3)
    np.testing.assert_array_equal(data.present.x, X[12:20])
    assert data.start == 12


def test_train_evals_see_the_real_samples(folder):
    plan = experiments.plan(config(num_samples=4), folder)
    experiment = plan.stages[0].experiment({})
    run = bootstrap.begin(jax.random.key(0), experiment.learner, experiment.world)
    measure = jax.jit(lambda run, data: evaluation.measure(plan.evals, experiment.views(run, data, plan.test)))
    measured = measure(run, experiment.world.data)
    for kind, rows in {"train": slice(4), "test": slice(35, 41)}.items():
        log_probabilities = experiment.learner.predict(run.learner, (X[rows] / 127.5 - 1).astype(np.float32))
        loss = -log_probabilities[np.arange(len(Y[rows])), Y[rows]].mean()
        np.testing.assert_allclose(measured[f"{kind}_loss"], loss, rtol=1e-5)


def test_what_could_not_be_fresh_is_refused(folder):
    with pytest.raises(ValueError, match="9 steps are too many to be fresh: no samples 32 to 35: the files hold 35"):
        experiments.plan(config(num_steps=9), folder)
    with pytest.raises(ValueError, match=r"num_samples must be 1 to 10, as many as data.num_train keeps for the real"):
        experiments.plan(config(num_samples=11), folder)
    few = config(num_samples=5)
    few["data"]["num_train"] = 5
    with pytest.raises(ValueError, match=r"data.num_train must be at least data.num_test"):
        experiments.plan(few, folder)
    with pytest.raises(ValueError, match="the world 'real' shows the rows of a data set in memory; this one is"):
        experiments.plan({**config(), "world": {"name": "real", "batch_size": 4}}, folder)


def test_what_is_read_at_once_is_at_most_2_gigabytes(folder):
    most = 2_000_000_000 // (BATCH * (32 * 32 * 3 + 4))
    experiments.plan(config(log_every=most), folder)
    with pytest.raises(ValueError, match=f"log_every must be at most {most}: the samples of that many steps are in me"):
        experiments.plan(config(log_every=most + 1), folder)


def test_bytes_become_numbers_from_minus_1_to_1():
    np.testing.assert_allclose(kinds.as_numbers(np.array([0, 51, 255], np.uint8)), [-1, -0.6, 1], atol=1e-7)
    assert kinds.as_numbers(np.array([3.0])) == 3


@pytest.mark.parametrize("how", ["stopped", "killed", "killed after a save by time"])
def test_a_run_goes_on_where_its_stream_was(folder, tmp_path, monkeypatch, how):
    """After a stop at step 6, which saves, and a death there, after which it goes on from the last save, step 4."""
    if how == "killed after a save by time":
        monkeypatch.setattr(launch.train, "_SAVE_SECONDS", -1.0)
        monkeypatch.setattr(launch.train, "_SAVE_FRACTION", float("inf"))
    schedule = {"seed": 1, "num_seeds": 1, "log_every": 2, "eval_every": 2, "checkpoint_every": 4, "log_metrics": ()}
    cells = {"real": {"world": {"num_samples": 10}}, "ideal": {"world": {"num_samples": bootstrap.UNLIMITED}}}
    settings = ConfigDict({**config(), **schedule, "grid": cells}).lock()
    train(settings, tmp_path / "whole", folder)
    asked = []

    def stop():
        asked.append(1)
        if len(asked) == 4 and how != "stopped":
            raise KeyboardInterrupt
        return len(asked) == 4

    monkeypatch.setattr(signals, "stopping", lambda workdir: contextlib.nullcontext(stop))
    with pytest.raises(KeyboardInterrupt) if how != "stopped" else contextlib.nullcontext():
        train(settings, tmp_path / "again", folder)
    assert not (tmp_path / "again" / "summary.json").exists()
    train(settings, tmp_path / "again", folder)
    resumed = json.loads((tmp_path / "again" / "run.json").read_text())["resumed"]
    assert [one["step"] for one in resumed] == [4 if how == "killed" else 6]
    metrics = [(tmp_path / run / "metrics.jsonl").read_bytes() for run in ("whole", "again")]
    assert metrics[0] == metrics[1]
    prints = [json.loads((tmp_path / run / "summary.json").read_text())["fingerprint"] for run in ("whole", "again")]
    assert prints[0] == prints[1]


def test_a_stage_cannot_change_how_many_rows_a_step_reads(folder):
    stages = ({"from_step": 2, "world": {"batch_size": 2}},)
    with pytest.raises(ValueError, match=r"stages: of data that are read as they are needed world.batch_size stays"):
        experiments.plan({**config(), "stages": stages}, folder)
