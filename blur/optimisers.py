"""Genomes that are the optimisers people use, to rounding, under `backprop_rule` with a `change_norm`.

`backprop_genome` makes the sum of eq. 7 the gradient (Sandler 2021, §3.1); these say what is made of it.
"""

import jax.numpy as jnp

from blur.genome import Genome, Norm, backprop_genome, with_age
from blur.rule import Rule, backprop_rule
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
    synapse = genome.synapse._replace(momentum=jnp.asarray(momentum, jnp.float32))
    genome = Genome(genome.neuron, synapse)
    return genome if log_steps is None else with_age(genome, log_steps, power)


def lasting(
    learning_rate: float = 0.3, momentum: float = 0.6, log_steps: float = 3.0, power: float = 1.0, last: float = 0.5
) -> tuple[Genome, Rule]:
    """A genome and its rule that go on learning: Muon on exact gradients, with a rate that shrinks with age.

    last: the rate of the last layer, in units of that of the others. Chosen on MNIST.
    Hidden layers are normalised, without a part of that in the gradient; so are inputs; the last layer is not. Made by
    hand, and the start of what `experiments/configs/blur_lasting.py:meta` evolves.
    """
    genome = momentum_genome(learning_rate, momentum, log_steps=log_steps, power=power)
    neuron = genome.neuron._replace(forward_norm=Norm(jnp.zeros(2, jnp.float32), jnp.ones(2, jnp.float32)))
    synapse = genome.synapse._replace(last=jnp.asarray(last, jnp.float32), scale=jnp.ones((), jnp.float32))
    options = {
        "feedback": "error",  # changes with a norm are those of the mean
        "change_norm": "orthogonal",
        "normalise_inputs": True,
        "normalise_last": False,
    }
    return Genome(neuron, synapse), backprop_rule("relu")._replace(**options)


def adam_genome(learning_rate: float, momentum: float = 0.9, squares: float = 0.999) -> Genome:
    """`backprop_genome` with Adam's two means, for change_norm="adam" (Kingma & Ba 2015; β1, β2)."""
    check_numbers(0.0, squares=squares)
    genome = momentum_genome(learning_rate, momentum)
    return Genome(genome.neuron, genome.synapse._replace(squares=jnp.asarray(squares, jnp.float32)))
