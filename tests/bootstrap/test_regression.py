"""Regression by descent: a step by hand, the moments of a stream, predictions in the units of the target."""

import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest

from bootstrap import nets, regression


@pytest.fixture
def learner():
    return tuple(map(jax.jit, regression.learner(nets.MLP((), 2), optax.sgd(0.1))))


@pytest.fixture
def stream():
    rng = np.random.default_rng(0)
    x = rng.normal(size=(60, 3)) * [1, 10, 0] + [0, 50, 7]  # the last feature is constant
    y = np.stack([x[:, 0] + 5, 100 * x[:, 1]], axis=1) + rng.normal(size=(60, 2))
    return jnp.array(x, jnp.float32), jnp.array(y, jnp.float32)


def test_one_step_by_hand():
    # x and y are (-1, 1) already. Weights 0: mean 0, variance 1, so each error is its target, the loss
    # ln(2 pi) / 2 + 1 / 2. d loss / d kernel = -mean(x y) = -1; d / d log variance = (1 - 1) / 2 = 0.
    init, update, _ = regression.learner(nets.MLP((), 1), optax.sgd(0.1))
    batch = jnp.array([[-1.0], [1.0]]), jnp.array([[-1.0], [1.0]])
    state = init(jax.random.key(0), batch)
    params = jax.tree.map(jnp.zeros_like, state.params)
    state, metrics = update(jax.random.key(1), state._replace(params=params), batch)
    np.testing.assert_allclose(state.params["net"]["Dense_0"]["kernel"], [[0.1]], rtol=1e-6)
    np.testing.assert_allclose(state.params["log_variance"], 0, atol=1e-6)
    np.testing.assert_allclose(metrics["loss"], 0.5 * np.log(2 * np.pi) + 0.5, rtol=1e-6)
    np.testing.assert_allclose(metrics["mse"], 1, rtol=1e-6)


def test_the_squared_error_by_hand():
    """Half of it, of the numbers as they come: (2 - 0)² / 2 and 4² / 2 and their mean; a step of 0.1 mean(x y)."""
    init, update, predict = regression.learner(nets.Linear(1), optax.sgd(0.1), loss="squared_error")
    batch = jnp.array([[3.0], [5.0]]), jnp.array([[2.0], [4.0]])
    state, metrics = update(jax.random.key(0), init(jax.random.key(0), batch), batch)
    np.testing.assert_allclose(state.params["net"]["Dense_0"]["kernel"], [[0.1 * 13]], rtol=1e-6)
    np.testing.assert_allclose((metrics["loss"], metrics["mse"]), (5, 10), rtol=1e-6)
    output = predict(state, batch[0])
    np.testing.assert_allclose(output.mean, [[3.9 + 0.3], [6.5 + 0.3]], rtol=1e-6)
    np.testing.assert_array_equal(output.variance, 1)
    with pytest.raises(ValueError, match="loss must be one of log_loss, squared_error; got 'mse'"):
        regression.learner(nets.Linear(1), optax.sgd(0.1), loss="mse")


def test_the_moments_are_those_of_all_that_was_seen(learner, stream):
    init, update, _ = learner
    state = init(jax.random.key(0), stream)
    for first in range(0, 60, 20):
        state, _ = update(jax.random.key(1), state, tuple(leaf[first : first + 20] for leaf in stream))
    for moments, leaf in zip((state.inputs, state.targets), stream, strict=True):
        assert moments.count == 60
        np.testing.assert_allclose(moments.mean, leaf.mean(0), rtol=1e-5, atol=1e-5)
        np.testing.assert_allclose(moments.square / 60, leaf.var(0), rtol=1e-4, atol=1e-9)


def test_predictions_are_in_the_units_of_the_target(learner, stream):
    init, update, predict = learner
    state = init(jax.random.key(0), stream)
    for i in range(200):
        state, metrics = update(jax.random.key(i), state, stream)
    output, (_, y) = jax.tree.map(np.array, predict(state, stream[0])), map(np.array, stream)
    np.testing.assert_allclose(np.mean((output.mean - y) ** 2 / y.var(0)), metrics["mse"], rtol=0.01)
    variance = y.var(0) * np.exp(state.params["log_variance"])
    np.testing.assert_allclose(output.variance, np.tile(variance, (60, 1)), rtol=1e-4)
    assert metrics["mse"] == pytest.approx(np.exp(state.params["log_variance"]), rel=0.1)


@pytest.mark.parametrize("shape", [(5,), (5, 1)])
def test_targets_of_another_shape_are_refused(shape):
    """They would be broadcast against the outputs [5, 2], and be learned without a word."""
    init, update, _ = regression.learner(nets.Linear(2), optax.sgd(0.1))
    batch = jnp.ones((5, 3)), jnp.ones(shape)
    with pytest.raises(ValueError, match=rf"targets must be of shape \[5, 2\], got \{list(shape)}"):
        update(jax.random.key(1), init(jax.random.key(0), batch), batch)
