"""Recursive least squares against the least squares of all examples at once, in NumPy."""

import chex
import jax
import jax.numpy as jnp
import numpy as np
import pytest

from glns import least_squares

D, T = 4, 30


@pytest.fixture
def stream():
    rng = np.random.default_rng(0)
    x = rng.normal(size=(T, D)) * [1, 5, 0.1, 2] + [0, 3, -1, 0]
    return x, x @ [1, -2, 3, 0] + 5 + rng.normal(size=T), rng.integers(0, 2, size=T) * 1.0


def test_by_hand():
    # Ridge 1, x = 1, target 3: the normal equations [[2, 1], [1, 2]] w = [3, 3], so w = (1, 1).
    first = least_squares.init(1, 1.0)
    state, estimates = least_squares.learn(first, jnp.array([[1.0]]), jnp.array([3.0]), jnp.ones(1))
    np.testing.assert_allclose(state.coefficients, [1, 1], rtol=1e-6)
    np.testing.assert_allclose(state.inverse, [[2 / 3, -1 / 3], [-1 / 3, 2 / 3]], rtol=1e-6)
    assert estimates.tolist() == [0.0]
    np.testing.assert_allclose(least_squares.predict(state, jnp.array([[4.0], [0.0]])), [5, 1], rtol=1e-6)


def test_every_example_is_estimated_from_those_before_it_that_count(stream, tolerance):
    x, targets, weights = stream
    state, estimates = jax.jit(least_squares.learn)(least_squares.init(D, 0.5), *map(jnp.array, stream))
    ones = np.append(x, np.ones((T, 1)), axis=1)
    for t in range(T + 1):
        past = ones[:t][weights[:t] == 1]
        inverse = np.linalg.inv(0.5 * np.eye(D + 1) + past.T @ past)
        coefficients = inverse @ past.T @ targets[:t][weights[:t] == 1]
        if t < T:
            np.testing.assert_allclose(estimates[t], ones[t] @ coefficients, rtol=0, atol=100 * tolerance)
    np.testing.assert_allclose(state.inverse, inverse, rtol=0, atol=100 * tolerance)
    np.testing.assert_allclose(state.coefficients, coefficients, rtol=0, atol=100 * tolerance)
    predicted = least_squares.predict(state, jnp.array(x))
    np.testing.assert_allclose(predicted, ones @ coefficients, rtol=0, atol=100 * tolerance)


def test_a_stream_in_parts_is_the_same_stream(stream):
    parts = [tuple(map(jnp.array, part)) for part in zip(*(np.split(leaf, [7]) for leaf in stream), strict=True)]
    whole = least_squares.learn(least_squares.init(D, 1.0), *map(jnp.array, stream))
    state, first = least_squares.learn(least_squares.init(D, 1.0), *parts[0])
    state, second = least_squares.learn(state, *parts[1])
    chex.assert_trees_all_close((state, jnp.concatenate([first, second])), whole, rtol=1e-5, atol=1e-5)
