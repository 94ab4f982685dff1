"""The zero-redundancy estimator: against its sequence probabilities, in float64."""

import math

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from glns import counting


def log_probability(a, b):
    """log P(a, b): half of Krichevsky and Trofimov's, a quarter for each constant sequence."""
    log_kt = math.lgamma(a + 0.5) + math.lgamma(b + 0.5) - math.log(math.pi) - math.lgamma(a + b + 1)
    return math.log(0.5 * math.exp(log_kt) + 0.25 * (a == 0) + 0.25 * (b == 0))


def logit(a, b):
    return log_probability(a, b + 1) - log_probability(a + 1, b)


def test_by_hand():
    """After one zero: P(1, 0) = 1/2, P(1, 1) = 1/16, P(2, 0) = 7/16."""
    counts = jnp.array([[1, 0], [0, 1], [0, 0]])
    np.testing.assert_allclose(counting.predict(counts, 0), -math.log(7), rtol=1e-5)
    np.testing.assert_allclose(counting.predict(counts, 1), math.log(7), rtol=1e-5)
    assert counting.predict(counts, 2) == 0


@pytest.mark.parametrize("a", [0, 1, 2, 3, 7, 50, 300])
def test_the_logit_is_a_ratio_of_sequence_probabilities(a):
    for b in (0, 1, 2, 10):
        np.testing.assert_allclose(counting.predict(jnp.array([[a, b]]), 0), logit(a, b), rtol=1e-5, atol=1e-5)


def test_a_long_run_of_zeros():
    """float32 holds at 60,000: the odds are those of q / (q (2 n + 1) + n + 1), q = Γ(n + 1/2) / (√π Γ(n + 1))."""
    n = 60000
    q = math.exp(math.fsum(math.log((i + 0.5) / (i + 1)) for i in range(n)))
    expected = math.log(q / (q * (2 * n + 1) + n + 1))
    np.testing.assert_allclose(counting.predict(jnp.array([[n, 0]]), 0), expected, rtol=1e-5)


def test_learning_is_online():
    """Every logit is that of the counts so far, in whatever parts the stream comes."""
    rng = np.random.default_rng(0)
    contexts, targets = rng.integers(0, 3, 40), (rng.random(40) < 0.2).astype(np.float32)
    tally, expected = np.zeros((3, 2), int), []
    for context, target in zip(contexts, targets.astype(int), strict=True):
        expected.append(logit(*tally[context]))
        tally[context, target] += 1
    counts, logits = counting.learn(jnp.zeros((3, 2), jnp.int32), jnp.array(contexts), jnp.array(targets))
    np.testing.assert_array_equal(counts, tally)
    np.testing.assert_allclose(logits, expected, rtol=1e-5, atol=1e-6)
    counts = jnp.zeros((3, 2), jnp.int32)
    for part in np.split(np.arange(40), 4):
        counts, of_part = jax.jit(counting.learn)(counts, jnp.array(contexts[part]), jnp.array(targets[part]))
        np.testing.assert_allclose(of_part, logits[part], rtol=1e-6, atol=1e-6)
    np.testing.assert_array_equal(counts, tally)
