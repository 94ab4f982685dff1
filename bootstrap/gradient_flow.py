"""Gradient flow on squared errors, in closed form: what both worlds come to where the model is linear in its features.

Descent on half the squared error |y - wᵀφ|² / 2, at a rate r for s steps, follows the flow dw/dt = E[φyᵀ] - E[φφᵀ] w to
time t = r s as r goes to 0. In the real world E is the mean of n samples, in the ideal world that of their law (as in
Ghosh, Mei & Yu 2021, arXiv 2111.07167, for kernels). So the bootstrap error has a theory to be measured against.

Letters: n samples, D inputs, F features, the last of them a constant 1 whose weight is the bias, d targets.
"""

from typing import NamedTuple

import jax
import jax.numpy as jnp

from bootstrap import settings
from bootstrap.distributions import Linear


class Moments(NamedTuple):
    """Second moments of features and targets: all that flow and risk depend on."""

    features: jax.Array  # E[φφᵀ], [F, F]
    cross: jax.Array  # E[φyᵀ], [F, d]
    targets: jax.Array  # E|y|², []


def features(x: jax.Array, projections: jax.Array | None = None) -> jax.Array:
    """The features of `nets.Linear`, x itself, or those of `nets.RandomFeatures` of ReLUs, and a constant 1.

    x [n, D], projections [D, F - 1] -> [n, F].
    """
    if projections is not None:
        x = jnp.sqrt(2 / projections.shape[1]) * jax.nn.relu(x @ projections)
    return jnp.concatenate([x, jnp.ones((len(x), 1))], axis=1)


def of_samples(features: jax.Array, targets: jax.Array, weights: jax.Array) -> Moments:
    """Weighted means over samples. features [n, F], targets [n, d], weights [n], not negative."""
    settings.check_shape((len(features), jnp.shape(targets)[-1]), targets=targets)
    fraction = (weights / weights.sum())[:, None]
    return Moments(features.T @ (fraction * features), features.T @ (fraction * targets), (fraction * targets**2).sum())


def of_law(law: Linear, projections: jax.Array | None = None) -> Moments:
    """The means over the law itself, of the `features` with these projections [D, F - 1], or none.

    With u = Σ^½ w and the angle θ between u and v, E[relu(wx) relu(w'x)] = |u||v| (sin θ + (π - θ) cos θ) / 2π (Cho &
    Saul 2009, eq. 6), E[relu(wx)] = |u| / √2π and E[relu(wx) x] = Σw / 2.
    """
    std, coefficients = jnp.asarray(law.std)[:, None], jnp.asarray(law.coefficients)
    targets = ((std * coefficients) ** 2).sum() + coefficients.shape[1] * law.noise**2
    if projections is None:
        second, cross, mean = jnp.diag(law.std**2), std**2 * coefficients, jnp.zeros(len(std))
    else:
        scaled, scale = std * projections, jnp.sqrt(2 / projections.shape[1])
        lengths = jnp.linalg.norm(scaled, axis=0)
        cos = jnp.clip(scaled.T @ scaled / (lengths[:, None] * lengths[None]), -1, 1)
        angle = jnp.arccos(cos)
        arc = (jnp.sqrt(1 - cos**2) + (jnp.pi - angle) * cos) / (2 * jnp.pi)
        second = scale**2 * lengths[:, None] * lengths[None] * arc
        cross, mean = scale / 2 * scaled.T @ (std * coefficients), scale * lengths / jnp.sqrt(2 * jnp.pi)
    with_one = jnp.block([[second, mean[:, None]], [mean[None], jnp.ones((1, 1))]])
    return Moments(with_one, jnp.pad(cross, ((0, 1), (0, 0))), targets)


def flow(moments: Moments, time: jax.Array | float) -> jax.Array:
    """The weights at a time, from 0 on: Σ over eigenvectors v of E[φφᵀ], (1 - exp(-λt)) / λ v vᵀ E[φyᵀ]. -> [F, d]."""
    values, vectors = jnp.linalg.eigh(moments.features)
    values = jnp.maximum(values, 0)  # rounding leaves some below 0
    known = jnp.where(values > 0, -jnp.expm1(-values * time) / jnp.where(values > 0, values, 1), time)
    return vectors @ (known[:, None] * (vectors.T @ moments.cross))


def risk(weights: jax.Array, moments: Moments) -> jax.Array:
    """E|y - wᵀφ|² of weights [F, d]. -> []."""
    return moments.targets - 2 * (weights * moments.cross).sum() + (weights * (moments.features @ weights)).sum()
