"""A network of multi-state neurons. A step: forward, feedback, backward, update of the synapses (Sandler 2021, §3.3).

Letters: B batch, C channels of a synapse (K or 1), K states, N neurons of a layer, M of the layer above.
"""

from collections.abc import Sequence
from typing import NamedTuple

import chex
import jax
import jax.numpy as jnp

from blur import changes
from blur import rule as rules
from blur.genome import Genome, Norm, num_states_of
from blur.rule import Rule


class Synapses(NamedTuple):
    """The synapses between two layers."""

    forward: jax.Array  # [C, N + 1, M], the bias last
    backward: jax.Array | None = None  # [C, M, N]; None if symmetric, and above the inputs, which never change


class Remembering(NamedTuple):
    """`Synapses` whose genes keep something from step to step."""

    forward: jax.Array  # as in `Synapses`
    backward: jax.Array | None
    memory: changes.Memory


Layers = Sequence[Synapses] | Sequence[Synapses | Remembering]


def init(
    key: jax.Array, input_dim: int, sizes: Sequence[int], num_states: int, *, rule: Rule, scale: float = 1.0
) -> tuple[Synapses, ...]:
    """Synapses drawn from U[-1, 1] * scale * sqrt(6 / (N + M)), one `Synapses` for each layer. The key is consumed.

    sizes: neurons in each layer above the inputs. The paper gives no distribution; scale = 1 is Glorot's.
    """
    channels = 1 if rule.single_state else num_states
    widths = (input_dim, *sizes[:-1])

    def layer(k_layer, n, m, has_backward):
        k_forward, k_backward = jax.random.split(k_layer)
        bound = scale * (6 / (n + m)) ** 0.5
        up = jax.random.uniform(k_forward, (channels, n + 1, m), jnp.float32, minval=-bound, maxval=bound)
        if not has_backward:
            return Synapses(up)
        return Synapses(up, jax.random.uniform(k_backward, (channels, m, n), jnp.float32, minval=-bound, maxval=bound))

    k_layers = jax.random.split(key, len(sizes))
    return tuple(
        layer(k_layers[i], n, m, i > 0 and not rule.symmetric)
        for i, (n, m) in enumerate(zip(widths, sizes, strict=True))
    )


def with_memory(
    genome: Genome | Sequence[Genome], synapses: Layers, *, rule: Rule, age: jax.Array | int = 0
) -> tuple[Synapses | Remembering, ...]:
    """The synapses, with a memory where the genes need one and there is none. age: [] steps that count as taken."""

    def layer(of_layer, genes):
        if isinstance(of_layer, Remembering) or not changes.remembers(genes.synapse, rule.change_norm):
            return of_layer
        state = changes.transformation(genes.synapse, rule.change_norm).init((of_layer.forward, of_layer.backward))
        return Remembering(of_layer.forward, of_layer.backward, changes.Memory(jnp.asarray(age, jnp.int32), state))

    return tuple(layer(*pair) for pair in zip(synapses, genomes_of_layers(genome, synapses, rule), strict=True))


def begin(
    key: jax.Array,
    genome: Genome | Sequence[Genome],
    input_dim: int,
    sizes: Sequence[int],
    *,
    rule: Rule,
    scale: float = 1.0,
    age: jax.Array | int = 0,
) -> tuple[Synapses | Remembering, ...]:
    """`init` for a genome: its gene `scale` applied, and with the memory that its genes need. The key is consumed.

    age: see `with_memory`.
    """
    num_states = num_states_of(genome)
    synapses = init(key, input_dim, sizes, num_states, rule=rule, scale=scale)
    of_layers = genomes_of_layers(genome, synapses, rule)
    scaled = [
        of_layer if (by := genes.synapse.scale) is None else jax.tree.map(lambda leaf, by=by: by * leaf, of_layer)
        for of_layer, genes in zip(synapses, of_layers, strict=True)
    ]
    return with_memory(genome, scaled, rule=rule, age=age)


