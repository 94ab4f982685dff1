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


def test_seeds_are_one_run_and_a_seed_is_null_where_its_run_has_ended(tmp_path):
    first = of_seed(tmp_path / "with", 0, [[0.5], [0.2], [0.1]])
    others = of_seed(tmp_path / "with,seed=1", 1, [[0.4, 0.6], [0.1, None]], num_seeds=2, num_steps=2, figures=["race"])
    alone = of_seed(tmp_path / "without", 0, [[0.7]], learner={"name": "gln"})
    runs = seeds.together(plots.read([first, others, alone]))
    assert list(runs.records) == ["with", "without"]
    steps, values = records.curve(runs.records["with"], "test_error")
    np.testing.assert_array_equal(steps, [0, 2, 4])
    np.testing.assert_array_equal(values, [[0.5, 0.2, 0.1], [0.4, 0.1, np.nan], [0.6, np.nan, np.nan]])
    assert [line["eval/test_error"] for line in runs.records["with"].lines] == pytest.approx([0.5, 0.15, 0.1])


def test_counts_of_seeds_are_added_up(tmp_path):
    """Also where only one of the runs has any."""
    runs = [of_seed(tmp_path / f"x,seed={seed}", seed, [[0.5], [0.25]]) for seed in (1, 2, 3)]
    for run, counts in zip(runs, ([1, 1], [0, 1], [0, 0]), strict=True):
        lines = [json.loads(line) for line in (run / "metrics.jsonl").read_text().splitlines()]
        for line, count in zip(lines, counts, strict=True):
            line |= {"diverged/adam/num_seeds": count} if count else {}
        (run / "metrics.jsonl").write_text("".join(f"{json.dumps(line)}\n" for line in lines))
    (joined,) = seeds.together(plots.read(runs)).records.values()
    assert [line["diverged/adam/num_seeds"] for line in joined.lines] == [1, 2]
    assert not any("diverged/adam/num_seeds/seeds" in line for line in joined.lines)


@pytest.mark.parametrize(
    ("labels", "wanted"),
    [
        (["recipe", "recipe,seed=1"], "recipe"),
        (["recipe,seed=10", "recipe,seed=11"], "recipe"),
        (["x/seed=1", "x/seed=12"], "x"),
        (["seed=1,lr=0.1", "seed=2,lr=0.1"], "lr=0.1"),
        (["birdseed", "birdseed,seed=1"], "birdseed"),
        (["seed=0", "seed=1"], "seed=0 and 1 more"),
        (["p1/real", "p2/real", "p3/real"], "p1/real and 2 more"),
        (["one,seed=3"], "one,seed=3"),
    ],
)
def test_their_label_is_what_they_share(labels, wanted):
    assert seeds.shared(labels) == wanted


@pytest.mark.parametrize("order", [(0, 1, 2, 3, 4), (2, 0, 1, 3, 4), (0, 1, 3, 4, 2), (3, 4, 2, 1, 0)])
def test_runs_of_several_kinds_whose_labels_are_alike_all_stay(tmp_path, order):
    names = ["x,seed=1", "x,seed=2", "x", "x,seed=3", "x,seed=4"]
    kinds = ["sgd", "sgd", "gln", "blur", "blur"]
    folders = [of_seed(tmp_path / names[i], i, [[0.5]], learner={"name": kinds[i]}) for i in order]
    together = seeds.together(plots.read(folders))
    assert {
        together.configs[label]["learner"]["name"]: len(records.curve(run, "test_error")[1])
        for label, run in together.records.items()
    } == {"sgd": 2, "gln": 1, "blur": 2}


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
