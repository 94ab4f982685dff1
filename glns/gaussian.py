"""The Gaussian neuron: weighted products of Gaussians, learned online by a convex, local rule (Budden 2020).

Everything here is written for ONE neuron. Its inputs are isotropic Gaussians over the target, and so is its output;
d = 1 is the univariate neuron. It works on natural parameters (precision, precision * mean), in which a product of
Gaussians is a weighted sum, and the log loss is convex.

Letters: d target dimensions, F fan-in (biases included), P = 1 + d natural parameters, R contexts, T time.
"""

import math
from collections.abc import Callable
from functools import partial
from typing import NamedTuple

import jax
import jax.numpy as jnp

from glns.network import Neuron

SPACES = ("signed", "public", "non_negative")
STEPS = ("damped", "plain")


class Normal(NamedTuple):
    """Isotropic Gaussians over the target."""

    mean: jax.Array  # [.., d]
    variance: jax.Array  # [..], of each of the d dimensions


class Rule(NamedTuple):
    """The constants of the update.

    space: where the weights live;
      "signed": any sign, and a neuron's prediction is that of the nearest weights whose variance lies in [min_variance,
        max_variance]. The stored weights are not projected. The gradient is that of the projected prediction: beyond a
        bound a neuron learns its mean alone. The default: of a part of concrete held out it left 0.26 of the variance
        where "non_negative" left 0.34, each at the best of three rates;
      "public" is the public code's, the same but for a negative precision, which goes to min_variance, all certain;
      "non_negative" is the paper's: [0, weight_bound] with norm min_norm at least, so that no mean leaves the hull of
        the inputs' and of the biases'.
    step: how far a weight goes down its gradient; "plain" is rate * gradient (the paper and the public code), "damped"
      is ours, see `damped_rate`.
    min_variance, max_variance: inputs are clipped to them too. A signed mean is a quotient by a precision, which must
      not come near 0, so ours are for targets of variance 1, close together, with max_variance the noise to expect (the
      public code has 1e5, and leaves min_variance to the caller).
    weight_bound: of the absolute weight (the public code: 1e3; the paper's b). min_norm: the paper's epsilon.
    bias_scale, bias_variance: see `biases` (the public code: 1 and 1).
    """

    space: str = "signed"
    step: str = "damped"
    min_variance: float = 0.05
    max_variance: float = 0.25
    weight_bound: float = 1e3
    min_norm: float = 1e-3
    bias_scale: float = 1.0
    bias_variance: float = 1.0


def biases(rule: Rule, target_dim: int) -> Normal:
    """The constant inputs of every layer: means [F', d], variances [F'].

    One dimension: means -bias_scale, 0, bias_scale (the public code). More: bias_scale up and down every axis (the
    paper).
    """
    axes = rule.bias_scale * jnp.eye(target_dim)
    mean = jnp.concatenate([-axes, jnp.zeros((1, 1)), axes] if target_dim == 1 else [-axes, axes])
    return Normal(mean, jnp.full(len(mean), rule.bias_variance))


def features(inputs: Normal) -> jax.Array:
    """The natural parameters of every input, which the weights add up. mean [F, d], variance [F] -> [F, P]."""
    precision = 1 / inputs.variance[:, None]
    return jnp.concatenate([precision, precision * inputs.mean], axis=1)


def predict(weights: jax.Array, context: jax.Array, inputs: Normal, rule: Rule) -> Normal:
    """The weighted product of the inputs under a context (Budden 2020).

    weights [R, F], context [], inputs of mean [F, d] and variance [F] -> mean [d], variance [].
    """
    x = features(inputs)
    return _normal(_project(_mix(weights[context], x, rule), _dot(x[:, 0], x), rule))


def learn(
    weights: jax.Array, contexts: jax.Array, inputs: Normal, targets: jax.Array, rates: jax.Array, rule: Rule
) -> tuple[jax.Array, Normal]:
    """Online gradient descent over a stream, on the log loss of a neuron's own prediction (Budden 2020).

    Example t is predicted with the weights that examples 0 .. t - 1 left; then the one row that its context selects
    moves. No other row is read or written.

    weights [R, F], contexts [T], inputs of mean [T, F, d] and variance [T, F], targets [T, d], rates [T]
    -> weights [R, F], outputs of mean [T, d] and variance [T].
    """

    def step(weights, example):
        context, given, target, rate = example
        x = features(given)
        row = weights[context]
        output, move = _move(_mix(row, x, rule), _dot(x.T, x), target, rate, rule)
        return weights.at[context].set(_moved(row, -_dot(x, move), rule)), output

    return jax.lax.scan(step, weights, (contexts, inputs, targets, rates))


def learn_gram(
    weights: jax.Array, contexts: jax.Array, inputs: Normal, targets: jax.Array, rates: jax.Array, rule: Rule
) -> tuple[jax.Array, Normal]:
    """`learn` in the signed space, in another order: the weights are read at the start and written at the end.

    A move is along the features of its example, so what it does to a later example of the same context is told by the
    products of their features: [T, T, P, P], the same for all neurons of a layer. A stretch in which a weight might
    have crossed weight_bound gives NaN weights, never a wrong number: `learn` takes those.
    """
    x = jax.vmap(features)(inputs)
    grams = jnp.einsum("sfp,tfq->stpq", x, x, precision="highest")
    same = contexts[:, None] == contexts[None]

    def step(natural, example):
        t, target, rate = example
        output, move = _move(natural[t], grams[t, t], target, rate, rule)
        return natural - same[t][:, None] * _dot(move, grams[t]), (output, move)

    natural = jnp.einsum("tf,tfp->tp", weights[contexts], x, precision="highest")
    _, (outputs, moves) = jax.lax.scan(step, natural, (jnp.arange(len(x)), targets, rates))
    changes = jnp.einsum("tfp,tp->tf", x, moves, precision="highest")
    farthest = jnp.abs(weights).at[contexts].add(jnp.abs(changes))
    return jnp.where(jnp.all(farthest <= rule.weight_bound), weights.at[contexts].add(-changes), jnp.nan), outputs


