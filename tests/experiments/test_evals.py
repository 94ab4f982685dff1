"""Probes of classifiers: in batches or at once, the same numbers."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from experiments import evals

RNG = np.random.default_rng(0)
X, W = jnp.float32(RNG.normal(size=(12, 2, 3))), jnp.float32(RNG.normal(size=(6, 4)))
Y, WEIGHTS = jnp.array(RNG.integers(0, 4, size=12)), jnp.float32(RNG.integers(0, 3, size=12))
SIZES = []


def predict(x):
    SIZES.append(len(x))
    return jax.nn.log_softmax(x.reshape(len(x), 6) @ W)


@pytest.mark.parametrize(
    ("probe", "data"), [(evals.classification, (X, Y)), (evals.training, (X, Y, WEIGHTS))], ids=["test", "train"]
)
def test_batches_change_nothing(probe, data):
    SIZES.clear()
    whole, several = probe(predict, data), probe(predict, data, batch_size=4)
    assert SIZES == [12, 4]
    for name, value in whole.items():
        np.testing.assert_allclose(several[name], value, rtol=1e-5, err_msg=name)
    assert probe(predict, data, batch_size=100) == whole


def test_a_batch_that_does_not_divide_is_refused():
    with pytest.raises(ValueError, match="batch_size must divide the number of its samples, 12; got 5"):
        evals.classification(predict, (X, Y), batch_size=5)
