"""The same command on one device, on eight, and in two processes of two: the same run, and one folder."""

import json
import os
import socket

import numpy as np
import pytest

from launch.devices import schedule_in_order

FLAGS = ("--config.num_steps=8", "--config.log_every=4", "--config.eval_every=4", "--config.checkpoint_every=4")


def devices(number):
    return {"XLA_FLAGS": f"{os.environ['XLA_FLAGS']} --xla_force_host_platform_device_count={number}"}


def records(workdir):
    return [json.loads(line) for line in (workdir / "metrics.jsonl").read_text().splitlines()]


def assert_same_run(workdir, other):
    for line, expected in zip(records(workdir), records(other), strict=True):
        assert line.keys() == expected.keys()
        for name in line:
            np.testing.assert_allclose(line[name], expected[name], rtol=1e-4, atol=1e-6, err_msg=name)


def two_processes(start, *flags):
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        address = f"127.0.0.1:{probe.getsockname()[1]}"
    processes = [
        start(*flags, f"--coordinator_address={address}", "--num_processes=2", f"--process_id={i}", env=devices(2))
        for i in range(2)
    ]
    outputs = [process.communicate(timeout=300)[0] for process in processes]
    return [process.returncode for process in processes], outputs


@pytest.fixture(scope="module", params=["glns_digits", "sgd_digits"])
def command(request):
    return "launch.train", f"--config=experiments/configs/{request.param}.py:smoke", *FLAGS


@pytest.fixture(scope="module")
def one(run, command, tmp_path_factory):
    workdir = tmp_path_factory.mktemp("one")
    status, output = run(*command, "--config.num_seeds=2", f"--workdir={workdir}")
    assert status == 0, output
    return workdir


def test_eight_devices(run, command, one, tmp_path):
    status, output = run(*command, "--config.num_seeds=2", f"--workdir={tmp_path}", env=devices(8))
    assert status == 0, output
    assert len(json.loads((tmp_path / "run.json").read_text())["devices"]) == 8
    assert_same_run(tmp_path, one)


def test_two_processes_of_two_devices_stopped_and_resumed(start, run, command, one, tmp_path):
    flags = (*command, "--config.num_seeds=2", f"--workdir={tmp_path}")
    statuses, outputs = two_processes(start, *flags)
    assert statuses == [0, 0], outputs
    note = json.loads((tmp_path / "run.json").read_text())
    assert (len(note["devices"]), note["num_processes"]) == (4, 2)
    assert_same_run(tmp_path, one)
    assert "is finished" in outputs[0]
    assert "is finished" not in outputs[1]  # one process writes
    (tmp_path / "summary.json").unlink()  # as if killed before the end: taken up again, on another mesh
    status, output = run(*flags)
    assert status == 0, output
    assert "resuming at step 8 of 8" in output


def test_what_the_first_process_refuses_all_refuse(start, command, one):
    statuses, outputs = two_processes(start, *command, "--config.num_seeds=1", f"--workdir={one}")
    assert statuses == [2, 2]
    assert "num_seeds: 2 -> 1" in outputs[0]
    assert "process 0 refused" in outputs[1]


def test_a_cpu_schedules_in_order_unless_told(monkeypatch):
    flag = "--xla_cpu_enable_concurrency_optimized_scheduler"
    for given, then in (("--a=1", f"--a=1 {flag}=false"), ("", f"{flag}=false"), (f"{flag}=true", f"{flag}=true")):
        monkeypatch.setenv("XLA_FLAGS", given)
        schedule_in_order()
        assert os.environ["XLA_FLAGS"] == then
