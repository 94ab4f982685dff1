"""The genome: the few numbers that all neurons and all synapses share; meta-learning learns them (Sandler 2021, §3.2).

The paper's superscripts are indices: `forward[c, d]` is ν^{cd}. Letters: K states of a neuron (and of a synapse).
"""

from collections.abc import Sequence
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp

from blur.settings import check_counts, check_numbers


class Norm(NamedTuple):
    """Mean and standard deviation over a layer that each state is given before the non-linearity (§3.4)."""

    mean: jax.Array  # [K]
    deviation: jax.Array  # [K]


class Neuron(NamedTuple):
    """The genes of neurons: eq. 5 and 6."""

    forward: jax.Array  # [K, K] ν, from state d below to state c above
    backward: jax.Array  # [K, K] μ, from state d above to state c below
    keep: jax.Array  # [] f, the forget gate
    update: jax.Array  # [] η, the update gate
    forward_norm: Norm | None = None  # None: the forward pass does not normalise
    backward_norm: Norm | None = None  # None: the backward pass does not normalise


class Age(NamedTuple):
    """How changes shrink with the number t of steps taken: by (1 + t / τ)^-p. Not in the paper, see `blur.changes`."""

    log_steps: jax.Array  # [] log τ, in steps
    power: jax.Array  # [] p


class Size(NamedTuple):
    """How changes shrink with the network: by (N / 64)^-w L^-d. Not in the paper, see `blur.changes`."""

    width: jax.Array  # [] w; N: the hidden neurons that the synapses lead to, or, those of the last layer, come from
    depth: jax.Array  # [] d; L: hidden layers


class Synapse(NamedTuple):
    """The genes of synapses: eq. 7. Of those after `rescale` the paper has none, see `blur.changes`."""

    pre: jax.Array  # [K, K] ν̃, from state e of the source to channel c
    post: jax.Array  # [K, K] μ̃, from state d of the destination to channel c
    keep: jax.Array  # [] f̃
    update: jax.Array  # [] η̃
    oja: jax.Array | None = None  # [] multiplier of Oja's term; None: no term
    saturation: jax.Array | None = None  # [] α, or the published code's epsilon + |saturation|; None: no saturation
    rescale: jax.Array | None = None  # [] norm of normalised synapses; None: 1
    age: Age | None = None  # None: every step changes as much as the first
    momentum: jax.Array | None = None  # [] what a step keeps of the sum of changes so far; None: nothing
    squares: jax.Array | None = None  # [] what a step keeps of the mean of their squares; `Rule.change_norm` "adam"
    last: jax.Array | None = None  # [] η̃ of the last layer, in units of that of the others; None: 1
    scale: jax.Array | None = None  # [] of the first synapses, in units of `network.init`'s; None: 1
    size: Size | None = None  # None: the same in any network


RANKS = {"forward": 2, "backward": 2, "pre": 2, "post": 2, "mean": 1, "deviation": 1}  # of genes; of all others 0


class Genome(NamedTuple):
    """The numbers of an update rule: 4 K² + 4, plus those of its options. `blur.Rule` holds what is not a number."""

    neuron: Neuron
    synapse: Synapse
    forward_synapse: Synapse | None = None  # genes of an update after the forward pass; None: no such update


def num_states_of(genome: Genome | Sequence[Genome]) -> int:
    """K of a genome, or of one for each layer."""
    return len((genome if isinstance(genome, Genome) else genome[0]).neuron.forward)


