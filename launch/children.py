"""Programs in processes of their own, several at a time, which get the signals that come to this one."""

import contextlib
import os
import subprocess
import sys
import threading
import time
from collections.abc import Iterator, Mapping, Sequence
from typing import TextIO

from launch import gpus, progress, signals

_MOMENT = 0.1  # seconds between two looks at processes that run at the same time


def run(
    commands: Sequence[Sequence[str]], titles: Sequence[str], names: Sequence[str], num_slots: int = 1
) -> list[int | None]:
    """Runs all commands, at most `num_slots` at a time. -> the exit status of each; None: a signal came before it.

    titles: what is printed when a command begins. names: of several at a time, what each of their lines begins with.
    Each of several sees only its own of the GPUs; where these are fewer than slots, a line says so and fewer run.
    """
    shares = _shares(num_slots)
    statuses: list[int | None] = [None] * len(commands)
    running: dict[int, tuple[int, subprocess.Popen]] = {}  # by the place of the command: its slot, and its process
    came, waiting, began, num_ended = [], list(enumerate(commands)), time.monotonic(), 0

    def pass_on(number, frame):
        del frame
        came.append(number)
        for _, process in list(running.values()):
            process.send_signal(number)

    with signals.handling(pass_on), contextlib.ExitStack() as processes:
        while running or (waiting and not came):
            while waiting and len(running) < len(shares) and not came:
                i, command = waiting.pop(0)
                print(f"[{i + 1}/{len(commands)}] {titles[i]}", flush=True)
                slot = min(set(range(len(shares))) - {slot for slot, _ in running.values()})
                name = names[i] if len(shares) > 1 else None
                process = processes.enter_context(_started(command, shares[slot], name))
                running[i] = slot, process
                if came:
                    process.send_signal(came[-1])
            for i in _ended(running):
                statuses[i] = running.pop(i)[1].wait()
                num_ended += 1
            if (running or waiting) and not came:
                taken = time.monotonic() - began
                left = progress.duration(taken / num_ended * (len(commands) - num_ended))
                print(f"{num_ended} of {len(commands)} in {progress.duration(taken)}  ETA {left}", flush=True)
    return statuses


@contextlib.contextmanager
def _started(command: Sequence[str], share: Mapping[str, str], name: str | None) -> Iterator[subprocess.Popen]:
    """A process in a session of its own: a signal comes to it from here alone. Each line begins with a name given."""
    pipe = None if name is None else subprocess.PIPE
    process = subprocess.Popen(
        command,
        start_new_session=True,
        env={**os.environ, **share},
        stdout=pipe,
        stderr=pipe,
        text=True,
        errors="replace",
    )
    pairs = [(read, write) for read, write in ((process.stdout, sys.stdout), (process.stderr, sys.stderr)) if read]
    readers = [threading.Thread(target=_copy, args=(name, *pair), daemon=True) for pair in pairs]
    for reader in readers:
        reader.start()
    yield process
    for reader in readers:
        reader.join()


def _copy(name: str, read: TextIO, write: TextIO) -> None:
    with read:
        for line in read:
            write.write(f"{name}: {line}")
            write.flush()


def _ended(running: dict[int, tuple[int, subprocess.Popen]]) -> list[int]:
    """Waits until one of the processes has ended. -> those that have."""
    if len(running) == 1:
        next(iter(running.values()))[1].wait()
    while not (ended := [i for i, (_, process) in running.items() if process.poll() is not None]):
        time.sleep(_MOMENT)
    return ended


def _shares(num_slots: int) -> list[dict[str, str]]:
    """What the environment of each slot says of GPUs; where there are some, there are at most as many slots."""
    there = gpus.visible()
    if num_slots == 1 or not there:
        return [{}] * num_slots
    if num_slots > len(there):
        print(
            f"--parallel={num_slots}: each program needs a GPU of its own, so {len(there)} at a time", file=sys.stderr
        )
        num_slots = len(there)
    return [{"CUDA_VISIBLE_DEVICES": ",".join(there[slot::num_slots])} for slot in range(num_slots)]
