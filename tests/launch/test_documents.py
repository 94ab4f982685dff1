"""Damaged files of a run: one line that names the file, what is wrong and what to do; nothing is changed."""

import json

import pytest
from ml_collections import ConfigDict

from launch import cli, documents, folder, outputs, plots

CONFIG = {
    "seed": 0,
    "num_seeds": 2,
    "num_steps": 4,
    "log_every": 2,
    "eval_every": 2,
    "checkpoint_every": 4,
    "log_metrics": ["eval/test_error"],
    "data": {"name": "none"},
    "world": {"name": "real"},
    "learner": {"name": "sgd"},
    "baselines": {"slow": {"name": "sgd"}},
}
FLAGS = ["--config=x.py", "--workdir=y"]
LAUNCH = {"step": 0, "argv": ["train.py", *FLAGS], "config_file": None, "modules": {}}
SUMMARY = {
    "steps": 4,
    "num_seeds": 2,
    "wall_seconds": 2.0,
    "compile_seconds": 1.0,
    "steps_per_second": 4.0,
    "fingerprint": "abc",
    "eval/test_error": 0.25,
    "eval/test_error/seeds": [0.2, 0.3],
}
LINES = [
    {"step": 0, "eval/test_error": 0.9, "eval/test_error/seeds": [0.9, 0.9]},
    {"step": 2, "eval/test_error": 0.5, "eval/test_error/seeds": [0.4, 0.6]},
    {"step": 4, "eval/test_error": 0.25, "eval/test_error/seeds": [0.2, 0.3]},
]


@pytest.fixture
def run(tmp_path):
    """A finished run."""
    workdir = tmp_path / "run"
    workdir.mkdir()
    for name, value in (("config", CONFIG), ("run", LAUNCH), ("summary", SUMMARY)):
        (workdir / f"{name}.json").write_text(json.dumps(value))
    (workdir / "metrics.jsonl").write_text("".join(f"{json.dumps(line)}\n" for line in LINES))
    return workdir


def train(workdir):
    folder.lock_workdir(workdir, ConfigDict(CONFIG)).close()


def is_finished(workdir):
    return folder.is_finished(workdir, FLAGS)


def draw(workdir):
    return plots.table(plots.read([workdir]))


def with_line(number, line):
    lines = [json.dumps(value) if isinstance(value, dict) else value for value in LINES]
    lines[number - 1] = line if isinstance(line, str) else json.dumps(line)
    return "\n".join(lines) + "\n"


NOT_JSON = [
    ("", "it is not JSON"),
    ("{", "it is not JSON"),
    (b"\xff\xfe{}", "it is not JSON"),
    ("[" * 10**5, "it is not JSON"),
    ("[]", "it is not a JSON object {..} but []"),
    ("null", "but null"),
    ("5", "but 5"),
    ('"text"', 'but "text"'),
    (None, "cannot be read (Is a directory)"),
]
DAMAGED = {
    "config.json": [
        *NOT_JSON,
        ("{}", "it has no seed"),
        ({**CONFIG, "log_metrics": 3}, "log_metrics is 3, not a list of text"),
        ({**CONFIG, "log_metrics": [3]}, "log_metrics is [3], not a list of text"),
        ({**CONFIG, "show": 3}, "older version: config.show is now config.log_metrics"),
        ({**CONFIG, "num_steps": "4"}, 'num_steps is "4", not a whole number'),
        ({**CONFIG, "num_seeds": -1}, "num_seeds is -1, not a whole number"),
        ({**CONFIG, "learner": "sgd"}, 'learner is "sgd", not settings {..}'),
        ({**CONFIG, "baselines": ["slow"]}, 'baselines is ["slow"], not settings {..}'),
        ({**CONFIG, "baselines": {"slow": 3}}, 'baselines is {"slow": 3}, not settings {..} by name'),
        ({**CONFIG, "grid": 3}, "grid is 3, not settings {..} by name"),
        ({**CONFIG, "grid": {"a": {"learner": {"rate": 1}}}}, "grid.a.learner.rate: the config has no such key"),
        ({**CONFIG, "figures": 3}, "figures is 3, not names [..] or settings {..} by name"),
        ({**CONFIG, "evals": {"density": 3}}, 'evals is {"density": 3}, not names [..]'),
    ],
    "summary.json": [
        *NOT_JSON,
        ("{}", "it has no steps"),
        ({"steps": 4}, "it has no num_seeds"),
        ({**SUMMARY, "steps": "4"}, 'steps is "4", not a whole number'),
        ({**SUMMARY, "steps": True}, "steps is true, not a whole number"),
        ({**SUMMARY, "wall_seconds": None}, "wall_seconds is null, not a finite number"),
        ({**SUMMARY, "fingerprint": 3}, "fingerprint is 3, not text"),
        ({**SUMMARY, "peak_memory_bytes": "x"}, 'peak_memory_bytes is "x", not a finite number'),
        ({**SUMMARY, "diverged_at": 3}, "diverged_at is 3, not a list of settings {..}"),
        ({**SUMMARY, "diverged_at": [{"member": "", "step": 3}]}, "it has no seed"),
        ({**SUMMARY, "eval/test_error": "low"}, 'eval/test_error is "low", not a finite number or null'),
    ],
    "run.json": [
        *NOT_JSON,
        ("{}", "it has no step"),
        ({**LAUNCH, "argv": "train"}, 'argv is "train", not a list of text'),
        ({**LAUNCH, "config_file": 3}, "config_file is 3, not text"),
        ({**LAUNCH, "modules": ["mine"]}, 'modules is ["mine"], not settings {..}'),
        ({**LAUNCH, "modules": {"mine": {"file": "mine.py"}}}, "it has no sha256"),
        ({**LAUNCH, "time": "today"}, 'time is "today", not a time'),
        ({**LAUNCH, "devices": None}, "devices is null, not a list of text"),
        ({**LAUNCH, "resumed": 3}, "resumed is 3, not a list"),
        ({**LAUNCH, "resumed": [3]}, "resumed is [3], not a list of settings {..}"),
        ({**LAUNCH, "resumed": [{}]}, "it has no step"),
    ],
    "metrics.jsonl": [
        (None, "cannot be read (Is a directory)"),
        (b"\xff\xfe\n", "line 1: it is not JSON"),
        (with_line(2, ""), "line 2: it is not JSON"),
        (with_line(2, "[1]"), "line 2: it is not a JSON object {..} but [1]"),
        (with_line(2, "5"), "line 2: it is not a JSON object {..} but 5"),
        (with_line(2, "null"), "but null"),
        (with_line(2, {}), "line 2: it has no step"),
        (with_line(2, {**LINES[1], "step": "x"}), 'line 2: step is "x", not a whole number'),
        (with_line(2, {**LINES[1], "step": 2.0}), "step is 2.0, not a whole number"),
        (with_line(2, {**LINES[1], "step": 0}), "line 2: step 0 comes after step 0"),
        (with_line(1, {**LINES[1], "step": 3}), "line 2: step 2 comes after step 3"),
        (with_line(3, {**LINES[2], "step": 6}), "line 3: step 6 is beyond the last, 4"),
        (with_line(2, {**LINES[1], "eval/test_error": "low"}), 'eval/test_error is "low", not a finite number'),
        (with_line(2, {**LINES[1], "eval/test_error": [0.5]}), "eval/test_error is [0.5], not a finite number"),
        (with_line(2, '{"step": 2, "eval/test_error": NaN}'), "eval/test_error is NaN, not a finite number"),
        (with_line(2, f'{{"step": 2, "eval/test_error": 1{"0" * 400}}}'), "not a finite number"),
        (with_line(2, {**LINES[1], "eval/test_error/seeds": 0.5}), "seeds is 0.5, not a list of finite numbers"),
        (with_line(2, {**LINES[1], "eval/test_error/seeds": [0.4]}), "line 2: eval/test_error has 1 seeds of 2"),
        (with_line(2, {"step": 2, "eval/test_error": 0.5}), "has 0 seeds, and 2 in the lines before"),
        (with_line(2, {"step": 2, "eval/test_error/seeds": [0.4, 0.6]}), "it has no eval/test_error, the mean of"),
    ],
}
CASES = [(name, *case) for name, cases in DAMAGED.items() for case in cases]


