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

    Seeds are seed .. seed + num_seeds - 1; the i-th of them has the i-th split of data that are by seed. Metrics are
    [num_seeds], those of `advance` the mean over its steps.
    num_nans counts those in the arrays of the run.
    """
    mesh = devices.mesh(num_seeds)
    by_seed, everywhere = devices.by_seed(mesh), devices.everywhere(mesh)
    data_axis, of_data = (0, by_seed) if experiment.by_seed else (None, everywhere)
    _check_splits(experiment, num_seeds)
    learner, spread = experiment.learner, devices.spread(experiment.world, mesh)
    over_seeds = functools.partial(jax.vmap, spmd_axis_name="seed")

    def world(data):
        return bootstrap.World(data, spread.init, spread.draw)

    @functools.partial(jax.jit, out_shardings=by_seed)
    def begin(seeds, data):
        def one(seed, data):
            return bootstrap.begin(jax.random.key(seed), learner, world(data))

        return over_seeds(one, in_axes=(0, data_axis))(seeds, data)

    @functools.partial(jax.jit, static_argnums=3, donate_argnums=2, out_shardings=(by_seed, everywhere, everywhere))
    def advance(seeds, data, run, num_steps):
        def one(seed, data, run):
            return bootstrap.advance(jax.random.key(seed), learner, world(data), run, num_steps)

        run, metrics = over_seeds(one, in_axes=(0, data_axis, 0))(seeds, data, run)
        means = {f"train/{name}": values.mean(axis=1) for name, values in metrics.items()}
        return run, means, sum((jnp.isnan(leaf).sum() for leaf in jax.tree.leaves(run)), start=jnp.array(0))

    @functools.partial(jax.jit, out_shardings=everywhere)
    def probe(run, data):
        metrics = over_seeds(experiment.probe, in_axes=(0, data_axis))(run, data)
        return {f"probe/{name}": values for name, values in metrics.items()}

    seeds = jax.device_put(jnp.arange(seed, seed + num_seeds, dtype=jnp.uint32), by_seed)
    data, probe_data = (jax.device_put(arrays, of_data) for arrays in (experiment.world.data, experiment.probe_data))
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


def _check_splits(experiment: Experiment, num_seeds: int) -> None:
    splits = {len(leaf) for leaf in jax.tree.leaves(experiment.world.data)}
    if experiment.by_seed and splits != {num_seeds}:
        raise ValueError(f"num_seeds={num_seeds} must be {max(splits)}: every split of the data is one seed's")


def _compiling(clock: Clock) -> Callable:
    """A function that calls a jitted program, compiling it on the clock when it is new."""
    compiled = {}

    def call(program, *args, static=()):
        if (program, static) not in compiled:
            with clock.timing("compile"):
                compiled[program, static] = program.lower(*args, *static).compile()
        return compiled[program, static](*args)

    return call
