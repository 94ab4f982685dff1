"""Gaussian mixtures, whose Bayes error is known.

Letters: K classes, M components of a class, D inputs, n samples.
"""

import jax
import jax.numpy as jnp

from bootstrap import settings
from bootstrap.distributions.distribution import Distribution


def gaussians(
    *, num_inputs: int, num_classes: int, separation: float, num_components: int = 1, seed: int = 0
) -> Distribution:
    """K equally likely classes, each a mixture of M equally likely unit Gaussians -> samples (x [D], y []).

    Means lie in random directions, at the distance `separation` (in standard deviations) from the origin. arrays: the
    means [K, M, D]. With one component the best classifier is linear; with more it is not.
    """
    settings.check_counts(1, num_inputs=num_inputs, num_classes=num_classes, num_components=num_components)
    settings.check_not_negative(separation=separation)
    directions = jax.random.normal(jax.random.key(seed), (num_classes, num_components, num_inputs))
    means = separation * directions / jnp.linalg.norm(directions, axis=-1, keepdims=True)

    def sampler(key, means):
        k_component, k_noise = jax.random.split(key)
        component = jax.random.randint(k_component, (), 0, num_classes * num_components)
        mean = jnp.asarray(means).reshape(-1, num_inputs)[component]
        return mean + jax.random.normal(k_noise, (num_inputs,)), component // num_components

    return Distribution(sampler, means, num_classes)


def posterior(means: jax.Array, x: jax.Array) -> jax.Array:
    """log p(y | x), exactly. means [K, M, D], x [D] -> [K]."""
    of_components = -jnp.sum((x[None, None] - means) ** 2, axis=-1) / 2
    return jax.nn.log_softmax(jax.nn.logsumexp(of_components, axis=-1))


def bayes_errors(
    key: jax.Array, distribution: Distribution, num_samples: int, noise: float | jax.Array = 0.0
) -> dict[str, jax.Array]:
    """The Bayes error of a mixture, the minimum over classifiers, and the soft error and loss (nats) of p(y | x).

    The error is exact for two classes of one component: Phi(-distance of the means / 2). Otherwise, as always for
    soft_error and loss, it is the mean of exact conditional errors over n samples. noise: of `with_label_noise`. The
    key is consumed.
    """
    settings.check_counts(1, num_samples=num_samples)
    settings.check_fraction(noise=noise)
    sampler, means, num_classes = distribution
    x, _ = jax.vmap(sampler, in_axes=(0, None))(jax.random.split(key, num_samples), means)
    p = jnp.exp(jax.vmap(posterior, in_axes=(None, 0))(means, x))  # [n, K]
    p = (1 - noise) * p + noise / (num_classes - 1) * (1 - p)
    errors = {
        "error": 1 - p.max(-1).mean(),
        "soft_error": 1 - (p**2).sum(-1).mean(),
        "loss": -jax.scipy.special.xlogy(p, p).sum(-1).mean(),
    }
    if means.shape[:2] == (2, 1):
        bayes = jax.scipy.stats.norm.cdf(-jnp.linalg.norm(means[0, 0] - means[1, 0]) / 2)
        errors["error"] = jnp.minimum(noise, 1 - noise) + jnp.abs(1 - 2 * noise) * bayes
    return errors
