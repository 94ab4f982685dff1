"""Weights of examples in the classifier's batches, in every implementation."""

import chex
import jax
import numpy as np
import pytest

import glns
from glns import native
from glns.estimator.independent import independent

needs_native = pytest.mark.skipif(not native.available, reason="the native implementation was not built")
SETTINGS = {"sizes": (4, 1), "num_half_spaces": 2, "aggregation": "switching", "rate_by_context": True}
RNG = np.random.default_rng(0)
X = RNG.normal(size=(40, 5)).astype(np.float32)
LABELS = RNG.integers(0, 2, 40)
SOME = RNG.random(40) < 0.6


@pytest.mark.parametrize("implementation", [pytest.param("native", marks=needs_native), "gram", "scan"])
def test_an_example_of_weight_0_was_not_there(implementation):
    """Not in any field of the state, nor in the metrics; and weights of 1 are no weights."""
    init, update, _ = glns.learner(2, implementation=implementation, **SETTINGS)
    first = init(jax.random.key(0), (X, LABELS))
    within, metrics = jax.jit(update)(None, first, (X, LABELS, SOME.astype(np.float32)))
    without, expected = jax.jit(update)(None, first, (X[SOME], LABELS[SOME]))
    for one, other in zip(jax.tree.leaves((within, metrics)), jax.tree.leaves((without, expected)), strict=True):
        np.testing.assert_allclose(one, other, atol=1e-4)
    assert int(within.count) == int(within.moments.count) == SOME.sum()
    ones, _ = jax.jit(update)(None, first, (X[SOME], LABELS[SOME], np.ones(SOME.sum())))
    for one, other in zip(jax.tree.leaves(ones), jax.tree.leaves(without), strict=True):
        np.testing.assert_allclose(one, other, atol=1e-5)


def test_a_learner_begins_with_a_weighted_batch():
    """As with one without weights."""
    targets = RNG.normal(size=(40, 1))
    for (init, *_), y in (
        (glns.learner(2, **SETTINGS), LABELS),
        (glns.regressor((2, 1), 1), targets),
        (independent(1, sizes=(2, 1), num_half_spaces=1), targets),
    ):
        chex.assert_trees_all_equal(init(jax.random.key(0), (X, y, SOME)), init(jax.random.key(0), (X, y)))
