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

from glns import native
from glns.network import Neuron

CLIP_RULES = ("margin", "always", "dead_zone")
FORMS = ("auto", "native", "gram", "rows", "minibatch")


class Rule(NamedTuple):
    """The constants of the update.

    epsilon: predictions are clipped to [epsilon, 1 - epsilon] (the public code's value; the paper leaves it open).
    weight_bound: weights stay in [-weight_bound, weight_bound] (Veness 2019: 200).
    clip_rule: what a neuron does whose prediction p left [epsilon, 1 - epsilon], for target y:
      "margin" learns unless |y - p| <= epsilon (Sezener 2021). The default, because on the same network "always" is
        about three points of accuracy worse on MNIST and "dead_zone" loses whole seeds;
      "always" learns on the clipped prediction (Veness 2019, Algorithm 1);
      "dead_zone" never learns there, even when confidently wrong (the gradient of the public code).
    initial_weight: what weights start at; None is 1 / F, the geometric mean of the inputs (Veness 2019, §2). The
      public code starts at 0.
    bias: the logit of the last input of every layer, a constant (the public code: 1, p = e / (e + 1)).
    """

    epsilon: float = 0.01
    weight_bound: float = 200.0
    clip_rule: str = "margin"
    initial_weight: float | None = None
    bias: float = 1.0


def neuron(rule: Rule, form: str = "auto") -> Neuron:
    """The Bernoulli family, for `network`: inputs and outputs are logits, targets are 0 or 1.

    form: how the same update is computed.
      "native" walks through the stream in `native.cc`, on a CPU;
      "gram" is `learn_gram`, matrix products and a recurrence of scalars;
      "rows" is `learn`, the equations as they stand;
      "auto" takes native on a CPU, and gram elsewhere; on a CPU where native was not built, what is faster there;
      "minibatch" is `learn_minibatch`: another update, not the paper's.
    """
    if rule.clip_rule not in CLIP_RULES:
        raise ValueError(f"clip_rule must be one of {', '.join(CLIP_RULES)}; got {rule.clip_rule!r}")
    if not 0 < rule.epsilon < 0.5:
        raise ValueError(f"epsilon must lie between 0 and 0.5, got {rule.epsilon}")
    if rule.weight_bound <= 0:
        raise ValueError(f"weight_bound must be positive, got {rule.weight_bound}")
    if form not in FORMS:
        raise ValueError(f"form must be one of {', '.join(FORMS)}; got {form!r}")
    if form == "native" and not native.available:
        raise ValueError(
            "the native form was not built; install the package where a C++ compiler is, or use form='auto'"
        )

    def init(num_contexts, width):
        weight = 1.0 / (width + 1) if rule.initial_weight is None else rule.initial_weight
        return jnp.full((num_contexts, width + 1), weight, float)

    def feed(logits):
        return jnp.append(clip(logits, rule), jnp.asarray(rule.bias, logits.dtype))

    def native_learn(*args):
        clip_rule = CLIP_RULES.index(rule.clip_rule)
        return native.learn(*args, epsilon=rule.epsilon, weight_bound=rule.weight_bound, clip_rule=clip_rule)

    forms = {
        "native": (native_learn, native.predict),
        "gram": (partial(learn_gram, rule=rule), predict),
        "rows": (partial(learn, rule=rule), predict),
        "minibatch": (partial(learn_minibatch, rule=rule), predict),
    }
    if form != "auto":
        return Neuron(init, feed, forms[form][1], forms[form][0])

    def auto(place, weights, *stream):
        of_cpu = "native" if native.available else "gram" if len(weights) <= 4 else "rows"
        return jax.lax.platform_dependent(weights, *stream, cpu=forms[of_cpu][place], default=forms["gram"][place])

    return Neuron(init, feed, partial(auto, 1), partial(auto, 0))


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
        row, logit = _learn_one(weights[context], x, target, rate, rule)
        return weights.at[context].set(row), logit

    return jax.lax.scan(step, weights, (contexts, inputs, targets, rates))


def learn_gram(
    weights: jax.Array, contexts: jax.Array, inputs: jax.Array, targets: jax.Array, rates: jax.Array, rule: Rule
) -> tuple[jax.Array, jax.Array]:
    """`learn` in another form: one product before, one after, and scalars in between. For T of a few hundred at most.

    Every update is a multiple of an input, so with the step sizes g_s the logit of example t is

        w . x_t - sum over s < t of [contexts equal] g_s (x_s . x_t),    w the row at the start.

    The weight bound is not linear. Should it be in reach, the rows are walked instead.
    """
    gram = jnp.matmul(inputs, inputs.T, precision="highest")  # [T, T], the same for every neuron of a layer
    first = jnp.matmul(weights, inputs.T, precision="highest")  # [R, T]
    time = jnp.arange(len(contexts))

    def scalar(steps, t):
        logit = first[contexts[t], t] - jnp.sum(jnp.where(contexts == contexts[t], steps * gram[t], 0))
        return steps.at[t].set(rates[t] * error(logit, targets[t], rule)), logit

    steps, logits = jax.lax.scan(scalar, jnp.zeros_like(first[0]), time)
    selected = jax.nn.one_hot(contexts, len(weights), axis=0) * steps[None]  # [R, T]
    learned = weights - jnp.matmul(selected, inputs, precision="highest")
    reach = jnp.max(jnp.abs(weights)) + jnp.sum(jnp.abs(steps)) * jnp.max(jnp.abs(inputs))
    free = reach <= rule.weight_bound  # no weight came to the bound at any time

    def walk(state):
        weights, logits, t = state
        row, logit = _learn_one(weights[contexts[t]], inputs[t], targets[t], rates[t], rule)
        return weights.at[contexts[t]].set(row), logits.at[t].set(logit), t + 1

    # A loop of no turns where the bound is far; unlike a `cond`, it stays one under `vmap`.
    start = (jnp.where(free, learned, weights), logits, jnp.where(free, len(contexts), 0))
    return jax.lax.while_loop(lambda state: state[2] < len(contexts), walk, start)[:2]


def learn_minibatch(
    weights: jax.Array, contexts: jax.Array, inputs: jax.Array, targets: jax.Array, rates: jax.Array, rule: Rule
) -> tuple[jax.Array, jax.Array]:
    """NOT the paper's rule: every example of the stretch sees the weights of its start, and all of them move at once.

    Shapes as in `learn`. With T = 1 the two agree.
    """
    logits = jax.vmap(predict, in_axes=(None, 0, 0))(weights, contexts, inputs)
    steps = rates * error(logits, targets, rule)
    selected = jax.nn.one_hot(contexts, len(weights), axis=0) * steps[None]  # [R, T]
    learned = weights - jnp.matmul(selected, inputs, precision="highest")
    return jnp.clip(learned, -rule.weight_bound, rule.weight_bound), logits


def _learn_one(row, x, target, rate, rule):
    """One example: the selected row [F] -> the row, moved and projected onto the bound, and the logit before it."""
    logit = jnp.matmul(row, x, precision="highest")
    row = row - rate * error(logit, target, rule) * x
    return jnp.clip(row, -rule.weight_bound, rule.weight_bound), logit
