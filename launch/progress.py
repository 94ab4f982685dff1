"""Progress: one line, kept up to date on a terminal and repeated now and then in a log."""

import contextlib
import sys
import threading
import time
from collections.abc import Callable, Iterator, Mapping, Sequence

from launch import devices
from launch.clock import Clock

_EVERY = 10  # seconds between two lines of a log
_MOMENT = 2  # seconds


def lines(first: int, num_steps: int, show: Sequence[str], clock: Clock) -> Callable[[int, Mapping], None]:
    """A function (step, metrics) that says where a launch stands which took the run up at step `first`.

    show: the metrics to name. The rate, and so the time to go, leaves compiling out, and from the second line on what
    came before the first, in which a launch warms up.
    """
    terminal, said = sys.stderr.isatty(), time.monotonic()
    began, first_line = (first, _busy(clock)), True

    def line(step: int, metrics: Mapping) -> None:
        nonlocal said, began, first_line
        last, (from_step, idle) = step == num_steps, began
        if first_line:
            began, first_line = (step, _busy(clock)), False
        if not devices.first_process() or not (terminal or last or time.monotonic() - said > _EVERY):
            return
        said = time.monotonic()
        rate = (step - from_step) / max(_busy(clock) - idle, 1e-9)
        left = duration((num_steps - step) / rate)
        shown = numbers({name: metrics[name] for name in show if name in metrics})
        text = f"step {step}/{num_steps}  {shown}  {rate:.4g} steps/s  ETA {left}"
        print(
            f"\r{text}\x1b[K" if terminal else text,
            file=sys.stderr,
            end="" if terminal and not last else "\n",
            flush=True,
        )

    return line


@contextlib.contextmanager
def compiling() -> Iterator[None]:
    """Inside, a program is compiled. Where that takes more than a moment, lines say so, and how long it took."""
    began = time.monotonic()
    notice = threading.Timer(_MOMENT, lambda: devices.log("compiling .."))
    notice.start()
    try:
        yield
    finally:
        notice.cancel()
    if (took := time.monotonic() - began) > _MOMENT:
        devices.log(f"compiled in {took:.0f} s")


def _busy(clock: Clock) -> float:
    seconds = clock.launch()
    return seconds["wall"] - seconds.get("compile", 0.0)


def numbers(values: Mapping) -> str:
    """The numbers of a record in one line, without the lists of seeds."""
    return "  ".join(f"{name} {value:.4g}" for name, value in values.items() if isinstance(value, int | float))


def final(summary: Mapping, show: Sequence[str]) -> str:
    """The numbers of a summary in one line: those of the whole run, and of its cells those that the config shows."""
    return numbers({name: value for name, value in summary.items() if name.count("/") < 2 or name in show})


def duration(seconds: float) -> str:
    """H:MM:SS, or M:SS below an hour."""
    minutes, rest = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02}:{rest:02}" if hours else f"{minutes}:{rest:02}"
