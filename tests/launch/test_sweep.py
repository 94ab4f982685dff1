"""A sweep runs what its config lists, skips what is finished, and prints the same commands for a job array."""

import shlex
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from launch import sweep

CHECKOUT = Path(__file__).parents[2]
CONFIG = '''
"""Two runs of a tiny network."""

import runpy


def get_config(variant="smoke"):
    """Seconds."""
    return runpy.run_path("experiments/configs/sgd_digits.py")["get_config"](variant)


def sweep(add):
    """A small grid."""
    add("smoke")
    add("smoke", **{"learner.tx.learning_rate": 0.5})
'''


def test_runs_skips_and_draws(run, tmp_path):
    config = tmp_path / "tiny.py"
    config.write_text(CONFIG)
    flags = ("launch.sweep", f"--config={config}", f"--workdir={tmp_path / 'runs'}", "--config.num_seeds=2")
    status, printed = run(*flags, "--print_commands")
    assert status == 0
    assert not (tmp_path / "runs").exists()
    first, second = map(shlex.split, printed.strip().split("\n"))
    assert second[1:3] == ["-m", "launch.train"]
    assert "--config.learner.tx.learning_rate=0.5" in second
    assert subprocess.run(second, cwd=CHECKOUT, check=False, capture_output=True).returncode == 0

    status, output = run(*flags)
    assert status == 0, output
    workdirs = [tmp_path / "runs" / name for name in ("smoke", "smoke,learner.tx.learning_rate=0.5")]
    assert f"[2/2] {workdirs[1]} is finished" in output
    assert all((workdir / "summary.json").exists() for workdir in workdirs)
    assert sys.executable == first[0]

    status, output = run("launch.plot", *workdirs, f"--out={tmp_path / 'figures'}")
    assert status == 0, output
    assert "eval/test_error" in output.split("\n")[0]
    assert "±" in output.split("\n")[2]
    assert (tmp_path / "figures" / "eval_test_error.png").read_bytes().startswith(b"\x89PNG")

    status, output = run("launch.plot", workdirs[0], "--metrics=nope")
    assert status == 2
    assert "there are eval/test_calibration_error, eval/test_error" in output


def test_a_failed_run_fails_the_sweep_and_not_the_other_runs(run, tmp_path):
    config = tmp_path / "tiny.py"
    config.write_text(CONFIG.replace('add("smoke")', 'add("smoke", **{"world.batch_size": 0})'))
    status, output = run("launch.sweep", f"--config={config}", f"--workdir={tmp_path / 'runs'}")
    assert status == 1
    assert "batch_size must be at least 1" in output
    assert "1 of 2 runs failed" in output
    assert (tmp_path / "runs" / "smoke,learner.tx.learning_rate=0.5" / "summary.json").exists()


@pytest.mark.parametrize(
    ("flags", "line"),
    [
        (["--workdri=x"], "Unknown command line flag 'workdri'"),
        (["--config.learner.nope=1"], "config.learner.nope: no such key"),
        (["--config.num_steps=0"], "num_steps must be"),
        (["--config.num_steps=few"], "--config.num_steps=few: it must be a whole number"),
    ],
)
def test_a_mistyped_flag_is_refused_before_any_run(fork, tmp_path, flags, line):
    config = "--config=experiments/configs/sgd_digits.py"
    status, output = fork("launch.sweep", config, f"--workdir={tmp_path / 'runs'}", *flags)
    assert status == 2, output
    assert output.startswith("error: ")
    assert output.count("\n") == 1
    assert line in output
    assert not (tmp_path / "runs").exists()


def test_an_unknown_variant_is_refused_before_any_run(fork, tmp_path):
    config = tmp_path / "tiny.py"
    config.write_text(CONFIG.replace('add("smoke", ', 'add("smoek", '))
    status, output = fork("launch.sweep", f"--config={config}", f"--workdir={tmp_path / 'runs'}")
    assert status == 2, output
    assert "no variant 'smoek'" in output
    assert not (tmp_path / "runs").exists()


def test_runs_that_were_stopped_or_failed_are_named(capsys):
    runs = [Path("a"), Path("b"), Path("c")]
    assert sweep._report(runs, dict.fromkeys(runs, 0)) == 0
    assert sweep._report(runs, {runs[0]: 0, runs[1]: 75, runs[2]: -signal.SIGTERM}) == 75
    assert "2 of 3 runs stopped: b, c\nthe same sweep goes on" in capsys.readouterr().err
    assert sweep._report(runs, {runs[0]: 2, runs[1]: 0, runs[2]: -signal.SIGKILL}) == 1
    assert capsys.readouterr().err == "2 of 3 runs failed: a, c\n"


def test_a_signal_stops_the_run_and_the_sweep(start, run, tmp_path):
    flags = ("launch.sweep", "--config=experiments/configs/sgd_digits.py", f"--workdir={tmp_path}")
    process = start(*flags, "--config.num_steps=42000")
    while not (tmp_path / "real" / "metrics.jsonl").exists() and process.poll() is None:
        time.sleep(0.01)
    process.send_signal(signal.SIGHUP)
    output, _ = process.communicate(timeout=60)
    assert process.returncode == 75, output
    real, ideal = tmp_path / "real", tmp_path / "ideal"
    assert output.endswith(
        f"1 of 2 runs stopped: {real}\n1 of 2 runs left: {ideal}\nthe same sweep goes on from there\n"
    )
    assert "[2/2]" not in output
    assert not (tmp_path / "real" / "summary.json").exists()
    assert [path.name for path in tmp_path.iterdir()] == ["real"]
