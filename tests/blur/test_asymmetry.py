"""Backpropagation is the gradient of its loss and its Jacobian the Hessian; feedback of labels is no gradient."""

import jax
import jax.numpy as jnp
import numpy as np
import optax
from jax.flatten_util import ravel_pytree

import blur
from blur import network

X, TARGETS = jax.random.normal(jax.random.key(0), (6, 3)), jax.nn.one_hot(jnp.arange(6) % 2, 2)


def jacobian(genome, rule):
    synapses = network.init(jax.random.key(1), 3, (4, 2), 2, rule=rule)
    of = jax.jit(lambda synapses: blur.asymmetry.jacobian(genome, synapses, X, TARGETS, rule=rule))
    return synapses, of(synapses)


def test_backpropagation_has_the_hessian():
    synapses, got = jacobian(blur.backprop_genome(0.5), blur.backprop_rule("tanh"))
    weights, unravel = ravel_pytree([of_layer.forward for of_layer in synapses])

    def loss(weights):
        first, second = (layer[0] for layer in unravel(weights))
        hidden = jnp.tanh(X @ first[:-1] + first[-1:])
        return optax.softmax_cross_entropy(hidden @ second[:-1] + second[-1:], TARGETS).mean()

    np.testing.assert_allclose(got, -0.5 * jax.jit(jax.hessian(loss))(weights), atol=1e-6)
    assert blur.asymmetry.asymmetry(got) < 1e-6


def test_feedback_of_labels_is_no_gradient():
    _, got = jacobian(blur.delta_genome(jax.random.key(2), 2), blur.Rule(last_activation="linear"))
    assert 0.1 < blur.asymmetry.asymmetry(got) <= 1


def test_a_rotation_is_all_asymmetric():
    matrix = jnp.array([[0.0, 2.0], [-2.0, 0.0]])
    np.testing.assert_allclose([blur.asymmetry.asymmetry(matrix + add * jnp.eye(2)) for add in (0, 2)], [1, 0.5**0.5])


def test_descent_in_a_constant_metric_has_that_metric_alone():
    """-G⁻¹ times random Hessians: G comes out, up to its length; of other matrices nothing does."""
    random = np.random.default_rng(0)
    factor = random.normal(size=(4, 4))
    metric = factor @ factor.T + np.eye(4)
    hessians = random.normal(size=(5, 4, 4))
    hessians += hessians.swapaxes(1, 2)
    (found,) = blur.asymmetry.metrics(jnp.asarray(-np.linalg.inv(metric) @ hessians, jnp.float32))
    np.testing.assert_allclose(found / found[0, 0], metric / metric[0, 0], rtol=1e-3, atol=1e-4)
    assert len(blur.asymmetry.metrics(random.normal(size=(5, 4, 4)))) == 0


def test_of_plain_descent_every_metric_will_do():
    assert blur.asymmetry.metrics(jnp.eye(3)[None]).shape == (6, 3, 3)
