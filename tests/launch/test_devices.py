"""The same command on one device, on eight, and in two processes of two: the same run, and one folder."""

import contextlib
import json
import os
import random
import signal
import socket
import time

import jax
import numpy as np
import pytest

import launch.devices
from launch import coordinator, peers, signals
from launch.devices import schedule_in_order

FLAGS = ("--config.num_steps=16", "--config.log_every=1", "--config.eval_every=4", "--config.checkpoint_every=1")


def devices(number):
    return {"XLA_FLAGS": f"{os.environ['XLA_FLAGS']} --xla_force_host_platform_device_count={number}"}


def records(workdir):
    return [json.loads(line) for line in (workdir / "metrics.jsonl").read_text().splitlines()]


def assert_same_run(workdir, other):
    for line, expected in zip(records(workdir), records(other), strict=True):
        assert line.keys() == expected.keys()
        for name in line:
            np.testing.assert_allclose(line[name], expected[name], rtol=1e-4, atol=1e-6, err_msg=name)


def begin_two(start, *flags):
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        address = f"127.0.0.1:{probe.getsockname()[1]}"
    return [
        start(*flags, f"--coordinator_address={address}", "--num_processes=2", f"--process_id={i}", env=devices(2))
        for i in range(2)
    ]


def srun_two(start, *flags):
    """As srun starts two tasks on one machine. From the job's number JAX takes the port."""
    first, last = 2**16 - 2**12, 2**16
    for job in random.sample(range(last - first), 100):
        with socket.socket() as probe, contextlib.suppress(OSError):
            probe.bind(("127.0.0.1", first + job))
            break
    of_job = {"SLURM_JOB_ID": str(job), "SLURM_STEP_NODELIST": "localhost", "SLURM_NTASKS": "2"}
    of_task = [{"SLURM_PROCID": str(i), "SLURM_LOCALID": str(i)} for i in range(2)]
    return [start(*flags, "--distributed", env={**devices(2), **of_job, **task}) for task in of_task]


def end(processes):
    statuses, outputs = zip(*(process.wait() for process in processes), strict=True)
    return list(statuses), outputs


def signalled(processes, workdir, number):
    """Process 1 gets the signal in the middle of the run."""
    path = workdir / "metrics.jsonl"
    while all(process.poll() is None for process in processes) and not (path.exists() and len(records(workdir)) > 3):
        time.sleep(0.01)
    processes[1].send_signal(number)
    return end(processes)


def ended(workdir):
    """What must be equal to the bit."""
    return (workdir / "metrics.jsonl").read_bytes(), json.loads((workdir / "summary.json").read_text())["fingerprint"]


def checkpoint(workdir):
    return max(int(path.name) for path in (workdir / "checkpoints").iterdir())


CONFIG = """
from ml_collections import ConfigDict

from experiments import data
from experiments.configs import sgd_digits


def read_in_parts(data_dir):
    (x, y), test = data.digits(data_dir, train_fraction=0.75)
    few = (data.Part(x[:16], y[:16]) for x, y in ((x, y), test))
    return data.OnDisk(*few, lambda first, count: data.Part(x[first : first + count], y[first : first + count]))


def get_config():
    own = {"data": {"name": "digits_in_parts:read_in_parts"}, "world": {"name": "paired", "batch_size": 32}}
    return ConfigDict(sgd_digits.get_config("smoke").to_dict() | own)
"""


@pytest.fixture(scope="module")
def program(tmp_path_factory):
    """Of the rows that it learns from each process reads its part."""
    config = tmp_path_factory.mktemp("config") / "digits_in_parts.py"
    config.write_text(CONFIG)
    return "launch.train", f"--config={config}", *FLAGS


@pytest.fixture(scope="module")
def command(program):
    return *program, "--config.num_seeds=2"


@pytest.fixture(scope="module")
def one(run, command, tmp_path_factory):
    workdir = tmp_path_factory.mktemp("one")
    status, output = run(*command, f"--workdir={workdir}")
    assert status == 0, output
    return workdir


def test_eight_devices_begin_and_one_goes_on(run, program, tmp_path):
    """Three seeds: eight devices compute the last one twice, and keep it once."""
    command = *program, "--config.num_seeds=3", "--config.world.batch_size=2"
    status, output = run(*command, f"--workdir={tmp_path / 'eight'}", "--config.num_steps=8", env=devices(8))
    assert status == 0, output
    assert len(json.loads((tmp_path / "eight" / "run.json").read_text())["devices"]) == 8
    for name in ("eight", "one"):
        status, output = run(*command, f"--workdir={tmp_path / name}")
        assert status == 0, output
    assert_same_run(tmp_path / "eight", tmp_path / "one")
    assert len(records(tmp_path / "eight")[-1]["eval/test_error/seeds"]) == 3


def test_one_of_two_processes_is_stopped_and_one_process_goes_on(start, run, command, one, tmp_path):
    flags = (*command, f"--workdir={tmp_path}")
    statuses, outputs = signalled(srun_two(start, *flags), tmp_path, signal.SIGTERM)
    assert statuses == [75, 75], outputs
    note = json.loads((tmp_path / "run.json").read_text())
    assert (len(note["devices"]), note["num_processes"]) == (4, 2)
    stopped = records(tmp_path)[-1]["step"]
    assert 3 <= stopped == checkpoint(tmp_path) < 16
    assert f"stopped at step {stopped} of 16;" in outputs[0]
    assert "stopped at" not in outputs[1]  # one process writes
    status, output = run(*flags)
    assert status == 0, output
    assert f"resuming at step {stopped} of 16" in output
    assert_same_run(tmp_path, one)


