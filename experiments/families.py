"""Families of tasks from the distributions of `bootstrap`: each task is a law of its own, whose seed is drawn.

A family is a pure function (key, data, num_samples) -> (inputs [n, D], labels [n] int32), see `blur.tasks`.

Letters: D inputs, n samples of a task.
"""

from collections.abc import Callable, Sequence
from functools import partial
from typing import Any

import jax
import jax.numpy as jnp

from bootstrap import distributions


def gaussians(
    key: jax.Array,
    data: Any,
    num_samples: int,
    *,
    num_inputs: int,
    num_classes: int,
    separation: float,
    num_components: int = 1,
) -> tuple[jax.Array, jax.Array]:
    """Mixtures of Gaussians with other means in each task: `bootstrap.distributions.gaussians`. Consumes the key."""
    del data
    settings = {"num_inputs": num_inputs, "num_classes": num_classes, "num_components": num_components}
    return _samples(key, num_samples, partial(distributions.gaussians, separation=separation, **settings))


def teacher(
    key: jax.Array, data: Any, num_samples: int, *, num_inputs: int, num_classes: int, features: Sequence[int] = ()
) -> tuple[jax.Array, jax.Array]:
    """Gaussians that in each task another network labels: `bootstrap.distributions.teacher`. Consumes the key."""
    del data
    law = partial(distributions.teacher, num_inputs=num_inputs, num_classes=num_classes, features=features)
    return _samples(key, num_samples, law)


def _samples(key: jax.Array, num_samples: int, law: Callable) -> tuple[jax.Array, jax.Array]:
    """law: seed -> a distribution."""
    k_law, k_samples = jax.random.split(key)
    sampler, arrays, _ = law(seed=jax.random.bits(k_law, dtype=jnp.uint32))
    x, y = jax.vmap(sampler, (0, None))(jax.random.split(k_samples, num_samples), arrays)
    return x, y.astype(jnp.int32)
