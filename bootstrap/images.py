"""Images as pure functions: warping, deskewing, and digits that never come twice.

Letters: H height, W width, n prototypes. Coordinates are in pixels, (row, column), from the centre of the image.
"""

import jax
import jax.numpy as jnp


def grid(height: int, width: int) -> jax.Array:
    """The coordinates of every pixel: [H, W, 2]."""
    rows, columns = jnp.arange(height) - (height - 1) / 2, jnp.arange(width) - (width - 1) / 2
    return jnp.stack(jnp.meshgrid(rows, columns, indexing="ij"), axis=-1)


def warp(image: jax.Array, coordinates: jax.Array) -> jax.Array:
    """Reads an image between its pixels, bilinearly; outside it is 0. image [H, W], coordinates [P, Q, 2] -> [P, Q].

    As matrix products: a gather inside a scan is several times slower on a CPU.
    """

    def tent(size, positions):  # [P, Q, size]: the weight of each pixel along one axis
        return jnp.maximum(0, 1 - jnp.abs(positions[..., None] - jnp.arange(size) + (size - 1) / 2))

    rows, columns = tent(image.shape[0], coordinates[..., 0]), tent(image.shape[1], coordinates[..., 1])
    return jnp.einsum("pqh,hw,pqw->pq", rows, image, columns)


def deskew(image: jax.Array) -> jax.Array:
    """Centres a digit and shears it upright, by its first and second moments (Ghosh & Wan 2017). [H, W] -> [H, W]."""
    pixels = grid(*image.shape)
    mass = image / jnp.maximum(image.sum(), 1e-6)
    centre = jnp.einsum("hw,hwc->c", mass, pixels)
    rows, columns = jnp.moveaxis(pixels - centre, -1, 0)
    slant = (mass * rows * columns).sum() / jnp.maximum((mass * rows**2).sum(), 1e-6)
    return warp(image, pixels + centre + jnp.stack([jnp.zeros_like(rows), slant * pixels[..., 0]], axis=-1))


def deformed(
    key: jax.Array,
    data: tuple[jax.Array, jax.Array],
    *,
    rotation: float = 0.1,
    stretch: float = 0.05,
    shift: float = 0.025,
    elastic: float = 0.03,
) -> tuple[jax.Array, jax.Array]:
    """One fresh sample: a random prototype under a random affine map and a smooth elastic deformation.

    data: prototypes [n, H, W] and their labels [n]. -> image [H, W], label []. The key is consumed.
    Deviations of the normal draws: `rotation` in radians; `stretch`, of each axis and of the shear; `shift` and
    `elastic` in image sides, the latter of a 3 x 3 grid of displacements that is interpolated in between
    (after Simard 2003, who smooths noise instead).
    """
    images, labels = data
    k_prototype, k_angle, k_stretch, k_shift, k_elastic = jax.random.split(key, 5)
    choice = jax.random.randint(k_prototype, (), 0, len(labels))
    image = images[choice]
    pixels = grid(*image.shape)
    side = jnp.array(image.shape)
    angle = rotation * jax.random.normal(k_angle)
    turn = jnp.array([[jnp.cos(angle), -jnp.sin(angle)], [jnp.sin(angle), jnp.cos(angle)]])
    linear = turn @ (jnp.eye(2) + stretch * jax.random.normal(k_stretch, (2, 2)))
    offset = side * shift * jax.random.normal(k_shift, (2,))
    coarse = side * elastic * jax.random.normal(k_elastic, (3, 3, 2))
    smooth = jax.image.resize(coarse, (*image.shape, 2), "cubic")
    return warp(image, pixels @ linear.T + offset + smooth), labels[choice]
