"""What is measured on the members of a run: how well they do, whether they are finite, and whose each metric is."""

from collections.abc import Callable, Iterable, Sequence
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

import bootstrap
from experiments import Plan, build, evaluation, records
from launch import execution
from launch import mesh as meshes
from launch.members import Member, Setup


def evaluate(
    setup: Setup, measure: Callable, stage: int, members: Member, data: Any, test: Any, run: bootstrap.Run, anew: Any
) -> tuple:
    """-> (the evals of each member and those of several members together, by path, finite).

    measure: that of the setup. anew: see `evals.View`.
    """
    measured = measure(stage, members, data, test, run, anew)
    together = _measure_together(setup, stage, members, data, test, run, anew)
    return evaluation.merged(_by_cell(setup, "eval", measured), together), _finite(setup, measured)


def once(evals: Sequence[evaluation.Eval]) -> Callable:
    """A decorator of (step, run, anew) -> (metrics, finite): its first call alone measures what no learning changes."""

    def decorate(evaluate):
        known = {}

        def evaluate_again(step, run):
            metrics, finite = evaluate(step, run, np.array(not known))
            known.update((path, metrics[path]) for path in evaluation.constant(evals, metrics) if path not in known)
            return metrics | known, finite

        return evaluate_again

    return decorate


def measure(setup: Setup, stage: int, members: Member, data: Any, test: Any, run: bootstrap.Run, anew: Any) -> dict:
    """The evals of each member [members], by name."""

    def one(*args):
        return evaluation.measure(setup.plan.evals, _views(setup, stage, *args))

    # Each device measures one member after the other: a test set is work enough, and no member's numbers depend, not
    # even in their last bits, on how many others there are.
    axis, over = setup.data_axis, meshes.per_device(setup.mesh, execution.one_by_one, alone=True)
    return over(one, in_axes=(0, axis, axis, 0, None))(members, data, test, run, anew)


def _measure_together(
    setup: Setup, stage: int, members: Member, data: Any, test: Any, run: bootstrap.Run, anew: Any
) -> dict:
    """The evals of several members of a seed together [num_seeds], by path."""
    plan, axis = setup.plan, setup.data_axis
    if all(one.members is None for one in plan.evals):
        return {}

    def of_one_seed(of_seed, data, test):
        cells = {cell: jax.tree.map(lambda leaf: leaf[i], of_seed) for i, cell in enumerate(plan.cells)}  # noqa: B023
        of_cells = {cell: _views(setup, stage, member, data, test, run, anew) for cell, (member, run) in cells.items()}
        return evaluation.measure_together(plan.evals, of_cells)

    shape = (len(plan.cells), setup.num_seeds)
    members, run = _without_copies(setup, (members, run))
    data, test = _without_copies(setup, (data, test)) if plan.per_seed else (data, test)
    by_seed = jax.tree.map(lambda leaf: leaf.reshape(*shape, *leaf.shape[1:]).swapaxes(0, 1), (members, run))
    values = execution.one_by_one(of_one_seed, in_axes=(0, axis, axis))(by_seed, data, test)
    return {records.path("eval", name): of_seeds for name, of_seeds in values.items()}


def _views(setup: Setup, stage: int, member: Member, data: Any, test: Any, run: bootstrap.Run, anew: Any) -> dict:
    return setup.plan.stages[stage].experiment(member.numbers).views(run, data, test, anew)


def _without_copies(setup: Setup, tree: Any) -> Any:
    """The members [M', ..] without the copies that fill the mesh."""
    return jax.tree.map(lambda leaf: leaf[: setup.num_members], tree)


def report(setup: Setup, run: bootstrap.Run, means: dict) -> tuple[dict, jax.Array]:
    """-> (training metrics by path, finite)."""
    states = build.states_of(run, bool(setup.plan.baselines))
    whole = jnp.stack([_no_nan((state, run.world)) for state in states.values()], axis=1)
    return _by_cell(setup, "train", means), _finite(setup, means) & _without_copies(setup, whole)


def _finite(setup: Setup, metrics: dict) -> jax.Array:
    """Whether all metrics [members] of a learner are finite: bool [members, learners]."""
    baselines = setup.plan.baselines
    finite = dict.fromkeys(("", *baselines), jnp.ones(setup.num_members, bool))
    for name, values in _without_copies(setup, metrics).items():
        finite[records.owner(name, baselines)] &= jnp.isfinite(values)
    return jnp.stack(list(finite.values()), axis=1)


def _no_nan(tree: Any) -> jax.Array:
    """Whether no array has a NaN, for each entry [members] of the leading axis that they share."""
    leaves = jax.tree.leaves(tree)
    numbers = [leaf for leaf in leaves if jnp.issubdtype(leaf.dtype, jnp.inexact)]
    return ~sum(
        (jnp.isnan(leaf).reshape(len(leaf), -1).any(axis=1) for leaf in numbers), jnp.zeros(len(leaves[0]), bool)
    )


def select(setup: Setup, alive: jax.Array, run: bootstrap.Run, before: bootstrap.Run) -> bootstrap.Run:
    """The run where alive [members, learners], what it was before elsewhere; a world stops with the last learner."""

    def chosen(of_alive, new, old):
        return jax.tree.map(lambda a, b: jnp.where(of_alive.reshape(-1, *(1,) * (a.ndim - 1)), a, b), new, old)

    alive = alive[setup.filled]
    states, old_states = (build.states_of(one, bool(setup.plan.baselines)) for one in (run, before))
    states = {name: chosen(alive[:, i], states[name], old_states[name]) for i, name in enumerate(states)}
    step, world = chosen(alive.any(axis=1), (run.step, run.world), (before.step, before.world))
    return build.with_states(run._replace(step=step, world=world), states)


def owners(plan: Plan, trained: Iterable[str], measured: Iterable[str], evaluated: Iterable[str]) -> dict[str, tuple]:
    """Whose each metric is. Those of several members together are all theirs."""
    learners = ("", *plan.baselines)
    own = {
        records.path(kind, name, cell): ((i, learners.index(records.owner(name, plan.baselines))),)
        for i, cell in enumerate(plan.cells)
        for kind, names in (("train", trained), ("eval", measured))
        for name in names
    }
    places = {
        records.member(cell, name): (i, j) for i, cell in enumerate(plan.cells) for j, name in enumerate(learners)
    }
    together = tuple({places[name] for one in plan.evals for name in one.members or ()})
    return own | {path: together for path in evaluated if path not in own}


def _by_cell(setup: Setup, kind: str, metrics: dict) -> dict:
    """Metrics [M'] -> those [num_seeds] of each cell, by path."""
    return {
        records.path(kind, name, cell): values[i * setup.num_seeds : (i + 1) * setup.num_seeds]
        for i, cell in enumerate(setup.plan.cells)
        for name, values in metrics.items()
    }
