"""Ten simple shapes in colour, at any size, place and angle, on a background that shades from one colour to another.

Letters: S side of the image, K = 10 shapes.
"""

import jax
import jax.numpy as jnp

from bootstrap import images, settings
from bootstrap.distributions.distribution import Distribution

SHAPES = ("circle", "square", "triangle", "hexagon", "star", "cross", "ring", "half", "crescent", "bar")
_REACH = 1.5  # the distances are kept for the square of this half-side, in radii


def shapes(
    *,
    size: int = 32,
    min_radius: float = 0.2,
    max_radius: float = 0.4,
    shift: float = 0.15,
    shade: float = 0.3,
    noise: float = 0.1,
) -> Distribution:
    """Samples (x [size, size, 3] in [0, 1], y []): one shape, each class equally likely, at any angle.

    Lengths are in sides of the image: radii from `min_radius` to `max_radius`, centres up to `shift` from the middle.
    In each channel shape and background differ by 0.25 to 0.75; the background shades by up to `shade` from corner to
    corner; every pixel has uniform noise of up to `noise`. arrays: the signed distances of the shapes [K, 48, 48].
    """
    settings.check_counts(1, size=size)
    settings.check_positive(min_radius=min_radius, max_radius=max_radius)
    settings.check_not_negative(shift=shift, shade=shade, noise=noise)

    def sampler(key, distances):
        k_shape, k_place, k_colours, k_grain = jax.random.split(key, 4)
        y = jax.random.randint(k_shape, (), 0, len(SHAPES))
        angle, large, *centre = jax.random.uniform(k_place, (4,))
        radius = min_radius + (max_radius - min_radius) * large
        turn = images.affine(2 * jnp.pi * angle, 1 / radius, 0.0)
        rows, columns = images.points(turn, size, [shift * (2 * side - 1) for side in centre])
        pixels = distances.shape[1] / (2 * _REACH)  # of a radius
        nearness = images.warp_by_gather(1 - jnp.asarray(distances)[y], pixels * rows, pixels * columns)
        distance = 1 - nearness  # 1 beyond reach
        inside = jnp.clip(0.5 - radius * size * distance, 0, 1)[..., None]
        behind, apart, downwards, rightwards = jax.random.uniform(k_colours, (4, 1, 1, 3)) - 0.5
        down, right = images.points(jnp.eye(2), size)
        background = behind + 0.5 + shade * (downwards * down[..., None] + rightwards * right[..., None])
        colour = (behind + 0.5 * apart) % 1  # half a turn of the colour circle, give or take a quarter
        # One random word a pixel, ten bits of it a channel: a word each would take as long as all the rest.
        bits = jax.random.bits(k_grain, (size, size, 1)) >> jnp.array([[[0, 10, 20]]], jnp.uint32)
        grain = noise * ((bits & 1023) / 511.5 - 1)
        return jnp.clip((1 - inside) * background + inside * colour + grain, 0, 1), y

    return Distribution(sampler, _distances(48), len(SHAPES))


def _distances(size: int) -> jax.Array:
    """The distance of every point to the edge of each shape, in radii, below 0 inside. -> [K, size, size]."""
    y, x = jnp.moveaxis(images.grid(size, size), -1, 0) * 2 * _REACH / size
    r = jnp.hypot(x, y)

    def sides(k, distance):  # of k straight lines around the centre, sorted
        angles = 2 * jnp.pi * jnp.arange(k)[:, None, None] / k
        return jnp.sort(x[None] * jnp.cos(angles) + y[None] * jnp.sin(angles) - distance, axis=0)

    def box(height, width):
        return jnp.maximum(jnp.abs(y) - height, jnp.abs(x) - width)

    return jnp.stack(
        [
            r - 0.9,
            box(0.8, 0.8),
            sides(3, 0.5)[-1],
            sides(6, 0.85)[-1],
            sides(5, 0.309)[-2],  # a pentagram: the points beyond at most one of its five lines
            jnp.minimum(box(1.0, 0.3), box(0.3, 1.0)),
            jnp.abs(r - 0.75) - 0.2,
            jnp.maximum(jnp.hypot(x, y + 0.4) - 1.0, -y - 0.4),
            jnp.maximum(r - 1.0, 0.8 - jnp.hypot(x - 0.5, y)),
            box(0.3, 1.0),
        ]
    )
