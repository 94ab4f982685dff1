"""The inner run: a network learns a few batches by a genome, as one differentiable function (Sandler 2021, §3.3)."""

from collections.abc import Callable, Sequence
from typing import Any

import chex
import jax

from blur import network
from blur.genome import Genome
from blur.network import Synapses
from blur.rule import Rule


def unroll(
    genome: Genome | Sequence[Genome],
    synapses: tuple[Synapses, ...],
    inputs: jax.Array,
    targets: jax.Array,
    *,
    rule: Rule,
) -> tuple[tuple[Synapses, ...], jax.Array]:
    """Learns S batches in turn. inputs [S, B, D], targets [S, B, M] in {0, 1} -> (synapses, logits [S, B, M]).

    The logits of a batch are those before it is learned. Of each step a gradient stores only the synapses before it;
    the backward sweep takes the step again, which is faster than to store more, and fits a long run into memory.
    """
    chex.assert_rank([inputs, targets], 3)
    num_states = len((genome if isinstance(genome, Genome) else genome[0]).neuron.forward)

    @jax.checkpoint
    def step(state, batch):
        synapses, logits, kept = network.step(genome, state[0], *batch, rule=rule, kept=state[1])
        return (synapses, kept), logits

    kept = network.rest(synapses, inputs.shape[1], num_states, rule=rule)
    (synapses, _), logits = jax.lax.scan(step, (synapses, kept), (inputs, targets))
    return synapses, logits


def each(function: Callable, tasks: tuple, *, in_turn: bool) -> Any:
    """function(*task) of every task: a leading axis T of all of `tasks`, and of all that it returns.

    in_turn: one task after another, not side by side. A meta-gradient taken task by task, of a wide network, then keeps
    one task's synapses at a time, and they stay in the cache; narrow networks are faster side by side.
    """
    return jax.lax.map(lambda task: function(*task), tasks) if in_turn else jax.vmap(function)(*tasks)
