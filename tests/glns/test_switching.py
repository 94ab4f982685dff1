"""Switching aggregation: the mixture over every sequence of neurons, enumerated; and it follows the best neuron."""

import itertools

import chex
import jax
import jax.numpy as jnp
import numpy as np
import pytest

import glns
from glns import bernoulli, network, standardise, switching
from glns.context import half_spaces

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
    _, weights = switching.learn(switching.init(num_neurons), jnp.array(likelihoods))
    ours = jnp.cumprod((weights * likelihoods).sum(axis=-1))
    np.testing.assert_allclose(ours, of_all_sequences(likelihoods), rtol=tolerance, atol=0)


@FLOAT64
def test_learning_in_parts_changes_nothing(tolerance):
    likelihoods = jnp.array(np.random.default_rng(0).uniform(size=(448, 4)))
    whole, of_whole = switching.learn(switching.init(4), likelihoods)
    for size in (1, 7, 64):
        mixture, parts = switching.init(4), []
        learn = jax.jit(switching.learn)
        for part in np.split(likelihoods, 448 // size):
            mixture, weights = learn(mixture, part)
            parts.append(weights)
        np.testing.assert_allclose(np.concatenate(parts), of_whole, rtol=0, atol=1e3 * tolerance)
        np.testing.assert_allclose(mixture.log_weights, whole.log_weights, rtol=0, atol=1e3 * tolerance)
        assert mixture.count == 448


def test_weights_stay_normalised_and_finite():
    """Ten thousand examples in float32, among them such as give some or all neurons next to no probability."""
    rng = np.random.default_rng(0)
    logs = -rng.exponential(size=(10_000, 30)) * 10 ** rng.uniform(-3, 4, size=(10_000, 1))
    likelihoods = np.exp(np.maximum(logs - logs.max(axis=1, keepdims=True), -90))
    mixture, weights = switching.learn(switching.init(30), jnp.array(likelihoods, jnp.float32))
    np.testing.assert_allclose(weights.sum(-1), 1, rtol=1e-4)
    assert np.all(np.isfinite(mixture.log_weights))


def test_two_neurons_by_hand():
    # M = 2: after one example the kept share, 1 * 2 - 1 - 1, is 0. After the second, with likelihoods 0.9 and 0.3, the
    # posterior is (3/4, 1/4) and u = 1/3 + (2 * 2 - 2 - 1) / 3 * posterior = (7/12, 5/12).
    mixture, weights = switching.learn(switching.init(2), jnp.array([[0.2, 0.8], [0.9, 0.3]]))
    np.testing.assert_allclose(weights, [[0.5, 0.5], [0.5, 0.5]], rtol=1e-6)
    np.testing.assert_allclose(jnp.exp(mixture.log_weights), [7 / 12, 5 / 12], rtol=1e-6)


def test_it_follows_the_best_neuron_as_it_changes():
    """Its loss is within (s + 1)(log M + log n) of the best sequence with s switches (Veness 2017, §5)."""
    best = np.repeat([2, 0, 3], 100)
    likelihoods = np.where(np.arange(4) == best[:, None], 0.9, 0.4)
    _, weights = switching.learn(switching.init(4), jnp.array(likelihoods, jnp.float32))
    weight_of_best = np.asarray(weights)[np.arange(300), best]
    assert np.all(weight_of_best.reshape(3, 100)[:, 20:] > 0.9)
    loss = -jnp.log((weights * likelihoods).sum(axis=-1)).sum()
    assert 0 < loss - 300 * -np.log(0.9) < 3 * (np.log(4) + np.log(300))


def test_mixing_by_hand():
    # 0.25 * 0.8 + 0.75 * 0.4 = 0.5, logit 0.
    logits = jnp.log(jnp.array([0.8 / 0.2, 0.4 / 0.6]))
    assert switching.mix(jnp.array([0.25, 0.75]), logits) == pytest.approx(0, abs=1e-6)


@pytest.mark.parametrize("low", [-1.0, 0.0, 1.0])
@pytest.mark.parametrize("size", [0.0, 1e-3, 1.0, 80.0, 1e4])
def test_mixing_logits_of_any_size(size, low):
    """Of both signs and of one, against logarithms of sums in float64; and the derivative, at 0 too."""
    rng = np.random.default_rng(0)
    z, weights = size * (rng.uniform(size=6) + 0.75 * low - 0.5), rng.dirichlet(np.ones(6))
    logs = [np.log(weights) - np.logaddexp(0, sign * z) for sign in (-1, 1)]
    one, zero = (np.logaddexp.reduce(of_sign) for of_sign in logs)
    logit, slope = jax.value_and_grad(switching.mix, 1)(*(jnp.array(part, jnp.float32) for part in (weights, z)))
    np.testing.assert_allclose(logit, one - zero, rtol=1e-5, atol=1e-6)
    p = 1 / (1 + np.exp(np.minimum(z, 500))), 1 / (1 + np.exp(-np.maximum(z, -500)))
    expected = np.exp(logs[0] - one) * p[0] + np.exp(logs[1] - zero) * p[1]
    np.testing.assert_allclose(slope, expected, rtol=1e-4, atol=1e-6)


def test_of_two_symbols_the_mixture_is_that_of_bits():
    rng = np.random.default_rng(0)
    logits, targets = jnp.array(4 * rng.normal(size=(40, 5))), jnp.array(rng.integers(0, 2, size=40))
    symbols = jax.nn.log_sigmoid(jnp.stack([-logits, logits], axis=-1))
    bits, of_bits = switching.learn_aggregate(switching.init(5), [logits[:, :3], logits[:, 3:]], targets, RULE)
    learned, of_symbols = switching.learn_aggregate(switching.init(5), [symbols], targets, RULE)
    np.testing.assert_allclose(learned.log_weights, bits.log_weights, atol=1e-4)
    np.testing.assert_allclose(jnp.exp(of_symbols[:, 1]), jax.nn.sigmoid(of_bits), atol=1e-5)
    last = switching.aggregate(learned, [symbols])[:, 1], switching.aggregate(bits, [logits])
    np.testing.assert_allclose(jnp.exp(last[0]), jax.nn.sigmoid(last[1]), atol=1e-5)


def test_one_neuron_is_no_mixture():
    with pytest.raises(ValueError, match="a mixture needs at least 2 neurons, got 1"):
        switching.init(1)


T, D, N, SIZES, RULE = 84, 5, 3, (4, 2, 1), bernoulli.Rule(epsilon=0.1)
LEARNER = glns.learner(N, SIZES, 2, learning_rate=0.2, epsilon=0.1, aggregation="switching")


def learn_in_parts(size):
    """-> the learner's state after a stream, learned `size` examples at a time, and the mean loss."""
    x = np.array(jnp.array(np.random.default_rng(0).normal(size=(T, D))))
    (init, update, _), losses = map(jax.jit, LEARNER), []
    state = init(jax.random.key(0), (x, x[:, :N].argmax(-1)))
    for part in np.split(x, T // size):
        state, metrics = update(jax.random.key(1), state, (part, part[:, :N].argmax(-1)))
        losses.append(metrics["loss"])
    return x, state, np.mean(losses)


@FLOAT64
def test_the_learner_mixes_each_class_by_itself(tolerance):
    """Against the network's own logits, mixed in probabilities by the formula as it is printed."""
    x, state, loss = learn_in_parts(T)
    layers = LEARNER[0](jax.random.key(0), (x, x)).layers
    _, features = standardise.learn(standardise.init(D), x, 1 / 255)
    rates, p, m = np.minimum(0.2, 100 / np.arange(1, T + 1)), np.zeros((T, N)), sum(SIZES)
    for n in range(N):
        targets, of_class = 1.0 * (x[:, :N].argmax(-1) == n), jax.tree.map(lambda leaf, n=n: leaf[n], layers)
        net = {"neuron": bernoulli.neuron(RULE), "gate": half_spaces(2)}
        _, logits = network.learn(of_class, features, features, targets, rates, **net)
        of_neurons = 1 / (1 + np.exp(-np.concatenate(logits, axis=-1)))
        u = np.full(m, 1 / m)
        for t in range(1, T + 1):
            p[t - 1, n] = u @ of_neurons[t - 1]
            rho = np.clip(of_neurons[t - 1], 0.1, 0.9)
            of_target = rho if targets[t - 1] else 1 - rho
            kept = (t * m - t - 1) / ((t + 1) * (m - 1)) * u * of_target / (u @ of_target)
            u = 1 / ((t + 1) * (m - 1)) + kept
        np.testing.assert_allclose(jnp.exp(state.mixture.log_weights[n]), u, rtol=0, atol=100 * tolerance)
    p /= p.sum(-1, keepdims=True)
    assert loss == pytest.approx(-np.log(p[np.arange(T), x[:, :N].argmax(-1)]).mean(), abs=100 * tolerance)


@FLOAT64
@pytest.mark.parametrize("size", [1, 7, 12])
def test_the_batch_size_changes_nothing(tolerance, size):
    _, state, loss = learn_in_parts(size)
    _, whole, of_whole = learn_in_parts(T)
    chex.assert_trees_all_close(state, whole, rtol=100 * tolerance, atol=100 * tolerance)
    assert loss == pytest.approx(of_whole, abs=1e-7)


@FLOAT64
def test_the_learner_predicts_with_the_last_weights(tolerance):
    x, state, _ = learn_in_parts(T)
    predicted = LEARNER[2](state, x[:3])
    features, of_classes = standardise.apply(state.moments, x[:3], 1 / 255), []
    for n in range(N):
        layers, mixture = jax.tree.map(lambda leaf, n=n: leaf[n], (state.layers, state.mixture))
        net = {"neuron": bernoulli.neuron(RULE), "gate": half_spaces(2)}
        logits = network.predict(layers, features, features, **net)
        p = jax.nn.sigmoid(jnp.concatenate(logits, axis=-1)) @ np.exp(mixture.log_weights)
        of_classes.append(p)
    p = np.stack(of_classes, axis=-1)
    np.testing.assert_allclose(predicted, np.log(p / p.sum(-1, keepdims=True)), rtol=0, atol=100 * tolerance)


def test_another_aggregation_is_refused():
    with pytest.raises(ValueError, match="aggregation must be one of last, switching; got 'mean'"):
        glns.learner(N, SIZES, 2, aggregation="mean")
