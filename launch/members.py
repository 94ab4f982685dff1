"""The members of a run: each is one cell of its grid with one seed."""

from collections.abc import Callable, Mapping
from typing import Any, NamedTuple

import jax
import numpy as np

from experiments import Experiment, Plan
from launch import mesh as meshes
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
    axes: Mapping[str, meshes.Axes]  # by whose they are, see `meshes.noting`

    @property
    def num_members(self) -> int:
        """Cells times seeds."""
        return len(self.plan.cells) * self.num_seeds

    @property
    def filled(self) -> np.ndarray:
        """The members that are computed, as indices: all, and copies of the last one until they fill the mesh."""
        return meshes.filled(self.mesh, self.num_members)

    @property
    def divide(self) -> Callable | None:
        """(who) -> its `divide`; None where each device has members of its own."""
        if self.mesh.size == self.mesh.shape[meshes.MEMBER]:
            return None
        return lambda who: meshes.dividing(self.mesh, self.axes.get(who, {}))

    @property
    def data_axis(self) -> int | None:
        """The axis of the data along which seeds have their own."""
        return 0 if self.plan.per_seed else None


def experiment_of(setup: Setup, stage: int, member: Member, data: Any) -> Experiment:
    experiment = setup.plan.stages[stage].experiment(member.numbers, setup.divide)
    world = experiment.world._replace(data=data)
    if setup.divide and meshes.BATCH in setup.axes:
        world = meshes.divide_batches(world, setup.divide(meshes.BATCH))
    return experiment._replace(world=world)
