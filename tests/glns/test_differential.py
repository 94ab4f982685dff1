"""Random neurons on random streams, by every implementation, against Algorithm 1 in NumPy.

Rates may be so large that two right programs part after a few examples: each one's rounding grows at every step. So the
oracle follows an implementation: example by example it takes the logit that the implementation says, and checks it and
the last weights against the rows that follow from the logits before it.
"""

import functools
from typing import NamedTuple

import hypothesis
import jax
import jax.numpy as jnp
import numpy as np
import pytest
from hypothesis import strategies

from glns import bernoulli, gaussian, native
from glns.bernoulli import Rule

IMPLEMENTATIONS = [*(["native"] if native.available else []), "gram", "pallas", "scan"]
random = functools.partial(hypothesis.settings, deadline=None, database=None, derandomize=True)


class Case(NamedTuple):
    """What a program is compiled for: neurons, contexts, fan-in, examples."""

    K: int
    R: int
    F: int
    T: int
    rule: Rule
    dtype: type


CASES = {
    "rows, five neurons": Case(5, 8, 35, 12, Rule(0.01, 200.0, "margin"), np.float32),
    "a table that is copied, bounds": Case(4, 2, 17, 34, Rule(0.1, 0.7, "dead_zone"), np.float64),
    "less than a register, no half-space": Case(1, 1, 5, 12, Rule(0.2, 3.0, "always"), np.float32),
    "one neuron, one example": Case(1, 1, 16, 1, Rule(0.01, 200.0, "margin"), np.float64),
}


@functools.cache
def program(case):
    """-> {implementation: (weights, logits)}, of K neurons with the same inputs."""
    axes = (0, 0, None, None, None)
    learns = {name: jax.vmap(bernoulli.neuron(case.rule, name).learn, in_axes=axes) for name in IMPLEMENTATIONS}
    return jax.jit(lambda *stream: {name: learn(*stream) for name, learn in learns.items()})


def follow(case, weights, contexts, inputs, targets, rates, logits):
    """One neuron in float64 -> its rows' logits and weights, the size of what is added up in each, the least distance
    of a prediction to where the rule changes. NaN and no step for a context that is no row."""
    rule, table, reach = case.rule, weights.astype(float), np.abs(weights).astype(float)
    expected, sizes, distance = np.full(case.T, np.nan), np.ones(case.T), 1.0
    for t, (context, x, y, rate) in enumerate(zip(contexts, inputs.astype(float), targets, rates, strict=True)):
        if not 0 <= context < case.R:
            continue
        expected[t], sizes[t] = table[context] @ x, reach[context] @ np.abs(x)
        p = 1 / (1 + np.exp(-np.clip(float(logits[t]), -700, 700)))
        distance = min(distance, abs(p - rule.epsilon), abs(1 - p - rule.epsilon))
        clipped = np.clip(p, rule.epsilon, 1 - rule.epsilon)
        learns = {"always": True, "margin": abs(y - p) > rule.epsilon, "dead_zone": p == clipped}[rule.clip_rule]
        step = learns * float(rate) * (clipped - y)
        table[context] = np.clip(table[context] - step * x, -rule.weight_bound, rule.weight_bound)
        reach[context] += np.abs(step * x)
    return expected, sizes, table, reach, distance


@pytest.mark.parametrize("case", CASES.values(), ids=CASES)
def test_every_implementation_follows_algorithm_1(case):
    exponents = strategies.floats(-4, 3)

    @random(max_examples=10)
    @hypothesis.given(
        strategies.integers(0, 2**32 - 1),
        exponents,
        strategies.floats(-3, 1),
        strategies.lists(strategies.integers(-2, case.R + 1), min_size=case.T, max_size=case.T),
    )
    def check(seed, log_rate, log_scale, contexts):
        rng = np.random.default_rng(seed)
        weights = np.clip(rng.normal(size=(case.K, case.R, case.F)), -1, 1) * min(case.rule.weight_bound, 2.0)
        inputs = 10**log_scale * rng.normal(size=(case.T, case.F))
        of_neurons = np.array([np.roll(contexts, k) for k in range(case.K)], np.int32)
        targets, rates = rng.integers(0, 2, case.T), np.full(case.T, 10**log_rate)
        numbers = [array.astype(case.dtype) for array in (inputs, targets, rates)]
        weights = weights.astype(case.dtype)
        made = program(case)(*map(jnp.asarray, (weights, of_neurons, *numbers)))
        for name, (learned, logits) in made.items():
            for k in range(case.K):
                stream = weights[k], of_neurons[k], *numbers
                expected, sizes, table, reach, distance = follow(case, *stream, np.asarray(logits[k]))
                hypothesis.assume(distance > 1e-5)
                tolerance = 8 * case.F**0.5 * np.finfo(case.dtype).eps
                np.testing.assert_array_equal(np.isnan(logits[k]), np.isnan(expected), err_msg=name)
                excess = np.nan_to_num(np.abs(logits[k] - expected)) / sizes
                assert excess.max() < tolerance, (name, excess)
                assert (np.abs(learned[k] - table) <= tolerance * reach).all(), name

    with jax.enable_x64(case.dtype is np.float64):
        check()


@pytest.mark.parametrize("projection", ["signed", "public"])
def test_the_gaussian_implementations_agree(projection):
    T, F, R = 16, 5, 4
    rule = gaussian.Rule(projection=projection)
    learns = [jax.jit(gaussian.neuron(rule, implementation=name).learn) for name in ("scan", "gram")]

    @random(max_examples=10)
    @hypothesis.given(
        strategies.integers(0, 2**32 - 1),
        strategies.floats(-4, 3),
        strategies.lists(strategies.integers(-2, R + 1), min_size=T, max_size=T),
    )
    def check(seed, log_rate, contexts):
        rng = np.random.default_rng(seed)
        inputs = gaussian.Normal(jnp.asarray(rng.normal(size=(T, F, 1))), jnp.asarray(rng.uniform(0.05, 0.25, (T, F))))
        weights, targets = rng.normal(size=(R, F)), rng.normal(size=(T, 1))
        stream = jnp.asarray(contexts, jnp.int32), inputs, jnp.asarray(targets), jnp.full(T, 10**log_rate)
        one, other = (learn(jnp.asarray(weights), *stream) for learn in learns)
        jax.tree.map(functools.partial(np.testing.assert_allclose, rtol=1e-6, atol=1e-9), one, other)
        unknown = (np.array(contexts) < 0) | (np.array(contexts) >= R)
        np.testing.assert_array_equal(np.isnan(one[1].mean[:, 0]), unknown)
        assert not np.isnan(one[0]).any()

    with jax.enable_x64(True):
        check()
