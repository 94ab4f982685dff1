"""Devices: how many there are, of how many processes (JAX's multi-controller runtime). `mesh` shares the work out."""

import importlib.util
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import jax
import numpy as np
from absl import flags
from jax.experimental import multihost_utils

from launch import gpus, machine, peers
from launch.cli import UserError

_TPU_NODES = (Path("/dev/accel0"), Path("/dev/vfio/0"))  # to v4; from v5e on


def define(values: flags.FlagValues = flags.FLAGS) -> None:
    """Defines the flags that `start` reads."""
    flags.DEFINE_bool(
        "distributed",
        False,
        "Join the other processes of this job: start the same command on every host. TPU pods, SLURM, Kubernetes and "
        "Open MPI are detected; elsewhere give the next three flags.",
        flag_values=values,
    )
    flags.DEFINE_string(
        "coordinator_address", None, "HOST:PORT of process 0. Implies --distributed.", flag_values=values
    )
    flags.DEFINE_integer("num_processes", None, "How many processes the job has.", lower_bound=1, flag_values=values)
    flags.DEFINE_integer("process_id", None, "Which it is: 0 .. num_processes - 1.", lower_bound=0, flag_values=values)
    flags.DEFINE_enum(
        "matmul_precision",
        None,
        ("bfloat16", "tensorfloat32", "float32"),
        "Of products of float32, where a device has faster ones that are less exact. Default: the device's own. A run "
        "goes on with the one that it began with.",
        flag_values=values,
    )
    flags.DEFINE_bool(
        "deterministic",
        False,
        "On a GPU, only operations that give the same bits every time, so that a run that is repeated or resumed is "
        "the same to the bit. A run goes on with it or without it, as it began.",
        flag_values=values,
    )
    flags.DEFINE_bool(
        "debug_nans",
        False,
        "End with a traceback at the first call of a program that gives a NaN; no operation is named.",
        flag_values=values,
    )


def start() -> None:
    """Does what the flags say: precision, deterministic operations, other processes; keeps compiled programs on disk.

    Call it before any other use of JAX. The programs lie in .cache/xla of the checkout, which is kept small, or where
    JAX_COMPILATION_CACHE_DIR says.
    """
    if "JAX_COMPILATION_CACHE_DIR" not in os.environ:
        cache = Path(__file__).parents[1] / ".cache" / "xla"
        machine.trim(cache)
        jax.config.update("jax_compilation_cache_dir", str(cache))
    jax.config.update("jax_persistent_cache_min_compile_time_secs", 0.0)
    schedule_in_order()
    if flags.FLAGS.matmul_precision:
        jax.config.update("jax_default_matmul_precision", flags.FLAGS.matmul_precision)
    if flags.FLAGS.deterministic:
        be_deterministic()
    jax.config.update("jax_debug_nans", flags.FLAGS.debug_nans)
    given = (flags.FLAGS.coordinator_address, flags.FLAGS.num_processes, flags.FLAGS.process_id)
    if not flags.FLAGS.distributed and all(value is None for value in given):
        return
    if any(value is not None for value in given) and any(value is None for value in given):
        raise ValueError("give --coordinator_address, --num_processes and --process_id together, or none on a cluster")
    gpus.take_own()
    peers.join(*given)
    gpus.check_all_used()


def be_deterministic() -> None:
    """Keeps XLA on GPUs to operations that give the same bits every time. Raises ValueError where it is told not to."""
    _set_xla_flag("--xla_gpu_deterministic_ops", "true")
    if not machine.settings()["deterministic"]:
        raise ValueError("--deterministic: XLA_FLAGS has --xla_gpu_deterministic_ops=false; leave one of them out")


def schedule_in_order() -> None:
    """Keeps XLA:CPU from running the operations of a program at once, at which loops of physics may hang.

    See `self_play.tabletop`. A flag of another platform is not given to a TPU: libtpu is released apart from jaxlib.
    """
    if not _tpu_computes():
        _set_xla_flag("--xla_cpu_enable_concurrency_optimized_scheduler", "false")


def _tpu_computes() -> bool:
    """Whether JAX will choose a TPU, without asking it."""
    if platforms := jax.config.values["jax_platforms"]:
        return platforms.split(",")[0] == "tpu"
    return bool(importlib.util.find_spec("libtpu")) and any(path.exists() for path in _TPU_NODES)


def _set_xla_flag(flag: str, value: str) -> None:
    """Adds to XLA_FLAGS what is not in it.

    XLA reads them when JAX is first used: jaxlib, the plugin for CUDA and libtpu each for itself. Each knows the flags
    of all platforms that its version has, and ends the process at one that it does not know.
    """
    given = os.environ.get("XLA_FLAGS", "")
    if flag not in given:
        os.environ["XLA_FLAGS"] = f"{given} {flag}={value}".strip()


def first_process() -> bool:
    """Whether this process is the one that writes."""
    return jax.process_index() == 0


def num_cores() -> int:
    """How many cores a lone CPU has; 0 where there are other devices."""
    lone = jax.device_count() == 1 and jax.default_backend() == "cpu"
    return usable_cores() if lone else 0


def usable_cores() -> int:
    """How many cores this process may use; where the system does not say (macOS), how many there are."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def describe() -> str:
    """How many of which devices there are."""
    return f"{jax.device_count()} x {jax.devices()[0].device_kind}"


def log(text: str) -> None:
    """Prints a line, in the first process alone."""
    if first_process():
        print(text, flush=True)


def in_first_process(call: Callable) -> Any:
    """Calls in the process that writes and returns its result there, None elsewhere. Where it fails, all fail."""
    result = failure = None
    if first_process():
        try:
            result = call()
        except (OSError, UserError) as error:
            failure = error
    if any_process(failure is not None):
        raise failure or UserError("process 0 refused; its output says why")
    return result


def any_process(flag: bool) -> bool:
    """Whether the flag is set in any process. All of them must ask."""
    if jax.process_count() == 1:
        return flag
    return bool(multihost_utils.process_allgather(np.array(flag)).any())


def to_host(tree: Any) -> Any:
    """The arrays in NumPy, whole, in every process."""
    return jax.device_get(tree) if jax.process_count() == 1 else multihost_utils.process_allgather(tree, tiled=True)
