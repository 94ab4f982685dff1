"""Strict numerics for every test, and the reference numbers of the public implementations."""

import gc
import os
from pathlib import Path

import jax
import numpy as np
import pytest

CHECKOUT = Path(__file__).resolve().parent.parent

gc.set_threshold(50_000, 20, 20)  # tracing makes millions of objects that live: a twentieth of the time

# Nearly all of the suite's time is compiling, and what it compiles runs for moments; child processes inherit these.
_QUICK = "--xla_backend_optimization_level=0 --xla_llvm_disable_expensive_passes=true"
_QUICK += " --xla_cpu_parallel_codegen_split_count=1"
if jax.__version_info__ < (0, 11):  # from then on there is no such flag, and a process with it ends without a word
    _QUICK += " --xla_cpu_use_fusion_emitters=false"
os.environ["XLA_FLAGS"] = f"{os.environ.get('XLA_FLAGS', '')} {_QUICK}".strip()
jax.config.update("jax_platforms", os.environ.setdefault("JAX_PLATFORMS", "cpu"))
jax.config.update("jax_numpy_rank_promotion", "raise")
jax.config.update("jax_captured_constants_warn_bytes", 1_000_000)  # pytest turns the warning into an error
jax.config.update("jax_compilation_cache_dir", str(CHECKOUT / ".cache" / "xla"))
jax.config.update("jax_persistent_cache_min_compile_time_secs", 0)


@pytest.fixture(scope="session")
def reference():
    """reference(name, prefix) -> the arrays of NAME.npz whose keys start with `prefix`, by the rest of the key."""

    def load(name, prefix=""):
        folder = Path(os.environ.get("COLLAGE_REFERENCE", CHECKOUT.parent / "shared" / "reference"))
        if not folder.is_dir():
            pytest.skip(f"the reference numbers are missing: no folder {folder} (COLLAGE_REFERENCE names another)")
        with np.load(folder / f"{name}.npz") as arrays:
            return {key.removeprefix(prefix): arrays[key] for key in arrays.files if key.startswith(prefix)}

    return load


@pytest.fixture(scope="module")
def keys_once():
    """A key that is used twice is an error. That takes a twelfth of the time, so it is asked where all programs are."""
    with jax.debug_key_reuse(True):
        yield


@pytest.fixture
def physics(monkeypatch):
    """physics("c") or physics("mjx"): what steps all tables from here on. C compiles in a moment, MJX in half a minute.

    Where C was not built, MJX it is.
    """

    def physics(name):
        from self_play import c_mujoco, tabletop

        if name == "mjx" or c_mujoco.available():
            monkeypatch.setattr(tabletop, "physics_of", lambda scene: name)

    return physics


@pytest.fixture(scope="module")
def one_size_of_calls():
    """An estimator's calls are of 1 or 32 samples, not of 256 as well: nearly all of its tests' time is compiling."""
    from glns.estimator import programs

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(programs, "_MANY", 32)
        yield


@pytest.fixture(autouse=True, scope="module")
def forget():
    """Programs of one file are of no use to the next, and take gigabytes."""
    yield
    jax.clear_caches()
