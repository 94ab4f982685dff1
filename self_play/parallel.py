"""What is done for many independently, which devices may share."""

from collections.abc import Callable
from typing import Any

import jax.numpy as jnp
from jax.custom_batching import custom_vmap
from jax.experimental.custom_partitioning import custom_partitioning
from jax.sharding import NamedSharding, PartitionSpec


def undivided(what: Any, axis: str | None) -> Any:
    """The `divide` of one device, for arrays and functions alike.

    By such a function it is named what is done for many independently. `divide(arrays, "sequences")`: their leading
    axis is of sequences, which devices may share; `divide(arrays, None)`: every device needs all of them. A function of
    one of them, for a `vmap`: a device need not wait in its loops for those of others. It changes no number.
    """
    del axis
    return what


def pipeline_of(step: Callable, num_velocities: int, num_objects: int) -> tuple[Callable, Callable]:
    """The physics of a scene, as `tabletop` has it: (begin, advance). num_velocities: of qd and of solver_state.

    step: (q, qd, solver_state, controls, factors) of one game -> (q, qd, solver_state, touch [N, L]), for any `vmap`s.
    """

    def begin(q):
        return q, *2 * [jnp.zeros(num_velocities, jnp.float32)]

    def advance(q, qd, solver_state, controls, factors):
        factors = jnp.ones(num_objects + 1, jnp.float32) if factors is None else factors
        return step(q, qd, solver_state, controls, factors)

    return begin, advance


def over_games(call: Callable) -> Callable:
    """A control step of many games at once, as a function of one game, for any `vmap`s.

    call: (q, qd, solver_state, controls, factors), [.., numbers] each, -> (q, qd, solver_state, touch [.., N, L]).
    """
    over = custom_vmap(lambda *arrays: call(*arrays))

    @over.def_vmap
    def rule(axis_size, is_mapped, *arrays):
        every = [
            array if mapped else jnp.broadcast_to(array, (axis_size, *array.shape))
            for array, mapped in zip(arrays, is_mapped, strict=True)
        ]
        return over(*every), (True,) * 4

    return over


def shared_by_devices(call: Callable) -> Callable:
    """`call` of `over_games`, whose leading axes a mesh may split, because games never interact."""

    def partition(mesh, operand_shapes, result_shapes):
        front = len(result_shapes[0].shape) - 1
        spec = (*result_shapes[0].sharding.spec, *[None] * front)[:front]
        shard = NamedSharding(mesh, PartitionSpec(*spec))  # the axes of one game are whole
        return mesh, call, (shard,) * len(result_shapes), (shard,) * len(operand_shapes)

    split = custom_partitioning(call)
    own = ("q", "v", "w", "u", "f", "q2", "v2", "w2", "o", "l")  # the axes of one game, by name
    split.def_partition(
        partition,
        sharding_rule="... q, ... v, ... w, ... u, ... f -> ... q2, ... v2, ... w2, ... o l",
        need_replication_factors=own,
    )
    return split
