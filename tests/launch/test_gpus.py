"""No GPU of a machine stays idle without a word. There is none here: variables say what a process sees."""

import os

import jax
import pytest

from launch import gpus


@pytest.fixture
def environment(monkeypatch):
    def environment(**variables):
        for name in ("CUDA_VISIBLE_DEVICES", "JAX_LOCAL_DEVICE_IDS", "SLURM_GPUS_ON_NODE"):
            monkeypatch.setenv(name, "")  # so that it is undone, whoever sets it
            monkeypatch.delenv(name)
        for name, value in variables.items():
            monkeypatch.setenv(name, value)

    return environment


@pytest.mark.parametrize(("given", "number"), [("0,1,7", 3), ("GPU-8932", 1), ("", 0), ("-1", 0), ("NoDevFiles", 0)])
def test_what_a_process_sees(given, number, environment):
    environment(CUDA_VISIBLE_DEVICES=given)
    assert len(gpus.visible()) == number


@pytest.mark.parametrize(
    ("visible", "on_node", "asked", "taken"),
    [
        ("0,1,2,3", "4", None, None),  # they are everybody's: JAX takes the one of SLURM_LOCALID
        ("0", "4", None, "0"),
        ("0,1", "4", None, "0,1"),
        ("0,1", "4", "1", "1"),
        ("0", None, None, None),  # no SLURM
        ("0", "", None, None),  # of a job that asked for none
    ],
)
def test_a_task_takes_the_gpus_that_it_alone_sees(visible, on_node, asked, taken, environment, monkeypatch):
    given = {"CUDA_VISIBLE_DEVICES": visible, "SLURM_GPUS_ON_NODE": on_node, "JAX_LOCAL_DEVICE_IDS": asked}
    environment(**{name: value for name, value in given.items() if value is not None})
    gpus.take_own()
    assert os.environ.get("JAX_LOCAL_DEVICE_IDS") == taken


@pytest.mark.parametrize(
    "processes",
    [
        [(0, 1, 8)] * 8,  # every task sees all, and takes one
        [(0, 8, 8), (1, 8, 8)],  # one process a machine, with JAX_LOCAL_DEVICE_IDS
        [(0, 1, 1), (1, 1, 1)],
    ],
)
def test_all_gpus_are_used(processes):
    gpus._check(processes)


@pytest.mark.parametrize(
    ("processes", "words"),
    [
        ([(0, 1, 8), (1, 1, 8)], "a machine has 8 GPUs, and 1 of the processes run there and use 1"),
        ([(0, 4, 4), (1, 1, 4), (1, 1, 4)], "a machine has 4 GPUs, and 2 of the processes run there and use 2"),
    ],
)
def test_a_gpu_that_stays_idle_is_refused(processes, words):
    with pytest.raises(ValueError, match=words) as refusal:
        gpus._check(processes)
    assert f"--ntasks-per-node={processes[0][2]}" in str(refusal.value)


def test_one_task_on_a_machine_of_eight_is_refused(environment, monkeypatch):
    environment(CUDA_VISIBLE_DEVICES="0,1,2,3,4,5,6,7")
    gpus.check_all_used()  # of a CPU nothing is asked
    monkeypatch.setattr(jax, "default_backend", lambda: "gpu")
    with pytest.raises(ValueError, match=r"or a single one with JAX_LOCAL_DEVICE_IDS=0,1,2,3,4,5,6,7"):
        gpus.check_all_used()
