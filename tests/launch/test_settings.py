"""Flags that decide how exact a run is: they are kept in run.json, and a run goes on with those that it began with."""

import json

import pytest

from launch import devices, machine

SMALL = ("--config=experiments/configs/glns_digits.py:smoke", "--config.num_steps=2", "--config.learner.sizes=(1,)")


def test_precision_and_determinism_are_noted_and_must_stay(run, tmp_path):
    flags = (*SMALL, f"--workdir={tmp_path}", "--matmul_precision=float32", "--deterministic")
    status, output = run("launch.train", *flags)
    assert status == 0, output
    noted = json.loads((tmp_path / "run.json").read_text())["jax_settings"]
    assert (noted["jax_default_matmul_precision"], noted["deterministic"]) == ("float32", True)
    status, output = run("launch.train", *flags[:-1], "--config.num_steps=4")
    assert status == 2
    assert "began with other settings of JAX (deterministic: True -> False)" in output


def test_debug_nans_ends_the_run_with_a_traceback(run, tmp_path):
    rate = "--config.learner.tx.learning_rate=1e38"
    flags = ("--config=experiments/configs/sgd_digits.py:smoke", rate, f"--workdir={tmp_path}", "--debug_nans")
    status, output = run("launch.train", *flags)
    assert status == 1
    assert "FloatingPointError" in output
    assert "Traceback" in output


@pytest.mark.parametrize("given", ["", "=true", "=1", " --xla_dump_to=x"])
def test_deterministic_operations_are_asked_for_and_noted(monkeypatch, given):
    monkeypatch.setenv("XLA_FLAGS", given and f"--xla_gpu_deterministic_ops{given}")
    devices.be_deterministic()
    assert machine.settings()["deterministic"]


def test_determinism_is_refused_where_xla_is_told_otherwise(monkeypatch):
    monkeypatch.setenv("XLA_FLAGS", "--xla_gpu_deterministic_ops=false")
    with pytest.raises(ValueError, match="leave one of them out"):
        devices.be_deterministic()
