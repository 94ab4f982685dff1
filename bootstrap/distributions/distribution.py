"""What a distribution is, and noise on its labels."""

from collections.abc import Callable
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp


class Distribution(NamedTuple):
    """A law of samples. Sample i of a stream is sampler(fold_in(key, i), arrays): a function of (key, i) only."""

    sampler: Callable  # (key, arrays) -> (x [D..] float32, y [] int32): one sample; the key is consumed
    arrays: Any  # what it draws from: an argument of the program, never closed over
    num_classes: int


def with_label_noise(sampler: Callable, num_classes: int, noise: float | jax.Array) -> Callable:
    """A sampler whose label is, with probability `noise`, a wrong one, each equally likely (Nakkiran 2021, code).

    The wrong label belongs to the sample: it is the same each time the sample is shown. x does not depend on `noise`.
    A label that is wrong at one `noise` is the same wrong label at every larger `noise`. At (K - 1) / K the labels are
    uniform and independent of x. Raises ValueError where `noise` is a Python number outside 0 to 1.
    """
    if isinstance(noise, int | float) and not 0 <= noise <= 1:
        raise ValueError(f"label_noise is a fraction, from 0 to 1; got {noise}")

    def noisy(key, arrays):
        k_sample, k_whether, k_other = jax.random.split(key, 3)
        x, y = sampler(k_sample, arrays)
        other = (y + jax.random.randint(k_other, (), 1, num_classes)) % num_classes
        return x, jnp.where(jax.random.uniform(k_whether) < noise, other, y)

    return noisy
