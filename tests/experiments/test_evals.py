"""Evals of classifiers: in batches or at once, the same numbers."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from bootstrap import sgd
from experiments import evals, pair_evals
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
    got = pair_evals.agreement(*views)
    assert got["agreement"] == 0.75
    np.testing.assert_allclose(got["kl"], (0.9 * np.log(9) - 0.1 * np.log(9)) / 4, rtol=1e-5)
    assert "weight_distance" not in got


def test_what_cannot_agree_is_nan_and_certainty_is_no_distance():
    certain = outputs_view(jnp.array([[0.0, -jnp.inf], [-jnp.inf, 0.0]]))
    assert pair_evals.agreement(certain, certain) == {"agreement": 1, "kl": 0}
    lost = outputs_view(jnp.array([[0.0, -jnp.inf], [jnp.nan, 0.0]]))
    assert np.isnan(list(pair_evals.agreement(lost, lost).values())).all()
    assert np.isnan(pair_evals.cka(lost, lost)["cka"])


def test_the_distance_of_weights_by_hand():
    """(3, 4, 0) and its difference from (6, 4, 4) both have length 5."""
    states = [sgd.State({"a": jnp.array([3.0, 4.0]), "b": jnp.zeros(1)}, {}, ())]
    states.append(states[0]._replace(params={"a": jnp.array([6.0, 4.0]), "b": jnp.array([4.0])}))
    views = [View(lambda x: jnp.zeros((1, 2)), (jnp.zeros((1, 1)), None), None, None, state) for state in states]
    np.testing.assert_allclose(pair_evals.agreement(*views)["weight_distance"], 1, rtol=1e-6)
    wider = views[1]._replace(learner=states[0]._replace(params={"a": jnp.zeros(3), "b": jnp.zeros(1)}))
    assert "weight_distance" not in pair_evals.agreement(views[0], wider)


def outputs_view(outputs, state=None, train=None, y=None):
    test = jnp.zeros((len(outputs), 1)), y
    return View(lambda x: outputs[: len(x)], test, train, None, state)


def test_cka_does_not_see_turns_scales_and_shifts():
    """And of two features of which one is shared, by hand: x = (a, b), y = (a, 0) with a, b as long and orthogonal."""
    outputs = jnp.float32(RNG.normal(size=(20, 3)))
    turn = jnp.float32(np.linalg.qr(RNG.normal(size=(3, 3)))[0])
    np.testing.assert_allclose(
        pair_evals.cka(outputs_view(outputs), outputs_view(5 * outputs @ turn + 2))["cka"], 1, rtol=1e-4
    )
    x = jnp.array([[1.0, 1.0], [1.0, -1.0], [-1.0, 1.0], [-1.0, -1.0]])
    got = pair_evals.cka(outputs_view(x), outputs_view(x * jnp.array([[1.0, 0.0]])))["cka"]
    np.testing.assert_allclose(got, 4**2 / (4 * np.sqrt(2) * 4), rtol=1e-5)
    assert pair_evals.cka(outputs_view(x), outputs_view(jnp.ones((4, 2))))["cka"] == 0  # before it has learned


def test_forgetting_by_hand():
    """Of four shown samples, the last of no weight, the other has lost one; of test samples it has one more."""
    right, wrong = jnp.array([0.9, 0.1]), jnp.array([0.1, 0.9])
    train = jnp.zeros((4, 1)), jnp.zeros(4, jnp.int32), jnp.array([1.0, 1.0, 1.0, 0.0])

    def of(on_train, on_test):
        def predict(x):
            return jnp.log(jnp.stack([right if one else wrong for one in (on_train if len(x) == 4 else on_test)]))

        return View(predict, (jnp.zeros((2, 1)), jnp.zeros(2, jnp.int32)), train, None, None)

    got = pair_evals.forgetting(of((1, 1, 0, 1), (1, 0)), of((0, 1, 0, 0), (1, 1)))
    expected = {"forgotten": 1 / 3, "unlearned": 0, "test_forgotten": 0, "test_unlearned": 0.5}
    assert got == pytest.approx(expected)
    with pytest.raises(ValueError, match="does not tell what it showed first; 'paired' does"):
        pair_evals.forgetting(of((1,), (1,))._replace(train=None), of((1,), (1,)))
