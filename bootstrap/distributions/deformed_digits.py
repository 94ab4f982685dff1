"""Deformed digits: a few prototypes, and endless affine and elastic deformations of them.

Letters: n prototypes, H height, W width. Lengths are in sides of the prototype.
"""

import jax
import jax.numpy as jnp
import numpy as np

from bootstrap import images, settings
from bootstrap.distributions.distribution import Distribution
from bootstrap.worlds import check_samples


def digits(
    prototypes: jax.Array | np.ndarray,
    labels: jax.Array | np.ndarray,
    *,
    size: int = 28,
    rotation: float = 0.4,
    scale: float = 0.25,
    shear: float = 0.3,
    shift: float = 0.15,
    elastic: float = 0.1,
    contrast: float = 0.3,
) -> Distribution:
    """Prototypes [n, H, W] in [0, 1], labels [n] -> samples (x [size, size], y []).

    A prototype, each equally likely, is rotated, scaled, sheared, shifted and bent, and interpolated at size x size
    points. Each strength is the bound of a uniform draw from -strength to strength. rotation: in radians. scale: of the
    logarithm of the scale. elastic: of a 4 x 4 grid of displacements, with cubic interpolation in between. contrast:
    1 + its draw multiplies all pixels.
    """
    settings.check_counts(1, size=size)
    settings.check_not_negative(
        rotation=rotation, scale=scale, shear=shear, shift=shift, elastic=elastic, contrast=contrast
    )
    check_samples(prototypes, labels)
    height, width = np.shape(prototypes)[1:]

    def sampler(key, arrays):
        images_of, labels = map(jnp.asarray, arrays)
        k_prototype, k_affine, k_elastic = jax.random.split(key, 3)
        choice = jax.random.randint(k_prototype, (), 0, len(labels))
        angle, size_, slant, down, right, bright = jax.random.uniform(k_affine, (6,), minval=-1)
        bend = elastic * jax.random.uniform(k_elastic, (4, 4, 2), minval=-1)
        bend = jax.image.resize(bend, (size, size, 2), "cubic")
        affine = images.affine(rotation * angle, jnp.exp(scale * size_), shear * slant)
        rows, columns = images.points(affine, size)
        rows = height * (rows + shift * down + bend[..., 0])
        columns = width * (columns + shift * right + bend[..., 1])
        return (1 + contrast * bright) * images.warp_by_gather(images_of[choice], rows, columns), labels[choice]

    return Distribution(sampler, (prototypes, labels), int(np.max(labels)) + 1)
