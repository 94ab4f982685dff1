"""Learners that go on from what was learned, and averages of it."""

import chex
import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest

import bootstrap
from bootstrap import nets, sgd

X, Y = jnp.array(np.random.default_rng(0).normal(size=(6, 3)), jnp.float32), jnp.arange(6) % 2
SGD = bootstrap.Learner(*sgd.learner(nets.MLP((4,), 2, batch_norm=True), optax.sgd(0.1, momentum=0.9)))


@pytest.fixture(scope="module")
def learned():
    """A state after three steps."""
    state = SGD.init(jax.random.key(0), (X, Y))
    for i in range(3):
        state, _ = jax.jit(SGD.update)(jax.random.key(i), state, (X, Y))
    return state


def test_what_is_learned_has_names(learned):
    assert {*bootstrap.learned(learned)} == {
        *(f"params/{layer}/{part}" for layer in ("Dense_0", "Dense_1") for part in ("bias", "kernel")),
        *(f"params/BatchNorm_0/{part}" for part in ("bias", "scale")),
        *(f"collections/batch_stats/BatchNorm_0/{part}" for part in ("mean", "var")),
    }


def test_a_start_is_all_that_was_learned_and_a_new_optimizer(learned):
    begun = bootstrap.started(SGD, bootstrap.learned(learned)).init(jax.random.key(7), (X, Y))
    chex.assert_trees_all_equal(begun._replace(optimizer=()), learned._replace(optimizer=()))
    chex.assert_trees_all_equal(begun.optimizer, SGD.init(jax.random.key(7), (X, Y)).optimizer)


def test_what_is_fresh_begins_anew_in_another_shape(learned):
    other = bootstrap.Learner(*sgd.learner(nets.MLP((4,), 5, batch_norm=True), optax.adam(0.1)))
    begun = bootstrap.started(other, bootstrap.learned(learned), fresh=("params/Dense_1",)).init(
        jax.random.key(7), (X, Y)
    )
    chex.assert_trees_all_equal(begun.params["Dense_1"], other.init(jax.random.key(7), (X, Y)).params["Dense_1"])
    chex.assert_trees_all_equal(begun.params["Dense_0"], learned.params["Dense_0"])


@pytest.mark.parametrize(
    ("change", "fresh", "message"),
    [
        (
            {"params/Dense_1/kernel": np.zeros((4, 3))},
            (),
            r"params/Dense_1/kernel is \[4, 3\] in the start but \[4, 2\]",
        ),
        ({"params/Dense_1/kernel": None}, (), "the start has no params/Dense_1/kernel; its arrays: "),
        ({"params/Dense_2/kernel": np.zeros(1)}, (), "the start has params/Dense_2/kernel, which this learner has not"),
        (
            {"params/Dense_1/bias": np.array([1, np.nan])},
            (),
            "the start's params/Dense_1/bias has numbers that",
        ),
        (
            {"params/Dense_1/bias": np.array(["a", "b"])},
            (),
            "the start's params/Dense_1/bias must be real numbers",
        ),
        (
            {"params/Dense_1/bias": np.ones(2) * 1j},
            (),
            "the start's params/Dense_1/bias must be real numbers",
        ),
        ({}, ("params/Dense_2",), "fresh: no 'params/Dense_2' in this learner; there are "),
        ({}, ("params/Dense",), "fresh: no 'params/Dense' in this learner; there are "),
    ],
)
def test_another_start_is_refused(learned, change, fresh, message):
    arrays = {name: leaf for name, leaf in {**bootstrap.learned(learned), **change}.items() if leaf is not None}
    with pytest.raises(ValueError, match=message):
        bootstrap.started(SGD, arrays, fresh=fresh).init(jax.random.key(0), (X, Y))


def test_a_start_may_be_traced(learned):
    arrays = bootstrap.learned(learned)
    begin = jax.jit(lambda arrays: bootstrap.started(SGD, arrays).init(jax.random.key(0), (X, Y)).params)
    chex.assert_trees_all_equal(begin(arrays), learned.params)


def test_an_average_by_hand(learned):
    """0.75 and 0.25 of before and after, twice; what learns is what it would be without."""
    learner = bootstrap.averaged(SGD, 0.75)
    state = learner.init(jax.random.key(0), (X, Y))
    expected, alone = state.average, state.learner
    for i in range(2):
        key = jax.random.key(i)
        state, alone = learner.update(key, state, (X, Y))[0], SGD.update(key, alone, (X, Y))[0]
        expected = jax.tree.map(lambda old, new: 0.75 * old + 0.25 * new, expected, alone.params)
    chex.assert_trees_all_equal(state.learner, alone)
    chex.assert_trees_all_close(state.average, expected, rtol=1e-6)
    np.testing.assert_allclose(
        learner.predict(state, X), SGD.predict(alone._replace(params=expected), X), rtol=1e-5, atol=1e-6
    )


def test_nothing_to_average():
    linear = bootstrap.Learner(*bootstrap.bandits.linear(2, exploration=0.1, ridge=1.0))
    with pytest.raises(ValueError, match="this learner's state has no params to average"):
        bootstrap.averaged(linear, 0.9).init(jax.random.key(0), (X, X[:, :2], Y))


def test_a_single_name_is_no_sequence_of_names():
    with pytest.raises(ValueError, match="fresh must be a sequence of names, got 'params/Dense_1' alone"):
        bootstrap.started(SGD, {}, fresh="params/Dense_1")
