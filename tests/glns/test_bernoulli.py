"""One Bernoulli neuron, by hand and against the public implementation."""

import math

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from glns import bernoulli
from glns.bernoulli import Rule

WEIGHTS = jnp.array([[0.1, 0.2], [0.5, -1.0], [0.3, 0.4], [0.7, 0.6]])  # C = 2, F = 2


def learn_one(weights, context, inputs, target, rate, rule):
    """`learn` of a stream of one example."""
    return bernoulli.learn(weights, *(jnp.array([value]) for value in (context, inputs, target, rate)), rule)


def log_loss(logit, target):
    return -np.log(jax.nn.sigmoid(logit if target else -logit))


def test_prediction_by_hand():
    # Row 3 on logits (2, 1): 0.7 * 2 + 0.6 * 1 = 2. Row 1: 0.5 * 2 - 1 * 1 = 0.
    assert bernoulli.predict(WEIGHTS, 3, jnp.array([2.0, 1.0])) == pytest.approx(2)
    assert bernoulli.predict(WEIGHTS, 1, jnp.array([2.0, 1.0])) == pytest.approx(0)


def test_prediction_is_geometric_mixing():
    # Inputs 0.8 and 0.3 with weights 0.5 and -1: 0.8**0.5 * 0.3**-1 against 0.2**0.5 * 0.7**-1.
    inputs = jnp.array([math.log(0.8 / 0.2), math.log(0.3 / 0.7)])
    one, zero = 0.8**0.5 / 0.3, 0.2**0.5 / 0.7
    assert jax.nn.sigmoid(bernoulli.predict(WEIGHTS, 1, inputs)) == pytest.approx(one / (one + zero))


def test_update_by_hand():
    # Logit 0, so p = 0.5; target 1, so the error is -0.5; rate 0.1: row 1 gains 0.1 * 0.5 * (2, 1) = (0.1, 0.05).
    weights, logits = learn_one(WEIGHTS, 1, (2.0, 1.0), 1.0, 0.1, Rule())
    np.testing.assert_allclose(weights[1], [0.6, -0.95], rtol=1e-6)
    np.testing.assert_allclose(logits, [0], atol=1e-6)


def test_only_the_active_row_changes():
    weights, _ = learn_one(WEIGHTS, 2, (2.0, 1.0), 1.0, 0.1, Rule(weight_bound=0.35))  # below three inactive weights
    np.testing.assert_array_equal(jnp.any(weights != WEIGHTS, axis=-1), [False, False, True, False])


def test_every_example_is_predicted_before_it_is_learned():
    # The same example twice: the second logit is that of the weights the first one left, 0.6 * 2 - 0.95 = 0.25.
    twice = (jnp.array([1, 1]), jnp.array([[2.0, 1.0]] * 2), jnp.ones(2), jnp.full(2, 0.1))
    _, logits = bernoulli.learn(WEIGHTS, *twice, Rule())
    np.testing.assert_allclose(logits, [0, 0.25], atol=1e-6)


@pytest.mark.parametrize(
    ("probability", "target", "always", "margin", "dead_zone"),
    [
        (0.5, 1.0, -0.5, -0.5, -0.5),
        (0.95, 1.0, -0.05, -0.05, -0.05),
        (0.999, 1.0, -0.01, 0.0, 0.0),  # confident and right
        (0.001, 0.0, 0.01, 0.0, 0.0),
        (0.999, 0.0, 0.99, 0.99, 0.0),  # confident and wrong
        (0.001, 1.0, -0.99, -0.99, 0.0),
    ],
)
def test_the_three_clip_rules_by_hand(probability, target, always, margin, dead_zone):
    logit = jnp.array(math.log(probability / (1 - probability)))
    errors = [bernoulli.error(logit, target, Rule(clip_rule=name)) for name in ("always", "margin", "dead_zone")]
    np.testing.assert_allclose(errors, [always, margin, dead_zone], atol=1e-6)


def test_clip_by_hand():
    # logit(0.99) = ln 99 = 4.59512
    clipped = bernoulli.clip(jnp.array([-9.0, -4.5, 0.0, 4.5, 9.0]), Rule(epsilon=0.01))
    np.testing.assert_allclose(clipped, [-4.59512, -4.5, 0, 4.5, 4.59512], rtol=1e-6)


@pytest.mark.parametrize("target", [0.0, 1.0])
def test_weights_stop_at_the_bound(target):
    weights, _ = learn_one(WEIGHTS, 1, (2.0, 1.0), target, 1e4, Rule())
    np.testing.assert_array_equal(weights[1], [200, 200] if target else [-200, -200])


def test_rate_zero_changes_nothing():
    weights, _ = learn_one(WEIGHTS, 1, (2.0, 1.0), 1.0, 0.0, Rule())
    np.testing.assert_array_equal(weights, WEIGHTS)


@pytest.mark.parametrize("target", [0.0, 1.0])
def test_a_repeated_example_costs_less_each_time(target):
    stream = (jnp.full(50, 3), jnp.full((50, 2), 0.8), jnp.full(50, target), jnp.full(50, 0.05))
    _, logits = bernoulli.learn(WEIGHTS, *stream, Rule())
    assert np.all(np.diff(log_loss(logits, target)) < 0)


def test_reference(reference, tolerance):
    """64 neurons of the public implementation: a dead zone, zero weights and the weight bound among them.

    It clips whole tables and reports clipped predictions; ours clips the active row and reports the unclipped logit.
    """
    prefix = "x64/" if jax.config.jax_enable_x64 else ""
    cases, contexts = reference("glns", f"{prefix}bern_neuron/"), reference("glns", f"{prefix}ctx/")["index"]
    rule = Rule(epsilon=0.01, weight_bound=200.0, clip_rule="dead_zone")
    p = np.clip(cases["inputs"], 1e-9, 1 - 1e-7)  # some are 0 and 1; the rule clips at 0.01
    inputs = bernoulli.clip(jnp.array(np.log(p / (1 - p))), rule)
    arguments = (cases["weights"], contexts, inputs, cases["target"], cases["lr"])
    weights, logits = jax.vmap(lambda *case: learn_one(*case, rule))(*map(jnp.array, arguments))
    predictions = jax.nn.sigmoid(logits[:, 0])
    clipped = jax.nn.sigmoid(bernoulli.clip(logits[:, 0], rule))
    losses = -np.log(np.where(cases["target"], clipped, 1 - clipped))
    np.testing.assert_allclose(predictions, cases["inference_pred"], rtol=tolerance, atol=tolerance)
    np.testing.assert_allclose(clipped, cases["update_pred"], rtol=tolerance, atol=tolerance)
    np.testing.assert_allclose(losses, cases["update_loss"], rtol=tolerance, atol=tolerance)
    np.testing.assert_allclose(np.clip(weights, -200, 200), cases["update_weights"], rtol=tolerance, atol=tolerance)
