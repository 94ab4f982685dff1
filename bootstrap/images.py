"""Images as pure functions: warping, deskewing, oriented gradients, and endless deformed digits.

An image has any dtype; the results are float32 (float64 under x64).

Letters: H height, W width, n prototypes. Coordinates are in pixels, (row, column), from the centre of the image.
"""

from collections.abc import Sequence

import jax
import jax.numpy as jnp

from bootstrap import settings


def grid(height: int, width: int) -> jax.Array:
    """The coordinates of every pixel: [H, W, 2]."""
    rows, columns = jnp.arange(height) - (height - 1) / 2, jnp.arange(width) - (width - 1) / 2
    return jnp.stack(jnp.meshgrid(rows, columns, indexing="ij"), axis=-1)


def warp(image: jax.Array, coordinates: jax.Array) -> jax.Array:
    """Bilinear interpolation of an image, 0 outside it. image [H, W], coordinates [P, Q, 2] -> [P, Q].

    As matrix products: a gather inside a scan is several times slower on a CPU (see `warp_by_gather`).
    """
    image = jnp.asarray(image, float)

    def tent(size, positions):  # [P, Q, size]: the weight of each pixel along one axis
        pixels = jnp.arange(size)[None, None] - (size - 1) / 2
        return jnp.maximum(0, 1 - jnp.abs(positions[..., None] - pixels))

    rows, columns = tent(image.shape[0], coordinates[..., 0]), tent(image.shape[1], coordinates[..., 1])
    return jnp.einsum("pqh,hw,pqw->pq", rows, image, columns)


def affine(angle: jax.Array, scale: jax.Array, slant: jax.Array | float) -> jax.Array:
    """Shears along the columns, scales, then turns by an angle in radians. -> [2, 2], for (row, column)."""
    cos, sin = scale * jnp.cos(angle), scale * jnp.sin(angle)
    return jnp.stack([cos, cos * slant - sin, sin, sin * slant + cos]).reshape(2, 2)


def points(linear: jax.Array, size: int, centre: Sequence = (0.0, 0.0)) -> tuple[jax.Array, jax.Array]:
    """The pixels of a square image under a linear map [2, 2] about a centre. -> rows, columns [size, size].

    centre and result are in image sides from the middle. The product is written out: one with a 2 x 2 matrix is five
    times slower on a CPU.
    """
    sides = (jnp.arange(size) - (size - 1) / 2) / size
    down, right = (sides - centre[0])[:, None], (sides - centre[1])[None]
    return linear[0, 0] * down + linear[0, 1] * right, linear[1, 0] * down + linear[1, 1] * right


def warp_by_gather(image: jax.Array, rows: jax.Array, columns: jax.Array) -> jax.Array:
    """`warp` up to rounding, by four gathers: five times faster on a CPU where samples are made outside a scan.

    image [H, W]; rows, columns [P, Q], in pixels from the centre -> [P, Q].
    """
    image = jnp.asarray(image, float)
    rows, columns = rows + (image.shape[0] - 1) / 2, columns + (image.shape[1] - 1) / 2

    def corner(row, column):
        weight = (1 - jnp.abs(rows - row)) * (1 - jnp.abs(columns - column))
        inside = (row >= 0) & (row < image.shape[0]) & (column >= 0) & (column < image.shape[1])
        pixel = (
            jnp.clip(at, 0, size - 1).astype(jnp.int32) for at, size in zip((row, column), image.shape, strict=True)
        )
        return jnp.where(inside, weight * image[*pixel], 0)

    first, left = jnp.floor(rows), jnp.floor(columns)
    return corner(first, left) + corner(first, left + 1) + corner(first + 1, left) + corner(first + 1, left + 1)


def deskew(image: jax.Array) -> jax.Array:
    """Centres a digit and shears it upright, by its first and second moments (Ghosh & Wan 2017). [H, W] -> [H, W]."""
    image = jnp.asarray(image, float)
    pixels, total = grid(*image.shape), image.sum()
    mass = image / jnp.where(total > 0, total, 1.0)
    centre = jnp.einsum("hw,hwc->c", mass, pixels)
    rows, columns = jnp.moveaxis(pixels - centre[None, None], -1, 0)
    slant = (mass * rows * columns).sum() / jnp.maximum((mass * rows**2).sum(), 1e-6)
    shear = jnp.array([[1.0, slant], [0.0, 1.0]])
    return warp(image, pixels @ shear + centre[None, None])


_NUM_ORIENTATIONS, _CELL = 8, 4


def oriented_gradients(image: jax.Array) -> jax.Array:
    """How steep an image is, by direction and place (after Dalal & Triggs 2005, without their block normalisation).

    [H, W] -> [8, H / 4, W / 4]: 8 directions, cells of 4 x 4 pixels. The gradient of a pixel is the difference between
    the pixels on its two sides. The gradient's length is divided between the two nearest of the 8 directions, and
    weighted by a Gaussian at the centre of each cell with a standard deviation of a quarter cell.
    """
    image = jnp.asarray(image, float)
    settings.check_counts(_CELL, height=image.shape[0], width=image.shape[1])
    steep = jnp.pad(image, 1, mode="edge")
    rows, columns = steep[2:, 1:-1] - steep[:-2, 1:-1], steep[1:-1, 2:] - steep[1:-1, :-2]
    direction = jnp.arctan2(rows, columns) / (2 * jnp.pi) * _NUM_ORIENTATIONS
    away = (direction[None] - jnp.arange(_NUM_ORIENTATIONS)[:, None, None]) % _NUM_ORIENTATIONS
    fraction = jnp.maximum(0, 1 - jnp.minimum(away, _NUM_ORIENTATIONS - away))

    def window(size):  # [size / cell, size]
        centres = (jnp.arange(size // _CELL) + 0.5) * _CELL - 0.5
        return jax.nn.softmax(-8 * ((jnp.arange(size)[None] - centres[:, None]) / _CELL) ** 2, axis=-1)

    lengths = fraction * jnp.hypot(rows, columns)[None]
    return jnp.einsum("ph,ohw,qw->opq", window(image.shape[0]), lengths, window(image.shape[1]))


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
    The strengths are standard deviations of normal draws. rotation: in radians. stretch: of each axis and of the shear.
    shift: in image sides. elastic: in image sides, of a 3 x 3 grid of displacements that is interpolated in between
    (after Simard 2003, who smooths noise instead).
    """
    settings.check_not_negative(rotation=rotation, stretch=stretch, shift=shift, elastic=elastic)
    images, labels = map(jnp.asarray, data)
    k_prototype, k_angle, k_stretch, k_shift, k_elastic = jax.random.split(key, 5)
    choice = jax.random.randint(k_prototype, (), 0, len(labels))
    image = images[choice]
    pixels = grid(*image.shape)
    angle = rotation * jax.random.normal(k_angle)
    turn = jnp.array([[jnp.cos(angle), -jnp.sin(angle)], [jnp.sin(angle), jnp.cos(angle)]])
    linear = turn @ (jnp.eye(2) + stretch * jax.random.normal(k_stretch, (2, 2)))
    coarse = shift * jax.random.normal(k_shift, (1, 1, 2)) + elastic * jax.random.normal(k_elastic, (3, 3, 2))
    displacement = jax.image.resize(coarse, (*image.shape, 2), "cubic") * jnp.array(image.shape)[None, None]
    return warp(image, pixels @ linear.T + displacement), labels[choice]
