"""The recurrence of the Gram form as one kernel for GPUs and TPUs; elsewhere Pallas interprets it.

`bernoulli.learn_gram` leaves two products of matrices and a loop over the stream in which every turn depends on the
last one. As an XLA loop each turn is several launches; here a program owns a block of neurons and takes all turns in
registers.

Letters: K neurons of a block, T time.
"""

from collections.abc import Callable
from functools import partial

import jax
import jax.numpy as jnp
from jax.custom_batching import custom_vmap
from jax.experimental import pallas as pl
from jax.experimental.pallas import triton

_NEURONS = 8  # of a block: as many as a TPU's register has rows


def recurrence(error: Callable) -> Callable:
    """(first [T], contexts [T], gram [T, T], targets [T], rates [T]) -> (steps [T], logits [T]) of one neuron.

    logits_t = first_t - sum over s < t of [contexts equal] steps_s gram_st; steps_t = rates_t error(logits_t, y_t).
    A `vmap` in which the Gram matrix is shared, that of a layer's neurons, shares out the neurons in blocks.
    """

    @custom_vmap
    def one(first, contexts, gram, targets, rates):
        steps, logits = _layer(error, first[None], contexts[None], gram, targets[None], rates[None])
        return steps[0], logits[0]

    @one.def_vmap
    def rule(axis_size, is_mapped, *arrays):
        if is_mapped[2]:  # a layer of one neuron for each Gram matrix
            alone = [array if i == 2 else jnp.expand_dims(array, -2) for i, array in enumerate(arrays)]
            made = jax.vmap(partial(_layer, error), in_axes=[0 if here else None for here in is_mapped])(*alone)
            return tuple(array[:, 0] for array in made), (True, True)
        of_layer = [
            array if here or i == 2 else jnp.broadcast_to(array, (axis_size, *array.shape))
            for i, (array, here) in enumerate(zip(arrays, is_mapped, strict=True))
        ]
        return _layer(error, *of_layer), (True, True)

    return one


def _layer(error, first, contexts, gram, targets, rates):
    """The neurons of a layer, [N, T] each -> (steps [N, T], logits [N, T])."""
    num_neurons, length = first.shape
    rows, size = -num_neurons % _NEURONS, pl.next_power_of_2(length)
    columns = size - length  # what is added has rate 0, so it learns nothing
    first, contexts, targets, rates = (
        jnp.pad(array, ((0, rows), (0, columns))) for array in (first, contexts, targets, rates)
    )
    gram = jnp.pad(gram, ((0, columns), (0, columns)))
    of_block = pl.BlockSpec((_NEURONS, size), lambda block: (block, 0))
    whole = pl.BlockSpec((size, size), lambda _: (0, 0))

    def call(*operands, **settings):
        shape = jax.ShapeDtypeStruct(first.shape, first.dtype)
        return pl.pallas_call(
            partial(_kernel, error),
            grid=(len(first) // _NEURONS,),
            in_specs=[of_block, of_block, whole, of_block, of_block],
            out_specs=[of_block, of_block],
            out_shape=[shape, shape],
            **settings,
        )(*operands)

    forms = {
        "cpu": partial(call, interpret=True),
        "cuda": partial(call, compiler_params=triton.CompilerParams(num_warps=4)),  # Mosaic GPU refuses the kernel
        "tpu": call,
    }
    steps, logits = jax.lax.platform_dependent(first, contexts, gram, targets, rates, **forms)
    return steps[:num_neurons, :length], logits[:num_neurons, :length]


def _kernel(error, first_ref, contexts_ref, gram_ref, targets_ref, rates_ref, steps_ref, logits_ref):
    """All turns of a block of neurons, [K, T] each in registers."""
    first, contexts, targets, rates = (ref[...] for ref in (first_ref, contexts_ref, targets_ref, rates_ref))
    time = jax.lax.broadcasted_iota(jnp.int32, first.shape, 1)

    def turn(t, carry):
        steps, logits = carry
        now = time == t

        def at_t(array):
            return jnp.sum(jnp.where(now, array, jnp.zeros_like(array)), axis=1, keepdims=True)

        row = gram_ref[pl.ds(t, 1), :]
        gone = jnp.where(contexts == at_t(contexts), steps * row, jnp.zeros_like(steps))
        logit = at_t(first) - jnp.sum(gone, axis=1, keepdims=True)
        step = at_t(rates) * error(logit, at_t(targets))
        return jnp.where(now, step, steps), jnp.where(now, logit, logits)

    zeros = jnp.zeros_like(first)
    steps_ref[...], logits_ref[...] = jax.lax.fori_loop(0, first.shape[1], turn, (zeros, zeros))
