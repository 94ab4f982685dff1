"""Gaussian inputs labelled by a random network: a student of the same shape can learn them without error."""

import itertools
from collections.abc import Sequence

import jax
import jax.numpy as jnp

from bootstrap import settings
from bootstrap.distributions.distribution import Distribution


def teacher(*, num_inputs: int, num_classes: int, features: Sequence[int] = (), seed: int = 0) -> Distribution:
    """x [D] of unit Gaussians; y [] the argmax of the outputs of a ReLU network of `features` hidden units.

    features=() is a linear teacher. arrays: its matrices [fan-in, fan-out], without biases (He et al. 2015). Above
    the first layer a unit's weights sum to 0: otherwise the mean of the ReLUs makes some outputs larger than others on
    every input, and few classes occur.
    """
    settings.check_counts(1, num_inputs=num_inputs, num_classes=num_classes)
    settings.check_widths(features=features)
    widths = (num_inputs, *features, num_classes)
    keys = jax.random.split(jax.random.key(seed), len(widths) - 1)
    weights = [
        jax.random.normal(key, shape) * jnp.sqrt(2 / shape[0])
        for key, shape in zip(keys, itertools.pairwise(widths), strict=True)
    ]
    weights = weights[:1] + [matrix - matrix.mean(axis=0, keepdims=True) for matrix in weights[1:]]

    def sampler(key, weights):
        x = jax.random.normal(key, (num_inputs,))
        *hidden, output = map(jnp.asarray, weights)
        h = x
        for matrix in hidden:
            h = jax.nn.relu(jnp.matmul(h, matrix, precision="highest"))
        return x, jnp.matmul(h, output, precision="highest").argmax().astype(jnp.int32)

    return Distribution(sampler, tuple(weights), num_classes)
