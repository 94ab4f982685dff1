"""Alice behavioural cloning, against the reference numbers."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from self_play.cloning import cloning_loss


def losses_and_gradients(new, old, **settings):
    new, old = jnp.asarray(new, jnp.float32), jnp.asarray(old, jnp.float32)
    one = jax.value_and_grad(lambda new, old: cloning_loss(new, old, **settings))
    return [np.array(values) for values in jax.vmap(one)(new, old)]


@pytest.mark.parametrize(("form", "literal"), [("minform", False), ("literal", True)])
def test_the_loss_is_that_of_the_reference(reference, form, literal):
    numbers = reference("self_play", "abc_")
    real = numbers["mask"]
    losses, gradients = losses_and_gradients(numbers["logp_new"], numbers["logp_old"], clip=0.2, literal=literal)
    np.testing.assert_allclose(np.sum(losses * real) / real.sum(), numbers[f"loss_{form}"], rtol=1e-5)
    np.testing.assert_allclose(gradients * real / real.sum(), numbers[f"grad_{form}"], rtol=1e-5, atol=1e-8)


def test_the_printed_formula_gives_up_below_the_range_and_the_text_does_not():
    ratio = np.array([0.5, 0.79, 0.81, 1.0, 1.19, 1.21, 2.0])
    for literal, flat in ((False, ratio > 1.2), (True, (ratio > 1.2) | (ratio < 0.8))):
        _, gradients = losses_and_gradients(np.log(ratio), np.zeros(7), clip=0.2, literal=literal)
        np.testing.assert_allclose(gradients, np.where(flat, 0.0, -ratio), rtol=1e-6)


def test_without_clipping_it_is_never_flat():
    _, gradients = losses_and_gradients(np.log([0.5, 2.0]), np.zeros(2), clip=None)
    np.testing.assert_allclose(gradients, [-0.5, -2.0], rtol=1e-6)
