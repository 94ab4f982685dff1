"""Members on several devices: each device computes its own in any form, and measures one after the other."""

import os
import subprocess
import sys
from pathlib import Path

import jax

_FORMS = r'''
import re
import jax, numpy as np
import experiments
from launch import programs
from launch.clock import Clock

NET = {"name": "mlp", "features": (64,), "num_classes": 3}
DATA = {"name": "gaussians", "num_inputs": 4, "num_classes": 3, "separation": 2.0, "num_test": 1000}
CONFIG = {
    "evals": ("classification",),
    "data": DATA,
    "world": {"name": "paired", "batch_size": 4, "num_samples": 10},
    "learner": {"name": "sgd", "net": NET, "tx": {"name": "sgd", "learning_rate": 0.1, "momentum": 0.9}},
}
def go(form):
    """-> (the numbers, the programs that begin and advance, the bytes that measuring holds)."""
    kept = {}

    def compiling(clock):
        def compiled(program, static, *args):
            kept[str(program.__wrapped__)] = program.lower(*static, *args).compile()
            return kept[str(program.__wrapped__)]
        return compiled

    programs._compiling = compiling
    run = programs.programs(experiments.plan(CONFIG), 0, 8, Clock(), form, 1)
    after, means, _ = run.advance(0, run.begin(), 4)
    measured, _ = run.evaluate(3, after)
    (evaluate,) = [one for name, one in kept.items() if "evaluate" in name]
    learning = [one.as_text() for name, one in kept.items() if "evaluate" not in name and "report" not in name]
    return jax.device_get((after, means, measured)), "".join(learning), evaluate.memory_analysis().temp_size_in_bytes

assert jax.device_count() == 4
side_by_side, _, num_bytes = go("vmap")
assert num_bytes < 1.5 * 4 * 1000 * 64, num_bytes  # the hidden layer of one of a device's two members
for form in ("sequential", "unrolled"):
    numbers, learning, _ = go(form)
    jax.tree.map(lambda a, b: np.testing.assert_allclose(a, b, rtol=1e-4, atol=1e-6), numbers, side_by_side)
    sent = re.findall(r"= (\S+) (?:all-reduce|all-gather|all-to-all|collective-permute)\(", learning)
    assert set(sent) <= {"f32[8]{0}"}, sent  # the means of metrics of all members, at the end
programs.programs(experiments.plan(CONFIG), 0, 2, Clock(), "sequential", 1)  # two devices share a member
'''


def test_each_device_computes_its_own_members_in_every_form():
    """Four devices of two members each: the numbers of all side by side, and nothing is sent while they learn."""
    flags = {
        "XLA_FLAGS": f"{os.environ['XLA_FLAGS']} --xla_force_host_platform_device_count=4",
        "JAX_COMPILATION_CACHE_DIR": jax.config.jax_compilation_cache_dir,
    }
    done = subprocess.run(
        [sys.executable, "-c", _FORMS],
        env=os.environ | flags,
        capture_output=True,
        text=True,
        cwd=Path(__file__).parents[2],
    )
    assert done.returncode == 0, done.stderr
    assert done.stdout.count("does not count") == 1
    assert "execution 'sequential' does not count: the devices divide members and what is inside" in done.stdout
