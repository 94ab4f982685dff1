"""A run's clock: the seconds it has taken over all its launches, compiling and training apart."""

import collections
import contextlib
import copy
import time
from collections.abc import Iterator, Mapping


class Clock:
    """Starts when it is made. Times inside times are counted once, where they are innermost."""

    def __init__(self) -> None:
        self._born = time.monotonic()
        self._seconds: dict[str, float] = collections.defaultdict(float)
        self._before: Mapping = {}

    @contextlib.contextmanager
    def timing(self, name: str) -> Iterator[None]:
        """What happens inside is `name`: compile, train, .."""
        counted, began = sum(self._seconds.values()), time.monotonic()
        yield
        inner = sum(self._seconds.values()) - counted
        self._seconds[name] += time.monotonic() - began - inner

    def of_run(self) -> "Clock":
        """The same clock for one of several runs, which has earlier launches of its own."""
        return copy.copy(self)

    def go_on_from(self, seconds: Mapping) -> None:
        """Adds what earlier launches took."""
        self._before = dict(seconds)

    def launch(self) -> dict:
        """Seconds of this launch by name; `wall` is all of it."""
        return {"wall": time.monotonic() - self._born, **self._seconds}

    def run(self) -> dict:
        """Seconds of the whole run by name."""
        now = self.launch()
        return {name: now.get(name, 0.0) + self._before.get(name, 0.0) for name in {*now, *self._before}}
