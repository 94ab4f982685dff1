"""What a run computes, compiled: every cell and every seed, over every device."""

import functools
import threading
from collections.abc import Callable
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np

import bootstrap
from experiments import Plan
from launch import devices, execution
from launch.clock import Clock
from launch.execution import Form


class Row(NamedTuple):
    """One cell with one seed."""

    seed: Any  # [] uint32
    numbers: dict[str, Any]  # those in which cells differ, [] each


class Programs(NamedTuple):
    """The jitted life of a run. A Run here has a leading axis of rows, cells times seeds, on every array."""

    begin: Callable  # () -> run
    advance: Callable  # (step, run, num_steps) -> (run, metrics, num_nans); the run passed in is given up
    probe: Callable  # (step, run) -> metrics
    like: bootstrap.Run  # the run's shapes, dtypes and shardings
    metrics: tuple[str, ...]  # the names of all metrics
    data: Any  # all arrays that are learned from or tested on


def programs(plan: Plan, seed: int, num_seeds: int, clock: Clock, form: Form = Form()) -> Programs:  # noqa: B008
    """Places the data on the mesh and defines the programs; each is compiled when it is first called.

    Seeds are seed .. seed + num_seeds - 1, the same in every cell; the i-th of them has the i-th split of data that are
    by seed. Metrics are [num_seeds], those of `advance` the mean over its steps; a cell's are train/CELL/NAME and
    probe/CELL/NAME. num_nans counts those in the arrays of the run. The step says which stage of the plan it is.
    """
    first = plan.stages[0].build({})
    _check_splits(first, num_seeds)
    num_rows, num_cores = len(plan.cells) * num_seeds, devices.num_cores()
    loop, num_shares = form.loop if num_cores else "vmap", execution.num_shares(num_rows, num_cores)
    mesh = devices.mesh(num_rows)
    by_row, everywhere = devices.by_seed(mesh), devices.everywhere(mesh)
    data_axis, of_data = (0, by_row) if first.by_seed else (None, everywhere)
    alone = num_cores and num_rows == num_shares  # an axis of one row costs a tenth
    over_rows = execution.one_by_one if loop != "vmap" or alone else functools.partial(jax.vmap, spmd_axis_name="seed")

    def life(stage, row, data):
        experiment = plan.stages[stage].build(row.numbers)
        spread = devices.spread(experiment.world, mesh)
        return experiment, bootstrap.World(data, spread.init, spread.draw)

    def advance_one(stage, num_steps, row, data, run, **settings):
        experiment, world = life(stage, row, data)
        return bootstrap.advance(jax.random.key(row.seed), experiment.learner, world, run, num_steps, **settings)

    @functools.partial(jax.jit, static_argnums=0, out_shardings=by_row)
    def begin(stage, rows, data):
        def one(row, data):
            experiment, world = life(stage, row, data)
            return bootstrap.begin(jax.random.key(row.seed), experiment.learner, world)

        return over_rows(one, in_axes=(0, data_axis))(rows, data)

    @functools.partial(jax.jit, static_argnums=(0, 1), donate_argnums=4, out_shardings=(by_row, everywhere))
    def in_one_call(stage, num_steps, rows, data, run):
        one = functools.partial(advance_one, stage, num_steps, slab=form.slab)
        run, metrics = over_rows(one, in_axes=(0, data_axis, 0))(rows, data, run)
        return run, jax.tree.map(lambda values: values.mean(axis=1), metrics)

    @functools.partial(jax.jit, out_shardings=everywhere)
    def report(run, means):
        return by_cell("train", means), sum((jnp.isnan(leaf).sum() for leaf in jax.tree.leaves(run)), jnp.array(0))

    @functools.partial(jax.jit, static_argnums=0, out_shardings=everywhere)
    def probe(stage, rows, data, test, run):
        def one(row, data, test, run):
            return plan.stages[stage].build(row.numbers).probe(run, data, test)

        return by_cell("probe", over_rows(one, in_axes=(0, data_axis, data_axis, 0))(rows, data, test, run))

    def by_cell(kind, metrics):
        names = {f"{kind}/{cell}/" if cell else f"{kind}/": i * num_seeds for i, cell in enumerate(plan.cells)}
        return {
            f"{prefix}{name}": values[start : start + num_seeds]
            for prefix, start in names.items()
            for name, values in metrics.items()
        }

    rows = [jax.device_put(_rows(stage.numbers, plan.cells, seed, num_seeds), by_row) for stage in plan.stages]
    data, test = (jax.device_put(arrays, of_data) for arrays in (first.world.data, first.probe_data))

    def data_of(step, num_steps):
        return data if first.feed is None else jax.device_put(first.feed(data, step, num_steps), of_data)

    call = _compiling(clock)

    def advance(stage, num_steps, rows, data, run):
        return call(in_one_call, (stage, num_steps), rows, data, run)

    if loop == "calls":
        advance = execution.in_calls(advance_one, form.steps_per_call, call)
    if num_shares > 1 and not first.by_seed:
        advance = execution.in_threads(advance, num_shares, num_cores, call)

    def advance_rows(step, run, num_steps):
        stage = _stage(plan, step)
        run, means = advance(stage, num_steps, rows[stage], data_of(step, num_steps), run)
        return run, *call(report, (), run, means)

    like = _like(plan, begin, rows, data, by_row)
    trained, _ = jax.eval_shape(lambda: report(*in_one_call(0, 1, rows[0], data_of(0, 1), like)))
    probed = jax.eval_shape(lambda: probe(0, rows[0], data, test, like))
    return Programs(
        begin=lambda: call(begin, (0,), rows[0], data),
        advance=advance_rows,
        probe=lambda step, run: call(probe, (_stage(plan, step),), rows[_stage(plan, step)], data, test, run),
        like=like,
        metrics=(*trained, *probed),
        data=(data, test),
    )


