"""Alice behavioural cloning, against the reference numbers."""

import jax
import jax.numpy as jnp
import numpy as np

from self_play.cloning import cloning_loss


def losses_and_gradients(new, old, **settings):
    new, old = jnp.asarray(new, jnp.float32), jnp.asarray(old, jnp.float32)
    one = jax.value_and_grad(lambda new, old: cloning_loss(new, old, **settings))
    return [np.array(values) for values in jax.vmap(one)(new, old)]


def test_the_loss_is_that_of_the_reference(reference):
    numbers = reference("self_play", "abc_")
    mask = numbers["mask"]
    losses, gradients = losses_and_gradients(numbers["logp_new"], numbers["logp_old"], clip=0.2)
    np.testing.assert_allclose(np.sum(losses * mask) / mask.sum(), numbers["loss_minform"], rtol=1e-5)
    np.testing.assert_allclose(gradients * mask / mask.sum(), numbers["grad_minform"], rtol=1e-5, atol=1e-8)


def test_it_is_flat_above_the_range_but_not_below():
    ratio = np.array([0.5, 0.79, 0.81, 1.0, 1.19, 1.21, 2.0])
    _, gradients = losses_and_gradients(np.log(ratio), np.zeros(7), clip=0.2)
    np.testing.assert_allclose(gradients, np.where(ratio > 1.2, 0.0, -ratio), rtol=1e-6)


def test_without_clipping_it_is_never_flat():
    _, gradients = losses_and_gradients(np.log([0.5, 2.0]), np.zeros(2), clip=None)
    np.testing.assert_allclose(gradients, [-0.5, -2.0], rtol=1e-6)
