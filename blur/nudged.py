"""A genome of the paper's own kind that learns hidden layers: labels as feedback, no loss, no slopes (ours, by hand).

The last layer has its logit in state 0 and the label in state 1, and learns from their difference. Here hidden layers
have such a pair as well: both states hold the activation a at first, and the backward pass makes of them tanh(f a),
the free state, and tanh(f a + δ), the nudged one, δ the differences above, sent down. For small δ nudged - free is
δ times a slope, so one pair of genes teaches all layers, as in difference target propagation (Lee et al. 2015,
arXiv 1412.7525) and equilibrium propagation (Scellier & Bengio 2017, arXiv 1602.05179).

Synapses have one channel, so forward and backward ones receive the same two sums with their ends swapped. Pre is
free - nudged and post is nudged - free, each with a little of the activation, and the forward pass of the layer below,
whose states are equal, shows that little alone. So forward synapses receive activation times difference, backward ones
the same with the other sign, and turn from wherever they began to minus the transpose of the forward ones (Kolen &
Pollack 1994); the transform of the backward pass turns the sign again.
"""

from functools import partial

import jax.numpy as jnp

from blur.genome import Age, Genome, Neuron, Norm, Synapse
from blur.rule import Rule

_NUDGE = 0.5  # of a hidden neuron, by a unit of difference above
_LITTLE = 0.02  # of the activation in pre and post


def by_hand() -> tuple[Genome, Rule]:
    """The genome and its rule; where `experiments/configs/blur_label.py:meta` begins.

    With changes that are orthogonalised and shrink with age, as `optimisers.lasting`, but nothing of its feedback,
    slopes and symmetric synapses. Ten of its numbers were chosen in 70 trials on MNIST, and then rounded.
    """
    number = partial(jnp.asarray, dtype=jnp.float32)
    neuron = Neuron(
        forward=number([[1.0, 0.0], [1.0, 0.0]]),
        backward=number([[0.0, 0.0], [_NUDGE, -_NUDGE]]),
        keep=number(2.4),
        update=number(1.0),
        forward_norm=Norm(number([0.0, 0.0]), number([1.6, 1.6])),
    )
    synapse = Synapse(
        pre=number([[1.0, 0.0], [_LITTLE - 1, 0.0]]),
        post=number([[_LITTLE - 1, 1.0], [0.0, 0.0]]),
        keep=number(1.0),
        update=number(0.5),
        age=Age(number(2.2), number(1.0)),
        momentum=number(0.7),
        last=number(0.4),
        scale=number(0.1),
    )
    options = {
        "single_state": True,
        "forward_below": True,
        "change_norm": "orthogonal",
        "normalise_inputs": True,
        "normalise_last": False,
    }
    return Genome(neuron, synapse), Rule(**options)
