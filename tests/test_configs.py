"""Every config can run, and every run of its sweep has a config.

The `smoke` variants of those that differ in kind run to their end. The others are taken to their first step: all is
built and traced, and what they will leave is tried. The programs of all are lowered for the devices that are not here.
"""

import importlib.util
import json
import os
import re
import threading
from pathlib import Path

import jax
import jax.numpy as jnp
import numpy as np
import pytest

import blur.native
import experiments
import launch.programs
import self_play
from glns import shared_density
from launch import devices, outputs, schedule
from launch.clock import Clock
from launch.programs import programs
from launch.train import train

pytestmark = pytest.mark.usefixtures("keys_once")
CHECKOUT = Path(__file__).parents[1]
CONFIGS = sorted((CHECKOUT / "experiments" / "configs").glob("*.py"))
DATA = CHECKOUT.parent / "shared" / "data"
DATA_DIRS = {
    "bandit": DATA / "bandit",
    "binarized_mnist": DATA / "binarized_mnist",
    "cifar10": DATA / "cifar10",
    "cifar5m": DATA / "cifar5m",
    "csv": DATA / "streams",
    "digits_and_idx": DATA / "mnist",
    "idx": DATA / "mnist",
    "permuted": DATA / "mnist",
    "sarcos": DATA / "sarcos",
    "uci": DATA / "uci_classification",
    "uci_regression": DATA / "uci_regression",
}


def load(path):
    spec = importlib.util.spec_from_file_location(path.stem, path)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def small_shards(folder, num_per_part):
    """Six files in the layout of CIFAR-5m's."""
    folder.mkdir()
    rng = np.random.default_rng(0)
    for part in range(6):
        images = rng.integers(0, 256, size=(num_per_part, 32, 32, 3), dtype=np.uint8)
        np.savez(folder / f"part{part}.npz", X=images, Y=rng.integers(0, 10, size=num_per_part))
    return str(folder)


def data_dir(config):
    folder = DATA_DIRS.get(config.data.name)
    if folder is None:
        return None
    folder = Path(os.environ.get("COLLAGE_DATA", folder))
    if not folder.is_dir():
        pytest.skip(f"the data files are missing: no folder {folder} (COLLAGE_DATA names another)")
    return str(folder)


RUN = {
    *("blur_cmaes", "blur_digits", "blur_toy", "bootstrap_cifar5m", "bootstrap_samples", "glns_bandit", "glns_density"),
    *("glns_digits", "glns_regression", "glns_shared_density", "self_play_puck"),
}


def of_smoke(path, tmp_path):
    """-> (config, folder of its data)"""
    config = load(path).get_config("smoke").lock()
    small = config.data.name == "cifar5m"
    return config, small_shards(tmp_path / "data", config.data.num_per_part) if small else data_dir(config)


# What a program may call on a GPU and on a TPU, besides operations of XLA.
CALLS = re.compile(
    r"cusolver_\w+_ffi|Eigh|Qr|ProductOfElementaryHouseholderReflectors"
    r"|glns_shared_density"  # its learner refuses to be built there
)


@pytest.fixture
def lowered(monkeypatch):
    compiling = launch.programs._compiling
    monkeypatch.setattr(blur.native, "available", False)  # on a CPU alone, which decides when a program is traced

    def lowered(*, and_run, others=True):
        """From here on each program that is called is lowered for a GPU and a TPU, and, if `and_run`, run.

        Without `others` it is traced alone.
        """

        def tracing(clock):
            compiled, traced, lock = compiling(clock), {}, threading.Lock()

            def lower(program, static, *args):
                with lock:
                    if (program, static) not in traced:
                        traced[program, static] = program.trace(*static, *args)
                        if others:
                            check(traced[program, static].lower(lowering_platforms=("cuda", "tpu")).as_text())
                shapes = traced[program, static].out_info
                return compiled(program, static, *args) if and_run else lambda *_: shapes

            return lower

        monkeypatch.setattr(launch.programs, "_compiling", tracing)

    return lowered


def check(text):
    assert "f64" not in text
    assert "callback" not in text
    assert not [name for name in re.findall(r"custom_call @([\w.$]+)", text) if not CALLS.fullmatch(name)]


# On other devices the physics of games is MJX, with which this one is lowered; here C computes it.
MJX = "self_play_puck"


