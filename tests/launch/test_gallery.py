"""The gallery: which pictures it has, which runs they are of, and what is said where these are missing."""

import json
from pathlib import Path

import pytest
from ml_collections import ConfigDict

from experiments import registry
from launch import configs, pictures

CHECKOUT = Path(__file__).parents[2]
OF_RUNS = {name: picture for name, picture in pictures.PICTURES.items() if isinstance(picture, pictures.OfRuns)}


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
    assert there == sorted(pictures.PICTURES)
    tours = {picture.tour for picture in pictures.PICTURES.values() if isinstance(picture, pictures.OfTour)}
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


def test_it_draws_what_there_is_and_says_how_the_rest_comes(tmp_path, capsys):
    for i, run in enumerate(OF_RUNS["digits"].runs.values()):
        make(tmp_path / "runs" / run, 0.1 * (i + 1))
    runs, out = tmp_path / "runs", tmp_path / "out"
    problems, wanted = pictures.draw(["digits", "pretraining"], runs, out), runs / "bootstrap_pretraining"
    assert [path.name for path in out.iterdir()] == ["digits.png"]
    assert capsys.readouterr().out.splitlines() == [
        *(f"not drawn: pretraining: {command}" for command in problems["pretraining"]),
        f"picture: {out / 'digits.png'}",
    ]
    assert problems["digits"] == []
    assert problems["pretraining"][0] == (
        "python -m launch.train --config=experiments/configs/bootstrap_pretraining.py:digits "
        f"--workdir={wanted}/digits --config.learner.init_from={wanted}/pretrain"
    )


def test_legends_are_in_words_and_pictures_that_fail_do_not_stop_the_others(tmp_path, monkeypatch):
    for run in OF_RUNS["digits"].runs.values():
        make(tmp_path / run, 0.1)
    figure = pictures.drawn(OF_RUNS["digits"], tmp_path)
    assert [text.get_text() for text in figure.legends[0].get_texts()] == [
        *("GLN, ideal world", "GLN, real world", "SGD, ideal world", "SGD, real world")
    ]
    assert figure.axes[0].get_ylabel() == "test error"
    monkeypatch.setitem(pictures.PICTURES, "density", pictures.OfTour("no_such_tour"))
    problems = pictures.draw(["density", "digits"], tmp_path, tmp_path / "out")
    assert problems["density"]
    assert problems["digits"] == []
    assert (tmp_path / "out" / "digits.png").exists()


def test_a_mistake_is_one_line(run):
    status, output = run("launch.gallery", "runs", "--only=nope")
    assert status == 2
    assert output.startswith("error: --only: no picture 'nope'; there are arena, ")
