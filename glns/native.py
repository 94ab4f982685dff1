"""The Bernoulli neuron's native implementation: `native.cc`, called on a CPU from within a compiled program.

It is built when the package is installed. If it was not built, `available` is False and `bernoulli` uses another. The
kernel takes operands with any number of leading axes, each of full size, or of size 1 where the operand is shared. So a
`vmap` adds an axis, and a mesh splits the axes, without copying shared operands.

Letters: F fan-in, R contexts, T time.
"""

from collections.abc import Callable

import jax
import jax.numpy as jnp
from jax.custom_batching import custom_vmap
from jax.experimental.custom_partitioning import custom_partitioning
from jax.sharding import NamedSharding, PartitionSpec

from glns import rows

try:
    from glns import _native  # pyrefly: ignore[missing-module-attribute]
except ImportError:
    available = False
else:
    available = True
    for name in ("learn", "predict"):
        jax.ffi.register_ffi_target(f"glns_{name}", getattr(_native, name), platform="cpu")

_STREAM = ("t", "t f", "t", "t")  # the axes of contexts, inputs, targets, rates


def learn(
    weights: jax.Array,
    contexts: jax.Array,
    inputs: jax.Array,
    targets: jax.Array,
    rates: jax.Array,
    *,
    epsilon: float,
    weight_bound: float,
    clip_rule: int,
) -> tuple[jax.Array, jax.Array]:
    """Computes `bernoulli.learn`, in place if the weights are donated. Weights must start within the bound.

    weights [R, F], contexts [T], inputs [T, F], targets [T], rates [T] -> weights [R, F], logits [T].
    clip_rule: its index in `bernoulli.CLIP_RULES`.
    """

    def call(weights, contexts, *stream):
        shapes = (weights.shape, (*weights.shape[:-2], contexts.shape[-1]))
        results = tuple(jax.ShapeDtypeStruct(shape, weights.dtype) for shape in shapes)
        function = jax.ffi.ffi_call("glns_learn", results, input_output_aliases={0: 0})
        settings = {"epsilon": epsilon, "weight_bound": weight_bound, "clip_rule": clip_rule}
        return tuple(function(weights, contexts, *stream, **settings))

    contexts, (inputs, targets, rates) = rows.check(contexts, len(weights)), _cast(weights, inputs, targets, rates)
    of_neurons = _mapped(call, ("r f", *_STREAM), ("r f", "t"))
    return of_neurons(weights, contexts, inputs, targets, rates)


def predict(weights: jax.Array, context: jax.Array, inputs: jax.Array) -> jax.Array:
    """`bernoulli.predict`: weights [R, F], context [], inputs [F] -> logit []."""

    def call(weights, contexts, inputs):
        axes = jnp.broadcast_shapes(weights.shape[:-2], contexts.shape[:-1], inputs.shape[:-2])
        result = jax.ShapeDtypeStruct((*axes, contexts.shape[-1]), weights.dtype)
        return (jax.ffi.ffi_call("glns_predict", result)(weights, contexts, inputs),)

    contexts, (inputs,) = rows.check(context, len(weights))[None], _cast(weights, inputs[None])
    (logits,) = _mapped(call, ("r f", *_STREAM[:2]), ("t",))(weights, contexts, inputs)
    return logits[0]


def _cast(weights: jax.Array, *stream: jax.Array) -> tuple[jax.Array, ...]:
    """The stream in the weights' dtype, float32 or float64: the kernel reads all operands by it. Raises ValueError."""
    if weights.dtype not in (jnp.float32, jnp.float64):
        raise ValueError(f"the native implementation takes float32 or float64 weights, got {weights.dtype}")
    return tuple(array.astype(weights.dtype) for array in stream)


def _mapped(call: Callable, operands: tuple[str, ...], results: tuple[str, ...]) -> Callable:
    """`call` under any `vmap`s. operands, results: the axes of each for one neuron; the last result is the logits."""
    mapped = custom_vmap(lambda *arrays: _partitioned(call, operands, results, arrays))

    @mapped.def_vmap
    def rule(axis_size, is_mapped, *arrays):
        arrays = [array if here else array[None] for array, here in zip(arrays, is_mapped, strict=True)]
        if len(results) > 1:  # the weights are written: every neuron needs its own
            arrays[0] = jnp.broadcast_to(arrays[0], (axis_size, *arrays[0].shape[1:]))
        return mapped(*arrays), (True,) * len(results)

    return mapped


def _partitioned(call: Callable, operands: tuple[str, ...], results: tuple[str, ...], arrays: tuple) -> tuple:
    """`call`, which a mesh may split along the leading axes: neurons never interact."""

    def axes(name, array, own):  # an axis of size 1 is shared: it gets a name of its own
        front = array.shape[: array.ndim - len(own.split())]
        return " ".join([f"axis{j}" if size > 1 else f"{name}axis{j}" for j, size in enumerate(front)] + [own])

    def partition(mesh, operand_shapes, result_shapes):
        logits = result_shapes[-1]
        spec = (*logits.sharding.spec, *[None] * len(logits.shape))[: len(logits.shape) - 1]

        def shard(array):
            split = [name if size > 1 else None for name, size in zip(spec, array.shape, strict=False)]
            return NamedSharding(mesh, PartitionSpec(*split))

        return mesh, call, tuple(map(shard, result_shapes)), tuple(map(shard, operand_shapes))

    made = jax.eval_shape(call, *arrays)
    sides = [
        ", ".join(axes(f"{side}{i}", array, own) for i, (array, own) in enumerate(zip(of_side, owns, strict=True)))
        for side, of_side, owns in (("operand", arrays, operands), ("result", made, results))
    ]
    over_devices = custom_partitioning(call)
    over_devices.def_partition(partition, sharding_rule=" -> ".join(sides), need_replication_factors=("r", "f", "t"))
    return over_devices(*arrays)
