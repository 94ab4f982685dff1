"""What a run computes, compiled: every member of it, over every device. A member is a cell of the grid with a seed."""

import functools
import math
import threading
from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

import jax
import numpy as np

import bootstrap
from experiments import Plan, build
from launch import devices, execution, machine, measures, progress
from launch.clock import Clock
from launch.execution import Execution
from launch.members import Member, Setup, experiment_of


class Programs(NamedTuple):
    """The programs of a run. A Run here has a leading axis of members on every array."""

    begin: Callable  # () -> run
    advance: Callable  # (step, run, num_steps) -> (run, metrics, finite); the run passed in stays as it is
    evaluate: Callable  # (step, run) -> (metrics, finite)
    select: Callable  # (alive, run, before) -> the run, with learners that are not alive as they were before
    abstract_run: bootstrap.Run  # the run's shapes, dtypes and shardings
    abstract_member: bootstrap.Run  # those of one member
    metrics: dict[str, tuple[tuple[int, int], ...]]  # the path of each metric: whose it is, (cell, learner) each
    data: Any  # all arrays that are learned from or tested on


def programs(
    plan: Plan,
    seed: int | Sequence[int],
    num_seeds: int,
    clock: Clock,
    form: str | None = None,
    prefetch: int | None = None,
) -> Programs:
    """Places the data on the mesh and defines the programs; each is compiled when it is first called.

    Seeds are seed .. seed + num_seeds - 1, the same in every cell; the i-th of them has the i-th split of data that
    have one for each seed. Of several runs as one program (`experiments.plan_together`), `seed` is the first of each,
    and [num_seeds] below is of all runs, one after the other. Metrics are [num_seeds], those of `advance` the mean over
    its steps, by their paths (`experiments.records`). The step says which stage it is. finite, alive: bool [members,
    learners], for the learner itself and each baseline; finite where its metrics, its state and its world's have no
    NaN, and its metrics no inf. form, prefetch: see `execution.Execution`; by default what suits the program.
    """
    _check_splits(plan, num_seeds)
    world = build.first(plan).world
    seeds = np.add.outer(np.atleast_1d(np.asarray(seed, np.uint32)), np.arange(num_seeds, dtype=np.uint32)).ravel()
    setup, members, data, test = _placed(plan, world, seeds)
    shapes = _abstract_run(setup, members, data)
    _check_memory(shapes, setup.mesh.shape["member"])
    one = jax.tree.map(lambda leaf: jax.ShapeDtypeStruct(leaf.shape[1:], leaf.dtype), shapes)
    step, (_, trained) = _one_step(setup, members[0], data, one)
    form = form or execution.suitable_form(step, jax.default_backend())
    setup = _executed(setup, Execution(form, prefetch or world.prefetch))

    by_member, replicated = devices.member_sharding(setup.mesh), devices.replicated(setup.mesh)
    begin = jax.jit(functools.partial(_begin, setup), static_argnums=0, out_shardings=by_member)
    evaluate = jax.jit(functools.partial(measures.evaluate, setup), static_argnums=0, out_shardings=replicated)
    report = jax.jit(functools.partial(measures.report, setup), out_shardings=replicated)
    select = jax.jit(functools.partial(measures.select, setup), out_shardings=by_member)
    call = _compiling(clock)
    advance = _advance(setup, call, (by_member, replicated))

    def advance_members(step, run, num_steps):
        stage, rows = _stage(plan, step), data
        if world.read_rows is not None:
            rows = jax.device_put(world.read_rows(world.data, step, num_steps), _data_sharding(setup))
        run, means = advance(stage, num_steps, members[stage], rows, run)
        return run, *call(report, (), run, means)

    def evaluate_members(step, run):
        stage = _stage(plan, step)
        return call(evaluate, (stage,), members[stage], data, test, run)

    measured, (evaluated, _) = (
        jax.eval_shape(functools.partial(of, setup, 0), members[0], data, test, shapes)
        for of in (measures.measure, measures.evaluate)
    )
    return Programs(
        begin=lambda: call(begin, (0,), members[0], data),
        advance=advance_members,
        evaluate=evaluate_members,
        select=lambda alive, run, before: call(select, (), alive, run, before),
        abstract_run=jax.tree.map(
            lambda leaf: jax.ShapeDtypeStruct(leaf.shape, leaf.dtype, sharding=by_member), shapes
        ),
        abstract_member=one,
        metrics=measures.owners(plan, trained, measured, evaluated),
        data=(data, test),
    )


def _placed(plan: Plan, world: bootstrap.World, seeds: np.ndarray) -> tuple:
    """-> (setup, members of each stage, data, test), all arrays on the mesh."""
    mesh = devices.mesh(len(plan.cells) * len(seeds))
    over_members = functools.partial(jax.vmap, spmd_axis_name="member")
    setup = Setup(plan, len(seeds), mesh, over_members, Execution(), num_shards=1)
    by_member = devices.member_sharding(mesh)
    members = [jax.device_put(_members(plan, stage, seeds), by_member) for stage in plan.stages]
    data, test = (jax.device_put(arrays, _data_sharding(setup)) for arrays in (world.data, plan.test))
    return setup, members, data, test


def _executed(setup: Setup, chosen: Execution) -> Setup:
    """The setup of this execution. Side by side, the mesh divides the work; else each device computes its members."""
    num_members, num_cores = len(setup.plan.cells) * setup.num_seeds, devices.num_cores()
    num_shards = execution.num_shards(num_members, num_cores)
    setup = setup._replace(execution=chosen, num_shards=1 if setup.plan.per_seed else num_shards)
    if setup.mesh.size == 1 and num_members == num_shards:  # an axis of one member costs a tenth
        return setup._replace(over_members=execution.one_by_one)
    if chosen.form == "vmap":
        return setup
    return setup._replace(over_members=devices.per_device(setup.mesh, execution.mapped(chosen.form)))


