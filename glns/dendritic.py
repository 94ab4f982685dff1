"""The dendritic gated neuron: a sum over the branches with open gates (Sezener 2021, bioRxiv 2021.03.10.434756).

    output = (sum_b g_b w_b) . inputs

A `bernoulli` neuron has one weight row for every combination of gates; this one has one row for every branch, and an
update changes the rows of all open branches. Use it in `network` with the gate `context.branches`, whose context is the
g_b. The equations are those of the authors' public notebook, with one exception: its code, unlike its text, adds the
branches of all K neurons of a layer, where ours adds each neuron's own. So its rates (1e-5 for regression, 1e-4 for
classification) are about 10 times too low here.

Letters: F fan-in (bias included), R branches, T time.
"""

from collections.abc import Callable
from functools import partial

import jax
import jax.numpy as jnp

from glns.bernoulli import Rule, check_rule, clip
from glns.bernoulli import error as bernoulli_error
from glns.network import Neuron

IMPLEMENTATIONS = ("scan", "gram")


def bernoulli(epsilon: float = 0.01, implementation: str = "gram") -> Neuron:
    """The dendritic counterpart of `bernoulli.neuron`: inputs and outputs are logits, targets are 0 or 1.

    It learns unless |y - p| <= epsilon, and has no weight bound. The bias of logit 1 comes first, not last; weights
    start at 0. implementation: "gram" is `learn_gram`, "scan" is `learn`; they compute the same.
    """
    rule = Rule(epsilon, clip_rule="margin")
    check_rule(rule)
    return _neuron(lambda logits: clip(logits, rule), partial(bernoulli_error, rule=rule), implementation)


def regression(implementation: str = "gram") -> Neuron:
    """For real targets under the loss (y - output)² / 2; the bias, 1, comes first; weights start at 0.

    implementation: "gram" is `learn_gram`, "scan" is `learn`; they compute the same.
    """
    return _neuron(lambda outputs: outputs, lambda output, target: output - target, implementation)


def _neuron(clip, error, implementation):
    if implementation not in IMPLEMENTATIONS:
        raise ValueError(f"implementation must be one of {', '.join(IMPLEMENTATIONS)}; got {implementation!r}")

    def init(num_branches, width):
        return jnp.zeros((num_branches, width + 1))

    def prepare_inputs(outputs):
        return jnp.concatenate([jnp.ones_like(outputs[:1]), clip(outputs)])

    chosen = {"scan": learn, "gram": learn_gram}[implementation]
    return Neuron(init, prepare_inputs, predict, partial(chosen, error=error))


def predict(weights: jax.Array, gates: jax.Array, inputs: jax.Array) -> jax.Array:
    """weights [R, F], gates [R] of 0 and 1, inputs [F] -> output []."""
    return jnp.matmul(jnp.matmul(gates, weights, precision="highest"), inputs, precision="highest")


def learn(
    weights: jax.Array, gates: jax.Array, inputs: jax.Array, targets: jax.Array, rates: jax.Array, error: Callable
) -> tuple[jax.Array, jax.Array]:
    """Online gradient descent over a stream: every open branch changes by -rate * error * input.

    error: (output [], target []) -> d loss / d output. weights [R, F], gates [T, R], inputs [T, F], targets [T],
    rates [T] -> weights [R, F], outputs [T].
    """

    def step(weights, example):
        gates, x, target, rate = example
        output = predict(weights, gates, x)
        return weights - rate * error(output, target) * jnp.outer(gates, x), output

    return jax.lax.scan(step, weights, (gates, inputs, targets, rates))


def learn_gram(
    weights: jax.Array, gates: jax.Array, inputs: jax.Array, targets: jax.Array, rates: jax.Array, error: Callable
) -> tuple[jax.Array, jax.Array]:
    """Computes `learn` by matrix products and a recurrence of scalars. For T of a few hundred at most.

    Every update is a multiple of an input. So with step sizes e_s and w the weights at the start, the output of example
    t is

        (sum_b g_tb w_b) . x_t - sum over s < t of (branches open at both s and t) e_s (x_s . x_t).

    There is no weight bound, so this always holds.
    """
    gates = gates.astype(weights.dtype)  # a product of bools would be no sum
    gram = jnp.matmul(inputs, inputs.T, precision="highest")  # [T, T], the same for every neuron of a layer
    shared = jnp.matmul(gates, gates.T, precision="highest")  # [T, T], numbers of branches
    first = jnp.sum(gates * jnp.matmul(inputs, weights.T, precision="highest"), axis=-1)  # [T]

    def scalar(steps, t):
        output = first[t] - jnp.dot(shared[t] * gram[t], steps, precision="highest")
        return steps.at[t].set(rates[t] * error(output, targets[t])), output

    steps, outputs = jax.lax.scan(scalar, jnp.zeros_like(first), jnp.arange(len(first)))
    return weights - jnp.matmul((steps[:, None] * gates).T, inputs, precision="highest"), outputs
