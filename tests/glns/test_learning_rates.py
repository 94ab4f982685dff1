"""Several learning rates: dealt out in turn, and learned by Algorithm 1 in every implementation."""

from functools import partial

import jax
import jax.numpy as jnp
import numpy as np
import pytest

import glns
from glns import learning_rates, native, standardise
from glns.bernoulli import Rule

needs_native = pytest.mark.skipif(not native.available, reason="the native implementation was not built")
T, D, SIZES = 60, 5, (4, 2, 1)


def test_rates_are_dealt_out_to_each_layer_by_hand():
    t = jnp.array([1, 2, 4])
    low, high, own = [0.1, 0.1, 0.1], [0.8, 0.5, 0.25], [0.5, 0.25, 0.125]
    rates = learning_rates.schedule((0.1, 0.8, lambda t: 0.5 / t), 1.0, (4, 2, 1))
    expected = np.array([low, high, own, low, low, high, low])
    np.testing.assert_allclose(rates(t), expected, rtol=1e-6)
    of_neurons = jnp.broadcast_to(t, (7, 3)).at[1].set(8)  # as by the visits of each neuron's contexts
    expected[1] = 0.125
    np.testing.assert_allclose(rates(of_neurons), expected, rtol=1e-6)
    np.testing.assert_allclose(learning_rates.schedule(0.8, 1.0, (4, 1))(t), high, rtol=1e-6)
    np.testing.assert_allclose(learning_rates.schedule(0.1, None, (4, 1))(t), low, rtol=1e-6)


@pytest.mark.parametrize("tolerance", ["float64"], indirect=True)
@pytest.mark.parametrize("implementation", [pytest.param("native", marks=needs_native), "gram", "scan"])
def test_the_learner_is_algorithm_1_with_a_rate_for_each_neuron(algorithm_1, tolerance, implementation):
    settings = {"learning_rate": (0.02, 0.2, 2.0), "learning_rate_decay": 4.0, "epsilon": 0.1}
    x = np.random.default_rng(0).normal(size=(T, D))
    labels = (x[:, 0] * x[:, 1] > 0).astype(np.int32)
    init, update, _ = glns.learner(2, SIZES, 2, implementation=implementation, **settings)
    first = init(jax.random.key(0), (x, labels))
    state, _ = jax.jit(update)(None, first, (x, labels))
    _, features = standardise.learn(standardise.init(D), x, 1 / 255)
    one, two, three = (np.minimum(rate, 4 / np.arange(1, T + 1)) for rate in (0.02, 0.2, 2.0))
    rates = np.stack([one, two, three, one, one, two, one])
    stream = 1 / (1 + np.exp(-features)), features, labels == 1, rates
    of_class = partial(jax.tree.map, lambda leaf: leaf[1])
    tables, _ = algorithm_1(of_class(first.layers), *stream, Rule(0.1))
    for layer, table in zip(of_class(state.layers), tables, strict=True):
        np.testing.assert_allclose(layer.weights, table, rtol=0, atol=10 * tolerance)
