"""The Bernoulli neuron: geometric mixing of probabilities, learned online by a convex, local rule (Veness 2019, §2).

Everything here is written for ONE neuron; layers, classes and seeds are `vmap`s of it. A neuron works on logits: its
inputs are logit(p) for the probabilities p of the layer below, and its output is the logit of its own prediction.

Letters: F fan-in (bias included), R contexts, T time.
"""

import math
from functools import partial
from typing import NamedTuple

import jax
import jax.numpy as jnp

from glns.network import Neuron

CLIP_RULES = ("margin", "always", "dead_zone")


class Rule(NamedTuple):
    """The constants of the update.

    epsilon: predictions are clipped to [epsilon, 1 - epsilon] (the public code's value; the paper leaves it open).
    weight_bound: weights stay in [-weight_bound, weight_bound] (Veness 2019: 200).
    clip_rule: what a neuron does whose prediction p left [epsilon, 1 - epsilon], for target y:
      "margin" learns unless |y - p| <= epsilon (Sezener 2021). The default, because on the same network "always" is
        about three points of accuracy worse on MNIST and "dead_zone" loses whole seeds;
      "always" learns on the clipped prediction (Veness 2019, Algorithm 1);
      "dead_zone" never learns there, even when confidently wrong (the gradient of the public code).
    """

    epsilon: float = 0.01
    weight_bound: float = 200.0
    clip_rule: str = "margin"


def neuron(rule: Rule) -> Neuron:
    """The Bernoulli family, for `network`: inputs and outputs are logits, targets are 0 or 1.

    Weights start at 1 / F, the geometric mean of the inputs (Veness 2019, §2). The last input of every layer is a bias
    of logit 1 (the public code; its p = e / (e + 1)).
    """

    def init(num_contexts, width):
        return jnp.full((num_contexts, width + 1), 1.0 / (width + 1))

    def feed(logits):
        return jnp.append(clip(logits, rule), 1.0)

    return Neuron(init, feed, predict, partial(learn, rule=rule))


def clip(logits: jax.Array, rule: Rule) -> jax.Array:
    """CLIP of Algorithm 1, in logit space: keeps each probability in [epsilon, 1 - epsilon]."""
    bound = math.log1p(-rule.epsilon) - math.log(rule.epsilon)
    return jnp.clip(logits, -bound, bound)


def predict(weights: jax.Array, context: jax.Array, inputs: jax.Array) -> jax.Array:
    """Geometric mixing under a context: logit of the unclipped prediction (Veness 2019, eq. 1).

    weights [R, F], context [], inputs [F] -> logit [].
    """
    return jnp.matmul(weights[context], inputs, precision="highest")


def error(logit: jax.Array, target: jax.Array, rule: Rule) -> jax.Array:
    """d loss / d logit of the log loss, p - y; at the clip `rule.clip_rule` decides. logit [], target [] -> []."""
    probability = jax.nn.sigmoid(logit)
    clipped = jnp.clip(probability, rule.epsilon, 1 - rule.epsilon)
    if rule.clip_rule == "always":
        return clipped - target
    if rule.clip_rule == "dead_zone":
        return jnp.where(probability == clipped, probability - target, 0.0)
    return jnp.where(jnp.abs(target - probability) > rule.epsilon, clipped - target, 0.0)


def learn(
    weights: jax.Array, contexts: jax.Array, inputs: jax.Array, targets: jax.Array, rates: jax.Array, rule: Rule
) -> tuple[jax.Array, jax.Array]:
    """Online gradient descent over a stream, projected onto the weight bound (Veness 2019, eq. 2 and Algorithm 1).

    Example t is predicted with the weights that examples 0 .. t - 1 left; then the one row that its context selects
    moves by rate * error * input. No other row is read or written.

    weights [R, F], contexts [T], inputs [T, F], targets [T], rates [T] -> weights [R, F], logits [T].
    """

    def step(weights, example):
        context, x, target, rate = example
        logit = predict(weights, context, x)
        row = weights[context] - rate * error(logit, target, rule) * x
        return weights.at[context].set(jnp.clip(row, -rule.weight_bound, rule.weight_bound)), logit

    return jax.lax.scan(step, weights, (contexts, inputs, targets, rates))
