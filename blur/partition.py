"""Kernels for ONE network whose `vmap`s a mesh may split: networks never interact, so every device computes its own."""

from collections.abc import Callable, Sequence
from typing import Any

import jax
from jax.custom_batching import custom_vmap
from jax.experimental.custom_partitioning import custom_partitioning
from jax.sharding import NamedSharding, PartitionSpec


def mapped(call: Callable, ranks: Sequence[int], result_ranks: Sequence[int]) -> Callable:
    """`call` under any `vmap`s, which a mesh may split.

    call: takes operands with any number of leading axes, each of full size, or of size 1 where the operand is shared.
      So nothing that networks share is copied.
    ranks, result_ranks: of each operand and result for one network.
    """
    over = custom_vmap(lambda *arrays: _partitioned(call, ranks, result_ranks, arrays))

    @over.def_vmap
    def rule(axis_size, is_mapped, *arrays):
        del axis_size
        arrays = [array if here else array[None] for array, here in zip(arrays, is_mapped, strict=True)]
        return over(*arrays), (True,) * len(result_ranks)

    return over


def _partitioned(call: Callable, ranks: Sequence[int], result_ranks: Sequence[int], arrays: Sequence[Any]) -> tuple:
    """`call`, which a mesh may split along the leading axes."""
    results = jax.eval_shape(call, *arrays)
    whole = []  # names of axes that every device has whole

    def axes(name, array, rank):
        num_leading = array.ndim - rank
        names = [f"{name}x{i}" for i in range(array.ndim)]
        whole.extend(names[num_leading:])
        for i in range(num_leading):  # an axis of size 1 is shared, so it keeps a name of its own
            names[i] = f"lead{i}" if array.shape[i] > 1 else names[i]
        return " ".join(names)

    def side(name, arrays, ranks):
        return ", ".join(axes(f"{name}{i}", *each) for i, each in enumerate(zip(arrays, ranks, strict=True)))

    def partition(mesh, operand_shapes, result_shapes):
        first = result_shapes[0]
        num_leading = len(first.shape) - result_ranks[0]
        spec = (*first.sharding.spec, *[None] * num_leading)[:num_leading]

        def sharding(array):
            sizes = array.shape[:num_leading]
            return NamedSharding(
                mesh, PartitionSpec(*(n if size > 1 else None for n, size in zip(spec, sizes, strict=False)))
            )

        return mesh, call, tuple(map(sharding, result_shapes)), tuple(map(sharding, operand_shapes))

    over_devices = custom_partitioning(call)
    rule = f"{side('operand', arrays, ranks)} -> {side('result', results, result_ranks)}"
    over_devices.def_partition(partition, sharding_rule=rule, need_replication_factors=tuple(whole))
    return over_devices(*arrays)
