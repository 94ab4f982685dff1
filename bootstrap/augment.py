"""Augmentations of one image, pure: (key, image, *, settings) -> image. The key is consumed.

In the Real World a sample is augmented afresh each time it is shown, in the Ideal World once (Nakkiran 2021). A sample
is a function of its index in the stream, its augmentation a function of the time when it is shown; so
`bootstrap.paired(.., augment=..)` takes the augmentation apart from the samples.

Letters: H height, W width. An image is [H, W] or [H, W, C], in any dtype; the results are float32 (float64 under x64).
"""

from collections.abc import Callable

import jax
import jax.numpy as jnp

from bootstrap import settings


def chain(*augmentations: Callable) -> Callable:
    """Applies several augmentations, one after the other, each with a key of its own."""

    def augment(key, image):
        for k_one, one in zip(jax.random.split(key, len(augmentations)), augmentations, strict=True):
            image = one(k_one, image)
        return image

    return augment


def crop(
    key: jax.Array, image: jax.Array, *, padding: int = 4, mode: str = "constant", value: float = 0.0
) -> jax.Array:
    """Pads every side and cuts out an image of the old size, at a uniformly random place.

    padding: in pixels. mode: of `jnp.pad`; the published code also uses "reflect". value: of constant padding; the
    published code pads with black, which is -1 where pixels are from -1 to 1.
    """
    settings.check_counts(0, padding=padding)
    image = jnp.asarray(image, float)
    sides = ((padding, padding),) * 2 + ((0, 0),) * (image.ndim - 2)
    start = jax.random.randint(key, (2,), 0, 2 * padding + 1)
    start = (*start, *(0,) * (image.ndim - 2))
    padded = jnp.pad(image, sides, mode=mode, **({"constant_values": value} if mode == "constant" else {}))
    return jax.lax.dynamic_slice(padded, start, image.shape)


def flip(key: jax.Array, image: jax.Array) -> jax.Array:
    """Swaps left and right with probability 1/2."""
    image = jnp.asarray(image, float)
    return jnp.where(jax.random.bernoulli(key), image[:, ::-1], image)


def shift(key: jax.Array, image: jax.Array, *, max_shift: float | jax.Array) -> jax.Array:
    """Moves by up to `max_shift` image sides along both axes, with bilinear interpolation and zeros outside."""
    settings.check_not_negative(max_shift=max_shift)
    image = jnp.asarray(image, float)
    away = max_shift * jax.random.uniform(key, (2,), minval=-1)

    def weights(size, away):  # [to, from]
        pixels = jnp.arange(size)
        return jnp.maximum(0, 1 - jnp.abs(pixels[:, None] - size * away - pixels[None]))

    down, right = (weights(size, by) for size, by in zip(image.shape[:2], away, strict=True))
    return jnp.einsum("ph,hw...,qw->pq...", down, image, right, precision="highest")


def cutout(key: jax.Array, image: jax.Array, *, size: int | jax.Array) -> jax.Array:
    """Sets a square of side `size` around a random pixel to 0, cut off at the image's edge (DeVries & Taylor 2017)."""
    settings.check_counts(0, size=size)
    image = jnp.asarray(image, float)
    height, width = image.shape[:2]
    row, column = jax.random.randint(key, (2,), 0, jnp.array([height, width]))
    rows, columns = (at - size // 2 for at in (row, column))
    hidden = [
        (jnp.arange(n) >= first) & (jnp.arange(n) < first + size) for n, first in ((height, rows), (width, columns))
    ]
    hole = hidden[0][:, None] & hidden[1][None]
    return jnp.where(hole.reshape(height, width, *(1,) * (image.ndim - 2)), 0, image)


def noise(key: jax.Array, image: jax.Array, *, std: float | jax.Array) -> jax.Array:
    """Adds Gaussian noise of standard deviation `std` to every number."""
    settings.check_not_negative(std=std)
    image = jnp.asarray(image, float)
    return image + std * jax.random.normal(key, image.shape)
