"""Each product is its plain form, and so is its gradient."""

import chex
import jax
import jax.numpy as jnp
import numpy as np
import pytest

from blur import products

K, B, N, M = 3, 7, 5, 4


def with_bias(states, bias):
    return jnp.concatenate([states, jnp.broadcast_to(bias[:, None, None], (K, B, 1))], axis=-1)


def gained(gain, inputs):
    return gain[:, None, None] * jnp.broadcast_to(inputs, (K, B, N))


PLAIN = {
    "mix": lambda transform, states: jnp.einsum("cd,dbn->cbn", transform, states),
    "drive": lambda states, bias, weights: jnp.einsum("cbn,cnm->cbm", with_bias(states, bias), weights),
    "change": lambda states, bias, post: jnp.einsum("cbn,cbm->cnm", with_bias(states, bias), post),
    "input_drive": lambda gain, bias, inputs, weights: PLAIN["drive"](gained(gain, inputs), bias, weights),
    "input_change": lambda gain, bias, inputs, post: PLAIN["change"](gained(gain, inputs), bias, post),
}
SHAPES = {
    "mix": ((K, K), (K, B, N)),
    "drive": ((K, B, N), (K,), (K, N + 1, M)),
    "change": ((K, B, N), (K,), (K, B, M)),
    "input_drive": ((K,), (K,), (1, B, N), (K, N + 1, M)),
    "input_change": ((K,), (K,), (1, B, N), (K, B, M)),
}


@pytest.mark.parametrize("name", PLAIN)
def test_is_its_plain_form(name):
    rng = np.random.default_rng(0)
    args = [jnp.array(rng.normal(size=shape), jnp.float32) for shape in SHAPES[name]]
    actual, expected = getattr(products, name)(*args), PLAIN[name](*args)
    chex.assert_trees_all_close(actual, expected, rtol=1e-5, atol=1e-5)
    cotangent = jnp.array(rng.normal(size=expected.shape), jnp.float32)
    gradients = [jax.vjp(f, *args)[1](cotangent) for f in (getattr(products, name), PLAIN[name])]
    chex.assert_trees_all_close(*gradients, rtol=1e-5, atol=1e-5)


def test_states_that_a_transform_has_no_gene_for():
    with pytest.raises(ValueError, match="a transform of 3 states cannot mix 2"):
        products.mix(jnp.ones((3, 3)), jnp.ones((2, 4, 5)))
