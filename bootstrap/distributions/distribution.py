"""What a distribution is, and noise on its labels."""

from collections.abc import Callable
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp

from bootstrap import settings


class Distribution(NamedTuple):
    """A law of samples. Sample i of a stream is sampler(fold_in(key, i), arrays): a function of (key, i) only."""

    # (key, arrays) -> (x [D..] float32, y [] int32, or targets [d] float32): one sample; the key is consumed
    sampler: Callable
    arrays: Any  # what it draws from: an argument of the program, never closed over
    num_classes: int  # 0 where there are targets


def with_label_noise(sampler: Callable, num_classes: int, noise: float | jax.Array) -> Callable:
    """A sampler whose label is, with probability `noise`, a wrong one, each equally likely (Nakkiran 2021, code).

    The wrong label belongs to the sample: it is the same each time the sample is shown. x does not depend on `noise`.
    A label that is wrong at one `noise` is the same wrong label at every larger `noise`. At (K - 1) / K the labels are
    uniform and independent of x. A label outside 0 .. K - 1 stays as it is.
    """
    settings.check_counts(2, num_classes=num_classes)
    settings.check_fraction(label_noise=noise)

    def noisy(key, arrays):
        k_sample, k_whether, k_other = jax.random.split(key, 3)
        x, y = sampler(k_sample, arrays)
        other = (y + jax.random.randint(k_other, (), 1, num_classes)) % num_classes
        is_wrong = (jax.random.uniform(k_whether) < noise) & (y >= 0) & (y < num_classes)
        return x, jnp.where(is_wrong, other, y)

    return noisy
