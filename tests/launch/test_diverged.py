"""A learner that becomes non-finite stays as it was; the others end as they would without it, to the bit."""

import json

import pytest
from ml_collections import ConfigDict

from launch.cli import UserError
from launch.train import train

# A learner and a world that are NaN after two steps, in seeds 0 and 3 of the first four.
UNLUCKY = """
import jax
import jax.numpy as jnp


def count(state):
    number, unlucky = state
    return jnp.where(unlucky & (number >= 2), jnp.nan, number + 1), unlucky


def start(key):
    return jnp.zeros(()), jax.random.randint(key, (), 0, 2) == 0


def learner():
    def update(key, state, batch):
        state = count(state)
        return state, {"count": state[0]}

    return lambda key, example: start(key), update, lambda state, x: jnp.zeros((len(x), 3)) + state[0]


def world(data):
    def draw(key, arrays, state, act):
        return count(state), tuple(array[:4] for array in arrays)

    return tuple(data.train), lambda key, arrays: start(key), draw


def once(view):
    return {"once": jnp.where(view.learner[1] & (view.learner[0] == 6), jnp.nan, view.learner[0])}


def patient():
    init, update, predict = learner()

    def count(key, state, batch):
        return (state[0] + 1, state[1]), {"count": state[0]}

    return init, count, predict
"""
DATA = {"name": "csv", "train": "flowers.csv", "target": "kind", "test_fraction": 0.5}


@pytest.fixture
def run(tmp_path, monkeypatch):
    (tmp_path / "unlucky.py").write_text(UNLUCKY)
    rows = [f"{i % 5},{(3 * i) % 7},{'abc'[i % 3]}" for i in range(60)]
    (tmp_path / "flowers.csv").write_text("\n".join(["x,y,kind", *rows]))
    monkeypatch.syspath_prepend(tmp_path)

    def run(name, **changes):
        """-> (records, summary, bytes of the records)"""
        train(config_of(**changes).lock(), tmp_path / name, str(tmp_path))
        content = (tmp_path / name / "metrics.jsonl").read_bytes()
        lines = [json.loads(line) for line in content.splitlines()]
        return lines, json.loads((tmp_path / name / "summary.json").read_text()), content

    return run


def sgd(rate):
    net = {"name": "mlp", "features": (8,), "num_classes": 3}
    return {"name": "sgd", "net": net, "tx": {"name": "sgd", "learning_rate": rate}}


def config_of(**changes):
    every = {"log_every": 2, "eval_every": 2, "checkpoint_every": 4}
    settings = {
        "seed": 0,
        "num_seeds": 1,
        "num_steps": 8,
        **every,
        "log_metrics": (),
        "evals": ("classification",),
        "data": DATA,
        "world": {"name": "real", "batch_size": 4},
        "learner": sgd(0.03),
    }
    return ConfigDict({**settings, **changes})


def cells(**rates):
    return {name: {"learner": {"tx": {"learning_rate": rate}}} for name, rate in rates.items()}


def test_a_cell_that_diverges_leaves_the_others_as_they_are_without_it(run):
    lines, summary, _ = run("with", grid=cells(slow=0.01, bad=1e38, fast=0.1))
    without, _, _ = run("without", grid=cells(slow=0.01, fast=0.1))
    alone, _, _ = run("alone", learner=sgd(0.01))
    for line, other, of_one in zip(lines, without, alone, strict=True):
        assert {name: line[name] for name in other} == other
        own = {name: line[name.replace("/", "/slow/")] for name in of_one if name != "step"}
        assert all(own[name] == of_one[name] for name in own if name.startswith("train/"))
        assert own == pytest.approx({name: of_one[name] for name in own}, rel=1e-6)  # alone, the rate is a constant
    assert lines[0]["eval/bad/test_error"] > 0
    assert lines[1]["eval/bad/test_error"] is lines[1]["train/bad/loss"] is None
    assert "diverged/bad/num_seeds" not in lines[0]
    assert lines[1]["diverged/bad/num_seeds"] == 1
    assert summary["diverged_at"] == [{"member": "bad", "seed": 0, "step": 2}]


@pytest.mark.parametrize("who", ["learner", "world"])
def test_a_seed_that_diverges_is_left_out_of_the_mean(run, who, capsys):
    other = {"learner": sgd(0.1)} if who == "world" else {}
    lines, summary, _ = run("run", num_seeds=4, **other, **{who: {"name": f"unlucky:{who}"}})
    name, reason = {"world": ("train/loss", "the state holds NaNs"), "learner": ("train/count", "train/count is nan")}[
        who
    ]
    (said, *_) = [line for line in capsys.readouterr().out.split("\n") if line.startswith("seed ")]
    assert reason in said
    assert said.endswith("at step 4; it stays as it was, the others go on")
    first, last = lines[1], lines[-1]
    assert [value is None for value in first[f"{name}/seeds"]] == [False] * 4
    gone = [value is None for value in last[f"{name}/seeds"]]
    seeds = [value for value in last[f"{name}/seeds"] if value is not None]
    assert last["diverged/num_seeds"] == sum(gone) == 4 - len(seeds) > 0
    assert last[name] == pytest.approx(sum(seeds) / len(seeds))
    assert summary["diverged_at"] == [
        {"member": "", "seed": seed, "step": 4} for seed, is_gone in enumerate(gone) if is_gone
    ]


def test_a_baseline_that_diverges_leaves_the_learner_and_its_world(run):
    lines, summary, _ = run(
        "with", baselines={"good": sgd(0.1), "bad": sgd(1e38)}, evals={"agreement": {"members": ("", "bad")}}
    )
    without, _, _ = run("without", baselines={"good": sgd(0.1), "bad": sgd(1e-3)}, evals=())
    for line, other in zip(lines[1:], without[1:], strict=True):
        for name in ("train/loss", "train/good/loss"):
            assert line[name] == other[name]
        assert line["train/bad/loss"] is line["eval/agreement"] is None
        assert line["diverged/bad/num_seeds"] == 1
    assert summary["diverged_at"] == [{"member": "bad", "seed": 0, "step": 2}]


def test_stopped_and_resumed_it_is_the_same_run(run):
    grid = cells(good=0.1, bad=1e38)
    whole = run("whole", grid=grid)
    run("parts", grid=grid, num_steps=4)
    parts = run("parts", grid=grid)
    assert parts[2] == whole[2]
    assert all(parts[1][name] == whole[1][name] for name in ("fingerprint", "diverged_at"))


def test_what_is_measured_at_the_end_alone_decides_nothing_of_a_longer_run(run):
    """Seeds 0 and 3 are NaN in an eval of step 6, which a run of 8 steps does not measure."""
    changes = {"num_seeds": 4, "learner": {"name": "unlucky:patient"}, "evals": ("unlucky:once",), "eval_every": 4}
    short, summary, _ = run("parts", num_steps=6, **changes)
    gone = [value is None for value in short[-1]["eval/once/seeds"]]
    assert short[-1]["eval/num_not_finite"] == summary["eval/num_not_finite"] == sum(gone) > 0
    parts, whole = run("parts", **changes), run("whole", **changes)
    assert parts[2] == whole[2]
    assert parts[1]["fingerprint"] == whole[1]["fingerprint"]
    assert "diverged_at" not in whole[1]


def test_where_every_member_diverges_the_run_stops(run):
    with pytest.raises(
        UserError, match=r"stopped at step 2: bad: .*eval/bad/test_loss is nan.*last good checkpoint is step 0"
    ):
        run("run", grid=cells(bad=1e38, worse=3e38))