def damage(path, content):
    path.unlink()
    if content is None:
        path.mkdir()
    elif isinstance(content, dict):
        path.write_text(json.dumps(content))
    else:
        path.write_bytes(content if isinstance(content, bytes) else content.encode())


def held(workdir):
    return {path: path.is_file() and path.read_bytes() for path in workdir.rglob("*") if path.name != ".lock"}


@pytest.mark.parametrize(("name", "content", "message"), CASES, ids=[f"{case[0]}, {case[2]}" for case in CASES])
def test_one_line_says_what_is_damaged_and_what_to_do(run, name, content, message):
    damage(run / name, content)
    before = held(run)
    for program in (train, is_finished, draw):
        if program is draw and name == "summary.json":
            continue  # no figure needs it
        with pytest.raises(cli.UserError) as error:
            program(run)
        line = str(error.value)
        assert line.startswith(f"{run / name}")
        assert message in line
        assert "; delete it" in line or "put a whole copy of it back" in line
        assert "\n" not in line
        assert len(line) < 400
        assert error.value.status == 2
    assert held(run) == before


def test_a_whole_run_is_taken_as_it_is(run):
    before = held(run)
    train(run)
    assert is_finished(run)
    assert not folder.is_finished(run, [*FLAGS, "--config.num_seeds=3"])
    whole = json.loads((run / "summary.json").read_text())
    (run / "summary.json").write_text(json.dumps(whole | {"missing": ["episode.gif"]}))
    assert not is_finished(run)
    (run / "summary.json").write_text(json.dumps(whole))
    assert "0.2500 ± 0.0500" in draw(run)
    assert held(run) == before


def test_seeds_that_diverged_are_null(run):
    lost = {"step": 4, "eval/test_error": 0.2, "eval/test_error/seeds": [0.2, None]}
    (run / "metrics.jsonl").write_text(with_line(3, lost))
    assert documents.read_records(run)[-1] == lost
    none = {"eval/test_error": None, "eval/test_error/seeds": [None, None]}
    (run / "metrics.jsonl").write_text(with_line(3, lost | none))
    documents.check(run)


def test_what_a_killed_process_left_of_a_line_is_passed_over(run):
    with (run / "metrics.jsonl").open("ab") as file:
        file.write(b'{"step": 6, "eval/test_\xc3')
    assert documents.read_records(run) == LINES
    assert "0.2500" in draw(run)


def test_files_that_are_not_there_are_no_damage(tmp_path):
    documents.check(tmp_path)
    assert not documents.read_records(tmp_path)
    assert not documents.read_launches(tmp_path)
    assert not is_finished(tmp_path)


def test_a_finished_run_has_the_records_of_its_end(run):
    (run / "metrics.jsonl").write_text(json.dumps(LINES[0]) + "\n")
    with pytest.raises(
        cli.UserError, match=r"finished at step 4 but its metrics\.jsonl ends at step 0; put a whole copy"
    ):
        outputs.Outputs(CONFIG, ()).missing(run)
    (run / "metrics.jsonl").unlink()
    with pytest.raises(cli.UserError, match=r"metrics\.jsonl is empty or missing"):
        outputs.Outputs(CONFIG, ()).missing(run)
