"""Bodies, by hand."""

import jax.numpy as jnp
import numpy as np

from bootstrap.nets import MLP


def test_mlp_by_hand():
    # Inputs (1, 2): hidden (1 - 2, 1 + 2 + 3) = (-1, 6), after ReLU (0, 6); logits (6 + 1, 0 - 6).
    hidden = {"kernel": jnp.array([[1.0, 1.0], [-1.0, 1.0]]), "bias": jnp.array([0.0, 3.0])}
    output = {"kernel": jnp.array([[5.0, 2.0], [1.0, -1.0]]), "bias": jnp.array([1.0, 0.0])}
    params = {"params": {"Dense_0": hidden, "Dense_1": output}}
    np.testing.assert_allclose(MLP((2,), 2).apply(params, jnp.array([[[1.0], [2.0]]])), [[7, -6]])
