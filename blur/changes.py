"""What of the sum in eq. 7 a synapse receives: momentum, a norm, less with age and size (not in Sandler 2021).

The paper adds the sum to a synapse as it is. Rules learned so learn for as many steps as they were learned on, and then
forget: nothing makes a change smaller. With these options a genome also is what people use in place of SGD: SGD with
momentum, Adam (Kingma & Ba 2015) and Muon (Jordan 2024), of which all but the genes is optax's.

Letters: C channels of a synapse, M destinations, N sources.
"""

from collections.abc import Callable
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import optax

from blur.genome import Synapse


class Memory(NamedTuple):
    """What the synapses of a layer keep from step to step."""

    age: jax.Array  # [] int32, steps taken
    change: optax.OptState  # momentum and squares


def _stateless(function: Callable) -> Callable:
    return lambda synapse: optax.stateless(lambda changes, _: jax.tree.map(function, changes))  # noqa: ARG005


def _layer(change: jax.Array) -> jax.Array:
    """Each channel is scaled to the root mean square 1 / sqrt(N). [C, N, M] -> [C, N, M]."""
    return change / (jnp.sqrt(jnp.mean(change**2, axis=(1, 2), keepdims=True) * change.shape[1]) + _EPSILON)


def _destination(change: jax.Array) -> jax.Array:
    """What a destination receives has the norm 1. [C, N, M] -> [C, N, M]."""
    return change / (jnp.sqrt(jnp.sum(change**2, axis=1, keepdims=True)) + _EPSILON)


def _orthogonal(change: jax.Array) -> jax.Array:
    """The nearest matrix whose singular values are all about 1 (Newton-Schulz, as Muon), scaled as `_layer`."""
    muon = optax.contrib.scale_by_muon(beta=0.0, nesterov=False)
    sources, destinations = change.shape[1:]
    nearest = jax.vmap(lambda matrix: muon.update(matrix, muon.init(matrix))[0])(change)
    return nearest * max(1.0, destinations / sources) ** 0.5


def _adam(synapse: Synapse) -> optax.GradientTransformation:
    """Each change is divided by the root of the mean of its squares; both means are Adam's."""
    if synapse.squares is None:
        raise ValueError('change_norm="adam" needs the gene squares')
    return optax.scale_by_adam(b1=0.0 if synapse.momentum is None else synapse.momentum, b2=synapse.squares)


# Genes -> transformation of changes. The first four follow momentum. Of all but "none" a destination receives about 1.
CHANGE_NORMS = {
    "none": lambda synapse: optax.identity(),  # noqa: ARG005
    "layer": _stateless(_layer),
    "destination": _stateless(_destination),
    "orthogonal": _stateless(_orthogonal),
    "adam": _adam,
}
_EPSILON = 1e-8
WIDTH = 64  # neurons, of layers that a gene of width leaves as they are


def transformation(synapse: Synapse, change_norm: str) -> optax.GradientTransformation:
    """Momentum and norm, for a tree of changes [C, N, M]. Without these options it is the identity."""
    norm = CHANGE_NORMS[change_norm](synapse)
    if synapse.momentum is None or change_norm == "adam":
        return norm
    return optax.chain(optax.trace(synapse.momentum), norm)


def remembers(synapse: Synapse, change_norm: str) -> bool:
    """Whether synapses of these genes need a `Memory`."""
    return change_norm != "none" or synapse.age is not None or synapse.momentum is not None


def aged(synapse: Synapse, age: jax.Array) -> Synapse:
    """The genes at an age: η̃, and how far f̃ is below 1, shrink alike. f̃ above 1 counts as 1: synapses would explode."""
    if synapse.age is None:
        return synapse
    shrunk = (1 + age / jnp.exp(synapse.age.log_steps)) ** -synapse.age.power
    return synapse._replace(update=shrunk * synapse.update, keep=1 + shrunk * jnp.minimum(synapse.keep - 1, 0))


def sized(synapse: Synapse, num_neurons: int, num_hidden: int) -> Synapse:
    """The genes with the η̃ of a layer in such a network, and without `size`. The arguments are N and L of `Size`."""
    if synapse.size is None:
        return synapse
    shrunk = (num_neurons / WIDTH) ** -jnp.asarray(synapse.size.width) * num_hidden ** -jnp.asarray(synapse.size.depth)
    return synapse._replace(update=shrunk * synapse.update, size=None)


def of_unit_rate(synapse: Synapse) -> Synapse:
    """The genes with η̃ = 1, for sums that are transformed before the rate applies."""
    return synapse._replace(update=jnp.ones_like(synapse.update))


def apply(synapse: Synapse, memory: Memory, changes: Any, change_norm: str) -> tuple[Synapse, Any, Memory]:
    """A tree of sums [C, N, M], of unit rate -> (genes of this age, what the synapses receive by them, memory)."""
    moved, change = transformation(synapse, change_norm).update(changes, memory.change)
    old = aged(synapse, memory.age)
    return old, jax.tree.map(lambda leaf: old.update * leaf, moved), Memory(memory.age + 1, change)