def check_genomes(genome: Any, num_layers: int | None = None) -> tuple[Genome, ...]:
    """One genome for all layers, or one for each, as a tuple. Shapes will do. ValueError where they do not fit.

    num_layers: None: any number.
    """
    genomes = (genome,) if isinstance(genome, Genome) else genome
    if not isinstance(genomes, tuple | list) or not genomes or not all(isinstance(genes, Genome) for genes in genomes):
        raise ValueError(
            f"a genome must be a blur.Genome, or a tuple of one for each layer; got {type(genome).__name__}"
        )
    if num_layers is not None and len(genomes) not in (1, num_layers):
        raise ValueError(f"there must be 1 genome or {num_layers}, one a layer; got {len(genomes)}")
    if len({genes.neuron.forward.shape for genes in genomes}) > 1:
        raise ValueError("the genomes of all layers must have the same number of states")
    if (num_states := len(genomes[0].neuron.forward)) < 2:
        raise ValueError("a neuron needs at least 2 states: the label goes to the second")
    for path, gene in jax.tree.leaves_with_path(tuple(genomes)):
        name = jax.tree_util.keystr(path[1:], simple=True, separator=".")
        wanted = (num_states,) * RANKS.get(name.rpartition(".")[2], 0)
        if jnp.shape(gene) != wanted:
            raise ValueError(
                f"the gene {name} must have the shape {wanted} of {num_states} states; got {jnp.shape(gene)}"
            )
    return tuple(genomes)


def with_age(genome: Genome, log_steps: float, power: float = 1.0) -> Genome:
    """The genome with these genes of age: its changes shrink from step to step, and its gate is at most 1.

    power: 0 for that bound alone.
    """
    check_numbers(log_steps=log_steps, power=power)
    age = Age(jnp.asarray(log_steps, jnp.float32), jnp.asarray(power, jnp.float32))
    return Genome(genome.neuron, genome.synapse._replace(age=age), genome.forward_synapse)


def with_size(genome: Genome, width: float = 0.0, depth: float = 0.0) -> Genome:
    """The genome with these genes of size, 0 for a rate that is the same in any network."""
    check_numbers(width=width, depth=depth)
    size = Size(jnp.asarray(width, jnp.float32), jnp.asarray(depth, jnp.float32))
    return Genome(genome.neuron, genome.synapse._replace(size=size), genome.forward_synapse)


def backprop_genome(learning_rate: float) -> Genome:
    """The two-state genome of SGD (§3.1; §4.5, "backprop init"): state 0 is the activation, state 1 the gradient.

    Under `blur.backprop_rule` a step of this genome is a step of minibatch SGD.
    """
    check_numbers(learning_rate=learning_rate)
    one, eye = jnp.ones((), jnp.float32), jnp.eye(2, dtype=jnp.float32)
    neuron = Neuron(forward=jnp.array([[1.0, 0.0], [1.0, 0.0]], jnp.float32), backward=eye, keep=one, update=one)
    return Genome(neuron, Synapse(pre=eye, post=eye[::-1], keep=one, update=-jnp.asarray(learning_rate, jnp.float32)))


def random_genome(
    key: jax.Array,
    num_states: int,
    *,
    synapse_update: float = -1e-3,
    normalise: str = "none",
) -> Genome:
    """A genome whose transforms are N(0, 1) and whose gates are open, as in the published code. The key is consumed.

    The transforms of the synapses are divided by 10, and their gate makes up for it, see `_even`: the same rule.
    synapse_update: the gene η̃ of the published code. normalise: the passes that normalise: "forward", "backward",
      "both" or "none". Their genes, a mean and a standard deviation for each state, start at 0 and 1.
    """
    check_counts(2, num_states=num_states)
    check_numbers(synapse_update=synapse_update)
    forward, backward, pre, post = jax.random.normal(key, (4, num_states, num_states), jnp.float32)
    one = jnp.ones((), jnp.float32)
    neuron = Neuron(forward, backward, one, one, *_norms(normalise, num_states))
    return Genome(neuron, _even(Synapse(pre, post, one, synapse_update * one)))


