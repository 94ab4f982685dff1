"""Evals of classifiers: in batches or at once, the same numbers."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from experiments import evals
from experiments.evals import View

RNG = np.random.default_rng(0)
X, W = jnp.float32(RNG.normal(size=(12, 2, 3))), jnp.float32(RNG.normal(size=(6, 4)))
Y, WEIGHTS = jnp.array(RNG.integers(0, 4, size=12)), jnp.float32(RNG.integers(0, 3, size=12))
SIZES = []


def predict(x):
    SIZES.append(len(x))
    return jax.nn.log_softmax(x.reshape(len(x), 6) @ W)


def view(predict):
    return View(predict, test=(X, Y), train=(X, Y, WEIGHTS), world=None, learner=None)


@pytest.mark.parametrize("measure", [evals.classification, evals.training])
def test_batches_change_nothing(measure):
    SIZES.clear()
    whole, several = measure(view(predict)), measure(view(predict), batch_size=4)
    assert SIZES == [12, 4]
    rest = measure(view(predict), batch_size=5)
    assert SIZES == [12, 4, 5, 2]
    for name, value in whole.items():
        np.testing.assert_allclose(several[name], value, rtol=1e-5, err_msg=name)
        np.testing.assert_allclose(rest[name], value, rtol=1e-5, err_msg=name)
    assert measure(view(predict), batch_size=100) == whole


def test_a_world_that_does_not_tell_what_it_showed_is_named():
    with pytest.raises(ValueError, match="this world does not tell what it showed first; 'paired' does"):
        evals.training(view(predict)._replace(train=None))


def test_agreement_by_hand():
    """Of four samples two classifiers agree on three; where they agree, they are equally sure."""
    one = jnp.log(jnp.array([[0.9, 0.1], [0.9, 0.1], [0.1, 0.9], [0.9, 0.1]]))
    other = one.at[3].set(jnp.log(jnp.array([0.1, 0.9])))
    views = [View(lambda x, p=p: p, (jnp.zeros((4, 1)), None), None, None, None) for p in (one, other)]
    got = evals.agreement(*views)
    assert got["agreement"] == 0.75
    np.testing.assert_allclose(got["kl"], (0.9 * np.log(9) - 0.1 * np.log(9)) / 4, rtol=1e-5)
