"""The gallery: which pictures it has, which runs they are of, and what is said where these are missing."""

import json
from pathlib import Path

import pytest
from absl import flags
from absl.testing import flagsaver
from ml_collections import ConfigDict

from experiments import registry
from launch import cli, configs, gallery

CHECKOUT = Path(__file__).parents[2]
OF_RUNS = {name: picture for name, picture in gallery.PICTURES.items() if isinstance(picture, gallery.OfRuns)}


def _draw(runs, **given):
    with flagsaver.flagsaver(**given):
        return gallery.main(["gallery", str(runs)])


@pytest.fixture
def draw():
    """draw(runs, out=.., only=..) -> the exit status of launch.gallery."""
    with flagsaver.flagsaver():
        flags.FLAGS.mark_as_parsed()
        yield _draw


def make(folder, error):
    folder.mkdir(parents=True)
    counts = dict.fromkeys(("seed", "log_every", "eval_every", "checkpoint_every"), 1)
    config = {**counts, "num_seeds": 1, "num_steps": 1, "log_metrics": [], "data": {}, "world": {}}
    (folder / "config.json").write_text(json.dumps({**config, "learner": {"name": "sgd"}}))
    lines = [{"step": step, "eval/test_error": error / (1 + step)} for step in (0, 1)]
    (folder / "metrics.jsonl").write_text("".join(json.dumps(line) + "\n" for line in lines))
    seconds = dict.fromkeys(("wall_seconds", "compile_seconds", "steps_per_second"), 1.0)
    (folder / "summary.json").write_text(json.dumps({"steps": 1, "num_seeds": 1, "fingerprint": "f00d", **seconds}))


def test_it_has_every_picture():
    there = sorted(path.stem for path in (CHECKOUT / "experiments" / "gallery").iterdir())
    assert there == sorted(gallery.PICTURES)
    tours = {picture.tour for picture in gallery.PICTURES.values() if isinstance(picture, gallery.OfTour)}
    assert all((CHECKOUT / "experiments" / "tours" / f"{tour}.py").exists() for tour in tours)


@pytest.mark.parametrize("name", OF_RUNS)
def test_its_runs_record_what_it_draws(name):
    """There are such configs and variants, and the first has the figure, or records the metric."""
    picture = OF_RUNS[name]
    files = {run: run.split("/") for run in picture.runs.values()}
    made: dict[str, ConfigDict] = {
        run: configs.load(CHECKOUT / "experiments" / "configs" / f"{file}.py").get_config(variant)
        for run, (file, variant) in files.items()
    }
    registry.resolve("figures", picture.figure)
    if metric := picture.settings.get("metric"):
        assert all(metric in config.log_metrics for config in made.values())
    elif name != "collage":
        first = next(iter(made.values()))
        assert picture.figure in registry.settings_by_label(first.to_dict()["figures"], "figures")


def test_it_draws_what_there_is_and_says_how_the_rest_comes(tmp_path, capsys, draw):
    for i, run in enumerate(OF_RUNS["digits"].runs.values()):
        make(tmp_path / "runs" / run, 0.1 * (i + 1))
    runs, out = tmp_path / "runs", tmp_path / "out"
    assert draw(runs, out=str(out), only=["digits", "pretraining"]) == 1
    assert [path.name for path in out.iterdir()] == ["digits.png"]
    said, wanted = capsys.readouterr().out.splitlines(), runs / "bootstrap_pretraining"
    assert said[0] == f"picture: {out / 'digits.png'}"
    assert said[1] == (
        "not drawn: pretraining: python -m launch.train --config=experiments/configs/bootstrap_pretraining.py:digits "
        f"--workdir={wanted}/digits --config.learner.init_from={wanted}/pretrain"
    )
    assert draw(runs, out=str(out), only=["digits"]) == 0


def test_legends_are_in_words_and_pictures_that_fail_do_not_stop_the_others(tmp_path, capsys, draw, monkeypatch):
    for run in OF_RUNS["digits"].runs.values():
        make(tmp_path / run, 0.1)
    figure = gallery.drawn(OF_RUNS["digits"], tmp_path)
    assert [text.get_text() for text in figure.legends[0].get_texts()] == [
        *("GLN, ideal world", "GLN, real world", "SGD, ideal world", "SGD, real world")
    ]
    assert figure.axes[0].get_ylabel() == "test error"
    monkeypatch.setitem(gallery.PICTURES, "density", gallery.OfTour("no_such_tour"))
    assert draw(tmp_path, out=str(tmp_path / "out"), only=["density", "digits"]) == 1
    picture, problem = capsys.readouterr().out.splitlines()
    assert picture.endswith("digits.png")
    assert problem.startswith("not drawn: density: ")


def test_mistakes_are_one_line(tmp_path, draw):
    with pytest.raises(cli.UserError, match=r"--only: no picture 'nope'; there are arena, "):
        draw(tmp_path, only=["nope"])
    with pytest.raises(cli.UserError, match=r"name the folder of the runs"):
        gallery.main(["gallery"])
