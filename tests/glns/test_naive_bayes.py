"""Naive Bayes online, against its formula as a loop in float64."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from glns import naive_bayes

T, D, N = 40, 3, 3


@pytest.fixture
def stream():
    rng = np.random.default_rng(0)
    y = rng.integers(2, size=T)  # class 2 does not come up
    x = rng.normal(size=(T, D)) * [1, 100, 0] + [0, 1e3, 7] + y[:, None] * [1, -50, 0]
    return x, y


def of_moments(x, y, row):
    """The logits of a row by the samples (x, y); one sample of the law of all is in each class, and is one."""
    mean, variance = x.mean(axis=0), x.var(axis=0)
    varies = variance > 0

    def log_density(mean, variance):
        return -0.5 * np.sum((np.log(variance) + (row - mean) ** 2 / variance)[varies])

    variance = np.where(varies, variance, 1)
    logs = [log_density(mean, variance)]
    for n in range(N):
        own = x[y == n]
        m = (own.sum(axis=0) + mean) / (len(own) + 1)
        squares = ((own - m) ** 2).sum(axis=0) + variance + (mean - m) ** 2
        logs.append(np.log(len(own)) + log_density(m, squares / (len(own) + 1)) if len(own) else -np.inf)
    p = np.exp(np.array(logs) - max(logs))
    p /= p.sum()
    return np.log(p[1:]) - np.log(1 - p[1:])


@pytest.mark.parametrize("tolerance", ["float64"], indirect=True)
@pytest.mark.filterwarnings("ignore:divide by zero")
def test_each_example_is_predicted_by_those_before_it(stream, tolerance):
    x, y = map(jnp.array, stream)
    classes, logits = jax.jit(naive_bayes.learn)(naive_bayes.init(N, D), x, y)
    expected = [of_moments(stream[0][:t], stream[1][:t], stream[0][t]) for t in range(5, T)]
    np.testing.assert_allclose(logits[5:], expected, rtol=1e4 * tolerance)
    np.testing.assert_allclose(naive_bayes.predict(classes, x[:2]), [of_moments(*stream, row) for row in stream[0][:2]])


def test_at_first_it_knows_nothing_and_after_one_example_it_is_even(stream):
    _, logits = naive_bayes.learn(naive_bayes.init(N, D), *map(jnp.array, stream))
    assert np.all(logits[0] == -np.inf)
    np.testing.assert_allclose(logits[1, stream[1][0]], 0, atol=1e-6)


def test_examples_that_do_not_count_change_nothing(stream):
    x, y = map(jnp.array, stream)
    counted = jnp.arange(T) % 3 > 0
    some, logits = naive_bayes.learn(naive_bayes.init(N, D), x, y, counted)
    others, of_others = naive_bayes.learn(naive_bayes.init(N, D), x[counted], y[counted])
    jax.tree.map(lambda one, other: np.testing.assert_allclose(one, other, rtol=1e-6), some, others)
    np.testing.assert_allclose(logits[counted], of_others, rtol=1e-4)


def test_a_class_without_a_sample_has_no_slope(stream):
    """The others' slopes are as if it were not there."""
    x, y = map(jnp.array, stream)
    slopes = jax.jit(jax.jacobian(lambda one, classes: naive_bayes.predict(classes, one[None])[0]))
    classes, _ = naive_bayes.learn(naive_bayes.init(N, D), x, y)
    expected = slopes(x[0], jax.tree.map(lambda leaf: leaf[:2], classes))
    np.testing.assert_allclose(slopes(x[0], classes), [*expected, np.zeros(D)], rtol=1e-5)
    np.testing.assert_array_equal(slopes(x[0], naive_bayes.init(N, D)), np.zeros((N, D)))
