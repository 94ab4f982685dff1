"""The GPUs of a machine that several processes share: every one must be used.

Started by SLURM or Open MPI, the i-th process of a machine takes the i-th GPU that it sees; JAX_LOCAL_DEVICE_IDS says
otherwise (`jax.distributed.initialize`). So one process on a machine of eight GPUs would leave seven idle.
"""

import os
import socket
import zlib
from collections.abc import Iterable
from pathlib import Path

import jax
import numpy as np
from jax.experimental import multihost_utils


def visible() -> list[str]:
    """The GPUs that this process sees, by the names of CUDA_VISIBLE_DEVICES, before JAX is asked."""
    given = os.environ.get("CUDA_VISIBLE_DEVICES")
    if given is None:
        return [str(i) for i in range(len(list(Path("/dev").glob("nvidia[0-9]*"))))]
    return [name.strip() for name in given.split(",") if name.strip() not in ("", "-1", "NoDevFiles")]


def take_own() -> None:
    """Lets a SLURM task take all GPUs that it sees where they are its own (--gpus-per-task, --gpu-bind).

    JAX would count on from those of the tasks before it, which it does not see. Call it before the processes meet.
    """
    if 0 < len(visible()) < int(os.environ.get("SLURM_GPUS_ON_NODE") or 0):
        os.environ.setdefault("JAX_LOCAL_DEVICE_IDS", ",".join(map(str, range(len(visible())))))


def check_all_used() -> None:
    """Raises ValueError, in every process, where one of them sees a GPU that none of them uses."""
    if jax.default_backend() != "gpu":
        return
    host = zlib.crc32(socket.gethostname().encode())
    own = np.array((host, jax.local_device_count(), len(visible())), np.uint32)
    _check(multihost_utils.process_allgather(own).tolist())


def _check(processes: Iterable[tuple[int, int, int]]) -> None:
    """processes: (machine, GPUs that it uses, GPUs that it sees) each."""
    processes = list(processes)
    for machine in {host for host, *_ in processes}:
        used = [number for host, number, _ in processes if host == machine]
        there = max(number for host, _, number in processes if host == machine)
        if sum(used) < there:
            every = ",".join(map(str, range(there)))
            raise ValueError(
                f"a machine has {there} GPUs, and {len(used)} of the processes run there and use {sum(used)}; start "
                f"one a GPU (SLURM: --ntasks-per-node={there}), or a single one with JAX_LOCAL_DEVICE_IDS={every}"
            )
