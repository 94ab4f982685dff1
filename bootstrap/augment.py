"""Augmentations of one image, pure: (key, image, *, settings) -> image. The key is consumed.

A real world augments a sample afresh each time that it shows it, an ideal world once (Nakkiran 2021): the sample is a
function of its place, its augmentation of when it is shown. So `bootstrap.paired(.., augment=..)` has them apart.

Letters: H height, W width. An image is [H, W] or [H, W, C].
"""

from collections.abc import Callable

import jax
import jax.numpy as jnp


def chain(*augmentations: Callable) -> Callable:
    """One after the other."""

    def augment(key, image):
        for k_one, one in zip(jax.random.split(key, len(augmentations)), augmentations, strict=True):
            image = one(k_one, image)
        return image

    return augment


def augmented(sampler: Callable, augment: Callable) -> Callable:
    """A sampler of augmented samples: (key, arrays) -> (augmented x, y)."""

    def draw(key, arrays):
        k_sample, k_augment = jax.random.split(key)
        x, y = sampler(k_sample, arrays)
        return augment(k_augment, x), y

    return draw


def crop(
    key: jax.Array, image: jax.Array, *, padding: int = 4, mode: str = "constant", value: float = 0.0
) -> jax.Array:
    """Pads every side and cuts out an image of the old size, anywhere. mode: of `jnp.pad`; the code also has reflect.

    value: of constant padding; the published code pads with black, -1 where pixels are from -1 to 1.
    """
    sides = ((padding, padding),) * 2 + ((0, 0),) * (image.ndim - 2)
    start = jax.random.randint(key, (2,), 0, 2 * padding + 1)
    start = (*start, *(0,) * (image.ndim - 2))
    padded = jnp.pad(image, sides, mode=mode, **({"constant_values": value} if mode == "constant" else {}))
    return jax.lax.dynamic_slice(padded, start, image.shape)


def flip(key: jax.Array, image: jax.Array) -> jax.Array:
    """Left and right change places, every other time."""
    return jnp.where(jax.random.bernoulli(key), image[:, ::-1], image)


def shift(key: jax.Array, image: jax.Array, *, greatest: float | jax.Array) -> jax.Array:
    """Moved by up to `greatest` sides along both axes, bilinearly between the pixels; zeros come in."""
    away = greatest * jax.random.uniform(key, (2,), minval=-1)

    def weights(size, away):  # [to, from]
        pixels = jnp.arange(size)
        return jnp.maximum(0, 1 - jnp.abs(pixels[:, None] - size * away - pixels[None]))

    down, right = (weights(size, by) for size, by in zip(image.shape[:2], away, strict=True))
    return jnp.einsum("ph,hw...,qw->pq...", down, image, right, precision="highest")


def cutout(key: jax.Array, image: jax.Array, *, size: int | jax.Array) -> jax.Array:
    """A square of `size` pixels around any pixel, as far as it lies within the image, is 0 (DeVries & Taylor 2017)."""
    height, width = image.shape[:2]
    row, column = jax.random.randint(key, (2,), 0, jnp.array([height, width]))
    rows, columns = (at - size // 2 for at in (row, column))
    hidden = [
        (jnp.arange(n) >= first) & (jnp.arange(n) < first + size) for n, first in ((height, rows), (width, columns))
    ]
    hole = hidden[0][:, None] & hidden[1][None]
    return jnp.where(hole.reshape(height, width, *(1,) * (image.ndim - 2)), 0, image)


def noise(key: jax.Array, image: jax.Array, *, deviation: float | jax.Array) -> jax.Array:
    """Gaussian noise on every number."""
    return image + deviation * jax.random.normal(key, image.shape)
