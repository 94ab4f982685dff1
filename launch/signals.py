"""SIGTERM and SIGINT ask a run to stop; it saves and leaves at its next chance. A second one kills as usual."""

import contextlib
import signal
from collections.abc import Callable, Iterator


@contextlib.contextmanager
def stopping() -> Iterator[Callable[[], bool]]:
    """Inside, the yielded function says whether a signal has come."""
    came = []

    def handle(number, frame):
        del frame
        came.append(number)
        print(f"\n{signal.Signals(number).name}: saving and leaving; once more to leave at once", flush=True)
        for name in previous:
            signal.signal(name, signal.SIG_DFL)

    previous = {name: signal.signal(name, handle) for name in (signal.SIGTERM, signal.SIGINT)}
    try:
        yield lambda: bool(came)
    finally:
        for name, handler in previous.items():
            signal.signal(name, handler)
