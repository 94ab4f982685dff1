"""Drawing runs: which runs there are, what they are called, and one line where a figure cannot be."""

import io
import json
import re
import sys
from pathlib import Path

import pytest
from absl import flags
from absl.testing import flagsaver

from launch import cli, plot, plots

CONFIG = {
    "seed": 0,
    "num_seeds": 1,
    "num_steps": 4,
    "log_every": 2,
    "eval_every": 2,
    "checkpoint_every": 4,
    "log_metrics": ["train/error", "eval/test_error"],
    "data": {},
    "world": {},
    "learner": {"name": "sgd"},
}


def make(workdir, num_records=2, **changes):
    """A run folder with so many records; the first is of an evaluation before any training."""
    workdir.mkdir(parents=True)
    lines = [{"step": 2 * i, "eval/test_error": 0.5 / (i + 1), **({"train/error": 0.4} if i else {})} for i in range(3)]
    (workdir / "config.json").write_text(json.dumps({**CONFIG, **changes}))
    (workdir / "metrics.jsonl").write_text("".join(f"{json.dumps(line)}\n" for line in lines[:num_records]))
    return workdir


@pytest.mark.parametrize(
    ("paths", "wanted"),
    [
        (["a/x/real"], ["real"]),
        (["a/x/real", "a/x/ideal"], ["real", "ideal"]),
        (["a/x/real", "b/x/real"], ["a/x/real", "b/x/real"]),
        (["a/x/real", "a/y/real", "b/ideal"], ["x/real", "y/real", "ideal"]),
        (["x/real", "a/x/real", "b/xreal"], ["t/x/real", "a/x/real", "xreal"]),
        (["real/real", "real"], ["real/real", "t/real"]),
    ],
)
def test_labels_are_the_shortest_that_tell_runs_apart(paths, wanted):
    root = Path("/no/such/t")
    assert plots.labels([root / path for path in paths]) == dict(
        zip(wanted, (root / path for path in paths), strict=True)
    )


def test_two_runs_of_one_name_are_two_rows_and_two_curves(tmp_path):
    runs = plots.read([make(tmp_path / name / "x" / "real") for name in ("p1", "p2")])
    assert [row.split()[0] for row in plots.table(runs).split("\n")] == ["run", "p1/x/real", "p2/x/real"]


def test_a_folder_named_twice_is_one_run(tmp_path, monkeypatch):
    run = make(tmp_path / "a" / "run")
    (tmp_path / "link").symlink_to(run)
    monkeypatch.chdir(tmp_path)
    assert plots.labels([run, Path("a/run/"), Path("a/../a/run"), Path("link")]) == {"run": run}


def test_rows_are_in_the_order_of_the_numbers(tmp_path):
    runs = plots.read([make(tmp_path / f"lr={rate}") for rate in ("0.1", "10", "2", "0.03")])
    assert [row.split()[0] for row in plots.table(runs).split("\n")[1:]] == ["lr=0.03", "lr=0.1", "lr=2", "lr=10"]


def test_a_run_in_progress_is_drawn_as_far_as_it_is(tmp_path, capsys):
    begun, waiting = make(tmp_path / "begun", 1), make(tmp_path / "waiting", 0)
    runs = plots.read([waiting, begun])
    assert capsys.readouterr().err == f"{waiting} has no records yet\n"
    assert plots.curves(runs, tmp_path / "out") == [tmp_path / "out" / "eval_test_error.png"]
    assert plots.table(runs).split("\n")[1].split() == ["begun", "0", "-", "0.5000"]
    with pytest.raises(cli.UserError, match="no run has records yet"):
        plots.read([waiting])


def test_a_seed_that_diverged_is_not_in_the_table(tmp_path):
    run = make(tmp_path / "run", num_seeds=2)
    seeds = {"eval/test_error": 0.25, "eval/test_error/seeds": [0.25, None]}
    (run / "metrics.jsonl").write_text(json.dumps({"step": 0, **seeds}) + "\n")
    assert plots.table(plots.read([run])).split("\n")[1].split("  ")[-1] == "0.2500 (1 of 2 seeds)"