def _data_sharding(setup: Setup) -> jax.sharding.NamedSharding:
    return (devices.member_sharding if setup.plan.per_seed else devices.replicated)(setup.mesh)


def _begin(setup: Setup, stage: int, members: Member, data: Any) -> bootstrap.Run:
    def one(member, data):
        experiment = experiment_of(setup, stage, member, data)
        return bootstrap.begin(jax.random.key(member.seed), experiment.learner, experiment.world)

    return setup.over_members(one, in_axes=(0, setup.data_axis))(members, data)


def _advance_one(setup: Setup, stage: int, num_steps: int, member: Member, data: Any, run: Any, **form: int) -> tuple:
    """-> (run, metrics [num_steps] each) of one member."""
    experiment = experiment_of(setup, stage, member, data)
    key = jax.random.key(member.seed)
    return bootstrap.prefetch.advance(key, experiment.learner, experiment.world, run, num_steps, **form)


def _advance(setup: Setup, call: Callable, shardings: tuple) -> Callable:
    """(stage, num_steps, members, data, run) -> (run, mean metrics), as the setup's execution has it."""

    def together(stage, num_steps, members, data, run):
        prefetch = min(setup.execution.prefetch, num_steps)
        one = functools.partial(_advance_one, setup, stage, num_steps, prefetch=prefetch)
        run, metrics = setup.over_members(one, in_axes=(0, setup.data_axis, 0))(members, data, run)
        return run, jax.tree.map(lambda values: values.mean(axis=1), metrics)

    def unrolled(stage, num_steps, member, data, run):
        return _advance_one(setup, stage, num_steps, member, data, run, unroll=num_steps)

    program = jax.jit(together, static_argnums=(0, 1), out_shardings=shardings)

    def advance(stage, num_steps, members, data, run):
        return call(program, (stage, num_steps), members, data, run)

    if setup.execution.form == "unrolled":
        per_device = functools.partial(devices.per_device, setup.mesh)
        advance = execution.in_calls(unrolled, setup.data_axis, per_device, call)
    if setup.num_shards > 1:
        advance = execution.in_threads(advance, setup.num_shards, devices.num_cores(), call)
    return advance


def _members(plan: Plan, stage: Any, seeds: np.ndarray) -> Member:
    seeds = np.tile(seeds, len(plan.cells))
    numbers = {key: np.repeat(values, len(seeds) // len(values)) for key, values in stage.numbers.items()}
    return Member(seeds, numbers)


def _stage(plan: Plan, step: int) -> int:
    return max(i for i, stage in enumerate(plan.stages) if stage.from_step <= step)


def _one_step(setup: Setup, members: Member, data: Any, run: bootstrap.Run) -> tuple[Any, Any]:
    """-> (jaxpr, shapes of what it returns) of a step of one member."""
    first = jax.tree.map(lambda leaf: jax.ShapeDtypeStruct(leaf.shape[1:], leaf.dtype), (members, data))
    member, own = first if setup.plan.per_seed else (first[0], data)
    step = functools.partial(_advance_one, setup, 0, 1)
    return jax.make_jaxpr(step, return_shape=True)(member, own, run)


def _abstract_run(setup: Setup, members: list[Member], data: Any) -> bootstrap.Run:
    """The shapes of a run, which must be the same in every stage."""
    plan = setup.plan
    keys = sorted({key for stage in plan.stages for key in stage.numbers})
    try:
        shapes = [jax.eval_shape(functools.partial(_begin, setup, i), of, data) for i, of in enumerate(members)]
    except Exception as error:
        if not keys:
            raise
        raise ValueError(  # each cell could be built alone, with a number in place of the traced value
            f"grid: one of {', '.join(keys)} decides what is computed, so it must be the same in every cell"
        ) from error
    for stage, of_stage in zip(plan.stages, shapes, strict=True):
        if of_stage != shapes[0]:
            raise ValueError(f"stages: from step {stage.from_step} on the run's state would have other shapes")
    return shapes[0]


def _check_memory(shapes: bootstrap.Run, num_parts: int) -> None:
    """Raises ValueError where a device cannot hold its part of the run's state."""
    needed = sum(math.prod(leaf.shape) * leaf.dtype.itemsize for leaf in jax.tree.leaves(shapes)) // num_parts
    if needed > (there := machine.memory()):
        raise ValueError(
            f"the run's state takes {needed / 1e9:,.1f} GB of a device that has {there / 1e9:,.1f} GB; take a smaller "
            "learner, or fewer seeds or cells"
        )


def _check_splits(plan: Plan, num_seeds: int) -> None:
    splits = {len(leaf) for leaf in jax.tree.leaves(plan.test)} if plan.per_seed else {num_seeds}
    if splits != {num_seeds}:
        raise ValueError(f"num_seeds={num_seeds} must be {max(splits)}: every split of the data is one seed's")


def _compiling(clock: Clock) -> Callable:
    """A function that calls a jitted program, compiling it on the clock when it is new. Static arguments come first."""
    compiled, lock = {}, threading.Lock()

    def call(program, static, *args):
        with lock:
            if (program, static) not in compiled:
                with clock.timing("compile"), progress.compiling():
                    compiled[program, static] = program.lower(*static, *args).compile()
        return compiled[program, static](*args)

    return call
