"""The coordinator of several processes: a process of its own, which outlives any of theirs.

    python launch/coordinator.py PORT NUM_PROCESSES      # started by process 0 (`launch.peers`)

It serves two ports. PORT is that of JAX's coordination service, at which processes meet. Where that service ends, its
clients abort; inside process 0, where jax.distributed starts it, it would end whenever process 0 is killed. The other
port, which is printed, is the watch: every process holds a connection to it, over which it sends its number, and the
word "ended" before it closes it. Where one closes without, the number is sent to all others.
"""

import contextlib
import os
import socket
import sys
import threading
import time

from jax._src.lib import _jax  # no public function starts the service without a process of the run

_PORT_SECONDS = 10  # the coordinator of a run that was killed holds its port for a moment


def main(port: int, num_processes: int) -> None:
    """Serves until its standard input and all connections are closed."""
    _wait_for(port)
    service = _jax.get_distributed_runtime_service(f"[::]:{port}", num_processes)
    listener, connections, threads = _listen(0), [], []
    print(listener.getsockname()[1], flush=True)

    def accept():
        while True:
            connections.append(listener.accept()[0])
            keep_alive(connections[-1])
            threads.append(threading.Thread(target=_serve, args=(connections[-1], connections)))
            threads[-1].start()

    threading.Thread(target=accept, daemon=True).start()
    sys.stdin.read()
    for thread in threads:
        thread.join()
    service.shutdown()


def keep_alive(connection: socket.socket) -> None:
    """Notices within seconds that the machine at the other end is gone."""
    connection.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
    for option, value in (("TCP_KEEPIDLE", 5), ("TCP_KEEPINTVL", 2), ("TCP_KEEPCNT", 3)):
        if hasattr(socket, option):
            connection.setsockopt(socket.IPPROTO_TCP, getattr(socket, option), value)


def _serve(connection: socket.socket, connections: list[socket.socket]) -> None:
    """Listens to one process to its end, and tells the others where that came too soon."""
    words = []
    with contextlib.suppress(OSError), connection.makefile() as lines:
        words.extend(line.strip() for line in lines)
    connections.remove(connection)
    connection.close()
    if words and words[0].isdecimal() and words[-1] != "ended":  # a process of the run, and too soon
        for other in list(connections):
            with contextlib.suppress(OSError):
                other.sendall(f"{words[0]}\n".encode())


def _wait_for(port: int) -> None:
    """Returns when the port is free: the service would share it."""
    until = time.monotonic() + _PORT_SECONDS
    while True:
        try:
            return _listen(port).close()
        except OSError as error:
            if time.monotonic() > until:
                print(f"cannot listen on port {port}: {os.strerror(error.errno or 0)}", flush=True)
                sys.exit(1)
            time.sleep(0.1)


def _listen(port: int) -> socket.socket:
    both = socket.has_dualstack_ipv6()
    family = socket.AF_INET6 if both else socket.AF_INET
    return socket.create_server(("", port), family=family, dualstack_ipv6=both)


if __name__ == "__main__":
    main(*map(int, sys.argv[1:]))
