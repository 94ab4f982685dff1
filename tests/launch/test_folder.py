"""The run folder: what it holds is never lost, and what it began with is what it goes on with."""

import json
import shutil

import jax
import pytest
from ml_collections import ConfigDict

from launch import folder
from launch.cli import UserError
from launch.train import train


def config_of(num_steps):
    every = {"log_every": 2, "eval_every": 2, "checkpoint_every": 2}
    data = {"name": "gaussians", "num_inputs": 2, "num_classes": 2, "separation": 2.0, "num_test": 10}
    settings = {"seed": 0, "num_seeds": 1, "num_steps": num_steps, **every, "log_metrics": (), "evals": ()}
    learner = {"name": "glns", "num_classes": 2, "sizes": (1,), "num_half_spaces": 1}
    return ConfigDict(
        {**settings, "data": data, "world": {"name": "paired", "batch_size": 2}, "learner": learner}
    ).lock()


@pytest.fixture(scope="module")
def finished(tmp_path_factory):
    workdir = tmp_path_factory.mktemp("finished") / "run"
    train(config_of(4), workdir)
    return workdir


@pytest.fixture
def run(finished, tmp_path):
    return shutil.copytree(finished, tmp_path / "run")


def contents(workdir):
    return {path: path.read_bytes() for path in workdir.rglob("*") if path.is_file()}


@pytest.mark.parametrize("num_steps", [4, 8])
def test_records_that_no_checkpoint_continues_are_not_lost(run, num_steps):
    (run / "summary.json").unlink()
    shutil.rmtree(run / "checkpoints")
    before, whole = contents(run), (run / "metrics.jsonl").read_bytes()
    with pytest.raises(UserError, match=r"has records to step 4 but no checkpoint .* delete metrics\.jsonl"):
        train(config_of(num_steps), run)
    assert contents(run) == before
    (run / "metrics.jsonl").unlink()
    train(config_of(num_steps), run)
    assert (run / "metrics.jsonl").read_bytes().startswith(whole)


def test_killed_before_its_first_save_a_run_begins_again(run):
    whole = (run / "metrics.jsonl").read_bytes()
    (run / "summary.json").unlink()
    shutil.rmtree(run / "checkpoints")
    (run / "metrics.jsonl").write_bytes(whole.split(b"\n")[0] + b"\n")
    train(config_of(4), run)
    assert (run / "metrics.jsonl").read_bytes() == whole


@pytest.mark.parametrize(
    ("setting", "value"), [("jax_default_prng_impl", "rbg"), ("jax_default_matmul_precision", "bfloat16")]
)
def test_settings_of_jax_that_decide_results_must_stay(run, setting, value):
    before, was = contents(run), getattr(jax.config, setting)
    jax.config.update(setting, value)
    try:
        with pytest.raises(UserError, match=rf"began with other settings of JAX \({setting}: {was!r} -> '{value}'\)"):
            train(config_of(8), run)
    finally:
        jax.config.update(setting, was)
    assert contents(run) == before


def test_a_launch_says_what_has_changed(run, capsys):
    note = json.loads((run / "run.json").read_text())
    kernels = note["native_kernels"]
    note["versions"]["jax"], note["platform"] = "0.0.1", "tpu"
    note["native_kernels"] = {name: not built for name, built in kernels.items()}
    (run / "run.json").write_text(json.dumps(note))
    train(config_of(8), run)
    said = capsys.readouterr().out
    assert f"jax was 0.0.1 at the last launch and is {jax.__version__}" in said
    assert "the last launch was on tpu, this is on cpu: numbers may differ" in said
    for name, built in kernels.items():
        was, now = ("not built", "now") if built else ("built", "not")
        assert f"the native kernel {name} was {was} at the last launch and is {now}: numbers may differ" in said


def test_the_mirror_has_every_record_whatever_became_of_its_files(run):
    """TensorBoard's file names a metric once for each of its values."""
    shutil.rmtree(run / "tb")
    train(config_of(8), run)
    (file,) = (run / "tb").glob("events.*")
    lines = [json.loads(line) for line in (run / "metrics.jsonl").read_text().splitlines()]
    assert [line["step"] for line in lines] == [0, 2, 4, 6, 8]
    assert file.read_bytes().count(b"train/error") == sum("train/error" in line for line in lines) == 4


@pytest.mark.parametrize("step", [0, 2])
def test_a_record_that_is_missing_is_noticed(run, step):
    lines = (run / "metrics.jsonl").read_text().splitlines(keepends=True)
    (run / "metrics.jsonl").write_text("".join(line for line in lines if json.loads(line)["step"] != step))
    before = contents(run)
    with pytest.raises(UserError, match=f"metrics.jsonl lacks step {step}"):
        train(config_of(8), run)
    assert contents(run) == before


def test_a_state_that_no_device_holds_is_refused_before_anything_is_written(tmp_path):
    config = config_of(4).unlock()
    config.learner.sizes = (10**6, 10**6, 1)
    with pytest.raises(UserError, match=r"the run's state takes [\d,.]+ GB of a device that has [\d,.]+ GB"):
        train(config.lock(), tmp_path / "run")
    assert not (tmp_path / "run").exists()


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "is empty"),
        (" ", "is empty"),
        ("gs://b/run", "mount"),
        ("gs:/b", "mount"),
        ("~nobody-here/x", "~"),
        ("/", "root"),
        ("//", "root"),
    ],
)
def test_a_place_that_is_none(text, message):
    with pytest.raises(UserError, match=message):
        folder.place(text, "--workdir")


def test_a_place_is_written_plainly(monkeypatch):
    monkeypatch.setenv("HOME", "//somewhere")
    assert str(folder.place("//a//b", "--workdir")) == "/a/b"
    assert str(folder.place("~/x", "--workdir")) == "/somewhere/x"
    assert str(folder.place("a~b", "--workdir")) == "a~b"
