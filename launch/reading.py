"""Rows of data that are read as steps need them, a call ahead of the devices; of several processes each reads a part."""

import functools
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import jax
import numpy as np
from jax.sharding import Mesh, NamedSharding, PartitionSpec


def ahead(read_rows: Callable) -> Callable:
    """This process's part of it, (data, step, num_steps) -> data, while a thread reads the rows of as many steps more.

    Where they are not what is asked for next, or there are none left, they were read for nothing.
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

    held: the data before they were read, on the devices. part: what this process has read (`bootstrap.World.read_rows`).
    whole: the sharding of what every device has.
    """
    devices = sorted(jax.devices(), key=lambda device: (device.process_index, device.id))
    mesh = Mesh(np.reshape(devices, (jax.process_count(), -1)), ("process", "device"))
    by_process = NamedSharding(mesh, PartitionSpec("process"))

    def of_all(old, new):
        if new is old:
            return old
        rows = jax.make_array_from_process_local_data(by_process, new) if np.ndim(new) else new
        return jax.device_put(rows, whole)

    return jax.tree.map(of_all, held, part)