@pytest.mark.parametrize(
    ("figure", "message"),
    [
        ("race", "figure race: a race needs baselines, and run has none"),
        ("arena", "figure arena: .*run has no episode.json: add its artifact"),
        ("fan", "figure fan: the run has no metric"),
        ("retention", "config.figures: figures.retention 'retention': needs steps_per_task"),
        ("nope", "config.figures: no figures.nope named 'nope'; there are arena"),
    ],
)
def test_a_figure_that_cannot_be_says_why(tmp_path, figure, message):
    runs = plots.read([make(tmp_path / "run")])
    with pytest.raises(cli.UserError, match=message) as error:
        plots.figures(runs, tmp_path / "out", [figure])
    assert "\n" not in str(error.value)
    assert not (tmp_path / "out").exists()


def test_the_first_seed_is_the_first_number(tmp_path):
    run = make(tmp_path / "run")
    for seed in (10, 9):
        (run / f"{seed}-payoff.json").write_text(str(seed))
    assert plots.read([run]).records["run"].artifact("payoff.json") == "9"


@flagsaver.flagsaver
def test_mistakes_are_one_line(tmp_path):
    flags.FLAGS.mark_as_parsed()
    run, other = make(tmp_path / "a" / "run"), make(tmp_path / "b" / "run")
    (tmp_path / "a" / "circle").symlink_to(tmp_path / "a" / "circle")
    file = tmp_path / "file"
    file.write_text("kept")
    there = "no run has the metric 'nope'; there are eval/test_error"
    mistakes = [
        ([run], {"out": str(file)}, f"cannot write figures to {file} (File exists); choose a folder with --out"),
        ([run], {"out": str(file / "below")}, "(Not a directory); choose a folder with --out"),
        ([run], {"out": "/proc/nope"}, "cannot write figures to /proc/nope"),
        ([run], {"out": str(tmp_path / "out"), "metrics": ["nope"]}, there),
        ([run], {"metrics": ["nope"]}, there),
        ([run, other], {}, "--out=DIR"),
        ([tmp_path], {}, "is not a run folder: it has no config.json"),
        ([tmp_path / "nope"], {}, "is not a run folder: it has no config.json"),
        ([tmp_path / "a" / "circle"], {}, "circle"),
    ]
    for folders, given, message in mistakes:
        with flagsaver.flagsaver(**given), pytest.raises(cli.UserError, match=re.escape(message)) as error:
            plot.main(["plot", *map(str, folders)])
        assert "\n" not in str(error.value)
    assert file.read_text() == "kept"
    assert sorted(path.name for path in tmp_path.iterdir()) == ["a", "b", "file"]
    assert not list(tmp_path.rglob("figures"))


@flagsaver.flagsaver
def test_names_of_one_folder_are_drawn_once_and_that_is_said(tmp_path, capsys):
    flags.FLAGS.mark_as_parsed()
    run = make(tmp_path / "run")
    plot.main(["plot", str(run), f"{run}/"])
    printed = capsys.readouterr()
    assert printed.err == "2 names of 1 folder: each is drawn once\n"
    assert f"figure: {run / 'figures' / 'eval_test_error.png'}" in printed.out


def test_an_ascii_terminal_prints_what_it_can(monkeypatch):
    stream = io.TextIOWrapper(io.BytesIO(), encoding="ascii")
    monkeypatch.setattr(sys, "stdout", stream)
    monkeypatch.setattr(cli.app, "run", lambda *args, **kwargs: sys.stdout.write("0.5 ± 0.1"))
    cli.run(lambda argv: None)
    stream.flush()
    assert stream.buffer.getvalue() == b"0.5 ? 0.1"