def is_game(path):
    return path.stem.startswith("self_play")


# The smoke variant of the twins is that of `self_play_blocks`.
FIRST = [path for path in CONFIGS if path.stem not in RUN - {MJX} and path.stem != "self_play_twins"]


@pytest.mark.parametrize("path", FIRST, ids=lambda path: path.stem)
def test_it_comes_to_its_first_step(path, tmp_path, lowered, physics, monkeypatch):
    physics("mjx" if path.stem == MJX else "c")
    lowered(and_run=False, others=path.stem == MJX or not is_game(path))
    monkeypatch.setattr(devices, "num_cores", lambda: 0)  # the forms of a lone CPU compute in between
    config, folder = of_smoke(path, tmp_path)
    settings = config.to_dict()
    plan = experiments.plan(settings, folder)
    compute = programs(plan, config.seed, config.num_seeds, Clock())
    left = outputs.prepare(settings, plan, compute, "the command")
    assert set(config.log_metrics) <= compute.metrics.keys()
    assert bool(left.artifacts) == bool(config.get("artifacts"))
    compute.begin()
    compute.advance(0, compute.abstract_run, 2)


def test_the_physics_of_blocks_is_lowered():
    """The rest of their programs is that of pucks."""
    table = self_play.tabletop.build(self_play.scene_of("blocks", 1, physics="mjx"))
    states = jax.eval_shape(jax.vmap(table.reset), jax.random.split(jax.random.key(0), 4))
    actions = jax.ShapeDtypeStruct((4, table.scene.num_dimensions), jnp.int32)
    step = jax.jit(jax.vmap(table.step)).trace(states, actions)
    check(step.lower(lowering_platforms=("cuda", "tpu")).as_text())


@pytest.mark.parametrize("path", [path for path in CONFIGS if path.stem in RUN], ids=lambda path: path.stem)
def test_smoke(path, tmp_path, capsys, lowered, physics):
    if path.stem == "glns_shared_density" and shared_density.native is None:
        pytest.skip("the native code was not built: no C++ compiler")
    physics("c")
    if not is_game(path):
        lowered(and_run=True)
    config, folder = of_smoke(path, tmp_path)
    train(config, tmp_path / "run", folder)
    summary = json.loads((tmp_path / "run" / "summary.json").read_text())
    assert summary["steps"] == config.num_steps
    assert {"wall_seconds", "compile_seconds", "steps_per_second", "fingerprint", *config.log_metrics} <= summary.keys()
    figures = sorted(path.name for path in (tmp_path / "run" / "figures").iterdir())
    assert figures == sorted(
        f"{name.replace('/', '_')}.png" for name in (*config.log_metrics, *config.get("figures", {}))
    )
    assert f"figure: {tmp_path}" in capsys.readouterr().out
    names = {"config.json", "run.json", "metrics.jsonl", "summary.json", "checkpoints", "tb", "figures", ".lock"}
    names |= {f"{name}.json" for name in config.get("artifacts", ())}
    names |= {"episode.html"} if "episode" in config.get("artifacts", ()) else set()
    assert {path.name for path in (tmp_path / "run").iterdir()} == names


@pytest.mark.parametrize("path", CONFIGS, ids=lambda path: path.stem)
def test_the_docstring_gives_the_command_and_every_variant_has_a_schedule(path):
    module = load(path)
    assert f"--config=experiments/configs/{path.name}" in module.__doc__
    with pytest.raises(ValueError, match="no variant 'nope'; there are ") as refusal:
        module.get_config("nope")
    for variant in str(refusal.value).split("there are ")[1].split(", "):
        assert f"\n{variant} " in module.__doc__
        schedule.check(module.get_config(variant))


@pytest.mark.parametrize("path", CONFIGS, ids=lambda path: path.stem)
def test_every_run_of_the_sweep_builds(path):
    module = load(path)
    runs = []
    if not hasattr(module, "sweep"):
        pytest.skip("no sweep in this config")
    module.sweep(lambda variant, **overrides: runs.append((variant, overrides)))
    assert runs
    for variant, overrides in runs:
        config = module.get_config(variant).lock()
        config.update_from_flattened_dict(overrides)
        experiments.plan(config.to_dict(), data_dir(config))
