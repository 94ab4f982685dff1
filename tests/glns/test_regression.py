"""The Gaussian GLN as a Learner: the network on standardised streams, whatever the batch size and the units."""

from functools import cache, partial

import chex
import jax
import jax.numpy as jnp
import numpy as np
import pytest

import glns
from glns import gaussian, network
from glns.context import half_spaces
from glns.gaussian import Normal, Rule

T, D, SIZES = 84, 3, (4, 1)


@cache
def draw_learner(target_dim=1):
    """Settings under which the rate of the stream decays."""
    settings = {"learning_rate": 0.2, "learning_rate_decay": 4.0, "input_variance": 0.5}
    return tuple(map(jax.jit, glns.regressor(SIZES, 2, target_dim=target_dim, **settings)))


def draw_stream(target_dim=1, num=T, dim=D):
    """x [T, D] and y [T, d] with scales and offsets of their own; y is piecewise linear."""
    rng = np.random.default_rng(0)
    x = rng.normal(size=(num, dim))
    y = np.abs(x[:, :target_dim]) - x[:, 1:2] + 0.1 * rng.normal(size=(num, target_dim))
    return np.array(jnp.array(5 + 2 * x)), np.array(jnp.array(100 + 10 * y * (1 + np.arange(target_dim))))


def learn_in_parts(learner, stream, size):
    """-> the state after the stream, learned `size` examples at a time, and each part's metrics."""
    (init, update, _), metrics = learner, []
    state = init(jax.random.key(0), stream)
    state = jax.tree.map(lambda leaf: leaf if leaf.dtype.kind == "i" else leaf.astype(stream[0].dtype), state)
    for batch in zip(*(np.split(array, len(array) // size) for array in stream), strict=True):
        state, of_batch = update(jax.random.key(1), state, batch)
        metrics.append(of_batch)
    return state, metrics


@pytest.mark.parametrize("target_dim", [1, 2])
def test_prediction_is_the_network_in_the_units_of_the_target(target_dim):
    learner, (x, y) = draw_learner(target_dim), draw_stream(target_dim)
    state, _ = learn_in_parts(learner, (x, y), T)
    side = (x - x.mean(0)) / (x.std(0) + 1e-6)
    means = np.zeros((T, D * target_dim, target_dim))  # input j along axis k is base prediction j * d + k
    for j in range(D):
        for k in range(target_dim):
            means[:, j * target_dim + k, k] = side[:, j]
    net = {"neuron": gaussian.neuron(Rule(), target_dim), "gate": half_spaces(2)}
    base = Normal(jnp.array(means, jnp.float32), jnp.full(means.shape[:2], 0.5))
    predict = jax.jit(partial(network.predict, **net))
    standard = predict(state.layers, base, jnp.array(side, jnp.float32))[-1]
    output = jax.tree.map(np.array, learner[2](state, x))
    np.testing.assert_allclose(output.mean, y.mean(0) + y.std(0) * np.array(standard.mean[:, 0]), rtol=1e-4)
    np.testing.assert_allclose(output.variance, y.std(0) ** 2 * np.array(standard.variance), rtol=1e-4)
    assert np.mean((output.mean - y) ** 2 / y.var(0)) < 0.6


def test_learning_is_the_network_on_the_standardised_stream():
    (init, update, _), (x, y) = draw_learner(), draw_stream()
    first = init(jax.random.key(0), (x, y))
    state, metrics = update(jax.random.key(1), first, (x, y))
    side, targets = (
        np.array([(z[t] - z[: t + 1].mean(0)) / (z[: t + 1].std(0) + 1e-6) for t in range(T)], np.float32)
        for z in (x, y)
    )
    rates = np.minimum(0.2, 4 / np.arange(1, T + 1))
    net = {"neuron": gaussian.neuron(Rule()), "gate": half_spaces(2)}
    base = Normal(jnp.array(side)[..., None], jnp.full((T, D), 0.5))
    layers, outputs = jax.jit(partial(network.learn, **net))(first.layers, base, side, targets, rates)
    chex.assert_trees_all_close(state.layers, layers, rtol=1e-3, atol=1e-4)
    square, variance = (targets[:, 0] - outputs[-1].mean[:, 0, 0]) ** 2, outputs[-1].variance[:, 0]
    np.testing.assert_allclose(metrics["mse"], square.mean(), rtol=1e-3)
    np.testing.assert_allclose(
        metrics["loss"], 0.5 * np.mean(np.log(2 * np.pi * variance) + square / variance), rtol=1e-3
    )


@pytest.mark.parametrize("size", [1, 7, 12])
def test_the_batch_size_changes_nothing(size):
    with jax.enable_x64(True):
        learner, stream = draw_learner(), draw_stream()
        (state, metrics), (whole, (of_whole,)) = (
            learn_in_parts(learner, stream, size),
            learn_in_parts(learner, stream, T),
        )
        chex.assert_trees_all_close(state, whole, rtol=1e-10, atol=1e-10)
        for name in of_whole:
            np.testing.assert_allclose(np.mean([of_batch[name] for of_batch in metrics]), of_whole[name], rtol=1e-6)


def test_before_the_first_example_everything_is_average():
    (init, _, predict), (x, y) = draw_learner(), draw_stream()
    output = predict(init(jax.random.key(0), (x, y)), x)
    np.testing.assert_array_equal(output.mean, np.zeros((T, 1)))
    assert np.all((output.variance > 0.1) & (output.variance < 10))


def test_inputs_may_have_any_shape():
    learner, (x, y) = draw_learner(), draw_stream()
    state, _ = learn_in_parts(learner, (x, y), T)
    of_images, _ = learn_in_parts(learner, (x[:, None], y), T)
    chex.assert_trees_all_close(of_images, state)
    chex.assert_trees_all_close(learner[2](state, x[:, None]), learner[2](state, x))


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"sizes": ()}, "sizes must be positive and end in 1"),
        ({"sizes": (4, 2)}, "sizes must be positive and end in 1"),
        ({"target_dim": 0}, "target_dim must be at least 1, got 0"),
        ({"num_half_spaces": 17}, "num_half_spaces must be 0 to 16"),
        ({"learning_rate": 0.0}, "must be positive"),
        ({"input_variance": -1.0}, "must be positive"),
        ({"projection": "positive"}, "projection must be one of signed, public, non_negative; got 'positive'"),
        ({"step_rule": "none"}, "step_rule must be one of damped, plain; got 'none'"),
        ({"min_variance": 2.0, "max_variance": 1.0}, "min_variance must be positive and below max_variance"),
    ],
)
def test_wrong_settings_are_refused(settings, message):
    with pytest.raises(ValueError, match=message):
        glns.regressor(**{"sizes": (4, 1), "num_half_spaces": 2, **settings})
