"""Progress: one line, kept up to date on a terminal and repeated now and then in a log."""

import math
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from launch import devices
from launch.clock import Clock

_EVERY = 10  # seconds between two lines of a log


def lines(first: int, num_steps: int, show: Sequence[str], clock: Clock) -> Callable[[int, Mapping], None]:
    """A function (step, metrics) that says where a launch stands which took the run up at step `first`.

    show: the metrics to name. The rate, and so the time to go, leaves compiling out.
    """
    terminal, said, idle = sys.stderr.isatty(), time.monotonic(), _busy(clock)

    def line(step: int, metrics: Mapping) -> None:
        nonlocal said
        last = step == num_steps
        if not devices.first_process() or not (terminal or last or time.monotonic() - said > _EVERY):
            return
        said = time.monotonic()
        rate = (step - first) / (_busy(clock) - idle)
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


def eval_is_due(config: Any, step: int) -> bool:
    """Every `eval_every` steps or, with `evals_per_decade`, that number of times each time that steps grow tenfold."""
    per_decade, (chunk, rest) = config.get("evals_per_decade") or 0, divmod(step, config.log_every)
    if not per_decade:
        return step % config.eval_every == 0
    return rest == 0 and (chunk == 1 or int(per_decade * math.log10(chunk)) > int(per_decade * math.log10(chunk - 1)))


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
