"""Genomes that are the optimisers people use, to rounding, under `backprop_rule` with a `change_norm`.

`backprop_genome` makes the sum of eq. 7 the gradient (Sandler 2021, §3.1); these say what is made of it.
"""

import jax.numpy as jnp

from blur.genome import Age, Genome, backprop_genome
from blur.settings import check_numbers


def momentum_genome(
    learning_rate: float, momentum: float, *, log_steps: float | None = None, power: float = 1.0
) -> Genome:
    """`backprop_genome` with a trace of its changes: SGD with momentum, or with change_norm="orthogonal" Muon.

    momentum: what a step keeps of the sum of changes so far, as `optax.sgd`. log_steps, power: the genes of age; None:
      the rate stays as it is.
    """
    check_numbers(0.0, momentum=momentum)
    genome = backprop_genome(learning_rate)
    age = None
    if log_steps is not None:
        check_numbers(log_steps=log_steps, power=power)
        age = Age(jnp.asarray(log_steps, jnp.float32), jnp.asarray(power, jnp.float32))
    synapse = genome.synapse._replace(momentum=jnp.asarray(momentum, jnp.float32), age=age)
    return Genome(genome.neuron, synapse)


def adam_genome(learning_rate: float, momentum: float = 0.9, squares: float = 0.999) -> Genome:
    """`backprop_genome` with Adam's two means, for change_norm="adam" (Kingma & Ba 2015; β1, β2)."""
    check_numbers(0.0, squares=squares)
    genome = momentum_genome(learning_rate, momentum)
    return Genome(genome.neuron, genome.synapse._replace(squares=jnp.asarray(squares, jnp.float32)))
