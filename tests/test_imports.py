"""The layers hold: launch -> experiments -> papers, and the papers never import each other."""

import importlib.metadata
import subprocess
import sys
from pathlib import Path

import pytest

CHECKOUT = Path(__file__).parents[1]


def lint_imports(folder):
    command = [Path(sys.executable).with_name("lint-imports"), "--no-cache"]
    return subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False)


def test_the_contracts_are_kept():
    done = lint_imports(CHECKOUT)
    assert done.returncode == 0, done.stdout + done.stderr


@pytest.mark.parametrize(
    ("path", "line"),
    [
        ("glns/network.py", "import bootstrap"),
        ("bootstrap/core.py", "import time"),
        ("glns/network.py", "import sklearn"),
        ("experiments/evals.py", "import os"),
        ("experiments/evals.py", "import launch.cli"),
        ("launch/train.py", "import orbax.checkpoint"),
        ("self_play/goals.py", "import brax"),
    ],
)
def test_a_breach_is_noticed(tmp_path, path, line):
    for package in ("launch", "experiments", "glns", "blur", "self_play", "bootstrap"):
        for source in (CHECKOUT / package).rglob("*.py"):
            copy = tmp_path / source.relative_to(CHECKOUT)
            copy.parent.mkdir(parents=True, exist_ok=True)
            copy.write_text(source.read_text())
    (tmp_path / "pyproject.toml").write_text((CHECKOUT / "pyproject.toml").read_text())
    (tmp_path / path).write_text(f"{line}\n{(tmp_path / path).read_text()}")
    assert lint_imports(tmp_path).returncode == 1


def test_only_the_papers_are_installed():
    installed = importlib.metadata.distribution("collage").read_text("top_level.txt").split()
    assert sorted(installed) == ["blur", "bootstrap", "glns", "self_play"]


def test_importing_computes_nothing():
    """Where JAX's backends have begun, a process can no longer join others."""
    packages = "launch.train, launch.suites, experiments, glns, blur, self_play, bootstrap"
    check = "from jax._src import xla_bridge; raise SystemExit(xla_bridge.backends_are_initialized())"
    command = [sys.executable, "-c", f"import {packages}; {check}"]
    assert subprocess.run(command, cwd=CHECKOUT, check=False).returncode == 0


def test_the_launcher_imports_scikit_learn_for_data_that_need_it_alone():
    check = "import launch.train, sys; raise SystemExit('sklearn' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", check], cwd=CHECKOUT, check=False).returncode == 0
