"""Minibatches: a random order of the sequences, the empty ones last, dealt out evenly."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from self_play.minibatches import minibatches, shuffled

EMPTY = np.random.default_rng(0).random(1000) < 0.3


def test_sequences_come_in_random_order_and_the_empty_ones_last():
    orders = np.array([shuffled(jax.random.key(i), jnp.array(EMPTY)) for i in range(50)])
    np.testing.assert_array_equal(np.sort(orders, axis=1), np.tile(np.arange(1000), (50, 1)))
    assert (np.diff(EMPTY[orders].astype(int), axis=1) >= 0).all()
    places = np.argsort(orders, axis=1)[:, ~EMPTY]  # of each that is not empty
    middle = (len(places[0]) - 1) / 2
    np.testing.assert_allclose(places.mean(axis=0), middle, atol=5 * len(places[0]) / 12**0.5 / 50**0.5)
    assert np.abs(np.corrcoef(places)[np.triu_indices(50, 1)]).max() < 0.2


@pytest.mark.parametrize("num_sequences", [1, 2, 3, 8])
def test_few_sequences_are_in_order_too(num_sequences):
    """Indices of few bits, among them none at all."""
    empty = jnp.arange(num_sequences) == 0
    order = np.array(shuffled(jax.random.key(0), empty))
    assert sorted(order) == list(range(num_sequences))
    assert order[-1] == 0


@pytest.mark.parametrize(("fraction", "size"), [(1.0, 125), (0.85, 106)])
def test_empty_sequences_are_dealt_out_evenly(fraction, size):
    dealt = np.array(minibatches(jax.random.key(0), jnp.array(EMPTY), 8, fraction))
    assert dealt.shape == (8, size)
    assert len(np.unique(dealt)) == dealt.size
    assert np.ptp(EMPTY[dealt].sum(axis=1)) == 1
    left_out = np.setdiff1d(np.arange(1000), dealt)
    assert EMPTY[left_out].all()
