"""Experts beside a network's neurons, against their equations in loops, and in the learner."""

import chex
import jax
import jax.numpy as jnp
import numpy as np
import pytest

import glns
from glns import base_experts, bernoulli

T, D, RULE = 60, 3, bernoulli.Rule(epsilon=0.02)
FLOAT64 = pytest.mark.parametrize("tolerance", ["float64"], indirect=True)


def one_neuron(table, contexts, inputs, targets, rates):
    """Algorithm 1 of Veness 2019 for one neuron: logits [T], inputs are clipped and have the bias."""
    table, logits, bound = np.array(table), [], np.log(0.98 / 0.02)
    for context, x, target, rate in zip(contexts, inputs, targets, rates, strict=True):
        x = np.append(np.clip(x, -bound, bound), 1.0)
        p = 1 / (1 + np.exp(-table[context] @ x))
        logits.append(table[context] @ x)
        if abs(target - p) > 0.02:
            table[context] -= rate * (np.clip(p, 0.02, 0.98) - target) * x
    return np.array(logits)


@FLOAT64
def test_they_are_neurons_without_gates_and_neurons_gated_by_their_logits(tolerance):
    rng = np.random.default_rng(0)
    x, bayes, weights = 2 * rng.normal(size=(T, D)), 9 * rng.normal(size=T), rng.uniform(size=T)
    targets = (x[:, 0] + rng.normal(size=T) > 0).astype(float)
    rates = np.array([[0.001], [0.003], [0.01], [0.03], [0.1], [0.3], [1.0]]) * weights
    neuron = bernoulli.neuron(RULE)
    experts = base_experts.init(D, neuron)
    arrays = (jnp.array(array) for array in (x, bayes, targets, weights))
    learned, ours = jax.jit(lambda *stream: base_experts.learn(experts, *stream, neuron))(*arrays)
    zeros = np.zeros(T, int)
    linear = [one_neuron(np.full((1, D + 1), 1 / (D + 1)), zeros, x, targets, of_rate) for of_rate in rates]
    given = np.array([*linear, np.clip(bayes, -np.log(49), np.log(49))])
    start = np.tile([1.0, 0.0], (14, 1))
    edges = [-3, -2, -1.25, -0.75, -0.4, -0.15, 0, 0.15, 0.4, 0.75, 1.25, 2, 3]
    of_calibrations = [
        one_neuron(start, np.searchsorted(edges, logits), logits[:, None], targets, 0.03 * weights) for logits in given
    ]
    np.testing.assert_allclose(np.asarray(ours.T), [*given, *of_calibrations], atol=100 * tolerance)
    assert ours.shape[1] == base_experts.NUMBER
    predicted = base_experts.predict(learned, jnp.array(x[:2]), jnp.array(bayes[:2]), neuron)
    np.testing.assert_allclose(np.asarray(predicted)[:, 7], given[7, :2], atol=100 * tolerance)


def noisy_plane(num):
    """Eight numbers on two sides of a plane, a tenth of the labels wrong: no law of a logistic model."""
    rng = np.random.default_rng(0)
    x = rng.uniform(-1, 1, size=(num, 8)).astype(np.float32)
    return x, ((x @ [1, 1, -1, 1, -1, 1, 1, -1] > 0) != (rng.uniform(size=num) < 0.1)).astype(np.int32)


@pytest.fixture(scope="module")
def learners():
    """By whether they have experts."""
    return {has: glns.learner(2, **glns.ROBUST | {"sizes": (8, 1), "experts": has}) for has in (False, True)}


def test_what_is_predicted_is_what_the_next_update_predicts(learners):
    x, y = noisy_plane(64)
    init, update, predict = learners[True]
    state = init(jax.random.key(0), (x, y))
    update = jax.jit(update)
    whole, _ = update(None, state, (x, y))
    for t in range(64):
        moments = glns.standardise.seen(state.moments, x[t])
        before = state._replace(moments=moments)
        state, metrics = update(None, state, (x[t : t + 1], y[t : t + 1]))
    assert metrics["loss"] == pytest.approx(-float(predict(before, x[63:])[0, y[63]]), rel=1e-4)
    chex.assert_trees_all_close(state, whole, rtol=1e-3, atol=1e-4)


def test_they_are_right_about_a_plane_whose_labels_are_noisy(learners):
    x, y = noisy_plane(2048)
    found = {}
    for has, (init, update, _) in learners.items():
        _, metrics = jax.jit(update)(None, init(jax.random.key(0), (x, y)), (x, y))
        found[has] = metrics
    assert found[True]["error"] < found[False]["error"] - 0.01
    assert found[True]["loss"] < found[False]["loss"] - 0.02


def test_an_explanation_of_networks_alone_refuses_them(learners):
    x, y = noisy_plane(2)
    state = learners[True][0](jax.random.key(0), (x, y))
    with pytest.raises(ValueError, match="give the learner experts=False"):
        glns.explain.saliency(state, x[0], rule=RULE, gate=glns.context.half_spaces(4))
