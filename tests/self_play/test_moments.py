"""Running moments, against NumPy's of all samples at once."""

import jax
import jax.numpy as jnp
import numpy as np

from self_play.moments import init_moments, normalize, unnormalize, update_moments

RNG = np.random.default_rng(0)
X = [RNG.normal(3.0, 2.0, size=(n, 4)).astype(np.float32) for n in (5, 8, 3)]
WEIGHTS = [(RNG.random(len(x)) < 0.7).astype(np.float32) for x in X]
update = jax.jit(update_moments, static_argnames="decay")


def test_moments_are_those_of_all_samples_that_count():
    moments = init_moments((4,))
    for x, weights in zip(X, WEIGHTS, strict=True):
        moments = update(moments, x, weights)
    counted = np.concatenate(X)[np.concatenate(WEIGHTS) > 0]
    np.testing.assert_allclose(moments.count, len(counted))
    np.testing.assert_allclose(moments.mean, counted.mean(axis=0), rtol=1e-5)
    np.testing.assert_allclose(moments.variance, counted.var(axis=0), rtol=1e-5)
    scaled = normalize(moments, jnp.array(counted))
    np.testing.assert_allclose(scaled.mean(axis=0), np.zeros(4), atol=1e-5)
    np.testing.assert_allclose(scaled.std(axis=0), np.ones(4), rtol=1e-5)
    np.testing.assert_allclose(unnormalize(moments, scaled), counted, rtol=1e-4)


def test_older_samples_weigh_less():
    moments = update(update(init_moments((4,)), X[0], np.ones(5)), X[1], np.ones(8), decay=0.5)
    weights = np.repeat([0.5, 1.0], [5, 8])
    both = np.concatenate(X[:2])
    mean = np.average(both, axis=0, weights=weights)
    np.testing.assert_allclose(moments.mean, mean, rtol=1e-5)
    np.testing.assert_allclose(moments.variance, np.average((both - mean) ** 2, axis=0, weights=weights), rtol=1e-5)


def test_nothing_seen_changes_nothing():
    for moments in (init_moments((4,)), update(init_moments((4,)), X[0], np.ones(5))):
        after = update(moments, X[1], np.zeros(8))
        for before, now in zip(moments, after, strict=True):
            np.testing.assert_array_equal(before, now)