def slope(output: Normal, target: jax.Array) -> jax.Array:
    """d log loss / d natural parameters: mean [d], variance [], target [d] -> [P]."""
    error = target - output.mean
    of_precision = 0.5 * (_dot(error, error) - len(target) * output.variance) + _dot(error, output.mean)
    return jnp.concatenate([of_precision[None], -error])


def damped_rate(output: Normal, change: jax.Array, descent: jax.Array, rate: jax.Array) -> jax.Array:
    """The rate of a step that does its example no harm, however large `rate` is. Ours: a plain step can diverge.

    Against the natural parameters a step of rate r goes by -r * change [P], and downhill by r * descent []. Along it
    the loss has the second derivative h, the length of `change` in the Fisher metric, squared. The step is the harmonic
    sum of three: `rate`; descent / h, where the quadratic model of the loss has its minimum; and 1 / √(2h), the damping
    of Newton's method on a self-concordant function, within which the precision stays positive.
    """
    of_mean = change[1:] - output.mean * change[0]
    h = output.variance * _dot(of_mean, of_mean) + 0.5 * len(of_mean) * (output.variance * change[0]) ** 2
    tiny = jnp.finfo(descent.dtype).tiny  # a step to nowhere: 0 / 0
    return 1 / (1 / rate + h / jnp.maximum(descent, tiny) + jnp.sqrt(2 * h))


def _mix(row, x, rule):
    """The natural parameters [P] of the prediction, not yet projected."""
    return _dot(jnp.clip(row, -rule.weight_bound, rule.weight_bound), x)


def _project(natural, of_precision, rule):
    """Moves natural parameters [P] as the nearest weights of an allowed variance would. -> [P].

    of_precision: precisions [F] times features, [P]. Moving along the precisions is the shortest way to another one.
    """
    if rule.space == "non_negative":
        return natural
    least, most = 1 / rule.max_variance, 1 / rule.min_variance
    precision = jnp.clip(natural[0], least, most)
    if rule.space == "public":
        precision = jnp.where(natural[0] < 0, most, precision)
    shift = (precision - natural[0]) / of_precision[0]
    return jnp.concatenate([precision[None], natural[1:] + shift * of_precision[1:]])


def _move(natural, gram, target, rate, rule):
    """-> the prediction, and the change of the natural parameters' coefficients: the weights lose features @ move.

    natural [P] before projection, gram [P, P] = features^T features.
    """
    projected = _project(natural, gram[0], rule)
    output = _normal(projected)
    gradient = slope(output, target)
    held = _dot(gram[0], gradient) / gram[0, 0]  # the projection holds the precision: nothing moves along it
    gradient = gradient.at[0].add(-jnp.where(projected[0] == natural[0], 0.0, held))
    if rule.step == "damped":
        change = _dot(gram, gradient)
        rate = damped_rate(output, change, _dot(gradient, change), rate)
    return output, rate * gradient


def _moved(row, change, rule):
    """The row after an update, back in its space. row [F], change [F] -> [F]."""
    if rule.space != "non_negative":
        return row + jnp.where(jnp.abs(row) <= rule.weight_bound, change, 0.0)  # the clip has no gradient beyond it
    row = jnp.clip(row + change, 0.0, rule.weight_bound)
    norm = jnp.linalg.norm(row)
    grown = jnp.where(norm > 0, row * rule.min_norm / norm, rule.min_norm / math.sqrt(len(row)))
    return jnp.where(norm < rule.min_norm, grown, row)


def _normal(natural):
    return Normal(natural[1:] / natural[0], 1 / natural[0])


def _dot(a, b):
    return jnp.matmul(a, b, precision="highest")


def neuron(rule: Rule, target_dim: int = 1, *, learn: Callable = learn) -> Neuron:
    """The Gaussian family, for `network`: inputs and outputs are `Normal`s, targets are [d].

    Weights start at 1 / F (the public code). learn: `learn` or, the same in another order, `learn_gram`.
    """
    if rule.space not in SPACES:
        raise ValueError(f"space must be one of {', '.join(SPACES)}; got {rule.space!r}")
    if rule.step not in STEPS:
        raise ValueError(f"step must be one of {', '.join(STEPS)}; got {rule.step!r}")
    if not 0 < rule.min_variance < rule.max_variance:
        raise ValueError(
            f"min_variance must be positive and below max_variance, got {rule.min_variance} and {rule.max_variance}"
        )
    constant = biases(rule, target_dim)

    def init(num_contexts, width):
        fan_in = width + len(constant.mean)
        return jnp.full((num_contexts, fan_in), 1.0 / fan_in, float)

    def feed(outputs):
        clipped = Normal(outputs.mean, jnp.clip(outputs.variance, rule.min_variance, rule.max_variance))
        return jax.tree.map(lambda below, bias: jnp.concatenate([below, bias.astype(below.dtype)]), clipped, constant)

    return Neuron(init, feed, partial(predict, rule=rule), partial(learn, rule=rule))
