"""Tables of runs: a row for each run and cell, what they differ in, and their last numbers."""

import csv
import io
import json
import re

import pytest

from launch import cli, folder, tables

CONFIG = {
    "seed": 0,
    "num_seeds": 3,
    "num_steps": 4,
    "log_every": 2,
    "eval_every": 2,
    "checkpoint_every": 4,
    "log_metrics": ["eval/test_error"],
    "data": {},
    "world": {"name": "real", "n": 4},
    "learner": {"name": "sgd", "tx": {"learning_rate": 0.1}},
}
COUNTS = {"steps": 4, "num_seeds": 3, "fingerprint": "0"}
SECONDS = {"wall_seconds": 1.0, "compile_seconds": 1.0, "steps_per_second": 1.0}


def make(workdir, seeds, rate=0.1, *, finished=True, name="eval/test_error", **changes):
    """A run folder whose last record has these values, one a seed; in its first one they are all 1."""
    workdir.mkdir(parents=True)
    known = [value for value in seeds if value is not None]
    last = {name: sum(known) / len(known) if known else None, f"{name}/seeds": seeds}
    lines = [{"step": 0, name: 1.0, f"{name}/seeds": [1.0] * 3}, {"step": 4 if finished else 2, **last}]
    learner = {"name": "sgd", "tx": {"learning_rate": rate}}
    (workdir / "config.json").write_text(json.dumps({**CONFIG, "learner": learner, **changes}))
    (workdir / "metrics.jsonl").write_text("".join(f"{json.dumps(line)}\n" for line in lines))
    if finished:
        found = {"analysis/gap": 0.25} if "grid" in changes else {}
        (workdir / "summary.json").write_text(json.dumps({**COUNTS, **SECONDS, **last, **found}))
    return workdir


@pytest.fixture
def runs(tmp_path):
    """Three rates, of which the last is not finished, and the second has a seed that diverged."""
    return [
        make(tmp_path / "rate=0.1", [0.1, 0.2, 0.3]),
        make(tmp_path / "rate=0.03", [0.3, None, 0.5], 0.03),
        make(tmp_path / "rate=0.3", [0.05, 0.05, 0.05], 0.3, finished=False),
    ]


def test_a_row_for_each_run_in_the_order_of_its_keys(runs):
    header, *rows = (re.split(r"\s{2,}", line.strip()) for line in tables.text(tables.table(runs)).strip().split("\n"))
    assert header == ["run", "learning_rate", "step", "eval/test_error"]
    assert rows == [
        ["rate=0.03", "0.03", "4", "0.4 ± 0.1 (2 of 3)"],  # the standard error of 0.3 and 0.5
        ["rate=0.1", "0.1", "4", "0.2 ± 0.058"],  # 0.1 / sqrt(3)
        ["rate=0.3", "0.3", "2 of 4", "0.05 ± 0"],
    ]
    by_error = tables.table(runs, sort="eval/test_error")
    assert [row.run for row in by_error] == ["rate=0.3", "rate=0.1", "rate=0.03"]


def test_a_run_that_stopped_by_itself_is_told_from_one_that_is_not_finished(runs):
    launch = {"step": 0, "argv": []}
    (runs[2] / "run.json").write_text(json.dumps(launch))
    folder.note_stop(runs[2], "step 4: train/loss is nan")
    rows = tables.table(runs)
    assert [row.stopped for row in rows] == [None, None, "step 4: train/loss is nan"]
    assert "  2 of 4, stopped  " in tables.text(rows)
    (runs[2] / "run.json").write_text(json.dumps({**launch, "resumed": [launch]}))  # begun again
    assert tables.table(runs)[-1].stopped is None


def test_csv_and_json_have_the_same_numbers_under_whole_keys(runs):
    rows = tables.table(runs)
    (first, *_), parsed = csv.DictReader(io.StringIO(tables.csv_text(rows))), json.loads(tables.json_text(rows))
    value = {"mean": 0.4, "standard_error": pytest.approx(0.1), "num_finite": 2, "num_seeds": 3}
    assert parsed[0]["metrics"] == {"eval/test_error": value}
    assert parsed[0]["keys"] == {"learner.tx.learning_rate": 0.03}
    assert [row["is_finished"] for row in parsed] == [True, True, False]
    assert first["learner.tx.learning_rate"] == "0.03"
    assert first["eval/test_error"] == "0.4"
    assert first["eval/test_error/num_finite"] == "2"


def test_a_cell_is_a_row_with_its_own_keys(tmp_path):
    grid = {"real": {}, "ideal": {"world": {"n": 9}}}
    logged = ["eval/ideal/test_error", "analysis/gap"]
    run = make(tmp_path / "run", [0.1] * 3, name="eval/ideal/test_error", grid=grid, log_metrics=logged)
    real, ideal = tables.table([run])
    assert (real.cell, real.keys, ideal.cell, ideal.keys) == ("real", {"world.n": 4}, "ideal", {"world.n": 9})
    assert [row.metrics["eval/test_error"].mean for row in (real, ideal)] == [None, pytest.approx(0.1)]
    assert [row.metrics["analysis/gap"].mean for row in (real, ideal)] == [0.25, 0.25]
    assert "run  ideal  9  4     0.1 ± 0" in tables.text([real, ideal])


@pytest.mark.parametrize("named", [{"names": ["nope"]}, {"sort": "nope"}])
def test_a_metric_that_no_run_has_is_refused(runs, named):
    with pytest.raises(cli.UserError, match=r"no run has the metric 'nope'; there are eval/test_error$"):
        tables.table(runs, **named)


def test_the_program_prints_it(run, refused, runs):
    status, output = run("launch.table", *runs, "--format=csv", "--metrics=eval/test_error")
    assert status == 0, output
    assert output.startswith("run,cell,step,num_steps,is_finished,stopped,learner.tx.learning_rate,eval/test_error,")
    status, others = run("launch.table", *runs, runs[0].parent, "--format=csv", "--metrics=eval/test_error")
    assert others == f"{runs[0].parent} is no run folder\n{output}"
    refused("name at least one run folder: python -m launch.table RUN", "launch.table")
    refused("is not a run folder", "launch.table", runs[0].parent)
