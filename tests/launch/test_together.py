"""Runs of one program: each leaves what it leaves by itself, wherever it begins and whatever becomes of the others."""

import json

import pytest
from ml_collections import ConfigDict

from launch import packing
from launch.cli import UserError
from launch.jobs import Job
from launch.train import train, train_together

MLP = "experiments/configs/sgd_digits.py:smoke"
# Least squares. `twice` and `batch_size` decide what is computed, `shown` which samples there are.
MINE = """
import jax
import jax.numpy as jnp
import numpy as np
from matplotlib.figure import Figure


def data(data_dir):
    x = np.arange(24, dtype=np.float32).reshape(12, 2) / 24
    part = x, (x[:, 0] > 0.5).astype(np.int32)
    return part, part


def world(data, *, batch_size, shown=1):
    def draw(key, arrays, state, act):
        return state, tuple(array[:batch_size] for array in arrays)

    return tuple(array * shown for array in data.train), lambda key, arrays: jnp.zeros(()), draw


def learner(*, rate, decay, twice=False):
    if isinstance(rate, float) and rate < 0:
        raise ValueError(f"rate must be positive, got {rate}")

    def update(key, w, batch):
        x, y = batch
        for _ in range(2 if twice else 1):
            w = decay * w - rate * x.T @ (x @ w - jax.nn.one_hot(y, 2))
        return w, {"size": jnp.abs(w).mean()}

    return lambda key, example: jax.random.normal(key, (2, 2)), update, lambda w, x: jax.nn.log_softmax(x @ w)


def of_rate(runs):
    (run,) = runs
    if run == "a":
        raise ValueError("not for a")
    return Figure()
"""
RATES = {"a": 0.1, "b": 0.3}


def config_of(rate=0.1, num_steps=4, seed=0, execution=None, grid=None, **changes):
    every = {"log_every": 2, "eval_every": 2, "checkpoint_every": 2}
    world = {"name": "mine:world", "batch_size": 4}
    settings = {
        "num_steps": num_steps,
        "num_seeds": 2,
        "seed": seed,
        "log_metrics": (),
        "evals": ("classification",),
        "data": {"name": "mine:data"},
        "world": {**world, **{key: changes.pop(key) for key in ("batch_size", "shown") if key in changes}},
        "learner": {"name": "mine:learner", "rate": rate, "decay": 0.9, **changes},
    }
    settings |= {"execution": execution} if execution else {}
    settings |= {"grid": grid} if grid else {}
    return ConfigDict({**every, **settings}).lock()


@pytest.fixture(autouse=True)
def mine(tmp_path, monkeypatch):
    (tmp_path / "mine.py").write_text(MINE)
    monkeypatch.syspath_prepend(tmp_path)


def left(workdir):
    """What a run says of itself, to the bit."""
    summary = json.loads((workdir / "summary.json").read_text())
    return summary["fingerprint"], (workdir / "metrics.jsonl").read_bytes(), (workdir / "config.json").read_bytes()


def together(tmp_path, **configs):
    return train_together([Job(config, tmp_path / name, [name]) for name, config in configs.items()])


@pytest.mark.parametrize("execution", ["vmap", "sequential"])
def test_each_leaves_what_it_leaves_by_itself(tmp_path, execution):
    grid = {cell: {"learner": {"decay": decay}} for cell, decay in (("fast", 0.5), ("slow", 0.9))}
    configs = {
        name: config_of(rate, seed=seed, execution=execution, grid=grid)
        for name, rate, seed in (("a", 0.1, 0), ("b", 0.3, 0), ("c", 0.1, 7))
    }
    assert together(tmp_path, **configs)
    for name in ("a", "c"):
        train(configs[name], tmp_path / "alone" / name)
        assert left(tmp_path / name) == left(tmp_path / "alone" / name)
    assert left(tmp_path / "a")[0] != left(tmp_path / "b")[0]
    launch = json.loads((tmp_path / "b" / "run.json").read_text())
    assert launch["argv"] == ["b"]
    assert launch["together_with"] == [str(tmp_path / "a"), str(tmp_path / "c")]


def test_a_run_that_is_ahead_waits_for_the_others_and_all_go_on(tmp_path):
    train(config_of(0.1, 4), tmp_path / "ahead")
    for num_steps in (8, 10):
        configs = {"ahead": config_of(0.1, num_steps), "new": config_of(0.3, num_steps)}
        together(tmp_path, **configs)
    for name, config in configs.items():
        train(config, tmp_path / "alone" / name)
        assert left(tmp_path / name) == left(tmp_path / "alone" / name)


