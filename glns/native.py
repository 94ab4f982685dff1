"""The Bernoulli neuron's native implementation: `native.cc`, called on a CPU from within a compiled program.

It is built when the package is installed. If it was not built, `available` is False and `bernoulli` uses another. The
kernel takes operands with any number of leading axes, as `partition.mapped` gives them.

Letters: F fan-in, R contexts, T time.
"""

import jax
import jax.numpy as jnp

from glns import rows
from glns.partition import mapped

try:
    from glns import _native  # pyrefly: ignore[missing-module-attribute]
except ImportError:
    available = False
else:
    available = True
    for name in ("learn", "predict"):
        jax.ffi.register_ffi_target(f"glns_{name}", getattr(_native, name), platform="cpu")

_RANKS = (2, 1, 2, 1, 1)  # of weights, contexts, inputs, targets, rates


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
    of_neurons = mapped(call, _RANKS, (2, 1), writes=True)
    return of_neurons(weights, contexts, inputs, targets, rates)


def predict(weights: jax.Array, context: jax.Array, inputs: jax.Array) -> jax.Array:
    """`bernoulli.predict`: weights [R, F], context [], inputs [F] -> logit []."""

    def call(weights, contexts, inputs):
        axes = jnp.broadcast_shapes(weights.shape[:-2], contexts.shape[:-1], inputs.shape[:-2])
        result = jax.ShapeDtypeStruct((*axes, contexts.shape[-1]), weights.dtype)
        return (jax.ffi.ffi_call("glns_predict", result)(weights, contexts, inputs),)

    contexts, (inputs,) = rows.check(context, len(weights))[None], _cast(weights, inputs[None])
    (logits,) = mapped(call, _RANKS[:3], (1,))(weights, contexts, inputs)
    return logits[0]


def _cast(weights: jax.Array, *stream: jax.Array) -> tuple[jax.Array, ...]:
    """The stream in the weights' dtype, float32 or float64: the kernel reads all operands by it. Raises ValueError."""
    if weights.dtype not in (jnp.float32, jnp.float64):
        raise ValueError(f"the native implementation takes float32 or float64 weights, got {weights.dtype}")
    return tuple(array.astype(weights.dtype) for array in stream)
