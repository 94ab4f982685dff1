"""The meta-learner on several devices."""

import os
import subprocess
import sys
from pathlib import Path

import jax

_SPREAD = """
import jax, jax.numpy as jnp, blur, bootstrap
from functools import partial
from launch import devices

def one_step(num_devices, size, num_tasks, population=None):
    families = [blur.toys.FAMILIES["xor"]]
    world = bootstrap.World(*blur.tasks(families, unroll=1, batch_size=16, num_tasks=num_tasks, population=population))
    mesh = jax.make_mesh((1, num_devices), ("seed", "batch"), axis_types=(jax.sharding.AxisType.Auto,) * 2,
                         devices=jax.devices()[:num_devices])
    spread = devices.shard_batches(world, mesh)
    begin = partial(blur.random_genome, num_states=2)
    learner = bootstrap.Learner(*blur.meta_learner(begin, (32, 2), population=size))
    key = jax.random.key(0)
    run = jax.device_put(bootstrap.begin(key, learner, world), devices.replicated(mesh))

    def step(run):
        _, tasks = spread.draw(key, (), run.world, None)
        return learner.update(key, run.learner, tasks)

    compiled = jax.jit(step, out_shardings=devices.replicated(mesh)).lower(run).compile()
    return compiled.cost_analysis()["flops"], compiled(run)[1]["population_loss"]

for population, num_tasks in ((1, 8), (8, 1)):
    one, loss = one_step(1, population, num_tasks)
    eight, of_eight = one_step(8, population, num_tasks, population=population)
    assert jnp.allclose(loss, jax.device_get(of_eight), rtol=1e-4), (loss, of_eight)
    print("share", eight / one)
"""


def test_tasks_and_the_population_are_divided_among_devices():
    """Of eight devices each does about an eighth of the arithmetic, of 8 tasks or of 8 genomes."""
    flags = {
        "XLA_FLAGS": f"{os.environ['XLA_FLAGS']} --xla_force_host_platform_device_count=8",
        "JAX_COMPILATION_CACHE_DIR": jax.config.jax_compilation_cache_dir,
    }
    done = subprocess.run(
        [sys.executable, "-c", _SPREAD],
        env=os.environ | flags,
        capture_output=True,
        text=True,
        cwd=Path(__file__).parents[2],
    )
    assert done.returncode == 0, done.stderr
    shares = [float(line.split()[1]) for line in done.stdout.splitlines() if line.startswith("share")]
    assert len(shares) == 2
    assert max(shares) < 0.2, shares