def init_carry(synapses: Layers, batch_size: int, num_states: int, *, rule: Rule) -> tuple[jax.Array, ...]:
    """The carry of the first `step`: all neurons at 0, in the shapes of `forward`; () unless `Rule.keep_neurons`."""
    if not rule.keep_neurons:
        return ()
    widths = [synapses[0].forward.shape[1] - 1, *(of_layer.forward.shape[2] for of_layer in synapses)]
    channels = [1, *len(synapses) * [num_states]]
    return tuple(jnp.zeros((k, batch_size, n), jnp.float32) for k, n in zip(channels, widths, strict=True))


def forward(
    genome: Genome | Sequence[Genome],
    synapses: Layers,
    inputs: jax.Array,
    *,
    rule: Rule,
    carry: Sequence[jax.Array] = (),
) -> tuple[jax.Array, ...]:
    """The states of all layers after the forward pass. inputs [B, D] -> ([1, B, D], then [K, B, N] for each layer).

    genome: one for all layers, or one for each. State 0 of the first layer holds the inputs; its other states are 0
    and left out. State 0 of the last layer holds the logits.
    carry: the states of all layers before the pass; () if they are 0.
    """
    chex.assert_rank(inputs, 2)
    genomes = genomes_of_layers(genome, synapses, rule)
    neurons = [jnp.asarray(inputs, synapses[0].forward.dtype)[None]]
    if rule.normalise_inputs:
        one = jnp.ones(1, neurons[0].dtype)
        neurons = [rules.normalise(neurons[0], Norm(0 * one, one))]
    for i, (of_layer, genes) in enumerate(zip(synapses, genomes, strict=True)):
        activation = rule.last_activation if i == len(synapses) - 1 else rule.activation
        weights = rules.read(of_layer.forward, genes.synapse, rule)
        before = carry[i + 1] if carry else None
        neurons.append(rules.forward(genes.neuron, before, neurons[-1], weights, activation))
    return tuple(neurons)


def backward(
    genome: Genome | Sequence[Genome],
    synapses: Layers,
    neurons: Sequence[jax.Array],
    targets: jax.Array,
    *,
    rule: Rule,
) -> tuple[jax.Array, ...]:
    """The states of all layers after feedback and the backward pass; the inputs never change.

    neurons: as `forward` returns them. targets [B, M] in {0, 1}.
    """
    genomes = genomes_of_layers(genome, synapses, rule)
    targets = jnp.asarray(targets, neurons[-1].dtype)
    after = [rules.resolve(rules.FEEDBACKS, rule.feedback)(neurons[-1], targets)]
    for i in reversed(range(1, len(synapses))):
        up, down, *_ = synapses[i]
        down = up[:, :-1].swapaxes(1, 2) if down is None else down
        weights = rules.read(down, genomes[i].synapse, rule)
        after.insert(0, rules.backward(genomes[i].neuron, neurons[i], after[0], weights, rule))
    return neurons[0], *after


