"""The categorical neuron: geometric mixing over an alphabet of A symbols (Mattern 2012, arXiv 1302.2839).

    p(a) = prod_i p_i(a)^{w_i} / sum_b prod_i p_i(b)^{w_i}

Each input has one weight per context, as in the Bernoulli neuron, to which this neuron reduces for A = 2. Everything is
written for ONE neuron. Inputs and outputs are log-probabilities; of an input only the ratios of the p_i(a) matter.

Letters: A symbols, F fan-in (biases included), R contexts, T time.
"""

from functools import partial

import jax
import jax.numpy as jnp

from glns import rows, settings
from glns.bernoulli import Rule, check_rule
from glns.network import Neuron


def neuron(rule: Rule, num_symbols: int) -> Neuron:
    """The categorical family, for `network`: outputs are log-probabilities [A], targets symbols 0 .. A - 1.

    Weights start at 1 / F, the geometric mean. The last A - 1 inputs of every layer are biases: bias a, for
    a = 1 .. A - 1, makes symbol a more probable than each other symbol by the factor e. With them the neuron can shift
    every log-ratio. For A = 2 there is one, the Bernoulli neuron's.
    """
    settings.check_counts(2, num_symbols=num_symbols)
    check_rule(rule, max_epsilon=1 / num_symbols)
    biases = jax.nn.log_softmax(jnp.eye(num_symbols)[1:])

    def init(num_contexts, width):
        fan_in = width + num_symbols - 1
        return jnp.full((num_contexts, fan_in), 1.0 / fan_in, float)

    def prepare_inputs(log_probabilities):
        clipped = jax.vmap(partial(clip, rule=rule))(log_probabilities)
        return jnp.concatenate([clipped, biases.astype(clipped.dtype)])

    return Neuron(init, prepare_inputs, predict, partial(learn, rule=rule))


def clip(log_probabilities: jax.Array, rule: Rule) -> jax.Array:
    """Keeps each probability at least epsilon, inside the simplex: log q(a) = max(log epsilon, log p(a) - log z).

    z is such that sum_a q(a) = 1: the symbols above the floor are scaled down by one factor. This q is the nearest to
    p in Kullback-Leibler divergence, in either direction; for A = 2 it is CLIP of Veness 2019, Algorithm 1.
    log_probabilities [A] -> [A].
    """
    falling = -jnp.sort(-jnp.exp(log_probabilities))
    num_floored = jnp.arange(falling.size)[::-1]  # if the symbols up to this one are not floored
    scale = jnp.cumsum(falling) / (1 - num_floored * rule.epsilon)
    num_kept = jnp.sum(falling >= rule.epsilon * scale)
    return jnp.maximum(log_probabilities - jnp.log(scale[num_kept - 1]), jnp.log(rule.epsilon))


def predict(weights: jax.Array, context: jax.Array, inputs: jax.Array) -> jax.Array:
    """Geometric mixing under a context. weights [R, F], context [], inputs [F, A] -> log-probabilities [A]."""
    row = rows.select(weights, rows.check(context, len(weights)))
    return jax.nn.log_softmax(jnp.matmul(row, inputs, precision="highest"))


def error(log_probabilities: jax.Array, target: jax.Array, rule: Rule) -> jax.Array:
    """d loss / d (weighted sums of log-probabilities) of the log loss: p(a) - y(a); see `Rule.clip_rule`.

    "margin" learns unless |y(a) - p(a)| <= epsilon for every a, that is, unless p(target) >= 1 - epsilon.
    log_probabilities [A], target [] int -> [A].
    """
    p, q = jnp.exp(log_probabilities), jnp.exp(clip(log_probabilities, rule))
    y = jax.nn.one_hot(target, p.size, dtype=p.dtype)
    learns = {
        "always": True,
        "margin": jnp.max(jnp.abs(y - p)) > rule.epsilon,
        "dead_zone": jnp.min(p) >= rule.epsilon,
    }[rule.clip_rule]
    return jnp.where(learns, q - y, 0.0)


def learn(
    weights: jax.Array, contexts: jax.Array, inputs: jax.Array, targets: jax.Array, rates: jax.Array, rule: Rule
) -> tuple[jax.Array, jax.Array]:
    """Online gradient descent over a stream, projected onto the weight bound, as `bernoulli.learn`.

    The gradient of -log p(target) in w_i is sum_a (p(a) - y(a)) log p_i(a).
    weights [R, F], contexts [T], inputs [T, F, A], targets [T] int, rates [T] -> weights, log-probabilities [T, A].
    """

    def step(weights, example):
        context, x, target, rate = example
        output = predict(weights, context, x)
        change = -rate * jnp.matmul(x, error(output, target, rule), precision="highest")
        row = jnp.clip(rows.select(weights, context) + change, -rule.weight_bound, rule.weight_bound)
        return rows.replace(weights, context, row), output

    return jax.lax.scan(step, weights, (rows.check(contexts, len(weights)), inputs, targets, rates))
