"""The collage is drawn from the folders of its runs, once all of them are finished."""

import json

import pytest

from experiments import headlines
from launch import plots
from launch.cli import UserError
from launch.collage import main
from tests.experiments.test_collage import made

_TOOK = dict.fromkeys(("wall_seconds", "compile_seconds", "steps_per_second", "peak_memory_bytes"), 1.0)
SUMMARY = json.dumps({"steps": 1000, "num_seeds": 2, "fingerprint": "f00d", **_TOOK})
ARTIFACTS = {"digits": "saliency.json", "gripper": "episode.json"}
PICTURES = ("collage", "glns", "blur", "bootstrap", "self_play")


@pytest.fixture
def sweep(tmp_path):
    """The folder of a sweep whose runs are finished."""
    for part, records in made().items():
        folder = tmp_path / part
        folder.mkdir()
        config = {
            "seed": 0,
            "num_seeds": 2,
            "num_steps": 1000,
            "log_every": 10,
            "eval_every": 10,
            "checkpoint_every": 10,
            "log_metrics": [],
            "data": {},
            "world": {},
            "learner": {"name": "one"},
            "baselines": {name: {"name": "other"} for name in records.baselines},
            "grid": {name: {} for name in records.cells if name},
        }
        (folder / "config.json").write_text(json.dumps(config))
        (folder / "metrics.jsonl").write_text("".join(f"{json.dumps(line)}\n" for line in records.lines))
        (folder / "summary.json").write_text(SUMMARY)
        if name := ARTIFACTS.get(part):
            (folder / name).write_text(records.artifact(name))
    return tmp_path


def test_it_draws_and_says_what_holds(sweep, capsys):
    assert main(["collage", str(sweep)]) == 0
    said = capsys.readouterr().out
    assert "0.900; SGD network 0.800, linear 0.700" in said
    for name in PICTURES:
        assert f"figure: {sweep / name}.png" in said
        assert (sweep / f"{name}.png").stat().st_size > 10_000


def test_what_does_not_hold_is_named(sweep, capsys):
    lines = [json.loads(line) for line in (sweep / "puck" / "metrics.jsonl").read_text().splitlines()]
    poor = [{**line, "eval/holdout_success/seeds": [0.1, 0.1]} for line in lines]
    (sweep / "puck" / "metrics.jsonl").write_text("".join(f"{json.dumps(line)}\n" for line in poor))
    assert main(["collage", str(sweep)]) == 1
    assert "does not show what it is to show: places nobody showed Bob, solved" in capsys.readouterr().err


def test_the_small_version_shows_the_same(run, tmp_path):
    """But for players, who learn nothing in so few updates: those are invented."""
    parts = ("stream", "digits", "tasks", "genome", "worlds")
    for part in parts:
        config = f"--config=experiments/configs/collage.py:{part}_small"
        status, output = run("launch.train", config, f"--workdir={tmp_path / part}")
        assert status == 0, output
    records = plots.read([tmp_path / part for part in parts]).records.values()
    lines = headlines.headlines({**made(), **dict(zip(parts, records, strict=True))})
    assert [line.what for line in lines if not line.holds] == []


def test_what_is_missing_or_unfinished_or_another_run_is_one_line(sweep):
    with pytest.raises(UserError, match="name the folder of the sweep"):
        main(["collage"])
    (sweep / "puck" / "summary.json").unlink()
    with pytest.raises(UserError, match=r"puck is not finished; the same launch\.sweep goes on with it"):
        main(["collage", str(sweep)])
    (sweep / "puck").rename(sweep / "other")
    with pytest.raises(UserError, match=r"has no run puck; launch\.sweep of experiments/configs/collage\.py makes it"):
        main(["collage", str(sweep)])
    (sweep / "tasks").rename(sweep / "puck")
    (sweep / "other").rename(sweep / "tasks")
    (sweep / "tasks" / "summary.json").write_text(SUMMARY)
    with pytest.raises(UserError, match="holds other runs than those of the collage: the run has no metric"):
        main(["collage", str(sweep)])
