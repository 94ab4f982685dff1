"""Every config runs: its `smoke` variant to the end, and every run of its sweep has a config."""

import importlib.util
import json
import os
from pathlib import Path

import numpy as np
import pytest

import experiments
from launch.train import check_schedule, train

CHECKOUT = Path(__file__).parents[1]
CONFIGS = sorted((CHECKOUT / "experiments" / "configs").glob("*.py"))
DATA = CHECKOUT.parent / "shared" / "data"
DATA_DIRS = {
    "bandit": DATA / "bandit",
    "binarized_mnist": DATA / "binarized_mnist",
    "cifar5m": DATA / "cifar5m",
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


@pytest.mark.parametrize("path", CONFIGS, ids=lambda path: path.stem)
def test_smoke(path, tmp_path, capsys):
    config = load(path).get_config("smoke").lock()
    small = config.data.name == "cifar5m"
    folder = small_shards(tmp_path / "data", config.data.num_per_part) if small else data_dir(config)
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
        check_schedule(module.get_config(variant))


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
