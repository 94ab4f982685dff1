"""What a run leaves at its end: the summary first; what fails is one line, and the same command makes it again."""

import json

import pytest
from matplotlib.figure import Figure
from ml_collections import ConfigDict

from experiments import registry
from experiments.artifacts import Artifact
from launch import cli
from launch.train import train

FAILS = []


def config(**changes):
    return ConfigDict(
        {
            "seed": 3,
            "num_seeds": 2,
            "num_steps": 4,
            "log_every": 2,
            "eval_every": 2,
            "checkpoint_every": 4,
            "log_metrics": ("eval/test_error",),
            "evals": ("classification",),
            "data": {"name": "gaussians", "num_inputs": 4, "num_classes": 3, "separation": 2.0, "num_test": 40},
            "world": {"name": "paired", "batch_size": 4},
            "learner": {
                "name": "sgd",
                "net": {"name": "mlp", "features": (), "num_classes": 3},
                "tx": {"name": "sgd", "learning_rate": 0.1},
            },
            **changes,
        }
    ).lock()


@pytest.fixture(autouse=True)
def names(monkeypatch):
    """An artifact, a figure and an analysis that fail while their names stand in FAILS."""

    def artifact(context):
        def write(run):
            if "weights" in FAILS:
                raise RuntimeError("no weights today")
            return {"weights.json": json.dumps(run.learner.params["Dense_0"]["bias"].tolist())}

        return Artifact(("weights.json",), write)

    def figure(runs):
        if "picture" in FAILS and next(iter(runs)) == "a":  # not while it is tried
            raise KeyError("no picture today")
        return Figure()

    def analysis(records, *, scale=1):
        if "last" in FAILS and records.lines[0]["eval/test_error"] != 0.5:  # not while it is tried
            raise KeyError("eval/nope")
        return {"last": scale * records.lines[-1]["eval/test_error"]}

    for kind, name, function in (
        ("artifacts", "weights", artifact),
        ("figures", "picture", figure),
        ("analyses", "last", analysis),
    ):
        monkeypatch.setitem(registry.KINDS[kind].names, name, function)
    FAILS.clear()


def summary(workdir):
    return json.loads((workdir / "summary.json").read_text())


def test_what_fails_is_one_line_and_is_made_again(tmp_path, capsys):
    settings = config(artifacts=("weights",), figures=("picture",), analyses=("last",))
    FAILS.extend(("weights", "picture", "last"))
    message = (
        r"is finished, but without analyses \(analyses.last: KeyError: 'eval/nope'\); "
        r"weights.json \(RuntimeError: no weights today.*; figure picture \(.*no picture today"
    )
    for _ in range(2):
        with pytest.raises(cli.UserError, match=message) as error:
            train(settings, tmp_path / "a")
        assert error.value.status == 1
        assert len(summary(tmp_path / "a")["missing"]) == 4  # of each seed its weights
    FAILS.clear()
    train(settings, tmp_path / "a")
    assert summary(tmp_path / "a")["analysis/last"] == summary(tmp_path / "a")["eval/test_error"]
    assert "missing" not in summary(tmp_path / "a")
    assert (tmp_path / "a" / "figures" / "picture.png").exists()
    left = sorted(path.name for path in (tmp_path / "a").glob("*weights.json"))
    assert left == ["3-weights.json", "4-weights.json"]
    capsys.readouterr()
    train(settings, tmp_path / "a")
    assert "artifact" not in capsys.readouterr().out


def test_presentation_may_change_between_launches(tmp_path):
    """A finished run leaves what it is asked for later, and nothing else changes."""
    train(config(), tmp_path / "a")
    records, before = (tmp_path / "a" / "metrics.jsonl").read_bytes(), summary(tmp_path / "a")
    train(
        config(
            log_metrics=("train/loss",),
            checkpoint_every=2,
            execution="sequential",
            artifacts=("weights",),
            figures=("picture",),
            analyses={"last": {"scale": 2}},
        ),
        tmp_path / "a",
    )
    assert (tmp_path / "a" / "metrics.jsonl").read_bytes() == records
    after = summary(tmp_path / "a")
    assert after == {**before, "analysis/last": 2 * before["eval/test_error"]}
    drawn = {path.stem for path in (tmp_path / "a" / "figures").iterdir()}
    assert drawn == {"eval_test_error", "train_loss", "picture"}
    assert (tmp_path / "a" / "3-weights.json").exists()
    assert json.loads((tmp_path / "a" / "config.json").read_text())["log_metrics"] == ["train/loss"]


def test_numbers_may_not_change_and_steps_may_not_shrink(tmp_path):
    train(config(), tmp_path / "a")
    for changes, message in (
        ({"num_steps": 2}, "num_steps: 4 -> 2"),
        ({"log_every": 1}, "log_every: 2 -> 1"),
        ({"evals": ()}, "evals: "),
    ):
        with pytest.raises(cli.UserError, match=message):
            train(config(**{"log_metrics": ("train/loss",), **changes}), tmp_path / "a")


def test_a_run_of_an_older_version_is_refused_in_one_line(tmp_path):
    train(config(), tmp_path / "a")
    path = tmp_path / "a" / "config.json"
    path.write_text(path.read_text().replace('"evals"', '"probes"').replace('"log_metrics"', '"show"'))
    with pytest.raises(cli.UserError, match=r"older version.*config\.probes is now config\.evals") as error:
        train(config(), tmp_path / "a")
    assert "\n" not in str(error.value)
