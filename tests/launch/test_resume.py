"""A run is never lost: stopped anywhere and resumed, it equals one that was never stopped, bit for bit."""

import gzip
import json
import os
import random
import resource
import shutil
import signal
import time

import pytest

# Saves after every step, so most of a run's time is spent saving and most kills hit a save.
FLAGS = (
    "launch.train",
    "--config=experiments/configs/glns_digits.py:smoke",
    "--config.num_steps=12",
    "--config.num_seeds=2",
    "--config.log_every=1",
    "--config.eval_every=4",
    "--config.checkpoint_every=1",
    "--config.learner.sizes=(4, 1)",
)
NUM_KILLS = int(os.environ.get("COLLAGE_NUM_KILLS", "3"))


def workdir_flag(workdir):
    return f"--workdir={workdir}"


def contents(workdir):
    """What must be equal: every byte of the metrics, and the fingerprint of the final state."""
    summary = json.loads((workdir / "summary.json").read_text())
    clock = {"wall_seconds", "compile_seconds", "steps_per_second", "peak_memory_bytes"}
    return (workdir / "metrics.jsonl").read_bytes(), {name: summary[name] for name in summary.keys() - clock}


def num_lines(workdir):
    path = workdir / "metrics.jsonl"
    return path.read_bytes().count(b"\n") if path.exists() else 0


def wait_for_lines(process, workdir, number):
    while num_lines(workdir) < number and process.poll() is None:
        time.sleep(0.005)
    assert process.poll() is None, process.wait()[1]


@pytest.fixture(scope="module")
def whole(run, tmp_path_factory):
    workdir = tmp_path_factory.mktemp("whole") / "run"
    status, output = run(*FLAGS, workdir_flag(workdir))
    assert status == 0, output
    return workdir


def test_the_same_command_twice_gives_the_same_run(run, whole, tmp_path):
    status, output = run(*FLAGS, workdir_flag(tmp_path))
    assert status == 0, output
    assert contents(tmp_path) == contents(whole)
    lines = (whole / "metrics.jsonl").read_text().splitlines()
    assert [json.loads(line)["step"] for line in lines] == list(range(13))


def test_a_signal_saves_and_leaves_and_the_same_command_goes_on(start, run, whole, tmp_path):
    process = start(*FLAGS, workdir_flag(tmp_path))
    wait_for_lines(process, tmp_path, 5)
    process.send_signal(signal.SIGINT)
    status, output = process.wait()
    assert status == 75, output
    assert "Traceback" not in output
    stopped = num_lines(tmp_path) - 1
    assert f"stopped at step {stopped} of 12;" in output
    assert not (tmp_path / "summary.json").exists()
    status, output = run(*FLAGS, workdir_flag(tmp_path))
    assert status == 0, output
    assert f"resuming at step {stopped} of 12" in output
    assert contents(tmp_path) == contents(whole)
    assert [launch["step"] for launch in json.loads((tmp_path / "run.json").read_text())["resumed"]] == [stopped]


def test_killed_at_random_moments(start, run, whole, tmp_path):
    rng = random.Random(0)
    for _ in range(NUM_KILLS):
        process = start(*FLAGS, workdir_flag(tmp_path))
        lines = num_lines(tmp_path)
        while num_lines(tmp_path) <= lines and process.poll() is None:
            time.sleep(0.002)
        time.sleep(rng.uniform(0, 0.2))
        process.send_signal(signal.SIGKILL)
        process.wait()
    status, output = run(*FLAGS, workdir_flag(tmp_path))
    assert status == 0, output
    assert contents(tmp_path) == contents(whole)


def test_a_run_of_no_steps_is_evaluated_and_may_grow(run, whole, tmp_path):
    status, output = run(*FLAGS, workdir_flag(tmp_path), "--config.num_steps=0")
    assert status == 0, output
    (record,) = map(json.loads, (tmp_path / "metrics.jsonl").read_text().splitlines())
    assert record["step"] == 0
    assert "eval/test_error" in record
    status, output = run(*FLAGS, workdir_flag(tmp_path))
    assert status == 0, output
    assert contents(tmp_path) == contents(whole)


def test_a_finished_run_is_recognised(run, whole):
    before = {path: path.stat().st_mtime_ns for path in whole.rglob("*") if path.is_file() and path.name != ".lock"}
    status, output = run(*FLAGS, workdir_flag(whole))
    assert status == 0
    assert f"{whole} is finished" in output
    assert before == {path: path.stat().st_mtime_ns for path in before}


def test_another_config_is_refused_with_the_keys_that_differ(run, whole):
    before = (whole / "config.json").read_bytes()
    status, output = run(*FLAGS, workdir_flag(whole), "--config.learner.learning_rate=0.5", "--config.seed=3")
    assert status == 2
    assert "learner.learning_rate: 0.03 -> 0.5" in output
    assert "seed: 0 -> 3" in output
    assert len(output.strip().split("\n")) == 1
    assert (whole / "config.json").read_bytes() == before


@pytest.fixture(scope="module")
def stopped(start, tmp_path_factory):
    workdir = tmp_path_factory.mktemp("stopped") / "run"
    process = start(*FLAGS, workdir_flag(workdir))
    wait_for_lines(process, workdir, 6)
    process.send_signal(signal.SIGTERM)
    process.wait()
    return workdir


def saved_steps(workdir):
    return sorted(int(path.name) for path in (workdir / "checkpoints").iterdir() if path.name.isdecimal())


def largest_file(folder):
    return max((path for path in folder.rglob("*") if path.is_file()), key=lambda path: path.stat().st_size)


