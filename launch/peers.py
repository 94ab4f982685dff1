"""The other processes of a run: how they meet, and how each learns that another is gone.

What several processes compute together, none of them can go on with alone: it would wait for ever. So where one ends
before its time, however it ends, the coordinator tells the others, and each leaves with a line.
"""

import atexit
import contextlib
import os
import re
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import jax
import numpy as np
from jax._src.clusters import ClusterEnv  # what jax.distributed detects, it does not tell
from jax.experimental import multihost_utils

from launch import coordinator, signals
from launch.cli import UserError

_JOIN_SECONDS = 300  # within which all processes must have started
_WATCH_SECONDS = 10  # within which the coordinator must take a connection
_GRACE = 2.0  # seconds in which a process whose peer is gone may end by itself, with a line of its own

_coordinator: subprocess.Popen | None = None  # of process 0; it ends with the pipe that it reads
_connection: socket.socket | None = None


def join(address: str | None, num_processes: int | None, process_id: int | None) -> None:
    """Meets the other processes at HOST:PORT; without arguments, as the cluster says. Call it before any use of JAX.

    Raises ValueError where the arguments do not fit together; ends the process where the others do not come in time.
    """
    if address is None or num_processes is None or process_id is None:
        address, num_processes, process_id = _detected()
    if not re.fullmatch(r"([^\s:]+|\[\S+\]):\d{1,5}", address) or not 0 < int(address.rsplit(":", 1)[1]) < 2**16:
        raise ValueError(f"--coordinator_address={address} must be HOST:PORT of process 0")
    if process_id >= num_processes:
        raise ValueError(f"--process_id={process_id} must be below --num_processes={num_processes}")
    late = f"error: {num_processes} processes have not met at {address} within {_JOIN_SECONDS} s"
    timer = threading.Timer(_JOIN_SECONDS, signals.exit_now, (f"{late}; start the same command on every host", 2))
    timer.start()
    try:
        _meet(address, num_processes, process_id)
    finally:
        timer.cancel()


@contextlib.contextmanager
def watched(workdir: Path) -> Iterator[None]:
    """Inside, a process whose peer is gone ends with a line that says so, and with status `signals.UNFINISHED`."""
    if _connection is None:
        yield
        return
    gone, explained = threading.Event(), threading.Event()
    threading.Thread(target=_watch, args=(_connection, gone, explained, workdir), daemon=True).start()
    try:
        yield
        _connection.sendall(b"ended\n")
    except BaseException as error:
        if isinstance(error, UserError):  # this process has something to say itself
            explained.set()
        elif gone.wait(_GRACE / 2):  # the error is of what they computed together
            time.sleep(2 * _GRACE)
        _connection.shutdown(socket.SHUT_WR)
        atexit.register(_exit, getattr(error, "status", 1))  # JAX would wait at exit for those that have left
        raise


def _detected() -> tuple[str, int, int]:
    given = os.environ.get("JAX_COORDINATOR_ADDRESS")
    detect = ClusterEnv.auto_detect_unset_distributed_params
    address, num_processes, process_id, _ = detect(given, None, None, None, None, _JOIN_SECONDS)
    if address is None or num_processes is None or process_id is None:
        raise ValueError("--distributed finds no cluster; give --coordinator_address, --num_processes and --process_id")
    return address, num_processes, process_id


def _meet(address: str, num_processes: int, process_id: int) -> None:
    global _connection
    host, port = address.rsplit(":", 1)
    watch = _start_coordinator(port, num_processes) if process_id == 0 else 0
    jax.distributed.initialize(
        address,
        num_processes,
        process_id,
        coordinator_bind_address="127.0.0.1:0",  # of a service that nobody uses
        initialization_timeout=2 * _JOIN_SECONDS,
    )
    watch = int(multihost_utils.broadcast_one_to_all(np.int32(watch)))
    try:
        _connection = socket.create_connection((host.strip("[]"), watch), timeout=_WATCH_SECONDS)
    except OSError as error:
        reason = f"port {watch} of {host} cannot be reached: {error}"
        print(f"warning: nothing will tell this process that another is gone; {reason}", file=sys.stderr)
        return
    _connection.settimeout(None)
    coordinator.keep_alive(_connection)
    _connection.sendall(f"{process_id}\n".encode())


def _start_coordinator(port: str, num_processes: int) -> int:
    """-> the port of its watch."""
    global _coordinator
    command = [sys.executable, coordinator.__file__, port, str(num_processes)]
    streams = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "stderr": subprocess.DEVNULL}
    _coordinator = subprocess.Popen(command, text=True, start_new_session=True, **streams)
    assert _coordinator.stdout is not None
    said = _coordinator.stdout.readline().strip()
    if not said.isdecimal():
        raise ValueError(f"the coordinator of the processes {said or 'did not start'}")
    return int(said)


def _watch(connection: socket.socket, gone: threading.Event, explained: threading.Event, workdir: Path) -> None:
    with contextlib.suppress(OSError), connection.makefile() as lines:
        who = lines.readline().strip()
    gone.set()
    if explained.wait(_GRACE):
        return
    signals.leave(f"process {who} is gone" if who else "the coordinator is gone", workdir)


def _exit(status: int) -> None:
    sys.stdout.flush()
    sys.stderr.flush()
    os._exit(status)
