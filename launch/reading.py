"""Rows of data that are read as steps need them, a call ahead of the device."""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor


def ahead(read_rows: Callable) -> Callable:
    """The same, (data, step, num_steps) -> data, while a thread reads the rows that as many steps take after these.

    Where they are not what is asked for next, or there are none left, they were read for nothing.
    """
    pool, waiting = ThreadPoolExecutor(1), {}

    def read(data, step, num_steps):
        rows = waiting.pop((step, num_steps), None)
        found = rows.result() if rows else read_rows(data, step, num_steps)
        waiting.clear()
        waiting[step + num_steps, num_steps] = pool.submit(read_rows, data, step + num_steps, num_steps)
        return found

    return read