def test_a_profile_is_of_steps_alone_and_changes_no_number(stopped, run, whole, tmp_path):
    shutil.copytree(stopped, tmp_path, dirs_exist_ok=True)
    step = num_lines(tmp_path) - 1
    flags = (*FLAGS, workdir_flag(tmp_path), "--profile=100")
    status, output = run(*flags)
    assert status == 0, output
    assert f"\nprofile of {12 - step} steps from step {step}: open the newest {tmp_path}/profile/plugins/" in output
    assert contents(tmp_path) == contents(whole)
    (path,) = (tmp_path / "profile").glob("plugins/profile/*/*.trace.json.gz")
    names = [event.get("name", "") for event in json.loads(gzip.decompress(path.read_bytes()))["traceEvents"]]
    assert any("Execute" in name for name in names)
    assert not any("compile" in name.lower() for name in names)
    first = json.loads((tmp_path / "run.json").read_text())
    assert [launch["profile"] for launch in (first, *first["resumed"])] == [None, 100]
    status, output = run(*flags)
    assert status == 0
    assert "--profile: no step is left to trace" in output


@pytest.mark.parametrize("damage", ["truncate", "flip", "remove"])
def test_a_damaged_checkpoint_falls_back_to_the_one_before(stopped, run, whole, tmp_path, damage):
    shutil.copytree(stopped, tmp_path, dirs_exist_ok=True)
    *_, before, newest = saved_steps(tmp_path)
    victim = largest_file(tmp_path / "checkpoints" / str(newest))
    content = bytearray(victim.read_bytes())
    if damage == "truncate":
        victim.write_bytes(content[: len(content) // 2])
    elif damage == "flip":
        content[len(content) // 2] ^= 0x10
        victim.write_bytes(content)
    else:
        victim.unlink()
    status, output = run(*FLAGS, workdir_flag(tmp_path))
    assert status == 0, output
    assert f"checkpoint {newest} is damaged" in output
    assert f"at step {before} of 12" in output
    assert contents(tmp_path) == contents(whole)
    assert (tmp_path / "checkpoints" / f"{newest}.damaged").is_dir()


def test_with_no_whole_checkpoint_the_run_is_refused_and_left_as_it_is(stopped, run, tmp_path):
    shutil.copytree(stopped, tmp_path, dirs_exist_ok=True)
    for step in saved_steps(tmp_path):
        largest_file(tmp_path / "checkpoints" / str(step)).write_bytes(b"")
    before = {path: path.read_bytes() for path in tmp_path.rglob("*") if path.is_file()}
    status, output = run(*FLAGS, workdir_flag(tmp_path))
    assert status == 2
    assert "error: no checkpoint" in output
    assert {path: path.read_bytes() for path in tmp_path.rglob("*") if path.is_file()} == before


def test_a_second_process_is_refused(start, run, tmp_path):
    first = start(*FLAGS, workdir_flag(tmp_path))
    wait_for_lines(first, tmp_path, 1)
    first.send_signal(signal.SIGSTOP)
    status, output = run(*FLAGS, workdir_flag(tmp_path))
    first.send_signal(signal.SIGKILL)
    first.wait()
    assert status == 2
    assert f"error: another process is running in {tmp_path}" in output


def test_a_full_disk_is_one_line_and_the_last_checkpoint_is_intact(stopped, start, run, whole, tmp_path):
    shutil.copytree(stopped, tmp_path, dirs_exist_ok=True)
    *_, newest = saved_steps(tmp_path)

    # No file may grow beyond this: the checkpoint does, the metrics do not.
    limit = largest_file(tmp_path / "checkpoints" / str(newest)).stat().st_size // 2
    process = start(*FLAGS, workdir_flag(tmp_path))
    resource.prlimit(process.pid, resource.RLIMIT_FSIZE, (limit, limit))
    status, output = process.wait()
    assert status == 2, output
    assert "Traceback" not in output
    assert "error: cannot save step" in output
    status, output = run(*FLAGS, workdir_flag(tmp_path))
    assert status == 0, output
    assert contents(tmp_path) == contents(whole)


def test_other_data_are_refused(stopped, run, tmp_path):
    shutil.copytree(stopped, tmp_path, dirs_exist_ok=True)
    for path in (tmp_path / "checkpoints").glob("*/notes/metadata"):
        notes = json.loads(path.read_text()) | {"data": "of another file"}
        del notes["checksum"]  # it would tell
        path.write_text(json.dumps(notes))
    status, output = run(*FLAGS, workdir_flag(tmp_path))
    assert status == 2
    assert "learned from other data" in output


def test_what_is_not_finite_stops_the_run_and_is_not_saved(run, tmp_path):
    flags = (
        "launch.train",
        "--config=experiments/configs/sgd_digits.py:smoke",
        "--config.num_steps=40",
        "--config.log_every=1",
        "--config.eval_every=1",
        "--config.checkpoint_every=1",
        "--config.learner.tx.learning_rate=1e18",
        workdir_flag(tmp_path),
    )
    status, output = run(*flags)
    assert status == 1, output
    assert "eval/test_loss is nan" in output
    last = json.loads((tmp_path / "metrics.jsonl").read_text().split("\n")[-2])
    assert f"the last good checkpoint is step {last['step']}" in output
    assert b"NaN" not in (tmp_path / "metrics.jsonl").read_bytes()
    assert not (tmp_path / "summary.json").exists()
    assert run(*flags)[0] == 1  # it goes on from there, and ends the same way
