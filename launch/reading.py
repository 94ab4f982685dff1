"""Rows of data that are read as steps need them, a call ahead of the devices; each process reads a part of them."""

import functools
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import jax
import numpy as np
from jax.sharding import Mesh, NamedSharding, PartitionSpec


def ahead(read_rows: Callable) -> Callable:
    """(data, step, num_steps) -> data with this process's part, while a thread reads that of as many steps after these.

    read_rows: of `bootstrap.World`. What is not asked for next, or is not there, was read for nothing.
    """
    pool, waiting = ThreadPoolExecutor(1), {}
    read_part = functools.partial(read_rows, part=(jax.process_index(), jax.process_count()))

    def read(data, step, num_steps):
        rows = waiting.pop((step, num_steps), None)
        found = rows.result() if rows else read_part(data, step, num_steps)
        waiting.clear()
        waiting[step + num_steps, num_steps] = pool.submit(read_part, data, step + num_steps, num_steps)
        return found

    return read


def joined(held: Any, part: Any, whole: NamedSharding) -> Any:
    """What all processes have read, whole on every device: the rows of one process go to the others over the network.

    held: the data on the devices before. part: what this process has read, see `bootstrap.World`. whole: the sharding
    of what every device has.
    """
    devices = sorted(jax.devices(), key=lambda device: (device.process_index, device.id))
    mesh = Mesh(np.reshape(devices, (jax.process_count(), -1)), ("process", "device"))
    by_process = NamedSharding(mesh, PartitionSpec("process"))

    def of_all(old, new):
        if new is old:
            return old
        rows = jax.make_array_from_process_local_data(by_process if np.ndim(new) else whole, np.asarray(new))
        return jax.device_put(rows, whole)

    return jax.tree.map(of_all, held, part)
