"""Runs every config's `smoke` variant and prints the fingerprint of its final state: what a rewrite must not change.

    .venv/bin/python tests/fingerprints.py OUT [CHECKOUT]

Run folders are left in OUT; a finished one is not run again. Not a test of the suite: numbers differ between machines.
"""

import importlib.util
import json
import os
import subprocess
import sys
from pathlib import Path

import numpy as np

HERE = Path(__file__).resolve().parents[1]
DATA = Path(os.environ.get("COLLAGE_DATA_ROOT", HERE.parent / "shared" / "data"))
DATA_DIRS = {
    "bandit": "bandit",
    "binarized_mnist": "binarized_mnist",
    "digits_and_idx": "mnist",
    "idx": "mnist",
    "permuted": "mnist",
    "sarcos": "sarcos",
    "uci": "uci_classification",
    "uci_regression": "uci_regression",
}


def smoke_config(path):
    spec = importlib.util.spec_from_file_location(path.stem, path)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module.get_config("smoke")


def small_shards(folder, num_per_part):
    """Six files in the layout of CIFAR-5m's."""
    folder.mkdir(parents=True, exist_ok=True)
    rng = np.random.default_rng(0)
    for part in range(6):
        images = rng.integers(0, 256, size=(num_per_part, 32, 32, 3), dtype=np.uint8)
        np.savez(folder / f"part{part}.npz", X=images, Y=rng.integers(0, 10, size=num_per_part))
    return folder


def main(out, checkout):
    sys.path.insert(0, str(checkout))
    for path in sorted((checkout / "experiments" / "configs").glob("*.py")):
        config, workdir = smoke_config(path), (out / path.stem).absolute()
        command = [sys.executable, "-m", "launch.train", f"--config={path}:smoke", f"--workdir={workdir}"]
        if config.data.name == "cifar5m":
            command.append(f"--data_dir={small_shards(out / 'shards', config.data.num_per_part)}")
        elif config.data.name in DATA_DIRS:
            command.append(f"--data_dir={DATA / DATA_DIRS[config.data.name]}")
        done = subprocess.run(command, cwd=checkout, capture_output=True, text=True, check=False)
        summary = workdir / "summary.json"
        result = json.loads(summary.read_text())["fingerprint"] if summary.exists() else done.stderr.strip()
        print(f"{path.stem:24} {result}", flush=True)


if __name__ == "__main__":
    main(Path(sys.argv[1]), Path(sys.argv[2]).resolve() if sys.argv[2:] else HERE)
