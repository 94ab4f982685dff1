"""The Bernoulli neuron: geometric mixing of probabilities, learned online by a convex, local rule (Veness 2019, §2).

Everything here is written for ONE neuron; layers, classes and seeds are `vmap`s of it. A neuron works on logits: its
inputs are logit(p) for the probabilities p of the layer below, and its output is the logit of its own prediction.

The last input of every layer is a constant, the bias: logit 1, p = e / (e + 1) (the public code).

Letters: F fan-in (bias included), R contexts, T time.
"""

import math
from collections.abc import Callable
from functools import partial
from typing import NamedTuple

import jax
import jax.numpy as jnp

from glns import native, pallas, rows, settings
from glns.network import Neuron

_BIAS = 1.0
CLIP_RULES = ("margin", "always", "dead_zone")
IMPLEMENTATIONS = ("auto", "native", "gram", "pallas", "scan")


class Rule(NamedTuple):
    """The constants of the update.

    epsilon: predictions are clipped to [epsilon, 1 - epsilon] (the public code's value; the paper leaves it open).
    weight_bound: weights stay in [-weight_bound, weight_bound] (Veness 2019: 200).
    clip_rule: when a neuron learns from target y if its prediction p is outside [epsilon, 1 - epsilon]:
      "margin": unless |y - p| <= epsilon (Sezener 2021). The default: on the same network the accuracy of "always" on
        MNIST is about three points lower, and "dead_zone" loses whole seeds;
      "always": always, on the clipped prediction (Veness 2019, Algorithm 1);
      "dead_zone": never, even when confidently wrong (the gradient of the public code).
    """

    epsilon: float = 0.01
    weight_bound: float = 200.0
    clip_rule: str = "margin"


def neuron(rule: Rule, implementation: str = "auto") -> Neuron:
    """The Bernoulli family, for `network`: inputs and outputs are logits, targets are 0 or 1.

    Weights start at 1 / F, the geometric mean of the inputs (Veness 2019, §2); the public code starts at 0.

    implementation: how the update is computed; all compute the same update.
      "native": on a CPU, a loop over the stream in C++ (`native.cc`);
      "gram": `learn_gram`, matrix products and a recurrence of scalars;
      "pallas": the same, with the recurrence as one kernel on a GPU or TPU (`pallas.py`);
      "scan": `learn`, the paper's equations;
      "auto": native on a CPU, gram elsewhere; on a CPU without native, the faster of gram and scan.
    Derivatives are those of `predict` and `learn`, whatever the implementation.
    """
    check_rule(rule)
    _check(implementation)

    def init(num_contexts, width):
        return jnp.full((num_contexts, width + 1), 1.0 / (width + 1), float)

    def prepare_inputs(logits):
        return jnp.append(clip(logits, rule), jnp.asarray(_BIAS, logits.dtype))

    def native_learn(*args):
        clip_rule = CLIP_RULES.index(rule.clip_rule)
        return native.learn(*args, epsilon=rule.epsilon, weight_bound=rule.weight_bound, clip_rule=clip_rule)

    functions = {
        "native": (native_learn, native.predict),
        "gram": (partial(learn_gram, rule=rule), predict),
        "pallas": (partial(learn_gram, rule=rule, recurrence=pallas.recurrence(partial(error, rule=rule))), predict),
        "scan": (partial(learn, rule=rule), predict),
    }
    if implementation == "scan":
        return Neuron(init, prepare_inputs, predict, functions["scan"][0])

    def chosen(place, weights, contexts, *numbers):
        if implementation != "auto":
            return functions[implementation][place](weights, contexts, *numbers)
        on_cpu = "native" if native.available else "gram" if len(weights) <= 4 else "scan"
        cpu, default = functions[on_cpu][place], functions["gram"][place]
        return jax.lax.platform_dependent(weights, contexts, *numbers, cpu=cpu, default=default)

    def differentiable(place, weights, contexts, *numbers):
        function = jax.custom_jvp(partial(chosen, place))
        function.defjvp(partial(jax.jvp, functions["scan"][place]))
        return function(weights, rows.check(contexts, len(weights)), *(jnp.asarray(x, weights.dtype) for x in numbers))

    return Neuron(init, prepare_inputs, partial(differentiable, 1), partial(differentiable, 0))


def clip(logits: jax.Array, rule: Rule) -> jax.Array:
    """CLIP of Algorithm 1, in logit space: keeps each probability in [epsilon, 1 - epsilon]."""
    bound = math.log1p(-rule.epsilon) - math.log(rule.epsilon)
    return jnp.clip(logits, -bound, bound)


def predict(weights: jax.Array, context: jax.Array, inputs: jax.Array) -> jax.Array:
    """Geometric mixing under a context: logit of the unclipped prediction (Veness 2019, eq. 1).

    weights [R, F], context [], inputs [F] -> logit [].
    """
    row = rows.select(weights, rows.check(context, len(weights)))
    return jnp.matmul(row, inputs, precision="highest")