def perturbed_backprop_genome(
    key: jax.Array,
    num_states: int = 2,
    *,
    learning_rate: float,
    std: float,
    normalise: str = "none",
) -> Genome:
    """The "backprop init" (§4.5) for any number of states, with noise on its transforms. The key is consumed.

    The transforms of the synapses are divided by 10, and the learning rate in their gate makes up for it, see `_even`.
    std: of the noise, which is normal, in units of the transforms' order. Without noise, states beyond the second would
      have no gradient, and all genomes of a population would be equal. normalise: as in `random_genome`.
    """
    check_counts(2, num_states=num_states)
    check_numbers(0.0, std=std)
    neuron, synapse, _ = backprop_genome(learning_rate)
    first = neuron.forward, neuron.backward, synapse.pre, synapse.post
    noise = std * jax.random.normal(key, (4, num_states, num_states), jnp.float32)
    forward, backward, pre, post = (extra.at[:2, :2].add(gene) for gene, extra in zip(first, noise, strict=True))
    norms = _norms(normalise, num_states)
    synapse = _even(Synapse(pre, post, synapse.keep, synapse.update))
    return Genome(Neuron(forward, backward, neuron.keep, neuron.update, *norms), synapse)


def delta_genome(
    key: jax.Array,
    num_states: int,
    *,
    synapse_update: float = 0.2,
    std: float = 0.05,
    normalise: str = "both",
    oja: float | None = None,
    saturation: float | None = None,
    log_steps: float | None = None,
    power: float = 1.0,
) -> Genome:
    """Our start for rules whose feedback is the label: the delta rule (Widrow & Hoff 1960). The key is consumed.

    State 0 is the activation. State 1 of the last layer is the label. The states 1 below, and the synapses, receive
    label - logit / 2. All genes are of order 1, except the transforms of the synapses, of order 0.1: one step size of
    Adam then fits all genes. Any number of states. Not in the paper.

    synapse_update: the gene η̃. normalise: as in `random_genome`. std: of the noise on the transforms, in units of their
      order.
    oja, saturation: the genes of Oja's term and of saturation (App. C.5; §3.4). log_steps, power: the genes of age.
      None: the genome has no such genes.
    """
    check_counts(2, num_states=num_states)
    genes = {"synapse_update": synapse_update, "oja": oja, "saturation": saturation}
    check_numbers(**{name: gene for name, gene in genes.items() if gene is not None})
    check_numbers(0.0, std=std)
    noise = std * jax.random.normal(key, (4, num_states, num_states), jnp.float32)
    forward = 2 * noise[0].at[:, 0].add(1.0)
    backward = 2 * noise[1].at[1, 1].add(1.0).at[1, 0].add(-0.5)
    pre = 0.1 * noise[2].at[0, 0].add(1.0).at[1, 1].add(1.0)
    post = 0.1 * noise[3].at[0, 1].add(1.0).at[0, 0].add(-0.5).at[1, 0].add(1.0)
    one = jnp.ones((), jnp.float32)
    neuron = Neuron(forward, backward, one, one, *_norms(normalise, num_states))
    of_oja, of_saturation = (None if gene is None else gene * one for gene in (oja, saturation))
    genome = Genome(neuron, Synapse(pre, post, one, synapse_update * one, of_oja, of_saturation))
    return genome if log_steps is None else with_age(genome, log_steps, power)


def _even(synapse: Synapse) -> Synapse:
    """The same rule by genes that are of one order. One step size of Adam then fits all of them.

    A gate of sums over the batch is near 1e-3, and a step that fits transforms of order 1 would turn its sign.
    """
    return synapse._replace(pre=0.1 * synapse.pre, post=0.1 * synapse.post, update=100 * synapse.update)


def _norms(normalise: str, num_states: int) -> tuple[Norm | None, Norm | None]:
    """The genes of the forward and of the backward normalisation, as they start."""
    if normalise not in NORMALISED:
        raise ValueError(f"normalise must be one of {', '.join(NORMALISED)}; got {normalise!r}")
    forward, backward = NORMALISED[normalise]
    norm = Norm(jnp.zeros(num_states, jnp.float32), jnp.ones(num_states, jnp.float32))
    return norm if forward else None, norm if backward else None


NORMALISED = {"none": (False, False), "forward": (True, False), "backward": (False, True), "both": (True, True)}
