"""What a run computes, compiled: every seed at once, over every device."""

import functools
from collections.abc import Callable
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp

import bootstrap
from experiments import Experiment
from launch import devices
from launch.clock import Clock


class Programs(NamedTuple):
    """The jitted life of a run. A Run here has a leading axis of seeds on every array."""

    begin: Callable  # () -> run
    advance: Callable  # (run, num_steps) -> (run, metrics, num_nans); the run passed in is given up
    probe: Callable  # (run) -> metrics
    like: bootstrap.Run  # the run's shapes, dtypes and shardings
    metrics: tuple[str, ...]  # the names of all metrics
    data: Any  # all arrays that are learned from or tested on


def programs(experiment: Experiment, seed: int, num_seeds: int, clock: Clock) -> Programs:
    """Places the data on the mesh and defines the programs; each is compiled when it is first called.

    Seeds are seed .. seed + num_seeds - 1. Metrics are [num_seeds], those of `advance` the mean over its steps.
    num_nans counts those in the arrays of the run.
    """
    mesh = devices.mesh(num_seeds)
    by_seed, everywhere = devices.by_seed(mesh), devices.everywhere(mesh)
    learner, spread = experiment.learner, devices.spread(experiment.world, mesh)
    over_seeds = functools.partial(jax.vmap, spmd_axis_name="seed")

    def world(data):
        return bootstrap.World(data, spread.init, spread.draw)

    @functools.partial(jax.jit, out_shardings=by_seed)
    def begin(seeds, data):
        return over_seeds(lambda seed: bootstrap.begin(jax.random.key(seed), learner, world(data)))(seeds)

    @functools.partial(jax.jit, static_argnums=3, donate_argnums=2, out_shardings=(by_seed, everywhere, everywhere))
    def advance(seeds, data, run, num_steps):
        def one(seed, run):
            return bootstrap.advance(jax.random.key(seed), learner, world(data), run, num_steps)

        run, metrics = over_seeds(one)(seeds, run)
        means = {f"train/{name}": values.mean(axis=1) for name, values in metrics.items()}
        return run, means, sum((jnp.isnan(leaf).sum() for leaf in jax.tree.leaves(run)), start=jnp.array(0))

    @functools.partial(jax.jit, out_shardings=everywhere)
    def probe(run, data):
        metrics = over_seeds(lambda state: experiment.probe(state, data))(run.learner)
        return {f"probe/{name}": values for name, values in metrics.items()}

    seeds = jax.device_put(jnp.arange(seed, seed + num_seeds, dtype=jnp.uint32), by_seed)
    data, probe_data = (jax.device_put(arrays, everywhere) for arrays in (experiment.world.data, experiment.probe_data))
    shapes = jax.eval_shape(begin, seeds, data)
    like = jax.tree.map(lambda leaf: jax.ShapeDtypeStruct(leaf.shape, leaf.dtype, sharding=by_seed), shapes)
    _, trained, _ = jax.eval_shape(lambda: advance(seeds, data, like, 1))
    probed = jax.eval_shape(lambda: probe(like, probe_data))
    call = _compiling(clock)
    return Programs(
        begin=lambda: call(begin, seeds, data),
        advance=lambda run, num_steps: call(advance, seeds, data, run, static=(num_steps,)),
        probe=lambda run: call(probe, run, probe_data),
        like=like,
        metrics=(*trained, *probed),
        data=(data, probe_data),
    )


def _compiling(clock: Clock) -> Callable:
    """A function that calls a jitted program, compiling it on the clock when it is new."""
    compiled = {}

    def call(program, *args, static=()):
        if (program, static) not in compiled:
            with clock.timing("compile"):
                compiled[program, static] = program.lower(*args, *static).compile()
        return compiled[program, static](*args)

    return call
