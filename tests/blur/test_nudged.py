"""Free and nudged states: their differences are a gradient, and backward synapses turn to the forward ones."""

import jax
import jax.numpy as jnp
import numpy as np

import blur
from experiments import data

GENOME, RULE = blur.nudged.by_hand()


def cosine(one, other):
    one, other = np.ravel(one), np.ravel(other)
    return one @ other / np.linalg.norm(one) / np.linalg.norm(other)


def test_differences_are_a_gradient():
    """What forward synapses receive where backward ones are minus their transpose, for small nudges.

    It is, of the logistic loss of each class, log(1 + exp(-2 y z)) of logits z and labels y of 1 and -1, minus the
    gradient, with the slope of tanh(f a) in a hidden neuron.
    """
    rng = np.random.default_rng(0)
    x, y = rng.normal(size=(40, 6)), np.eye(3)[np.arange(40) % 3]
    up, out = blur.network.init(jax.random.key(1), 6, (5, 3), 2, rule=RULE)
    synapses = (up, blur.network.Synapses(out.forward, -out.forward[:, :-1].swapaxes(1, 2)))
    neuron = GENOME.neuron._replace(backward=GENOME.neuron.backward / 100)
    synapse = GENOME.synapse._replace(age=None, momentum=None, last=None, post=jnp.array([[-1.0, 1.0], [0.0, 0.0]]))
    genome, rule = blur.Genome(neuron, synapse), RULE._replace(change_norm="none", normalise_inputs=False)
    after, logits, _ = blur.network.step(genome, synapses, jnp.array(x), jnp.array(y), rule=rule)
    hidden = np.float64(blur.network.forward(genome, synapses, jnp.array(x), rule=rule)[1][0])
    error = 2 * y - 1 - np.float64(logits)  # logits are tanh(z); -y (1 - tanh(y z)), as y is 1 or -1
    below = error @ np.float64(out.forward[0, :-1]).T * (1 - np.tanh(2.4 * hidden) ** 2)
    for before, learned, expected in zip(synapses, after, (x.T @ below, hidden.T @ error), strict=True):
        change = np.float64(learned.forward - before.forward)[0, :-1]  # a bias is a source of another size
        np.testing.assert_allclose(cosine(change, expected), 1, atol=1e-3)


def test_backward_synapses_turn_to_minus_the_forward_ones():
    digits = data.digits(None)
    x, y = digits.train.x[:1280].reshape(20, 64, -1), jax.nn.one_hot(digits.train.y[:1280].reshape(20, 64), 10)
    first = blur.network.begin(jax.random.key(0), GENOME, 64, (24, 10), rule=RULE)
    last, _ = jax.jit(lambda first, x, y: blur.unroll(GENOME, first, x, y, rule=RULE))(first, x, y)
    turned = [cosine(of_layer[1].backward, -of_layer[1].forward[:, :-1].swapaxes(1, 2)) for of_layer in (first, last)]
    assert abs(turned[0]) < 0.2
    assert turned[1] > 0.8, turned
