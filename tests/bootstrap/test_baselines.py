"""Baselines learn from the very batches that the learner sees, each as if it were alone."""

from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from bootstrap import Learner, advance, begin, beside, real

X, Y = jnp.arange(10.0).reshape(5, 2), jnp.arange(5)


class Total(NamedTuple):
    """What an adder has learned."""

    first: jax.Array  # [] a draw of the key of init
    total: jax.Array  # [] scale times the sum of all inputs
    draws: jax.Array  # [] sum of a draw of the key of each update


def adder(scale):
    """A learner whose state and metrics tell which batches and keys came to it."""

    def init(key, example):
        del example
        return Total(jax.random.uniform(key), jnp.zeros(()), jnp.zeros(()))

    def update(key, state, batch):
        x, _ = batch
        total = state.total + scale * x.sum()
        return Total(state.first, total, state.draws + jax.random.uniform(key)), {"total": total}

    def predict(state, inputs):
        return state.total + inputs

    return Learner(init, update, predict)


# Not in the order of the alphabet, in which jax keeps a dict's entries.
TRIO = beside(adder(1.0), {"ten": adder(10.0), "hundred": adder(100.0)})


@pytest.fixture(scope="module")
def run_and_metrics():
    """Four steps of all three."""
    world = real(X, Y, batch_size=3)

    @jax.jit
    def program(key, data):
        of_data = world._replace(data=data)
        return advance(key, TRIO, of_data, begin(key, TRIO, of_data), 4)

    return program(jax.random.key(0), world.data)


def test_all_learn_from_the_same_batches(run_and_metrics):
    run, _ = run_and_metrics
    one = run.learner.learner.total
    assert one > 0
    np.testing.assert_allclose(run.learner.baselines["ten"].total, 10 * one)
    np.testing.assert_allclose(run.learner.baselines["hundred"].total, 100 * one)


def test_metrics_say_whose_they_are(run_and_metrics):
    run, metrics = run_and_metrics
    assert metrics.keys() == {"total", "ten/total", "hundred/total"}
    last = {
        "total": run.learner.learner,
        **{f"{name}/total": baseline for name, baseline in run.learner.baselines.items()},
    }
    for name, state in last.items():
        assert metrics[name][-1] == state.total


def test_predictions_are_the_learners(run_and_metrics):
    run, _ = run_and_metrics
    np.testing.assert_array_equal(TRIO.predict(run.learner, X), run.learner.learner.total + X)


def test_each_has_keys_of_its_own(run_and_metrics):
    run, _ = run_and_metrics
    states = [run.learner.learner, *run.learner.baselines.values()]
    assert len({float(state.first) for state in states}) == 3
    assert len({float(state.draws) for state in states}) == 3


def test_another_baseline_does_not_change_the_others():
    duo = beside(adder(1.0), {"ten": adder(10.0)})
    (of_two, _), (of_three, _) = (
        one.update(jax.random.key(1), one.init(jax.random.key(0), (X, Y)), (X, Y)) for one in (duo, TRIO)
    )
    assert of_two.learner == of_three.learner
    assert of_two.baselines["ten"] == of_three.baselines["ten"]


def test_the_metrics_of_a_learner_are_left_as_they_were():
    metrics = {"loss": jnp.zeros(())}
    one = Learner(lambda key, example: (), lambda key, state, batch: (state, metrics), lambda state, inputs: inputs)
    pair = beside(one, {"other": one})
    _, of_both = pair.update(jax.random.key(0), pair.init(jax.random.key(1), (X, Y)), (X, Y))
    assert of_both.keys() == {"loss", "other/loss"}
    assert metrics.keys() == {"loss"}
