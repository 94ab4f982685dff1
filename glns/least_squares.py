"""Ridge regression of a stream by recursive least squares, written for ONE target; arms are a `vmap` of it.

Letters: D features, F = D + 1 with the constant one, T time.
"""

from typing import NamedTuple

import jax
import jax.numpy as jnp

from glns import settings


class Ridge(NamedTuple):
    """The solution so far: the coefficients w that minimise ridge |w|² + sum of (y - w . x)²."""

    inverse: jax.Array  # [F, F], of ridge * identity + sum of x xᵀ
    coefficients: jax.Array  # [F], the constant feature's last


def init(dim: int, ridge: float) -> Ridge:
    """No example seen yet: every prediction is 0."""
    settings.check_positive(ridge=ridge)
    return Ridge(jnp.eye(dim + 1) / ridge, jnp.zeros(dim + 1))


def predict(state: Ridge, x: jax.Array) -> jax.Array:
    """x [T, D] -> estimates [T]."""
    return jnp.matmul(_features(x), state.coefficients, precision="highest")


def learn(state: Ridge, x: jax.Array, targets: jax.Array, weights: jax.Array) -> tuple[Ridge, jax.Array]:
    """Learns a stretch of the stream, exactly online, by the formula of Sherman and Morrison (1950).

    x [T, D], targets [T], weights [T] of the examples, 0 for one that is not to count -> the state, and estimates [T]:
    each example's target as the examples before it predict it.
    """

    def step(state, example):
        x, target, weight = example
        direction = jnp.matmul(state.inverse, x, precision="highest")
        gain = weight * direction / (1 + weight * jnp.matmul(x, direction, precision="highest"))
        estimate = jnp.matmul(x, state.coefficients, precision="highest")
        inverse = state.inverse - jnp.outer(gain, direction)
        return Ridge(inverse, state.coefficients + gain * (target - estimate)), estimate

    return jax.lax.scan(step, state, (_features(x), targets, weights))


def _features(x):
    return jnp.append(x, jnp.ones((len(x), 1), x.dtype), axis=1)
