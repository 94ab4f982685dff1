"""Running standardisation against its definition."""

import chex
import jax
import jax.numpy as jnp
import numpy as np
import pytest

from glns import standardise


@pytest.fixture
def stream():
    return np.random.default_rng(0).normal(size=(60, 3)) * [1, 5, 0.1] + [0, 10, -1]


def test_by_hand():
    # The stream 1, 3: means 1 then 2, stds 0 then 1; epsilon 0.25. So 0 / 0.25 and 1 / 1.25.
    moments, features = standardise.learn(standardise.init(1), jnp.array([[1.0], [3.0]]), 0.25)
    np.testing.assert_allclose(features[:, 0], [0, 0.8], rtol=1e-6)
    np.testing.assert_allclose(standardise.apply(moments, jnp.array([4.5]), 0.25), [2], rtol=1e-6)


def test_every_example_is_standardised_with_its_past_and_itself(stream, tolerance):
    moments, features = jax.jit(standardise.learn)(standardise.init(3), jnp.array(stream), 0.01)
    past = [stream[: t + 1] for t in range(len(stream))]
    expected = [(x[-1] - x.mean(0)) / (x.std(0) + 0.01) for x in past]
    np.testing.assert_allclose(features, expected, rtol=0, atol=10 * tolerance)
    np.testing.assert_allclose(moments.mean, stream.mean(0), rtol=tolerance)
    np.testing.assert_allclose(moments.square, len(stream) * stream.var(0), rtol=tolerance)


def test_apply_takes_one_example_or_many(stream):
    moments, _ = standardise.learn(standardise.init(3), jnp.array(stream), 0.01)
    many = standardise.apply(moments, jnp.array(stream), 0.01)
    np.testing.assert_allclose(many, (stream - stream.mean(0)) / (stream.std(0) + 0.01), atol=1e-4)
    np.testing.assert_allclose(standardise.apply(moments, jnp.array(stream[7]), 0.01), many[7], rtol=1e-6)


def test_a_stream_in_parts_is_the_same_stream(stream):
    whole_moments, whole = standardise.learn(standardise.init(3), jnp.array(stream), 0.01)
    moments, parts = standardise.init(3), []
    for part in np.split(stream, [1, 8]):
        moments, features = standardise.learn(moments, jnp.array(part), 0.01)
        parts.append(features)
    np.testing.assert_allclose(jnp.concatenate(parts), whole, atol=1e-6)
    chex.assert_trees_all_close(moments, whole_moments, rtol=1e-6)


def test_a_constant_feature_is_zero():
    _, features = standardise.learn(standardise.init(1), jnp.full((5, 1), 7.0), 1 / 255)
    np.testing.assert_array_equal(features, 0)


@pytest.mark.parametrize("unit", [2.0**-40, 2.0**40])
def test_without_epsilon_the_unit_does_not_matter(stream, unit):
    x = jnp.array(np.append(stream, np.full((60, 1), 7.0), axis=1))
    moments, features = standardise.learn(standardise.init(4), unit * x, 0.0)
    np.testing.assert_array_equal(features, standardise.learn(standardise.init(4), x, 0.0)[1])
    np.testing.assert_array_equal(features[:, 3], 0)  # constant
    np.testing.assert_array_equal(standardise.apply(moments, unit * (x[0] + 1), 0.0)[3], 0)  # constant so far


def test_a_large_mean_does_not_drown_the_std():
    x = np.random.default_rng(0).normal(size=(2000, 1)) + 1000  # a sum of squares would lose it: 1e9 in float32
    moments, _ = standardise.learn(standardise.init(1), jnp.array(x), 0.0)
    np.testing.assert_allclose(np.sqrt(moments.square / 2000), x.std(0), rtol=1e-3)
