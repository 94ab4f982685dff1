"""Rates and weights that change as both players learn."""

import functools

import chex
import jax
import jax.numpy as jnp
import numpy as np
import pytest

from self_play.game import ALICE, BOB
from tests.self_play.toy_games import begin, games, settle, update


def test_cloning_fades_and_alice_is_slow():
    """Until Bob succeeds from his easiest start he clones; from a half on he never does. Alice steps less far."""
    state, draw, _ = games()
    learned, (_, batch) = begin(), draw(jax.random.key(3), state, None)
    usual = update(0, 1.0, jax.random.key(4), learned, batch)[0]
    fading = jax.jit(settle(cloning_fades=True, alice_rate=0.1)[1])

    def after(success, left=1.0):
        succeeded = batch._replace(start_success=jnp.full(9, success))
        return fading(jax.random.key(4), learned._replace(cloning=jnp.float32(left)), succeeded)[0]

    params, bob = after(0.0).params, functools.partial(jax.tree.map, lambda leaf: np.array(leaf[BOB]))
    for new, old, full in zip(*map(jax.tree.leaves, (params, learned.params, usual.params)), strict=True):
        np.testing.assert_allclose(new[BOB], full[BOB], atol=1e-6)
        np.testing.assert_allclose(new[ALICE] - old[ALICE], 0.1 * (full[ALICE] - old[ALICE]), atol=1e-7)
    half, more, again = (bob(after(*of).params) for of in ((0.5,), (0.8,), (0.0, 0.0)))
    assert all(map(np.array_equal, jax.tree.leaves(half), jax.tree.leaves(more)))
    assert all(map(np.array_equal, jax.tree.leaves(half), jax.tree.leaves(again)))
    assert not all(map(np.array_equal, jax.tree.leaves(half), jax.tree.leaves(bob(params))))
    assert [float(after(*of).cloning) for of in ((0.25,), (0.0, 0.2), (0.45, 0.2))] == pytest.approx([0.5, 0.2, 0.1])


def test_a_rate_may_fall():
    """A schedule counts minibatches: of an update that begins after the last one, nothing is learned."""
    (state, draw, _), rate = games(), {"learning_rate": lambda step: jnp.where(step < 1, 1e-3, 0.0)}
    learned, (_, batch) = begin(**rate), draw(jax.random.key(3), state, None)
    once = jax.jit(settle(**rate)[1])
    first = once(jax.random.key(4), learned, batch)[0]
    second = once(jax.random.key(5), first, batch)[0]
    changed = jax.tree.map(lambda a, b: bool(np.any(a[BOB] != b[BOB])), first.params, learned.params)
    assert any(jax.tree.leaves(changed))
    chex.assert_trees_all_equal(second.params, first.params)


def test_cloning_that_fades_needs_to_know_bobs_success():
    with pytest.raises(ValueError, match="cloning_fades needs the bob_shares of the world"):
        begin(cloning_fades=True)


def test_alice_may_be_paid_more_for_her_entropy():
    """Her part of an update is that of a learner whose entropy_weight is so much larger, and Bob's the usual one."""
    state, draw, _ = games()
    learned, (_, batch) = begin(), draw(jax.random.key(3), state, None)

    def after(**settings):
        return jax.jit(settle(**settings)[1])(jax.random.key(4), learned, batch)[0].params

    usual, more, hers = after(), after(entropy_weight=0.5), after(alice_entropy=50.0)
    for of_usual, of_more, leaf in zip(*map(jax.tree.leaves, (usual, more, hers)), strict=True):
        np.testing.assert_allclose(leaf[BOB], of_usual[BOB], atol=1e-6)
        np.testing.assert_allclose(leaf[ALICE], of_more[ALICE], atol=1e-6)
    assert not all(map(np.allclose, jax.tree.leaves(usual), jax.tree.leaves(hers)))
