"""SIGTERM, SIGINT and SIGHUP ask a run to stop: it saves after the steps that it is computing, or leaves without.

A chunk of steps is one compiled call, which may take minutes, and nothing interrupts it. So where the run has not left
after a few seconds, a thread ends the process: the newest checkpoint is whole at any moment, and the same command goes
on from there. No number of a run depends on whether, when or how it was stopped.
"""

import contextlib
import math
import os
import signal
import socket
import sys
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import NoReturn

UNFINISHED = 75  # the exit status of a run that the same command goes on with: EX_TEMPFAIL of sysexits.h
PATIENCE = 5.0  # seconds from a signal, or from the end of a save, until a run that is still there leaves at once
SIGNALS = tuple(getattr(signal, name) for name in ("SIGTERM", "SIGINT", "SIGHUP") if hasattr(signal, name))

_saving = threading.Event()


@contextlib.contextmanager
def stopping(workdir: Path) -> Iterator[Callable[[], bool]]:
    """Inside, the yielded function says whether a signal has come. A second signal ends the process at once."""
    came = threading.Event()
    receiver, sender = socket.socketpair()
    sender.setblocking(False)
    with handling(lambda *_: came.set()):
        before = signal.set_wakeup_fd(sender.fileno(), warn_on_full_buffer=False)  # also while a compiled call runs
        thread = threading.Thread(target=_watch, args=(receiver, came, workdir), daemon=True)
        thread.start()
        try:
            yield came.is_set
        finally:
            signal.set_wakeup_fd(before)
            sender.close()
            thread.join()
            receiver.close()


@contextlib.contextmanager
def handling(handler: Callable) -> Iterator[None]:
    """Inside, the handler gets the signals; SIGHUP stays ignored where it is (nohup)."""
    ignored = {number for number in SIGNALS[2:] if signal.getsignal(number) == signal.SIG_IGN}
    previous = {number: signal.signal(number, handler) for number in SIGNALS if number not in ignored}
    try:
        yield
    finally:
        for number, old in previous.items():
            signal.signal(number, old)


def leave_before_it_begins() -> None:
    """Until a run can save, a signal ends the program at once: there is nothing to lose yet."""

    def handle(*_: object) -> None:
        os.write(2, b"stopped; the same command goes on, or begins\n")
        os._exit(UNFINISHED)

    for number in SIGNALS:
        if signal.getsignal(number) != signal.SIG_IGN:
            signal.signal(number, handle)


def ignore() -> None:
    """From here on a signal does nothing: the run is saved, and Python's own end would fall back to dying of it."""
    for number in SIGNALS:
        signal.signal(number, signal.SIG_IGN)


@contextlib.contextmanager
def saving() -> Iterator[None]:
    """Inside, a run that was asked to stop is given the time to save."""
    _saving.set()
    try:
        yield
    finally:
        _saving.clear()


def leave(why: str, workdir: Path) -> NoReturn:
    """Ends the process from any thread, with a line that says where the same command goes on."""
    steps = [int(path.name) for path in (workdir / "checkpoints").glob("*") if path.name.isdecimal()]
    begins = f"goes on from step {max(steps)}" if steps else "begins it"
    exit_now(f"{why}; the same command {begins}", UNFINISHED)


def exit_now(line: str, status: int) -> NoReturn:
    """Ends the process from any thread, whatever the others do."""
    if sys.stdout:  # what the main thread calls may have put nothing in its place
        sys.stdout.flush()
    print(line, file=sys.stderr, flush=True)
    os._exit(status)


def _watch(receiver: socket.socket, came: threading.Event, workdir: Path) -> None:
    """Reads the numbers of signals until the other end is closed."""
    leave_at = math.inf
    while True:
        receiver.settimeout(None if leave_at == math.inf else 0.1)
        try:
            number = receiver.recv(1)
        except TimeoutError:
            if _saving.is_set():
                leave_at = time.monotonic() + PATIENCE
            elif time.monotonic() > leave_at:
                return leave("left what is being computed", workdir)
            continue
        if not number:
            return None
        if number[0] in SIGNALS:
            if leave_at < math.inf:
                return leave("left at once", workdir)
            name = signal.Signals(number[0]).name
            print(f"\n{name}: saving and leaving; once more to leave at once", file=sys.stderr, flush=True)
            came.set()
            leave_at = time.monotonic() + PATIENCE
