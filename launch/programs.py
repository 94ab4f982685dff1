"""What a run computes, compiled: every member of it, over every device. A member is a cell of the grid with a seed."""

import functools
import threading
from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

import jax
import numpy as np

import bootstrap
from experiments import Plan, build
from launch import devices, execution, machine, measures, progress, reading
from launch import mesh as meshes
from launch.clock import Clock
from launch.execution import Execution
from launch.members import Member, Setup, experiment_of

_RUNS_ONCE = {"xla_backend_optimization_level": 1}  # on a CPU it compiles in half of the time, to the same bits


class Programs(NamedTuple):
    """The programs of a run. A Run here has a leading axis of members on every array, with the copies that fill a mesh.

    What is kept of it has the members alone.
    """

    begin: Callable  # () -> run
    advance: Callable  # (step, run, num_steps) -> (run, metrics, finite); the run passed in stays as it is
    evaluate: Callable  # (step, run) -> (metrics, finite)
    select: Callable  # (alive, run, before) -> the run, with learners that are not alive as they were before
    kept: Callable  # (run) -> what is kept of it
    resume: Callable  # (what was kept of a run) -> the run
    form: str  # how a device computes its members (`execution.Execution`)
    abstract_run: bootstrap.Run  # shapes, dtypes and shardings of what is kept of a run
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
    begin_one = jax.jit(functools.partial(_begin_one, setup), static_argnums=0)  # so that it is traced once
    shapes = _abstract_run(setup, begin_one, members, data)
    one = jax.tree.map(lambda leaf: jax.ShapeDtypeStruct(leaf.shape[1:], leaf.dtype), shapes)
    step, (_, trained) = _one_step(setup, members[0], data, one)
    chosen = form or execution.suitable_form(step, jax.default_backend())
    setup = _executed(setup, Execution(chosen, prefetch or world.prefetch))
    if form not in (None, setup.execution.form):
        devices.log(f"execution {form!r} does not count: the devices divide members and what is inside them")

    compiled = _compiling(clock)

    def call(program, static, *args):
        return compiled(program, static, *args)(*args)

    by_member, replicated = meshes.member_sharding(setup.mesh), meshes.replicated(setup.mesh)
    placed = jax.tree.map(lambda _: by_member, shapes)
    begin = jax.jit(
        functools.partial(_begin, setup, begin_one),
        static_argnums=0,
        # Several devices: learner and world name more axes than the members'; the compiler knows where they are.
        out_shardings=placed if setup.mesh.size == 1 else None,
        compiler_options=_RUNS_ONCE if jax.default_backend() == "cpu" else None,
    )
    if setup.mesh.size > 1:
        placed = compiled(begin, (0,), members[0], data).output_shardings
    machine.check_memory(shapes, placed)
    measure = jax.jit(functools.partial(measures.measure, setup), static_argnums=0, inline=True)
    evaluate = jax.jit(functools.partial(measures.evaluate, setup, measure), static_argnums=0, out_shardings=replicated)
    report = jax.jit(functools.partial(measures.report, setup), out_shardings=replicated)
    select = jax.jit(functools.partial(measures.select, setup), out_shardings=placed)
    advance = _advance(setup, call, (placed, replicated))
    run = jax.tree.map(_abstract, shapes, placed)
    kept, resume, abstract_run = _kept(setup, run, placed)

    read_rows = world.read_rows and reading.ahead(world.read_rows)

    def advance_members(step, run, num_steps):
        stage, rows = _stage(plan, step), data
        if read_rows is not None:
            rows = reading.joined(data, read_rows(data, step, num_steps), meshes.replicated(setup.mesh))
        run, means = advance(stage, num_steps, members[stage], rows, run)
        return run, *call(report, (), run, means)

    @measures.once(plan.evals)
    def evaluate_members(step, run, anew):
        stage = _stage(plan, step)
        return call(evaluate, (stage,), members[stage], data, test, run, anew)

    # With the arguments that they are called with, so each is traced once.
    measured, (evaluated, _) = (
        of.eval_shape(0, members[0], data, test, run, np.array(True)) for of in (measure, evaluate)
    )
    return Programs(
        begin=lambda: call(begin, (0,), members[0], data),
        advance=advance_members,
        evaluate=evaluate_members,
        select=lambda alive, run, before: call(select, (), alive, run, before),
        kept=kept,
        resume=resume,
        form=setup.execution.form,
        abstract_run=abstract_run,
        abstract_member=one,
        metrics=measures.owners(plan, trained, measured, evaluated),
        data=(world.data, plan.test) if plan.per_seed else (data, test),  # without copies of a seed's
    )


def _placed(plan: Plan, world: bootstrap.World, seeds: np.ndarray) -> tuple:
    """-> (setup, members of each stage, data, test), all arrays on the mesh."""
    axes = _named_axes(plan, world) if jax.device_count() > 1 else {}
    of_batch = axes.get(meshes.BATCH) or axes.get("world", {})
    learners = [axes.get(who, of_batch) for who in ("learner", *(f"baselines.{name}" for name in plan.baselines))]
    mesh = meshes.make(len(plan.cells) * len(seeds), learners)
    over_members = functools.partial(jax.vmap, spmd_axis_name=meshes.MEMBER)
    setup = Setup(plan, len(seeds), mesh, over_members, Execution(), 1, axes)
    by_member = meshes.member_sharding(mesh)
    members = [
        jax.device_put(jax.tree.map(lambda leaf: leaf[setup.filled], _members(plan, stage, seeds)), by_member)
        for stage in plan.stages
    ]
    data, test = (_place_data(setup, arrays) for arrays in (world.data, plan.test))
    return setup, members, data, test


