"""The identity: a step of the backprop genome is a step of minibatch SGD (Sandler 2021, §3.1)."""

import chex
import jax
import jax.numpy as jnp
import numpy as np
import pytest

import blur
from blur.rule import ACTIVATIONS, resolve

B, D, N, RATE = 9, 5, 3, 0.3
HIDDEN = {1: (), 2: (7,), 3: (7, 6), 4: (7, 6, 4)}


def loss(weights, inputs, targets, activation, kind):
    """The mean over the batch. weights: an [N + 1, M] a layer, the bias last."""
    for w in weights[:-1]:
        inputs = activation(jnp.matmul(inputs, w[:-1]) + w[None, -1])
    z = jnp.matmul(inputs, weights[-1][:-1]) + weights[-1][None, -1]
    if kind == "cross_entropy":
        return -jnp.sum(targets * jax.nn.log_softmax(z)) / len(z)
    return 0.5 * jnp.sum((activation(z) - targets) ** 2) / len(z)


def draw(hidden, rule):
    rng = np.random.default_rng(0)
    inputs = jnp.array(rng.normal(size=(B, D)), jnp.float32)
    targets = jax.nn.one_hot(jnp.array(rng.integers(0, N, size=B)), N)
    return blur.network.init(jax.random.key(1), D, (*hidden, N), 2, rule=rule), inputs, targets


@pytest.mark.parametrize(("kind", "activation"), [("cross_entropy", jnp.tanh), ("mse", "sigmoid")])
@pytest.mark.parametrize("num_layers", HIDDEN)
def test_a_step_is_a_step_of_sgd(num_layers, kind, activation):
    rule, genome = blur.backprop_rule(activation, kind), blur.backprop_genome(RATE)
    synapses, inputs, targets = draw(HIDDEN[num_layers], rule)
    weights, activation = [of_layer.forward[0] for of_layer in synapses], resolve(ACTIVATIONS, activation)
    step = jax.jit(lambda synapses: blur.network.step(genome, synapses, inputs, targets, rule=rule)[0])
    gradient = jax.jit(jax.grad(lambda weights: loss(weights, inputs, targets, activation, kind)))
    first = weights
    for _ in range(3):
        synapses = step(synapses)
        weights = [w - RATE * g for w, g in zip(weights, gradient(weights), strict=True)]
        for of_layer, w in zip(synapses, weights, strict=True):
            np.testing.assert_allclose(of_layer.forward[0], w, rtol=2e-6, atol=2e-7)
    moved = [np.abs(w - before).max() for w, before in zip(weights, first, strict=True)]
    assert min(moved) > 1e-4  # hundreds of times the tolerance


def test_nothing_is_stored_that_sgd_would_not():
    synapses, _, _ = draw((7,), blur.backprop_rule(jnp.tanh))
    chex.assert_shape([of_layer.forward for of_layer in synapses], [(1, D + 1, 7), (1, 8, N)])
    assert [of_layer.backward for of_layer in synapses] == [None, None]


@pytest.mark.parametrize(
    "departure",
    [
        {"feedback": "label"},
        {"single_state": False},
        {"symmetric": False},
        {"backward_update": "additive"},
        {"backward_activation": "tanh"},
    ],
    ids=lambda departure: next(iter(departure)),
)
def test_every_condition_counts(departure):
    """Without any one of them it is another rule, after at most two steps."""
    exact, genome = blur.backprop_rule(jnp.tanh), blur.backprop_genome(RATE)
    other = exact._replace(**departure)
    first, inputs, targets = draw((7, 6), exact)
    wide = tuple(
        blur.network.Synapses(
            jnp.broadcast_to(up, (1 if other.single_state else 2, *up.shape[1:])),
            None if other.symmetric or i == 0 else -jnp.ones((1, up.shape[2], up.shape[1] - 1)),
        )
        for i, (up, _) in enumerate(first)
    )
    for _ in range(2):
        first, _, _ = blur.network.step(genome, first, inputs, targets, rule=exact)
        wide, _, _ = blur.network.step(genome, wide, inputs, targets, rule=other)
    assert np.abs(first[0].forward[0] - wide[0].forward[-1]).max() > 1e-3


def test_an_unknown_loss():
    with pytest.raises(ValueError, match="loss must be cross_entropy or mse, got 'hinge'"):
        blur.backprop_rule(jnp.tanh, "hinge")


def test_a_function_of_a_module_has_no_slope_by_name():
    with pytest.raises(ValueError, match=r"pass the function itself in place of 'jax\.nn:gelu'"):
        blur.backprop_rule("jax.nn:gelu")
