"""Gaussian inputs with targets that are linear in them, and noise: a regression of which all moments are known."""

from typing import NamedTuple

import jax
import jax.numpy as jnp

from bootstrap import settings
from bootstrap.distributions.distribution import Distribution


class Linear(NamedTuple):
    """A law: x of independent Gaussians around 0, y = coefficientsᵀ x + noise."""

    std: jax.Array  # [D], of the inputs
    coefficients: jax.Array  # [D, 1]
    noise: float | jax.Array  # standard deviation


def linear(*, num_inputs: int, decay: float = 1.0, noise: float = 0.1, seed: int = 0) -> Distribution:
    """Samples x [D], y [1]. arrays: the `Linear`.

    Input i, from 1 on, has the variance i^-decay. The coefficients are Gaussian, and scaled so that y has the variance
    1 + noise².
    """
    settings.check_counts(1, num_inputs=num_inputs)
    settings.check_not_negative(decay=decay, noise=noise)
    std = jnp.arange(1, num_inputs + 1) ** (-decay / 2)
    coefficients = jax.random.normal(jax.random.key(seed), (num_inputs, 1))
    coefficients = coefficients / jnp.linalg.norm(std[:, None] * coefficients)

    def sampler(key, law):
        k_inputs, k_noise = jax.random.split(key)
        x = law.std * jax.random.normal(k_inputs, (num_inputs,))
        y = jnp.matmul(x, jnp.asarray(law.coefficients), precision="highest")
        return x, y + law.noise * jax.random.normal(k_noise, y.shape)

    return Distribution(sampler, Linear(std, coefficients, jnp.float32(noise)), 0)