def _named_axes(plan: Plan, world: bootstrap.World) -> dict[str, dict[str, int]]:
    """The parallel axes of learners and world, by whose they are; "batch": of a world that does not name them."""
    axes: dict[str, dict[str, int]] = {}
    noting, key = meshes.noting(axes), jax.random.key(0)
    learner, tried, _ = build.first(plan, noting)
    if "world" not in axes:
        tried = meshes.divide_batches(tried, noting(meshes.BATCH))

    def one_step(data):
        of_data = tried._replace(data=data)
        return bootstrap.advance(key, learner, of_data, bootstrap.begin(key, learner, of_data), 1)

    jax.eval_shape(one_step, jax.tree.map(lambda leaf: leaf[0], world.data) if plan.per_seed else world.data)
    return axes


def _executed(setup: Setup, chosen: Execution) -> Setup:
    """The setup of this execution. Side by side, the mesh divides the work; else each device computes its members."""
    num_members, num_cores = setup.num_members, devices.num_cores()
    if setup.divide and setup.mesh.shape[meshes.MEMBER] > 1:  # both members and what is inside them are divided
        chosen = chosen._replace(form="vmap")
    num_shards = execution.num_shards(num_members, num_cores)
    setup = setup._replace(execution=chosen, num_shards=1 if setup.plan.per_seed else num_shards)
    if setup.mesh.size == 1 and num_members == num_shards:  # an axis of one member costs a tenth
        return setup._replace(over_members=execution.one_by_one)
    if chosen.form == "vmap":
        return setup
    return setup._replace(over_members=meshes.per_device(setup.mesh, execution.mapped(chosen.form)))


def _place_data(setup: Setup, arrays: Any) -> Any:
    """Arrays on the mesh: a seed's with its member, all others whole on every device."""
    if not setup.plan.per_seed:
        return jax.device_put(arrays, meshes.replicated(setup.mesh))
    arrays = jax.tree.map(lambda leaf: leaf[setup.filled], arrays)
    return jax.device_put(arrays, meshes.member_sharding(setup.mesh))


def _kept(setup: Setup, run: bootstrap.Run, placed: Any) -> tuple[Callable, Callable, bootstrap.Run]:
    """-> (kept, resume, abstract_run), see `Programs`. run: its shapes; placed: its shardings."""
    number, filled = setup.num_members, setup.filled
    if len(filled) == number:
        return (lambda run: run), (lambda run: run), run
    small = jax.tree.map(lambda leaf: jax.ShapeDtypeStruct((number, *leaf.shape[1:]), leaf.dtype), run)
    spec, place = jax.sharding.PartitionSpec, jax.sharding.NamedSharding
    whole = jax.tree.map(lambda one: place(one.mesh, spec(None, *one.spec[1:])), placed)  # not by member
    kept = jax.jit(lambda run: jax.tree.map(lambda leaf: leaf[:number], run), out_shardings=whole)
    resume = jax.jit(lambda run: jax.tree.map(lambda leaf: leaf[filled], run), out_shardings=placed)
    return kept, resume, jax.tree.map(_abstract, small, whole)


def _abstract(leaf: jax.ShapeDtypeStruct, sharding: jax.sharding.Sharding) -> jax.ShapeDtypeStruct:
    return jax.ShapeDtypeStruct(leaf.shape, leaf.dtype, sharding=sharding)


def _begin_one(setup: Setup, stage: int, member: Member, data: Any) -> bootstrap.Run:
    experiment = experiment_of(setup, stage, member, data)
    return bootstrap.begin(jax.random.key(member.seed), experiment.learner, experiment.world)


def _begin(setup: Setup, begin_one: Callable, stage: int, members: Member, data: Any) -> bootstrap.Run:
    one = functools.partial(begin_one, stage)
    run = setup.over_members(one, in_axes=(0, setup.data_axis))(members, data)
    return jax.tree.map(lambda leaf: meshes.along(leaf, setup.mesh, meshes.MEMBER), run)


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
        per_device = functools.partial(meshes.per_device, setup.mesh)
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


def _abstract_run(setup: Setup, begin_one: Callable, members: list[Member], data: Any) -> bootstrap.Run:
    """The shapes of a run, which must be the same in every stage."""
    plan = setup.plan
    keys = sorted({key for stage in plan.stages for key in stage.numbers})
    try:
        begun = [functools.partial(_begin, setup, begin_one, i) for i in range(len(members))]
        shapes = [jax.eval_shape(one, of, data) for one, of in zip(begun, members, strict=True)]
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


def _check_splits(plan: Plan, num_seeds: int) -> None:
    splits = {len(leaf) for leaf in jax.tree.leaves(plan.test)} if plan.per_seed else {num_seeds}
    if splits != {num_seeds}:
        raise ValueError(f"num_seeds={num_seeds} must be {max(splits)}: every split of the data is one seed's")


def _compiling(clock: Clock) -> Callable:
    """(jitted program, static arguments, *others) -> it, compiled on the clock when it is new."""
    known, lock = {}, threading.Lock()

    def ready(program, static, *args):
        with lock:
            if (program, static) not in known:
                with clock.timing("compile"), progress.compiling():
                    known[program, static] = program.lower(*static, *args).compile()
        return known[program, static]

    return ready
