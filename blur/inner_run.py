"""The inner run: a network learns a few batches by a genome, as one differentiable function (Sandler 2021, §3.3).

Letters: B batch, D inputs, M classes, S batches of a task, T tasks.
"""

from collections.abc import Callable, Sequence
from functools import partial
from typing import Any

import chex
import jax
import jax.numpy as jnp

from blur import native, network
from blur.genome import Genome, num_states_of
from blur.network import Layers, Remembering, Synapses
from blur.rule import Rule


def unroll(
    genome: Genome | Sequence[Genome],
    synapses: Layers,
    inputs: jax.Array,
    targets: jax.Array,
    *,
    rule: Rule,
    horizon: jax.Array | None = None,
) -> tuple[tuple[Synapses | Remembering, ...], jax.Array]:
    """Learns S batches, one step each. inputs [S, B, D], targets [S, B, M] in {0, 1} -> (synapses, logits [S, B, M]).

    The logits of a batch are computed before the batch is learned. horizon: [] learn only so many batches; the logits
    of the others are 0. None: all. On a CPU a native kernel does it for rules that it knows (`native.knows`).
    """
    chex.assert_rank([inputs, targets], 3)
    genomes = network.genomes_of_layers(genome, synapses, rule)
    if not native.knows(genomes, synapses, rule):
        return unroll_in_xla(genome, synapses, inputs, targets, rule=rule, horizon=horizon)
    steps = jnp.asarray(len(inputs) if horizon is None else horizon, jnp.int32)
    plain = partial(unroll_in_xla, rule=rule)
    return native.unroll(genomes, tuple(synapses), inputs, targets, steps, rule=rule, plain=plain)


def unroll_in_xla(
    genome: Genome | Sequence[Genome],
    synapses: Layers,
    inputs: jax.Array,
    targets: jax.Array,
    *,
    rule: Rule,
    horizon: jax.Array | None = None,
) -> tuple[tuple[Synapses | Remembering, ...], jax.Array]:
    """`unroll` for any rule, on any device.

    For a gradient, only the synapses before each step are stored, and the reverse sweep repeats the step. That is
    faster than storing more, and a long run fits into memory.
    """

    @jax.checkpoint
    def step(state, batch):
        synapses, logits, carry = network.step(genome, state[0], *batch, rule=rule, carry=state[1])
        return (synapses, carry), logits

    synapses = network.with_memory(genome, synapses, rule=rule)

    def step_to_horizon(state, batch):
        t, batch = batch
        return jax.lax.cond(t < horizon, step, lambda state, batch: (state, jnp.zeros_like(batch[1])), state, batch)

    num_states = num_states_of(genome)
    carry = network.init_carry(synapses, inputs.shape[1], num_states, rule=rule)
    if horizon is None:
        (synapses, _), logits = jax.lax.scan(step, (synapses, carry), (inputs, targets))
    else:
        batches = jnp.arange(len(inputs), dtype=jnp.int32), (inputs, targets)
        (synapses, _), logits = jax.lax.scan(step_to_horizon, (synapses, carry), batches)
    return synapses, logits


def learn_task(
    key: jax.Array,
    genome: Genome | Sequence[Genome],
    inputs: jax.Array,
    labels: jax.Array,
    sizes: Sequence[int],
    *,
    rule: Rule,
    scale: float = 1.0,
    horizon: jax.Array | None = None,
    age: jax.Array | int = 0,
) -> tuple[tuple[Synapses | Remembering, ...], jax.Array]:
    """`unroll` for a fresh network. inputs [S, B, D], labels [S, B] -> (synapses, logits [S, B, M]).

    sizes: neurons in each layer, the last M. scale: see `network.init`. age: see `network.with_memory`. The key draws
    the synapses and is consumed.
    """
    synapses = network.begin(key, genome, inputs.shape[-1], sizes, rule=rule, scale=scale, age=age)
    targets = jax.nn.one_hot(labels, sizes[-1], dtype=jnp.float32)
    return unroll(genome, synapses, inputs, targets, rule=rule, horizon=horizon)


def adapt(
    key: jax.Array,
    genome: Genome | Sequence[Genome],
    inputs: jax.Array,
    labels: jax.Array,
    sizes: Sequence[int],
    *,
    rule: Rule,
    scale: float = 1.0,
    horizon: jax.Array | None = None,
    age: jax.Array | int = 0,
) -> jax.Array:
    """A fresh network learns a task except its last batch. inputs [S, B, D], labels [S, B] -> logits [S, B, M].

    The logits of a batch are computed before the batch is learned; the last one is held out. Otherwise `learn_task`.
    """
    settings = {"rule": rule, "scale": scale, "horizon": horizon, "age": age}
    synapses, logits = learn_task(key, genome, inputs[:-1], labels[:-1], sizes, **settings)
    held_out = network.forward(genome, synapses, inputs[-1], rule=rule)[-1][0]
    return jnp.concatenate([logits, held_out[None]])


def undivided(arrays: Any, axis: str | None) -> Any:
    """The `divide` of one device.

    By such a function a learner names what it does for many independently. `divide(arrays, "tasks")`: their leading
    axis is of tasks, which devices may share; `divide(arrays, None)`: every device needs all of them. It changes no
    number.
    """
    del axis
    return arrays


def map_tasks(function: Callable, tasks: tuple, *, sequential: bool) -> Any:
    """function(*task) for every task. `tasks` and the result have a leading axis T on every leaf.

    sequential: one task after another, instead of all at once. A meta-gradient of a wide network then holds the
      synapses of one task at a time, and they stay in the cache. Narrow networks are faster all at once.
    """
    return jax.lax.map(lambda task: function(*task), tasks) if sequential else jax.vmap(function)(*tasks)
