"""Runs that differ in their seed alone, drawn as one."""

import json

import numpy as np
import pytest
from absl import flags
from absl.testing import flagsaver

from experiments import records
from launch import cli, pictures, plot, plots, seeds
from tests.launch.test_collage import SUMMARY
from tests.launch.test_plots import make


def of_seed(workdir, seed, values, num_seeds=1, **changes):
    """A run of these seeds whose test errors at steps 0, 2, .. are values [E, S]."""
    run = make(workdir, seed=seed, num_seeds=num_seeds, **changes)
    lines = []
    for i, value in enumerate(values):
        line = {"step": 2 * i, "eval/test_error": None if None in value else float(np.mean(value))}
        if num_seeds > 1:
            line["eval/test_error/seeds"] = list(value)
        lines.append(line)
    (run / "metrics.jsonl").write_text("".join(f"{json.dumps(line)}\n" for line in lines))
    (run / "summary.json").write_text(SUMMARY)
    return run


def test_seeds_are_one_run_with_the_steps_that_all_have(tmp_path):
    first = of_seed(tmp_path / "with", 0, [[0.5], [0.2], [0.1]])
    others = of_seed(tmp_path / "with,seed=1", 1, [[0.4, 0.6], [0.1, None]], num_seeds=2, num_steps=2, figures=["race"])
    alone = of_seed(tmp_path / "without", 0, [[0.7]], learner={"name": "gln"})
    runs = seeds.joined(plots.read([first, others, alone]))
    assert list(runs.records) == ["with", "without"]
    steps, values = records.curve(runs.records["with"], "test_error")
    np.testing.assert_array_equal(steps, [0, 2])
    np.testing.assert_array_equal(values, [[0.5, 0.2], [0.4, 0.1], [0.6, np.nan]])
    assert [line["eval/test_error"] for line in runs.records["with"].lines] == pytest.approx([0.5, 0.15])


@pytest.mark.parametrize(
    ("labels", "wanted"),
    [
        (["recipe", "recipe,seed=1"], "recipe"),
        (["x/seed=0", "x/seed=12"], "x"),
        (["seed=0", "seed=1"], "seed=0"),
        (["first", "second"], "first"),
        (["one"], "one"),
    ],
)
def test_their_label_is_what_they_share(labels, wanted):
    assert seeds.shared(labels) == wanted


def test_runs_of_two_kinds_whose_labels_begin_alike_stay_two(tmp_path):
    kinds = {"a": {"name": "sgd"}, "b": {"name": "gln"}}
    folders = [
        of_seed(tmp_path / f"x{kind}{seed}", seed, [[0.5]], learner=learner)
        for seed in (0, 1)
        for kind, learner in kinds.items()
    ]
    twins = [of_seed(tmp_path / f"xa{seed}", seed, [[0.5]], learner={"name": "blur"}) for seed in (2, 3)]
    assert list(seeds.joined(plots.read([*folders, *twins])).records) == ["xa", "xb", "xa2"]


@flagsaver.flagsaver
def test_mistakes_are_one_line_and_the_table_is_of_all_seeds(tmp_path, capsys):
    flags.FLAGS.mark_as_parsed()
    one = of_seed(tmp_path / "a" / "r", 0, [[0.5], [0.25]])
    other = of_seed(tmp_path / "a" / "r,seed=1", 1, [[0.5], [0.75]])
    again = of_seed(tmp_path / "b" / "r", 1, [[0.5]])
    with flagsaver.flagsaver(join_seeds=True, out=str(tmp_path / "out")):
        with pytest.raises(cli.UserError, match="have seed 1; leave one of them out"):
            plot.main(["plot", str(other), str(again)])
        plot.main(["plot", str(one), str(other)])
    assert "r    2     -            0.5000 ± 0.2500" in capsys.readouterr().out


def test_a_picture_has_the_seeds_that_are_there(tmp_path, monkeypatch):
    for seed, name in enumerate(("gln", "gln,seed=1", "gln,seed=2")):
        of_seed(tmp_path / "x" / name, seed, [[0.5], [0.25]])
    (tmp_path / "x" / "gln,seed=2" / "summary.json").unlink()  # not finished
    picture = pictures.OfRuns("experiments.figures:curves", {"a GLN": "x/gln"}, {"metric": "eval/test_error"})
    (axes,) = pictures.drawn(picture, tmp_path).axes
    assert "2 seeds" in axes.get_title()
    of_seed(tmp_path / "x" / "gln,seed=3", 3, [[0.5]], learner={"name": "blur"})
    with pytest.raises(ValueError, match="differ in more than their seeds"):
        pictures.drawn(picture, tmp_path)
