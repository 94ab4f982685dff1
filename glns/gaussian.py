"""The Gaussian neuron: weighted products of Gaussians, learned online by a convex, local rule (Budden 2020).

Everything here is written for ONE neuron. Its inputs and its output are isotropic Gaussians over the target; d = 1 is
the univariate neuron. It works on natural parameters (precision, precision * mean): in these a product of Gaussians is
a weighted sum, and the log loss is convex.

Letters: d target dimensions, F fan-in (biases included), P = 1 + d natural parameters, R contexts, T time.
"""

import math
from functools import partial
from typing import NamedTuple

import jax
import jax.numpy as jnp

from glns import rows, settings
from glns.network import Neuron

PROJECTIONS = ("signed", "public", "non_negative")
STEP_RULES = ("damped", "plain")
IMPLEMENTATIONS = ("scan", "gram")


class Normal(NamedTuple):
    """Isotropic Gaussians over the target."""

    mean: jax.Array  # [.., d]
    variance: jax.Array  # [..], of each of the d dimensions


class Rule(NamedTuple):
    """The constants of the update.

    projection: what keeps the predictions valid;
      "signed": weights have any sign. A neuron predicts with the nearest weights whose variance lies in [min_variance,
        max_variance], but stores the weights unprojected. The gradient is that of the projected prediction: beyond a
        bound a neuron learns its mean alone. The default: on a held-out part of concrete it left 0.26 of the variance
        unexplained, "non_negative" 0.34, each at the best of three rates;
      "public": the public code's; as "signed", but a negative precision is projected to min_variance, full certainty;
      "non_negative": the paper's; weights in [0, weight_bound] whose norm is at least min_norm, so that no mean leaves
        the convex hull of the means of the inputs and biases.
    step_rule: the step down the gradient; "plain" is rate * gradient (the paper and the public code), "damped" is ours,
      see `damped_rate`.
    min_variance, max_variance: inputs are clipped to them too. With signed weights a mean is a quotient by a precision,
      which must not come near 0. So our defaults are close together, for targets of variance 1, and max_variance is the
      noise to expect (the public code has 1e5, and leaves min_variance to the caller).
    weight_bound: of the absolute weight (the public code: 1e3; the paper's b). min_norm: the paper's epsilon.
    bias_scale, bias_variance: see `biases` (the public code: 1 and 1).
    """

    projection: str = "signed"
    step_rule: str = "damped"
    min_variance: float = 0.05
    max_variance: float = 0.25
    weight_bound: float = 1e3
    min_norm: float = 1e-3
    bias_scale: float = 1.0
    bias_variance: float = 1.0


def biases(rule: Rule, target_dim: int) -> Normal:
    """The constant inputs of every layer: means [F', d], variances [F'].

    d = 1: means -bias_scale, 0, bias_scale (the public code). d > 1: means at +- bias_scale on every axis (the paper).
    """
    axes = rule.bias_scale * jnp.eye(target_dim)
    mean = jnp.concatenate([-axes, jnp.zeros((1, 1)), axes] if target_dim == 1 else [-axes, axes])
    return Normal(mean, jnp.full(len(mean), rule.bias_variance))


def features(inputs: Normal) -> jax.Array:
    """The natural parameters of the inputs; a neuron takes their weighted sum. mean [F, d], variance [F] -> [F, P]."""
    precision = 1 / inputs.variance[:, None]
    return jnp.concatenate([precision, precision * inputs.mean], axis=1)


def predict(weights: jax.Array, context: jax.Array, inputs: Normal, rule: Rule) -> Normal:
    """The weighted product of the inputs under a context (Budden 2020).

    weights [R, F], context [], inputs of mean [F, d] and variance [F] -> mean [d], variance [].
    """
    x = features(inputs)
    row = rows.select(weights, rows.check(context, len(weights)))
    return _normal(_project(_mix(row, x, rule), _dot(x[:, 0], x), rule))