def test_a_run_that_diverges_leaves_and_the_others_go_on(tmp_path, capsys):
    configs = {"bad": config_of(1e30), "good": config_of(0.3)}
    with pytest.raises(UserError, match=f"1 of 2 runs stopped or lack something: {tmp_path / 'bad'}"):
        together(tmp_path, **configs)
    train(configs["good"], tmp_path / "alone")
    assert left(tmp_path / "good") == left(tmp_path / "alone")
    assert not (tmp_path / "bad" / "summary.json").exists()
    assert json.loads((tmp_path / "bad" / "run.json").read_text())["stopped"].startswith("step 2: ")
    assert f"{tmp_path / 'bad'}: stopped at step 2: " in capsys.readouterr().err


def test_a_run_that_lacks_a_figure_keeps_no_other_from_being_finished(tmp_path, capsys):
    configs = {name: ConfigDict({**config_of(rate), "figures": ("mine:of_rate",)}) for name, rate in RATES.items()}
    with pytest.raises(UserError, match=f"1 of 2 runs stopped or lack something: {tmp_path / 'a'}"):
        together(tmp_path, **configs)
    assert (
        "a is finished, but without figure mine:of_rate (figure mine:of_rate: not for a); the same"
        in capsys.readouterr().err
    )
    assert json.loads((tmp_path / "a" / "summary.json").read_text())["missing"]
    assert "missing" not in json.loads((tmp_path / "b" / "summary.json").read_text())


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"batch_size": 8}, "one of world.batch_size decides what is computed"),
        ({"num_steps": 6}, "num_steps is 4 in one and 6 in another"),
        ({"grid": {"one": {}}}, "grid is None in one and {'one': {}} in another"),
        ({"shown": 2}, "a number decides which samples a world is made of"),
    ],
)
def test_runs_that_differ_otherwise_are_refused(tmp_path, changes, message):
    with pytest.raises(UserError, match=message):
        together(tmp_path, a=config_of(shown=1, batch_size=4), b=config_of(**{"shown": 1, **changes}))
    assert not (tmp_path / "a").exists()


def test_other_flags_are_the_same_for_all(refused, tmp_path):
    one, other = ([f"--config={MLP}", f"--workdir={tmp_path / name}"] for name in "ab")
    message = "--matmul_precision must be the same for runs of one program"
    refused(message, "launch.train", *one, "--", *other, "--matmul_precision=float32")
    again = [one[0], f"--workdir={tmp_path / 'b' / '..' / 'a'}"]
    refused("is given to two runs; each needs a folder", "launch.train", *one, "--", *other, "--", *again)


def packed(configs, most=None):
    groups, reasons = packing.packed({name: config.to_dict() for name, config in configs.items()}, None, most)
    return sorted("".join(group) for group in groups), reasons


def test_runs_are_packed_by_what_they_compute():
    configs = {
        "a": config_of(0.1),
        "b": config_of(0.3, seed=3),
        "c": config_of(0.1, batch_size=8),
        "d": config_of(0.3, batch_size=8),
        "e": config_of(0.1, twice=True),
        "f": config_of(0.1, num_steps=6),
        "g": config_of(1),
    }
    part = "world.batch_size decides what is computed: runs that differ in it are apart"
    assert packed(configs) == (["abg", "cd", "e", "f"], [part])
    assert packed(configs, most=2) == (["ab", "cd", "e", "f", "g"], [part])


def test_runs_that_cannot_be_tried_are_apart(tmp_path):
    configs = {name: ConfigDict({**config_of(rate).to_dict(), "nope": 1}) for name, rate in (("a", 0.1), ("b", 0.3))}
    groups, lines = packed(configs)
    assert groups == ["a", "b"]
    assert [line.split(";")[0] for line in lines] == ["a: config.nope: no such key", "b: config.nope: no such key"]


def test_a_run_that_cannot_be_parts_no_others():
    groups, reasons = packed({"a": config_of(0.1), "b": config_of(-1.0), "c": config_of(0.3)})
    assert groups == ["ac", "b"]
    assert reasons == ["b: rate must be positive, got -1.0"]
