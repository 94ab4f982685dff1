"""Toy tasks in the plane: Boolean functions and shapes, after the published code's `func2d` (Sandler 2021, §4.1).

A family is a pure function (key, data, num_samples) -> (inputs [n, 2], labels [n] int32): it draws one task, and n
samples of it. Inputs lie in [-1, 1]², moons and blobs a little beyond. Labels start at 0; label 1 means that the
function is true, or that the point is inside the shape. In the published code labels are ±1, {0, 1} or ids, by task,
and xor is true where the signs agree; in ours, where they differ.

Letters: n samples.
"""

from collections.abc import Callable
from functools import partial
from typing import Any

import jax
import jax.numpy as jnp

from blur.settings import check_counts, check_numbers

REGIONS = {  # (x [n], y [n]) -> bool [n]; the fraction of the square that is class 1
    "xor": lambda x, y: x * y < 0,  # 1/2
    "nxor": lambda x, y: x * y >= 0,  # 1/2
    "and": lambda x, y: (x > 0) & (y > 0),  # 1/4
    "nand": lambda x, y: (x <= 0) | (y <= 0),  # 3/4
    "or": lambda x, y: (x > 0) | (y > 0),  # 3/4
    "quarter_and": lambda x, y: (x < 0) & (y > 0),  # 1/4
    # The published code draws the radius from 0.2 to 0.7. The paper has two centred circles and gives no radius.
    "center_circle": lambda x, y: x**2 + y**2 < 0.6**2,  # 0.28
    "small_center_circle": lambda x, y: x**2 + y**2 < 0.4**2,  # 0.13
    "pieslice": lambda x, y: jnp.abs(jnp.arctan2(y, x)) <= 0.78,  # 1/4
    "cross": lambda x, y: (jnp.abs(x) < 0.3) | (jnp.abs(y) < 0.3),  # 0.51
    "triangle": lambda x, y: (x + y < 1) & (y - x < 1) & (y > -0.5),  # 1/2
    "square": lambda x, y: jnp.maximum(jnp.abs(x), jnp.abs(y)) < 0.6,  # 0.36; published 0.2, a fraction of 0.04
}


def region(inside: Callable, key: jax.Array, data: Any, num_samples: int) -> tuple[jax.Array, jax.Array]:
    """Uniform points of the square; class 1 is the region. inside: one of REGIONS. The key is consumed."""
    del data
    (k_points,) = jax.random.split(key, 1)  # a child, as in the other families
    points = jax.random.uniform(k_points, (num_samples, 2), jnp.float32, minval=-1.0)
    return points, inside(*points.T).astype(jnp.int32)


def two_moon(key: jax.Array, data: Any, num_samples: int, *, noise: float = 0.1) -> tuple[jax.Array, jax.Array]:
    """Two half circles that reach into each other. The key is consumed.

    noise: standard deviation of the points about the circles, in radii.
    Points are uniform along the circles; in the published code they are evenly spaced.
    """
    del data
    check_numbers(0.0, noise=noise)
    k_label, k_angle, k_noise = jax.random.split(key, 3)
    labels = jax.random.randint(k_label, (num_samples,), 0, 2, jnp.int32)
    angle = jax.random.uniform(k_angle, (num_samples,), jnp.float32, maxval=jnp.pi)
    upper = jnp.stack([jnp.cos(angle), jnp.sin(angle)], axis=1)
    lower = jnp.stack([1 - jnp.cos(angle), 0.5 - jnp.sin(angle)], axis=1)
    points = jnp.where(labels[:, None] == 0, upper, lower) + noise * jax.random.normal(
        k_noise, (num_samples, 2), jnp.float32
    )
    points = (points + jnp.array([[1.0, 0.5]], points.dtype)) * jnp.array(
        [[2 / 3, 4 / 3]], points.dtype
    ) - 1  # to [-1, 1]², as published
    return points, labels


def blobs(
    key: jax.Array,
    data: Any,
    num_samples: int,
    *,
    num_classes: int = 5,
    std: float = 0.1,
    dim: int = 2,
    num_modes: int = 1,
) -> tuple[jax.Array, jax.Array]:
    """num_modes normal blobs for each class; each task draws the centres uniformly in [-1, 1]^dim. The key is consumed.

    The published code has the plane and one mode.
    """
    del data
    check_counts(num_classes=num_classes, dim=dim, num_modes=num_modes)
    check_numbers(0.0, std=std)
    k_centres, k_label, k_noise = jax.random.split(key, 3)
    centres = jax.random.uniform(k_centres, (num_classes * num_modes, dim), jnp.float32, minval=-1.0)
    modes = jax.random.randint(k_label, (num_samples,), 0, num_classes * num_modes, jnp.int32)
    return centres[modes] + std * jax.random.normal(k_noise, (num_samples, dim), jnp.float32), modes % num_classes


FAMILIES = {**{name: partial(region, inside) for name, inside in REGIONS.items()}, "two_moon": two_moon, "blobs": blobs}