def learn(
    weights: jax.Array, contexts: jax.Array, inputs: Normal, targets: jax.Array, rates: jax.Array, rule: Rule
) -> tuple[jax.Array, Normal]:
    """Online gradient descent over a stream, on the log loss of a neuron's own prediction (Budden 2020).

    Example t is predicted by the weights after examples 0 .. t - 1. Then its context's row is updated. No other row is
    read or written.

    weights [R, F], contexts [T], inputs of mean [T, F, d] and variance [T, F], targets [T, d], rates [T]
    -> weights [R, F], outputs of mean [T, d] and variance [T].
    """

    def learn_one(weights, example):
        context, inputs, target, rate = example
        x = features(inputs)
        row = rows.select(weights, context)
        output, step = _step(_mix(row, x, rule), _dot(x.T, x), target, rate, rule)
        return rows.replace(weights, context, _updated(row, -_dot(x, step), rule)), output

    return jax.lax.scan(learn_one, weights, (rows.check(contexts, len(weights)), inputs, targets, rates))


def learn_gram(
    weights: jax.Array, contexts: jax.Array, inputs: Normal, targets: jax.Array, rates: jax.Array, rule: Rule
) -> tuple[jax.Array, Normal]:
    """Computes `learn` for weights of any sign by matrix products; reads them at the start, writes them at the end.

    An update is a combination of its example's features. So its effect on a later example of the same context follows
    from the products of their features: [T, T, P, P], the same for all neurons of a layer. If a weight might have
    crossed weight_bound, all weights are NaN, never a wrong number: use `learn` instead.
    """
    contexts = rows.check(contexts, len(weights))
    x = jax.vmap(features)(inputs)
    grams = jnp.einsum("sfp,tfq->stpq", x, x, precision="highest")
    same = contexts[:, None] == contexts[None]

    def learn_one(natural, example):
        t, target, rate = example
        output, step = _step(natural[t], grams[t, t], target, rate, rule)
        return natural - jnp.where(same[t][:, None], _dot(step, grams[t]), 0.0), (output, step)

    natural = jnp.einsum("tf,tfp->tp", rows.select(weights, contexts), x, precision="highest")
    _, (outputs, steps) = jax.lax.scan(learn_one, natural, (jnp.arange(len(x)), targets, rates))
    changes = jnp.einsum("tfp,tp->tf", x, steps, precision="highest")
    reach = rows.add(jnp.abs(weights), contexts, jnp.abs(changes))
    return jnp.where(jnp.all(reach <= rule.weight_bound), rows.add(weights, contexts, -changes), jnp.nan), outputs


def loss_gradient(output: Normal, target: jax.Array) -> jax.Array:
    """d log loss / d natural parameters: mean [d], variance [], target [d] -> [P]."""
    error = target - output.mean
    of_precision = 0.5 * (_dot(error, error) - len(target) * output.variance) + _dot(error, output.mean)
    return jnp.concatenate([of_precision[None], -error])


def damped_rate(output: Normal, change: jax.Array, descent: jax.Array, rate: jax.Array) -> jax.Array:
    """The rate of a step that never raises its example's loss, however large `rate` is. Ours: a plain step can diverge.

    A step of rate r changes the natural parameters by -r * change [P] and, to first order, the loss by -r * descent [].
    The second derivative h of the loss along it is the squared length of `change` in the Fisher metric. The result is
    the inverse of the sum of the inverses of three rates: `rate`; descent / h, where the quadratic model of the loss is
    minimal; and 1 / √(2h), the damping of Newton's method on a self-concordant function, within which the precision
    stays positive.
    """
    of_mean = change[1:] - output.mean * change[0]
    h = output.variance * _dot(of_mean, of_mean) + 0.5 * len(of_mean) * (output.variance * change[0]) ** 2
    tiny = jnp.finfo(descent.dtype).tiny  # a step to nowhere: 0 / 0
    return 1 / (1 / rate + h / jnp.maximum(descent, tiny) + jnp.sqrt(2 * h))


def _mix(row, x, rule):
    """The natural parameters [P] of the prediction, not yet projected."""
    return _dot(jnp.clip(row, -rule.weight_bound, rule.weight_bound), x)