def learn(
    genome: Genome | Sequence[Genome],
    synapses: Layers,
    below: Sequence[jax.Array],
    above: Sequence[jax.Array],
    *,
    rule: Rule,
    after: str = "backward",
) -> tuple[Synapses | Remembering, ...]:
    """The synapses after one update, which uses the neurons of the layers below and above each of them.

    below, above: the states of all layers; the same twice, unless `Rule.forward_below`.
    after: the pass that the update follows. After "forward" the genes are `Genome.forward_synapse`; a layer without
      such genes does not change.
    """
    units = {}  # of unit rate, one for the same genes
    mixes = {}  # one mix for the same genes and states, so that its gradient is computed once

    def mixed(synapse, states):
        which = id(synapse), id(states)
        if which not in mixes:
            mixes[which] = rules.mixed(synapse, states, rule)
        return mixes[which]

    def sums(synapse, i):
        """What eq. 7 sums for a layer's forward and backward synapses, and their destinations; None where are none."""
        pre_above, post_above = mixed(synapse, above[i + 1])
        if i == 0:
            return (rules.change(synapse, below[0], post_above, source="inputs"), None), (post_above, None)
        pre_below, post_below = mixed(synapse, below[i])
        up = rules.change(synapse, pre_below, post_above, source="below")
        down = None if synapses[i].backward is None else rules.change(synapse, pre_above, post_below, source="above")
        return (up, down), (post_above, post_below)

    def layer(i, genes):
        synapse = genes.synapse if after == "backward" else genes.forward_synapse
        if synapse is None:
            return synapses[i]
        up, down = synapses[i].forward, synapses[i].backward
        memory = getattr(synapses[i], "memory", None)
        if after == "forward" or not changes.remembers(synapse, rule.change_norm):
            received, posts = sums(synapse, i)
        elif memory is not None:
            unit = units.setdefault(id(synapse), changes.of_unit_rate(synapse))
            received, posts = sums(unit, i)
            synapse, received, memory = changes.apply(synapse, memory, received, rule.change_norm)
        else:
            raise ValueError("these genes keep something from step to step: give the synapses a memory, `with_memory`")
        up = rules.learn(synapse, up, posts[0], received[0], rule)
        (_, of_down), (_, below_it) = received, posts
        if down is not None and of_down is not None and below_it is not None:
            down = rules.learn(synapse, down, below_it, of_down, rule)
        return Synapses(up, down) if memory is None else Remembering(up, down, memory)

    return tuple(layer(i, genes) for i, genes in enumerate(genomes_of_layers(genome, synapses, rule)))


def step(
    genome: Genome | Sequence[Genome],
    synapses: Layers,
    inputs: jax.Array,
    targets: jax.Array,
    *,
    rule: Rule,
    supervised: jax.Array | bool = True,
    carry: Sequence[jax.Array] = (),
) -> tuple[tuple[Synapses | Remembering, ...], jax.Array, tuple[jax.Array, ...]]:
    """One step: forward, feedback, backward, update. -> (synapses, logits [B, M] of the forward pass, carry).

    genome: one for all layers, or one for each. inputs [B, D], targets [B, M] in {0, 1}.
    supervised: [] bool. If false, the step ends after the forward pass.
    carry: the neurons at the end of the previous step, see `init_carry`; () unless `Rule.keep_neurons`.
    """
    chex.assert_rank([inputs, targets], 2)
    neurons = forward(genome, synapses, inputs, rule=rule, carry=carry)
    synapses = learn(genome, synapses, neurons, neurons, rule=rule, after="forward")

    def supervise(synapses):
        after = backward(genome, synapses, neurons, targets, rule=rule)
        below = neurons if rule.forward_below else after
        return learn(genome, synapses, below, after, rule=rule), after if rule.keep_neurons else ()

    def stop(synapses):
        return synapses, neurons if rule.keep_neurons else ()

    synapses, carry = supervise(synapses) if supervised is True else jax.lax.cond(supervised, supervise, stop, synapses)
    return synapses, neurons[-1][0], carry


def genomes_of_layers(genome, synapses, rule):
    """The genome of each layer, with the rates of its network, and the last one as the rule and its gene `last` say.

    Genes that have had their say are then gone.
    """
    genomes = (genome,) * len(synapses) if isinstance(genome, Genome) else tuple(genome)
    if any(genes.synapse.size is not None for genes in genomes):
        genomes = tuple(
            genes._replace(synapse=changes.sized(genes.synapse, *size))
            for genes, size in zip(genomes, _sizes(synapses), strict=True)
        )
    neuron, synapse, forward_synapse = genomes[-1]
    if rule.normalise_last and synapse.last is None:
        return genomes
    if not rule.normalise_last:
        neuron = neuron._replace(forward_norm=None)
    if synapse.last is not None:
        synapse = synapse._replace(update=synapse.last * synapse.update, last=None)
    return (*genomes[:-1], Genome(neuron, synapse, forward_synapse))


def _sizes(synapses):
    """N and L of `genome.Size`, of each layer. Without hidden layers they are such that nothing shrinks."""
    *hidden, last = (of_layer.forward.shape for of_layer in synapses)
    return [(shape[2], len(hidden)) for shape in hidden] + [
        (last[1] - 1 if hidden else changes.WIDTH, len(hidden) or 1)
    ]