def _rows(numbers, cells, seed, num_seeds):
    seeds = np.arange(seed, seed + num_seeds, dtype=np.uint32)
    return Row(np.tile(seeds, len(cells)), {key: np.repeat(values, num_seeds) for key, values in numbers.items()})


def _stage(plan, step):
    return max(i for i, stage in enumerate(plan.stages) if stage.from_step <= step)


def _like(plan, begin, rows, data, by_row):
    """The shapes of a run, which must be the same in every stage."""
    keys = sorted({key for stage in plan.stages for key in stage.numbers})
    try:
        shapes = [jax.eval_shape(functools.partial(begin, i), rows[i], data) for i in range(len(plan.stages))]
    except Exception as error:
        if not keys:
            raise
        raise ValueError(  # each cell could be built alone, with a number in place of the traced value
            f"cells: one of {', '.join(keys)} decides what is computed, so it must be the same in every cell"
        ) from error
    for stage, of_stage in zip(plan.stages, shapes, strict=True):
        if of_stage != shapes[0]:
            raise ValueError(f"stages: from step {stage.from_step} on the run's state would have other shapes")
    return jax.tree.map(lambda leaf: jax.ShapeDtypeStruct(leaf.shape, leaf.dtype, sharding=by_row), shapes[0])


def _check_splits(experiment, num_seeds):
    splits = {len(leaf) for leaf in jax.tree.leaves(experiment.world.data)} if experiment.by_seed else {num_seeds}
    if splits != {num_seeds}:
        raise ValueError(f"num_seeds={num_seeds} must be {max(splits)}: every split of the data is one seed's")


def _compiling(clock: Clock) -> Callable:
    """A function that calls a jitted program, compiling it on the clock when it is new. Static arguments come first."""
    compiled, lock = {}, threading.Lock()

    def call(program, static, *args):
        with lock:
            if (program, static) not in compiled:
                with clock.timing("compile"):
                    compiled[program, static] = program.lower(*static, *args).compile()
        return compiled[program, static](*args)

    return call
