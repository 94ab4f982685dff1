"""Switching aggregation: the mixture over every sequence of neurons, enumerated; and it follows the best neuron."""

import itertools

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from glns import switching

FLOAT64 = pytest.mark.parametrize("tolerance", ["float64"], indirect=True)


def of_all_sequences(likelihoods):
    """The paper's mixture, by brute force: likelihoods [T, M] -> its probability of the first t targets, t = 1 .. T."""
    totals, m = [], likelihoods.shape[1]
    for t in range(1, len(likelihoods) + 1):
        total = 0.0
        for sequence in itertools.product(range(m), repeat=t):
            prior = 1 / m
            for n in range(2, t + 1):
                prior *= (n - 1) / n if sequence[n - 1] == sequence[n - 2] else 1 / (n * (m - 1))
            total += prior * np.prod([likelihoods[n, k] for n, k in enumerate(sequence)])
        totals.append(total)
    return np.array(totals)


@pytest.mark.parametrize(("num_neurons", "time"), [(2, 9), (3, 7), (5, 5)])
def test_it_is_the_mixture_over_all_sequences(tolerance, num_neurons, time):
    likelihoods = np.random.default_rng(0).uniform(0.01, 0.99, size=(time, num_neurons))
    logs = jnp.array(np.log(likelihoods))
    _, log_weights = switching.learn(switching.init(num_neurons), logs)
    ours = jnp.cumprod(jnp.exp(jax.nn.logsumexp(log_weights + logs, axis=-1)))
    np.testing.assert_allclose(ours, of_all_sequences(likelihoods), rtol=tolerance, atol=0)


@FLOAT64
def test_learning_in_parts_changes_nothing(tolerance):
    logs = jnp.array(np.log(np.random.default_rng(0).uniform(size=(448, 4))))
    whole, of_whole = switching.learn(switching.init(4), logs)
    for size in (1, 7, 64):
        mixture, parts = switching.init(4), []
        learn = jax.jit(switching.learn)
        for part in np.split(logs, 448 // size):
            mixture, log_weights = learn(mixture, part)
            parts.append(log_weights)
        np.testing.assert_allclose(np.concatenate(parts), of_whole, rtol=0, atol=1e3 * tolerance)
        np.testing.assert_allclose(mixture.log_weights, whole.log_weights, rtol=0, atol=1e3 * tolerance)
        assert mixture.count == 448


def test_weights_stay_normalised_and_finite():
    """Ten thousand examples in float32, among them such as give some or all neurons next to no probability."""
    rng = np.random.default_rng(0)
    logs = -rng.exponential(size=(10_000, 30)) * 10 ** rng.uniform(-3, 4, size=(10_000, 1))
    mixture, log_weights = switching.learn(switching.init(30), jnp.array(logs, jnp.float32))
    np.testing.assert_allclose(jnp.exp(log_weights).sum(-1), 1, rtol=1e-4)
    assert np.all(np.isfinite(mixture.log_weights))


def test_two_neurons_by_hand():
    # M = 2: after one example the kept share, 1 * 2 - 1 - 1, is 0. After the second, with likelihoods 0.9 and 0.3, the
    # posterior is (3/4, 1/4) and u = 1/3 + (2 * 2 - 2 - 1) / 3 * posterior = (7/12, 5/12).
    mixture, log_weights = switching.learn(switching.init(2), jnp.log(jnp.array([[0.2, 0.8], [0.9, 0.3]])))
    np.testing.assert_allclose(jnp.exp(log_weights), [[0.5, 0.5], [0.5, 0.5]], rtol=1e-6)
    np.testing.assert_allclose(jnp.exp(mixture.log_weights), [7 / 12, 5 / 12], rtol=1e-6)


def test_it_follows_the_best_neuron_as_it_changes():
    """Its loss is within (s + 1)(log M + log n) of the best sequence with s switches (Veness 2017, §5)."""
    best = np.repeat([2, 0, 3], 100)
    likelihoods = np.where(np.arange(4) == best[:, None], 0.9, 0.4)
    logs = jnp.log(jnp.array(likelihoods, jnp.float32))
    _, log_weights = switching.learn(switching.init(4), logs)
    weight_of_best = np.exp(log_weights)[np.arange(300), best]
    assert np.all(weight_of_best.reshape(3, 100)[:, 20:] > 0.9)
    loss = -jax.nn.logsumexp(log_weights + logs, axis=-1).sum()
    assert 0 < loss - 300 * -np.log(0.9) < 3 * (np.log(4) + np.log(300))


def test_mixing_by_hand():
    # 0.25 * 0.8 + 0.75 * 0.4 = 0.5, logit 0.
    logits = jnp.log(jnp.array([0.8 / 0.2, 0.4 / 0.6]))
    assert switching.mix(jnp.log(jnp.array([0.25, 0.75])), logits) == pytest.approx(0, abs=1e-6)


def test_one_neuron_is_no_mixture():
    with pytest.raises(ValueError, match="a mixture needs at least 2 neurons, got 1"):
        switching.init(1)