def error(logit: jax.Array, target: jax.Array, rule: Rule) -> jax.Array:
    """d loss / d logit of the log loss: p - y; beyond the clip see `Rule.clip_rule`. logit [], target [] -> []."""
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

    Example t is predicted by the weights after examples 0 .. t - 1. Then its context's row changes by
    -rate * error * input. No other row is read or written.

    weights [R, F], contexts [T], inputs [T, F], targets [T], rates [T] -> weights [R, F], logits [T].
    """

    def step(weights, example):
        context, x, target, rate = example
        row, logit = _learn_one(rows.select(weights, context), x, target, rate, rule)
        return rows.replace(weights, context, row), logit

    return jax.lax.scan(step, weights, (rows.check(contexts, len(weights)), inputs, targets, rates))


def learn_gram(
    weights: jax.Array,
    contexts: jax.Array,
    inputs: jax.Array,
    targets: jax.Array,
    rates: jax.Array,
    rule: Rule,
    recurrence: Callable | None = None,
) -> tuple[jax.Array, jax.Array]:
    """Computes `learn` by matrix products and a recurrence of scalars. For T of a few hundred at most.

    recurrence: what computes it, as `pallas.recurrence`; a `lax.scan` by default.

    Every update is a multiple of an input. So with step sizes g_s and w the row at the start, the logit of example t is

        w . x_t - sum over s < t of [contexts equal] g_s (x_s . x_t).

    The weight bound is not linear: if a weight might reach it, the rows are updated example by example instead.
    """
    contexts = rows.check(contexts, len(weights))
    gram = jnp.matmul(inputs, inputs.T, precision="highest")  # [T, T], the same for every neuron of a layer
    first = jnp.matmul(weights, inputs.T, precision="highest")  # [R, T]
    of_rows = jax.vmap(rows.select)(first.T, contexts)  # [T]
    steps, logits = (recurrence or partial(_recurrence, rule=rule))(of_rows, contexts, gram, targets, rates)
    steps = jnp.where(contexts >= 0, steps, 0)
    selected = jax.nn.one_hot(contexts, len(weights), axis=0) * steps[None]  # [R, T]
    learned = weights - jnp.matmul(selected, inputs, precision="highest")
    reach = jnp.max(jnp.abs(weights)) + jnp.sum(jnp.abs(steps)) * jnp.max(jnp.abs(inputs))
    free = reach <= rule.weight_bound  # no weight reached the bound at any time

    def walk(state):
        weights, logits, t = state
        row, logit = _learn_one(rows.select(weights, contexts[t]), inputs[t], targets[t], rates[t], rule)
        return rows.replace(weights, contexts[t], row), logits.at[t].set(logit), t + 1

    # If the bound is out of reach, this loop has no iterations. A `cond` would become a `select` under `vmap`.
    start = (jnp.where(free, learned, weights), logits, jnp.where(free, len(contexts), 0))
    return jax.lax.while_loop(lambda state: state[2] < len(contexts), walk, start)[:2]


def _recurrence(first, contexts, gram, targets, rates, rule):
    """As `pallas.recurrence`, of one neuron: -> (steps [T], logits [T])."""

    def turn(steps, t):
        logit = first[t] - jnp.sum(jnp.where(contexts == contexts[t], steps * gram[t], 0))
        return steps.at[t].set(rates[t] * error(logit, targets[t], rule)), logit

    return jax.lax.scan(turn, jnp.zeros_like(first), jnp.arange(len(contexts)))


def _learn_one(row, x, target, rate, rule):
    """One example: the selected row [F] -> the row after its update, within the bound, and the logit before."""
    logit = jnp.matmul(row, x, precision="highest")
    row = row - rate * error(logit, target, rule) * x
    return jnp.clip(row, -rule.weight_bound, rule.weight_bound), logit


def check_rule(rule: Rule, max_epsilon: float = 0.5) -> None:
    """Raises ValueError where a constant of the rule is outside its bounds; `max_epsilon` is itself too large."""
    if rule.clip_rule not in CLIP_RULES:
        raise ValueError(f"clip_rule must be one of {', '.join(CLIP_RULES)}; got {rule.clip_rule!r}")
    settings.check_between(0, max_epsilon, epsilon=rule.epsilon)
    settings.check_positive(weight_bound=rule.weight_bound)


def _check(implementation):
    if implementation not in IMPLEMENTATIONS:
        raise ValueError(f"implementation must be one of {', '.join(IMPLEMENTATIONS)}; got {implementation!r}")
    if implementation == "native" and not native.available:
        raise ValueError(
            "the native implementation was not built; install the package where there is a C++ compiler, or use "
            "implementation='auto'"
        )
