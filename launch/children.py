"""Programs in processes of their own, several at a time, which get the signals that come to this one."""

import os
import subprocess
import time
from collections.abc import Sequence

from launch import cli, gpus, signals

_MOMENT = 0.1  # seconds between two looks at processes that run at the same time


def run(commands: Sequence[Sequence[str]], titles: Sequence[str], num_slots: int = 1) -> list[int | None]:
    """Runs all commands, at most `num_slots` at a time. -> the exit status of each; None: a signal came before it.

    titles: what is printed when a command begins. Of several at a time, each sees only its own of the GPUs.
    """
    shares = _shares(num_slots)
    statuses: list[int | None] = [None] * len(commands)
    running: dict[int, tuple[int, subprocess.Popen]] = {}  # by the place of the command: its slot, and its process
    came, waiting = [], list(enumerate(commands))

    def pass_on(number, frame):
        del frame
        came.append(number)
        for _, process in list(running.values()):
            process.send_signal(number)

    with signals.handling(pass_on):
        while running or (waiting and not came):
            while waiting and len(running) < num_slots and not came:
                i, command = waiting.pop(0)
                print(f"[{i + 1}/{len(commands)}] {titles[i]}", flush=True)
                slot = min(set(range(num_slots)) - {slot for slot, _ in running.values()})
                process = subprocess.Popen(command, start_new_session=True, env={**os.environ, **shares[slot]})
                running[i] = slot, process  # started in a session of its own: a signal comes to it from here alone
                if came:
                    process.send_signal(came[-1])
            for i in _ended(running):
                statuses[i] = running.pop(i)[1].wait()
    return statuses


def _ended(running: dict[int, tuple[int, subprocess.Popen]]) -> list[int]:
    """Waits until one of the processes has ended. -> those that have."""
    if len(running) == 1:
        next(iter(running.values()))[1].wait()
    while not (ended := [i for i, (_, process) in running.items() if process.poll() is not None]):
        time.sleep(_MOMENT)
    return ended


def _shares(num_slots: int) -> list[dict[str, str]]:
    """What the environment of each slot says of GPUs. Raises UserError where there are some, and fewer than slots."""
    there = gpus.visible()
    if num_slots == 1 or not there:
        return [{}] * num_slots
    if num_slots > len(there):
        raise cli.UserError(f"--parallel={num_slots}: each program needs a GPU of its own, and there are {len(there)}")
    return [{"CUDA_VISIBLE_DEVICES": ",".join(there[slot::num_slots])} for slot in range(num_slots)]
