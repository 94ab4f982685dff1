"""Functions of ONE neuron whose `vmap`s a mesh may split: neurons never interact, so every device computes its own.

The compiler by itself splits loops over the stream badly: one turn of a device would wait for all others.
"""

from collections.abc import Callable, Sequence
from functools import partial
from typing import Any

import jax
import jax.numpy as jnp
from jax.custom_batching import custom_vmap
from jax.experimental.custom_partitioning import custom_partitioning
from jax.sharding import NamedSharding, PartitionSpec


def apart(function: Callable) -> Callable:
    """A function of one neuron, as `network.Neuron.learn`: under `vmap`s a device runs it on neurons of its own."""

    def over(*arguments):
        program, made = jax.make_jaxpr(function, return_shape=True)(*arguments)
        made, tree = jax.tree.flatten(made)
        arrays = [*jax.tree.leaves(arguments), *program.consts]  # what is closed over is an operand, too
        number, ranks = len(arrays) - len(program.consts), [array.ndim for array in arrays]

        def one(*arrays):
            return tuple(jax.core.eval_jaxpr(program.jaxpr, arrays[number:], *arrays[:number]))

        split = mapped(partial(_under_vmaps, one, ranks[0]), ranks, [array.ndim for array in made])
        return tree.unflatten(split(*arrays))

    return over


def mapped(call: Callable, ranks: Sequence[int], result_ranks: Sequence[int], *, writes: bool = False) -> Callable:
    """`call` under any `vmap`s, which a mesh may split.

    call: takes operands with any number of leading axes, each of full size, or of size 1 where the operand is shared.
      So a `vmap` adds an axis, and a mesh splits the axes, without copying shared operands.
    ranks, result_ranks: of each operand and result for one neuron. writes: the first operand is overwritten.
    """
    over = custom_vmap(lambda *arrays: _partitioned(call, ranks, result_ranks, arrays))

    @over.def_vmap
    def rule(axis_size, is_mapped, *arrays):
        arrays = [array if here else array[None] for array, here in zip(arrays, is_mapped, strict=True)]
        if writes:  # every neuron needs its own
            arrays[0] = jnp.broadcast_to(arrays[0], (axis_size, *arrays[0].shape[1:]))
        return over(*arrays), (True,) * len(result_ranks)

    return over


def _partitioned(call: Callable, ranks: Sequence[int], result_ranks: Sequence[int], arrays: Sequence[Any]) -> tuple:
    """`call`, which a mesh may split along the leading axes."""
    alone = []  # the names of axes that every device has whole

    def axes(name, array, rank):  # an axis of size 1 is shared: it gets a name of its own
        front = array.shape[: array.ndim - rank]
        own = [f"{name}own{j}" for j in range(rank)]
        alone.extend(own)
        return " ".join([f"axis{j}" if size > 1 else f"{name}axis{j}" for j, size in enumerate(front)] + own)

    def partition(mesh, operand_shapes, result_shapes):
        last = result_shapes[-1]
        spec = (*last.sharding.spec, *[None] * len(last.shape))[: len(last.shape) - result_ranks[-1]]

        def shard(array):
            split = [name if size > 1 else None for name, size in zip(spec, array.shape, strict=False)]
            return NamedSharding(mesh, PartitionSpec(*split))

        return mesh, call, tuple(map(shard, result_shapes)), tuple(map(shard, operand_shapes))

    made = jax.eval_shape(call, *arrays)
    sides = (("operand", arrays, ranks), ("result", made, result_ranks))
    rule = " -> ".join(
        ", ".join(axes(f"{side}{i}", *one) for i, one in enumerate(zip(of_side, of_ranks, strict=True)))
        for side, of_side, of_ranks in sides
    )
    over_devices = custom_partitioning(call)
    over_devices.def_partition(partition, sharding_rule=rule, need_replication_factors=tuple(alone))
    return over_devices(*arrays)


def _under_vmaps(one: Callable, rank: int, *arrays: jax.Array) -> tuple[jax.Array, ...]:
    """`one`, mapped over the leading axes of its operands. rank: of the first of them for one neuron."""
    if arrays[0].ndim == rank:
        return one(*arrays)
    inner, is_shared = partial(_under_vmaps, one, rank), [len(array) == 1 for array in arrays]
    arrays = tuple(array[0] if shared else array for array, shared in zip(arrays, is_shared, strict=True))
    if all(is_shared):
        return tuple(result[None] for result in inner(*arrays))
    return jax.vmap(inner, in_axes=tuple(None if shared else 0 for shared in is_shared))(*arrays)
