"""The Bernoulli neuron's native form: `native.cc`, called on a CPU in the middle of a compiled program.

It is built when the package is installed. Where it could not be, `available` is False and `bernoulli` does without.

Letters: F fan-in, R contexts, T time.
"""

import jax
import jax.numpy as jnp
from jax.custom_batching import custom_vmap

try:
    from glns import _native
except ImportError:
    available = False
else:
    available = True
    for name in ("learn", "predict"):
        jax.ffi.register_ffi_target(f"glns_{name}", getattr(_native, name), platform="cpu")


def learn(weights, contexts, inputs, targets, rates, *, epsilon, weight_bound, clip_rule):
    """`bernoulli.learn`, weights in place if the caller gives them up. Weights must start within the bound.

    weights [R, F], contexts [T] int32, inputs [T, F], targets [T], rates [T] -> weights [R, F], logits [T].
    clip_rule: its place in `bernoulli.CLIP_RULES`.
    """

    def call(weights, *stream):
        shapes = (weights.shape, (*weights.shape[:-2], stream[0].shape[-1]))
        results = tuple(jax.ShapeDtypeStruct(shape, weights.dtype) for shape in shapes)
        function = jax.ffi.ffi_call("glns_learn", results, input_output_aliases={0: 0})
        return function(weights, *stream, epsilon=epsilon, weight_bound=weight_bound, clip_rule=clip_rule)

    targets, rates = targets.astype(weights.dtype), rates.astype(weights.dtype)
    return _of_neurons(call, own_weights=True)(weights, contexts, inputs, targets, rates)


def predict(weights, context, inputs):
    """`bernoulli.predict`: weights [R, F], context [] int32, inputs [F] -> logit []."""

    def call(weights, contexts, inputs):
        axes = jnp.broadcast_shapes(weights.shape[:-2], contexts.shape[:-1], inputs.shape[:-2])
        result = jax.ShapeDtypeStruct((*axes, 1), weights.dtype)
        return jax.ffi.ffi_call("glns_predict", result)(weights, contexts, inputs)

    return _of_neurons(call)(weights, context[None], inputs[None])[0]


def _of_neurons(call, *, own_weights=False):
    """`call` with a rule for `vmap`: it takes operands with any number of leading axes, of size 1 where not mapped."""
    mapped = custom_vmap(call)

    @mapped.def_vmap
    def rule(axis_size, is_mapped, *operands):
        operands = [x if here else x[None] for x, here in zip(operands, is_mapped, strict=True)]
        if own_weights:  # they are written
            operands[0] = jnp.broadcast_to(operands[0], (axis_size, *operands[0].shape[1:]))
        results = mapped(*operands)
        return results, jax.tree.map(lambda _: True, results)

    return mapped
