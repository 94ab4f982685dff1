"""What a line of a benchmark suite is: two programs that learn the same thing, and the minimal work that it takes.

Letters: B batch, D inputs.
"""

import math
import time
from collections.abc import Callable
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp


class Program(NamedTuple):
    """One of the two programs of a comparison."""

    step: Callable  # state -> state: learns `count` more examples; it may consume its state
    state: Any
    count: int


class Comparison(NamedTuple):
    """Ours against the baseline, and the operations and bytes that one example cannot do without."""

    ours: Program
    baseline: Program
    operations: float
    bytes: float


class Benchmark(NamedTuple):
    """A line of the table. Nothing is computed before `build()` is called."""

    name: str
    unit: str  # of the rates, e.g. "samples/s"
    build: Callable[[], Comparison]


def clock(program: Program, seconds: float) -> Callable[[], float]:
    """Warms a program up. -> () -> its rate over about `seconds`, going on where the last call ended."""

    def time_calls(state, num_calls):
        start = time.perf_counter()
        for _ in range(num_calls):
            state = program.step(state)
        jax.block_until_ready(state)
        return state, time.perf_counter() - start

    state, _ = time_calls(program.state, 1)  # compiles
    state, once = time_calls(state, 1)
    num_calls = max(1, math.ceil(seconds / once))

    def rate():
        nonlocal state
        state, elapsed = time_calls(state, num_calls)
        return num_calls * program.count / elapsed

    return rate


def rate(program: Program, seconds: float) -> float:
    """A program's rate over about `seconds`, once it is warm."""
    return clock(program, seconds)()


NUM_CLASSES = 10


def stream(num_samples: int, dim: int) -> tuple[jax.Array, jax.Array]:
    """Images of ten classes, each a noisy prototype: x [n, D] in 0 .. 1, about half of it 0, y [n]."""
    k_class, k_label, k_noise = jax.random.split(jax.random.key(0), 3)
    prototypes = jax.random.normal(k_class, (NUM_CLASSES, dim))
    y = jax.random.randint(k_label, (num_samples,), 0, NUM_CLASSES)
    x = 0.3 * prototypes[y] + 0.2 * jax.random.normal(k_noise, (num_samples, dim))
    return jnp.clip(x, 0, 1), y
