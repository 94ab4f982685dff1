"""Classifiers of dendritic and of categorical neurons: they are the networks that they say they are."""

import chex
import jax
import jax.numpy as jnp
import numpy as np
import pytest

import glns
from glns import class_networks, context, dendritic, network
from glns.estimator import Classifier

T, D, N = 60, 4, 3
RNG = np.random.default_rng(0)
X = RNG.normal(size=(T, D))
LABELS = X[:, :N].argmax(-1)
PLAIN = {"learning_rate": 0.2, "learning_rate_decay": None, "standardised": False}


def learn(**settings):
    """-> the state before and after the stream, metrics, and predictions [T, N] at its end."""
    init, update, predict = map(jax.jit, glns.learner(N, **PLAIN, **settings))
    first = init(jax.random.key(0), (X, LABELS))
    state, metrics = update(None, first, (X, LABELS))
    return first, state, metrics, predict(state, X)


def test_a_dendritic_classifier_is_one_vs_all():
    first, state, _, log_p = learn(neuron="dendritic", sizes=(3, 1), num_half_spaces=5, epsilon=0.1)
    assert first.layers[0].weights.shape == (N, 3, 5, D + 1)
    gate = context.Gate(5, None, context.branch_gates)
    net = {"neuron": dendritic.bernoulli(0.1, "scan"), "gate": gate}
    logits = np.zeros((N, T))
    for n in range(N):
        layers = jax.tree.map(lambda leaf, n=n: leaf[n], first.layers)
        layers, _ = network.learn(layers, X, X, (n == LABELS).astype(np.float32), np.full(T, 0.2), **net)
        chex.assert_trees_all_close(jax.tree.map(lambda leaf, n=n: leaf[n], state.layers), layers, atol=1e-5)
        logits[n] = network.predict(layers, X, X, **net)[-1][:, 0]
    p = 1 / (1 + np.exp(-logits.T))
    np.testing.assert_allclose(np.exp(log_p), p / p.sum(axis=1, keepdims=True), atol=1e-5)


def test_one_categorical_neuron_without_contexts_is_softmax_regression():
    """Online, in NumPy: nothing reaches the clip, and the first class has no bias."""
    first, state, metrics, log_p = learn(neuron="categorical", sizes=(1,), num_half_spaces=0, epsilon=1e-4)
    weights = np.full((D, N), 1 / (D * N + N - 1))
    biases = np.array([0, weights[0, 0], weights[0, 0]])
    np.testing.assert_allclose(first.layers[0].weights, weights[0, 0], rtol=1e-6)
    losses, p = [], lambda x: np.exp(x @ weights + biases) / np.exp(x @ weights + biases).sum()
    for x, label in zip(X, LABELS, strict=True):
        losses.append(-np.log(p(x)[label]))
        error = p(x) - np.eye(N)[label]
        weights, biases = weights - 0.2 * np.outer(x, error), biases - 0.2 * error * [0, 1, 1]
    np.testing.assert_allclose(state.layers[0].weights[0, 0, 0], [*weights.ravel(), *biases[1:]], atol=1e-5)
    np.testing.assert_allclose(metrics["loss"], np.mean(losses), rtol=1e-5)
    np.testing.assert_allclose(np.exp(log_p), [p(x) for x in X], atol=1e-5)


def test_a_categorical_network_mixes_all_neurons():
    settings = {"sizes": (3, 1), "num_half_spaces": 2, "shared_gates": True, "aggregation": "switching"}
    _, state, _, log_p = learn(neuron="categorical", **settings)
    inputs = jax.nn.log_softmax(jnp.einsum("td,ab->tdab", X, np.eye(N))).reshape(T, D * N, N)
    net = {"neuron": glns.categorical.neuron(glns.bernoulli.Rule(), N), "gate": context.half_spaces(2)}
    layers = tuple(network.Layer(layer.weights[0], layer.gates) for layer in state.layers)
    of_neurons = jnp.concatenate(network.predict(layers, inputs, jnp.array(X, jnp.float32), **net), axis=1)
    weights = np.exp(state.mixture.log_weights[0])
    np.testing.assert_allclose(np.exp(log_p), np.einsum("k,tka->ta", weights, np.exp(of_neurons)), atol=1e-5)
    assert np.ptp(weights) > 0.1


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"neuron": "spiking"}, "neuron must be one of bernoulli, dendritic, categorical; got 'spiking'"),
        ({"neuron": "dendritic", "clip_rule": "always"}, "weight_bound and clip_rule must be left out"),
        ({"neuron": "dendritic", "num_half_spaces": 0}, "num_half_spaces must be at least 1, got 0"),
        ({"neuron": "dendritic", "rate_by_context": True}, "rate_by_context must be left out"),
        ({"neuron": "dendritic", "implementation": "native"}, "implementation must be one of scan, gram; got 'native'"),
        ({"neuron": "categorical", "implementation": "gram"}, "must be auto or scan; got 'gram'"),
        ({"neuron": "categorical", "epsilon": 0.4}, r"epsilon must lie between 0 and 0\.3333"),
    ],
)
def test_what_a_neuron_does_not_have_is_refused(settings, message):
    with pytest.raises(ValueError, match=message):
        glns.learner(**{"num_classes": N, "sizes": (2, 1), "num_half_spaces": 1, **settings})


@pytest.mark.parametrize("neuron", ["dendritic", "categorical"])
def test_the_estimator_has_every_neuron(neuron, tmp_path):
    names = np.array(["left", "right", "up"])
    model = Classifier(neuron=neuron, sizes=(2, 1), num_half_spaces=2, learning_rate=0.3, random_state=0)
    model.partial_fit(X[:32], names[LABELS[:32]], classes=names).partial_fit(X[32:], names[LABELS[32:]])
    assert model.score(X, names[LABELS]) > 0.7
    model.save(tmp_path / "model.npz")
    np.testing.assert_array_equal(Classifier.load(tmp_path / "model.npz").predict_proba(X), model.predict_proba(X))
    with pytest.raises(ValueError, match="features can appear later only where neurons are bernoulli, not"):
        model._widen(1)
    if neuron == "categorical":
        with pytest.raises(ValueError, match=r"must be told all labels at first, as `classes`; now came 'down'"):
            model.partial_fit(X[:1], ["down"])


def test_a_dendritic_neuron_has_any_number_of_branches():
    """The paper's 20: no table of 2**20 rows is made. Each has a normal of unit length, and an offset of the scale."""
    gate = class_networks.gate_of("dendritic", 20, offset_scale=0.0)
    spaces = gate.init(jax.random.key(0), D)
    np.testing.assert_allclose(jnp.linalg.norm(spaces.normals, axis=1), np.ones(20), rtol=1e-6)
    np.testing.assert_array_equal(spaces.offsets, np.zeros(20))
    assert gate.num_contexts == len(gate.context(spaces, jnp.ones(D))) == 20
    with pytest.raises(ValueError, match="offset_scale must be at least 0"):
        class_networks.gate_of("dendritic", 20, offset_scale=-1.0)
