"""The genome: the few numbers that all neurons and synapses share, and that meta-learning learns (Sandler 2021, §3.2).

Superscripts are indices: `forward[c, d]` is the paper's ν^{cd}. Letters: K states of a neuron (and of a synapse).
"""

from typing import NamedTuple

import jax
import jax.numpy as jnp


class Norm(NamedTuple):
    """What each state's distribution over a layer becomes before the non-linearity (§3.4)."""

    mean: jax.Array  # [K]
    deviation: jax.Array  # [K]


class Neuron(NamedTuple):
    """How neurons change: eq. 5 and 6."""

    forward: jax.Array  # [K, K] ν, from state d below to state c above
    backward: jax.Array  # [K, K] μ, from state d above to state c below
    keep: jax.Array  # [] f, the forget gate
    update: jax.Array  # [] η, the update gate
    forward_norm: Norm | None = None  # None: the forward pass does not normalise
    backward_norm: Norm | None = None  # None: nor does the backward pass


class Synapse(NamedTuple):
    """How synapses change: eq. 7."""

    pre: jax.Array  # [K, K] ν̃, from state e of the source to channel c
    post: jax.Array  # [K, K] μ̃, from state d of the destination to channel c
    keep: jax.Array  # [] f̃
    update: jax.Array  # [] η̃
    oja: jax.Array | None = None  # [] multiplier of Oja's term; None: no such term
    saturation: jax.Array | None = None  # [] α, or the published code's epsilon + |saturation|; None: no saturation
    rescale: jax.Array | None = None  # [] norm of normalised synapses; None: 1


class Genome(NamedTuple):
    """An update rule: 4 K² + 4 numbers, and those of the options that it has."""

    neuron: Neuron
    synapse: Synapse
    forward_synapse: Synapse | None = None  # where synapses also change after the forward pass; None: they do not


def backprop_genome(learning_rate: float) -> Genome:
    """The two-state genome of SGD (§3.1 and §4.5: "backprop init"): state 0 is the activation, state 1 the gradient.

    One step of it is one step of minibatch SGD under `rule.backprop_rule`, which states the other conditions.
    """
    one, eye = jnp.ones(()), jnp.eye(2)
    neuron = Neuron(forward=jnp.array([[1.0, 0.0], [1.0, 0.0]]), backward=eye, keep=one, update=one)
    return Genome(neuron, Synapse(pre=eye, post=eye[::-1], keep=one, update=-jnp.asarray(learning_rate, float)))


def random_genome(
    key: jax.Array,
    num_states: int,
    *,
    synapse_update: float = -1e-3,
    normalise: str = "none",
    oja: float | None = None,
    saturation: float | None = None,
) -> Genome:
    """Normal transforms, open gates. The constants are the published code's. The key is consumed.

    normalise: "forward", "backward", "both" or "none", which passes have a learnable mean and deviation of each state,
      which begin at 0 and 1. oja, saturation: the genes of the options; None, the genome has none.
    """
    forward, backward, pre, post = jax.random.normal(key, (4, num_states, num_states))
    one = jnp.ones(())
    genome = Genome(Neuron(forward, backward, one, one), Synapse(pre, post, one, synapse_update * one))
    return _with_options(genome, normalise, oja, saturation)


def perturbed_backprop_genome(
    key: jax.Array,
    num_states: int = 2,
    *,
    learning_rate: float,
    deviation: float,
    normalise: str = "none",
    oja: float | None = None,
    saturation: float | None = None,
) -> Genome:
    """The "backprop init" (§4.5), for any number of states, with normal noise of that deviation on its transforms.

    States beyond the second do nothing but for the noise: without it they would have no gradient, and the genomes of a
    population would be one. Options as in `random_genome`. The key is consumed.
    """
    neuron, synapse, _ = backprop_genome(learning_rate)
    first = neuron.forward, neuron.backward, synapse.pre, synapse.post
    noise = deviation * jax.random.normal(key, (4, num_states, num_states))
    forward, backward, pre, post = (extra.at[:2, :2].add(gene) for gene, extra in zip(first, noise, strict=True))
    genome = Genome(
        Neuron(forward, backward, neuron.keep, neuron.update), Synapse(pre, post, synapse.keep, synapse.update)
    )
    return _with_options(genome, normalise, oja, saturation)


def delta_genome(
    key: jax.Array,
    num_states: int,
    *,
    synapse_update: float = 0.2,
    deviation: float = 0.05,
    normalise: str = "both",
    oja: float | None = None,
    saturation: float | None = None,
) -> Genome:
    """A start of ours for rules that are fed the label, for any number of states; noise as in the one above.

    State 0 is the activation, state 1 of the last layer the label, and what reaches the states 1 below, up synapses and
    down, is label less half the logit: the delta rule (Widrow & Hoff 1960). All genes are of one size, but for the
    synapses' transforms, a tenth of it, so that Adam's steps fit them all. The key is consumed.
    """
    noise = deviation * jax.random.normal(key, (4, num_states, num_states))
    forward = 2 * noise[0].at[:, 0].add(1.0)
    backward = 2 * noise[1].at[1, 1].add(1.0).at[1, 0].add(-0.5)
    pre = 0.1 * noise[2].at[0, 0].add(1.0).at[1, 1].add(1.0)
    post = 0.1 * noise[3].at[0, 1].add(1.0).at[0, 0].add(-0.5).at[1, 0].add(1.0)
    one = jnp.ones(())
    genome = Genome(Neuron(forward, backward, one, one), Synapse(pre, post, one, synapse_update * one))
    return _with_options(genome, normalise, oja, saturation)


def _with_options(genome, normalise, oja, saturation):
    if normalise not in NORMALISED:
        raise ValueError(f"normalise must be one of {', '.join(NORMALISED)}; got {normalise!r}")
    neuron, synapse, _ = genome
    num_states = len(neuron.forward)
    norm = Norm(jnp.zeros(num_states), jnp.ones(num_states))
    forward, backward = (norm if normalised else None for normalised in NORMALISED[normalise])
    oja, saturation = (None if gene is None else jnp.asarray(gene, jnp.float32) for gene in (oja, saturation))
    return Genome(
        Neuron(neuron.forward, neuron.backward, neuron.keep, neuron.update, forward, backward),
        Synapse(synapse.pre, synapse.post, synapse.keep, synapse.update, oja, saturation),
    )


NORMALISED = {"none": (False, False), "forward": (True, False), "backward": (False, True), "both": (True, True)}
