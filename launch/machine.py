"""What a run depends on besides its config, what it takes, and the cache of its compiled programs."""

import importlib.util
import math
import os
import re
import resource
import sys
import time
from pathlib import Path
from typing import Any

import jax

# Settings of JAX by which the same config gives other numbers.
_DECIDING = (
    "jax_default_matmul_precision",
    "jax_default_prng_impl",
    "jax_enable_x64",
    "jax_numpy_dtype_promotion",
    "jax_random_seed_offset",
    "jax_threefry_partitionable",
)

_KERNELS = ("blur._unroll", "glns._native", "glns._shared_density", "self_play._physics")

_CACHE_BYTES, _CACHE_DAYS = 2 * 2**30, 30


def settings() -> dict[str, Any]:
    """The settings of JAX and XLA that decide results. A run is resumed with those that it began with."""
    given = re.findall(r"--xla_gpu_deterministic_ops(?:=(\S*))?(?:\s|$)", os.environ.get("XLA_FLAGS", ""))
    deterministic = bool(given) and given[-1].lower() in ("", "1", "true")
    return {name: getattr(jax.config, name) for name in _DECIDING} | {"deterministic": deterministic}


def native_kernels() -> dict[str, bool]:
    """Which native kernels were built: another implementation takes the place of one that was not, on a CPU."""
    return {name: importlib.util.find_spec(name) is not None for name in _KERNELS}


def peak_memory() -> int:
    """The most bytes this process has held: of the first device's own memory where it has some, else of the host's."""
    stats = jax.local_devices()[0].memory_stats() or {}
    if "peak_bytes_in_use" in stats:
        return stats["peak_bytes_in_use"]
    status = Path("/proc/self/status")
    if status.exists() and (kilobytes := re.search(r"VmHWM:\s*(\d+) kB", status.read_text())):
        return 1024 * int(kilobytes[1])
    # Elsewhere what the system says. Linux would count what the process held from which this one was begun.
    most = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return most if sys.platform == "darwin" else 1024 * most  # macOS counts bytes


def check_memory(shapes: Any, placed: Any) -> None:
    """Raises ValueError where a device cannot hold its part of the run's state. placed: its shardings."""
    parts = jax.tree.map(lambda leaf, sharding: math.prod(sharding.shard_shape(leaf.shape)), shapes, placed)
    sizes = jax.tree.map(lambda leaf, number: number * leaf.dtype.itemsize, shapes, parts)
    needed = sum(jax.tree.leaves(sizes))
    if needed > (there := _memory()):
        raise ValueError(
            f"the run's state takes {needed / 1e9:,.1f} GB of a device that has {there / 1e9:,.1f} GB; take a smaller "
            "learner, or fewer seeds or cells"
        )


def _memory() -> int:
    """The bytes that the first device has, of its own where it says so, else the host's."""
    stats = jax.local_devices()[0].memory_stats() or {}
    return stats.get("bytes_limit") or os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")


def trim(cache: Path, max_bytes: int = _CACHE_BYTES, max_days: float = _CACHE_DAYS) -> None:
    """Deletes compiled programs that were not used for days, and of the others the oldest where they take too much."""
    now, left = time.time(), max_bytes
    for used, size, path in sorted(_files(cache), reverse=True):
        left -= size
        if left < 0 or now - used > max_days * 86400:
            path.unlink(missing_ok=True)


def _files(cache: Path) -> list[tuple[float, int, Path]]:
    """-> (last use, size, path) of each file; other processes may delete some meanwhile."""
    files = []
    for path in cache.glob("*") if cache.is_dir() else ():
        try:
            stat = path.stat()
        except FileNotFoundError:
            continue
        files.append((max(stat.st_atime, stat.st_mtime), stat.st_size, path))
    return files