def _project(natural, of_precision, rule):
    """The natural parameters [P] of the nearest weights of an allowed variance. natural [P] -> [P].

    of_precision: precisions [F] times features, [P]. A change of the weights in proportion to the precisions is the
    shortest one to a given precision.
    """
    if rule.projection == "non_negative":
        return natural
    low, high = 1 / rule.max_variance, 1 / rule.min_variance
    precision = jnp.clip(natural[0], low, high)
    if rule.projection == "public":
        precision = jnp.where(natural[0] < 0, high, precision)
    shift = (precision - natural[0]) / of_precision[0]
    return jnp.concatenate([precision[None], natural[1:] + shift * of_precision[1:]])


def _step(natural, gram, target, rate, rule):
    """One example's prediction and step [P]: the update subtracts features @ step from the weights.

    natural [P] before projection, gram [P, P] = features^T features.
    """
    projected = _project(natural, gram[0], rule)
    output = _normal(projected)
    gradient = loss_gradient(output, target)
    fixed = _dot(gram[0], gradient) / gram[0, 0]  # the projection fixes the precision: no step along it
    gradient = gradient.at[0].add(-jnp.where(projected[0] == natural[0], 0.0, fixed))
    if rule.step_rule == "damped":
        change = _dot(gram, gradient)
        rate = damped_rate(output, change, _dot(gradient, change), rate)
    return output, rate * gradient


def _updated(row, change, rule):
    """The row after an update, within its bounds. row [F], change [F] -> [F]."""
    if rule.projection != "non_negative":
        return row + jnp.where(jnp.abs(row) <= rule.weight_bound, change, 0.0)  # the clip has no gradient beyond it
    row = jnp.clip(row + change, 0.0, rule.weight_bound)
    norm = jnp.linalg.norm(row)
    grown = jnp.where(norm > 0, row * rule.min_norm / norm, rule.min_norm / math.sqrt(len(row)))
    return jnp.where(norm < rule.min_norm, grown, row)


def _normal(natural):
    return Normal(natural[1:] / natural[0], 1 / natural[0])


def _dot(a, b):
    return jnp.matmul(a, b, precision="highest")


def neuron(rule: Rule, target_dim: int = 1, *, implementation: str = "scan") -> Neuron:
    """The Gaussian family, for `network`: inputs and outputs are `Normal`s, targets are [d].

    Weights start at 1 / F (the public code). implementation: "scan" is `learn`, "gram" is `learn_gram`, which
    computes the same for weights of any sign ("signed" and "public").
    """
    _check(rule, target_dim, implementation)
    constant = biases(rule, target_dim)

    def init(num_contexts, width):
        fan_in = width + len(constant.mean)
        return jnp.full((num_contexts, fan_in), 1.0 / fan_in, float)

    def prepare_inputs(outputs):
        clipped = Normal(outputs.mean, jnp.clip(outputs.variance, rule.min_variance, rule.max_variance))
        return jax.tree.map(lambda below, bias: jnp.concatenate([below, bias.astype(below.dtype)]), clipped, constant)

    chosen = {"scan": learn, "gram": learn_gram}[implementation]
    return Neuron(init, prepare_inputs, partial(predict, rule=rule), partial(chosen, rule=rule))


def _check(rule, target_dim, implementation):
    choices = {
        "projection": (rule.projection, PROJECTIONS),
        "step_rule": (rule.step_rule, STEP_RULES),
        "implementation": (implementation, IMPLEMENTATIONS),
    }
    for name, (value, allowed) in choices.items():
        if value not in allowed:
            raise ValueError(f"{name} must be one of {', '.join(allowed)}; got {value!r}")
    if rule.projection == "non_negative" and implementation == "gram":
        raise ValueError("implementation must be 'scan' for the projection 'non_negative'; 'gram' takes any sign")
    names = ("min_variance", "max_variance", "weight_bound", "min_norm", "bias_scale", "bias_variance")
    settings.check_counts(1, target_dim=target_dim)
    settings.check_positive(**{name: getattr(rule, name) for name in names})
    variances = rule.min_variance, rule.max_variance
    if not any(isinstance(variance, jax.core.Tracer) for variance in variances) and not variances[0] < variances[1]:
        raise ValueError(f"min_variance must be positive and below max_variance, got {variances[0]} and {variances[1]}")