def test_one_of_two_processes_is_killed_and_both_begun_again(start, command, one, tmp_path):
    whole, killed = ((*command, f"--workdir={tmp_path / name}") for name in ("whole", "killed"))
    statuses, outputs = end(begin_two(start, *whole))
    assert statuses == [0, 0], outputs
    statuses, outputs = signalled(begin_two(start, *killed), tmp_path / "killed", signal.SIGKILL)
    assert statuses == [75, -signal.SIGKILL], outputs
    last = checkpoint(tmp_path / "killed")
    assert outputs[0].endswith(f"\nprocess 1 is gone; the same command goes on from step {last}\n")
    assert "Traceback" not in outputs[0]
    statuses, outputs = end(begin_two(start, *killed))
    assert statuses == [0, 0], outputs
    assert f"resuming at step {last} of 16" in outputs[0]
    assert ended(tmp_path / "killed") == ended(tmp_path / "whole")
    assert_same_run(tmp_path / "killed", one)


def test_what_the_first_process_refuses_all_refuse(start, command, tmp_path):
    (tmp_path / "checkpoints").mkdir()
    statuses, outputs = end(begin_two(start, *command, f"--workdir={tmp_path}"))
    assert statuses == [2, 2]
    assert "holds a run but no config.json" in outputs[0]
    assert "process 0 refused" in outputs[1]


@pytest.mark.parametrize(
    ("given", "line"),
    [
        (("nonsense", 2, 0), "--coordinator_address=nonsense must be HOST:PORT"),
        (("127.0.0.1:0", 2, 0), "--coordinator_address=127.0.0.1:0 must be HOST:PORT"),
        (("host:port", 2, 0), "--coordinator_address=host:port must be HOST:PORT"),
        (("host:99999", 2, 0), "--coordinator_address=host:99999 must be HOST:PORT"),
        ((":1234", 2, 0), "--coordinator_address=:1234 must be HOST:PORT"),
        (("::1", 2, 0), "--coordinator_address=::1 must be HOST:PORT"),
        (("host:1234", 2, 2), "--process_id=2 must be below --num_processes=2"),
        ((None, None, None), "--distributed finds no cluster; give --coordinator_address"),
    ],
)
def test_processes_that_cannot_meet(given, line):
    with pytest.raises(ValueError, match=line):
        peers.join(*given)


def test_processes_that_do_not_come_in_time(monkeypatch):
    ends = []
    monkeypatch.setattr(peers, "_JOIN_SECONDS", 0.01)
    monkeypatch.setattr(signals, "exit_now", lambda *end: ends.append(end))
    monkeypatch.setattr(peers, "_meet", lambda *_: time.sleep(0.2))
    peers.join("host:1234", 2, 1)
    assert ends == [
        ("error: 2 processes have not met at host:1234 within 0.01 s; start the same command on every host", 2)
    ]


def test_a_port_in_use_is_one_line(monkeypatch, capsys):
    monkeypatch.setattr(coordinator, "_PORT_SECONDS", 0)
    with coordinator._listen(0) as used:
        port = used.getsockname()[1]
        with pytest.raises(SystemExit):
            coordinator._wait_for(port)
    assert capsys.readouterr().out == f"cannot listen on port {port}: Address already in use\n"


@pytest.mark.parametrize(("words", "told"), [("1\n", "1\n"), ("1\nended\n", ""), ("GET / HTTP/1.1\n", ""), ("", "")])
def test_who_ends_too_soon_is_told_to_the_others(words, told):
    (here, there), (other, others) = socket.socketpair(), socket.socketpair()
    with here, other, others:
        here.sendall(words.encode())
        here.close()
        coordinator._serve(there, [there, other])
        other.close()
        assert others.recv(100).decode() == told


def test_a_cpu_schedules_in_order_unless_told(monkeypatch):
    flag = "--xla_cpu_enable_concurrency_optimized_scheduler"
    for given, then in (("--a=1", f"--a=1 {flag}=false"), ("", f"{flag}=false"), (f"{flag}=true", f"{flag}=true")):
        monkeypatch.setenv("XLA_FLAGS", given)
        schedule_in_order()
        assert os.environ["XLA_FLAGS"] == then


@pytest.mark.parametrize(
    ("platforms", "has_libtpu", "has_tpu", "is_set"),
    [
        ("cpu", True, True, True),
        ("cuda,cpu", True, True, True),
        ("tpu,cpu", True, True, False),
        (None, True, True, False),
        (None, True, False, True),  # a CPU computes
        (None, False, True, True),
    ],
)
def test_a_tpu_is_given_no_flag_of_a_cpu(platforms, has_libtpu, has_tpu, is_set, monkeypatch, tmp_path):
    monkeypatch.setenv("XLA_FLAGS", "")
    monkeypatch.setattr(launch.devices, "_TPU_NODES", (tmp_path / ("" if has_tpu else "none"),))
    monkeypatch.setattr("importlib.util.find_spec", lambda name: has_libtpu and name == "libtpu")
    before = jax.config.jax_platforms
    jax.config.update("jax_platforms", platforms)
    try:
        schedule_in_order()
    finally:
        jax.config.update("jax_platforms", before)
    assert bool(os.environ["XLA_FLAGS"]) == is_set
