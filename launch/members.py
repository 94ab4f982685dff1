"""The members of a run: each is one cell of its grid with one seed."""

from collections.abc import Callable
from typing import Any, NamedTuple

import jax

from experiments import Experiment, Plan
from launch import devices
from launch.execution import Execution


class Member(NamedTuple):
    """One cell with one seed."""

    seed: Any  # [] uint32
    numbers: dict[str, Any]  # those in which cells differ, [] each


class Setup(NamedTuple):
    """What all programs of a run share."""

    plan: Plan
    num_seeds: int  # of all runs that are computed together
    mesh: jax.sharding.Mesh
    over_members: Callable  # (function, in_axes) -> the same for all members
    execution: Execution
    num_shards: int  # of the members, each of which a thread computes

    @property
    def data_axis(self) -> int | None:
        """The axis of the data along which seeds have their own."""
        return 0 if self.plan.per_seed else None


def experiment_of(setup: Setup, stage: int, member: Member, data: Any) -> Experiment:
    experiment = setup.plan.stages[stage].experiment(member.numbers)
    world = devices.shard_batches(experiment.world, setup.mesh)._replace(data=data)
    return experiment._replace(world=world)
