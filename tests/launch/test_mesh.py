"""Who computes what: the shape of the mesh, and the programs of each paper on eight devices."""

import functools
import json
import os
import re
import runpy
import subprocess
import sys
from pathlib import Path

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from experiments import registry
from launch import mesh

CHECKOUT, PROGRAM = Path(__file__).parents[2], Path(__file__).with_name("compiled.py")
COMPILED = runpy.run_path(str(PROGRAM))
CONFIGS = COMPILED["CONFIGS"]


@pytest.mark.parametrize(
    ("num_members", "learners", "along_members", "places"),
    [
        (1, [{"batch": 64}], 1, [{"batch": 8}]),
        (8, [{"batch": 64}], 8, [{"batch": 1}]),  # of equals, the one in which members need not speak to each other
        (2, [{"batch": 64}], 2, [{"batch": 4}]),
        (3, [{"batch": 64}], 4, [{"batch": 2}]),  # 32 examples a device, shared by two; without a copy 24, by eight
        (63, [{"batch": 64}], 8, [{"batch": 1}]),
        (12, [{"batch": 64}], 4, [{"batch": 2}]),
        (3, [{"batch": 2}], 4, [{"batch": 2}]),
        (3, [{}], 4, [{}]),  # nothing to divide: three of four pairs of devices have a member each
        (7, [{"batch": 20}], 8, [{"batch": 1}]),
        (1, [{"classes": 10, "neurons": 50}], 1, [{"classes": 2, "neurons": 4}]),
        (1, [{"population": 4, "tasks": 6}], 1, [{"population": 4, "tasks": 2}]),
        (1, [{"population": 16, "tasks": 6}], 1, [{"population": 8, "tasks": 1}]),  # of equals, the first axis
        (1, [{"batch": 3}], 1, [{"batch": 4}]),  # of equals, the fewest devices
        (1, [{"batch": 64}, {"classes": 10, "neurons": 50}], 1, [{"batch": 8}, {"classes": 2, "neurons": 4}]),
    ],
)
def test_the_mesh_leaves_a_device_the_least_to_do(num_members, learners, along_members, places):
    """Eight devices."""
    along, parts = mesh.shape(8, num_members, learners)
    assert along == along_members
    assert [{name: 2 ** len(of) for name, of in mesh.assigned(axes, parts).items()} for axes in learners] == places


def test_devices_whose_number_is_no_power_of_two():
    assert mesh.shape(12, 1, [{"classes": 3, "neurons": 100}]) == (1, [2, 2, 3])
    assert mesh.assigned({"classes": 3, "neurons": 100}, [2, 2, 3]) == {"classes": (2,), "neurons": (0, 1)}
    assert mesh.shape(1, 5, [{"batch": 8}]) == (1, [])


def test_a_learner_of_ones_own_names_its_axes(tmp_path, monkeypatch):
    """The one in ARCHITECTURE.md."""
    (source,) = re.findall(r"```python\n(.*?)```", (CHECKOUT / "ARCHITECTURE.md").read_text(), re.DOTALL)
    (tmp_path / "trial.py").write_text(source)
    monkeypatch.syspath_prepend(tmp_path)
    axes = {}
    settings = {"name": "trial:learner", "population": 8}
    _, update, predict = registry.build("learner", settings, divide=mesh.noting(axes))
    x, line, step = jnp.linspace(-1, 1, 5), jnp.zeros(2), jax.jit(update)
    for i in range(60):
        line, _ = step(jax.random.key(i), line, (x, 2 * x - 1))
    np.testing.assert_allclose(predict(line, x), 2 * x - 1, atol=0.2)
    assert axes == {"learner": {"population": 8}}


@pytest.fixture(scope="module")
def on_eight():
    """What `compiled.measure` says of each config on eight devices."""
    settings = {
        "XLA_FLAGS": f"{os.environ['XLA_FLAGS']} --xla_force_host_platform_device_count=8",
        "PYTHONPATH": str(CHECKOUT),
    }
    command = [sys.executable, str(PROGRAM), *CONFIGS]
    done = subprocess.run(command, env=os.environ | settings, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    lines = [json.loads(line) for line in done.stdout.splitlines()]
    return {line["name"]: line for line in lines}


@functools.cache
def on_one(name):
    return COMPILED["measure"](name)


@pytest.mark.parametrize("name", CONFIGS)
def test_eight_devices_share_the_work_of_one_seed(on_eight, name):
    """Each does at most a sixth of it; they wait for each other in no loop but for a gradient."""
    alike = {
        "glns/native": "glns/gram",
        "glns/pallas": "glns/gram",
        "blur_meta/native": "blur_meta",
    }  # compute the same
    one, eight = on_one(alike.get(name, name)), on_eight[name]
    assert one["collectives"] == []
    assert eight["metrics"] == pytest.approx(one["metrics"], rel=1e-4, abs=1e-6)
    # Of a bandit the work of the native kernel is not counted, and each device breaks ties among all arms.
    assert eight["flops"] <= one["flops"] / (4 if name == "glns/bandit" else 6)
    found = eight["collectives"]
    inside = [(kind, size) for kind, size, depth in found if depth > 1]
    if name == "self_play":  # in the loop over minibatches: numbers of steps, of which losses are means, and a gradient
        assert [kind for kind, _ in inside] == ["all-reduce"] * 2
    else:
        assert inside == []
    # A layer of a network's outputs, but no weights; nothing where a call of the program ends.
    assert max((size for kind, size, _ in found if kind != "all-reduce"), default=0) <= 2048
    assert [kind for kind, _, depth in found if depth == 0] == []
