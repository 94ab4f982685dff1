"""Shapes in colour: their areas, places, turns and colours are what is promised."""

import math

import jax
import numpy as np

from bootstrap import distributions

PLAIN = {"min_radius": 0.3, "max_radius": 0.3, "shift": 0.0, "shade": 0.0, "noise": 0.0}


@jax.jit
def program(keys, settings):
    distribution = distributions.shapes(**settings)
    return jax.vmap(distribution.sampler, in_axes=(0, None))(keys, distribution.arrays)


def draw(settings):
    """-> 400 samples: x [400, 32, 32, 3], y [400]."""
    return jax.tree.map(np.array, program(jax.random.split(jax.random.key(0), 400), PLAIN | settings))


def masks(**settings):
    """-> where the shape is, [400, 32, 32] from 0 to 1, and the labels: the background is the colour of a corner."""
    x, y = draw(settings)
    away = np.abs(x - x[:, :1, :1]).sum(-1)
    return away / away.max(axis=(1, 2), keepdims=True), y


def test_areas_of_the_shapes():
    """In squared radii, worked out by hand, against the pixels covered by those of radius 0.3 * 32."""
    triangle, hexagon = (k * d**2 * math.tan(math.pi / k) for k, d in ((3, 0.5), (6, 0.85)))
    fifth = math.pi / 5
    star = (
        5 * math.sin(fifth) * math.cos(2 * fifth) / math.cos(fifth)
    )  # 10 triangles: outer radius 1, inner cos 72°/cos 36°
    lens_angle = [(1 + 0.25 - 0.64) / (2 * 0.5), (0.64 + 0.25 - 1) / (2 * 0.8 * 0.5)]
    kite = math.sqrt((-0.5 + 1 + 0.8) * (0.5 + 1 - 0.8) * (0.5 - 1 + 0.8) * (0.5 + 1 + 0.8)) / 2
    lens = math.acos(lens_angle[0]) + 0.64 * math.acos(lens_angle[1]) - kite
    areas = [0.81 * math.pi, 2.56, triangle, hexagon, star, 2 * 1.2 - 0.36, math.pi * (0.95**2 - 0.55**2)]
    areas += [math.pi / 2, math.pi - lens, 1.2]
    covered, y = masks()
    for label, (name, area) in enumerate(zip(distributions.SHAPES, areas, strict=True)):
        mean = covered[y == label].sum(axis=(1, 2)).mean() / (0.3 * 32) ** 2
        assert abs(mean / area - 1) < 0.05, (name, mean, area)


def moments(x):
    """-> centres of mass [n, 2] in sides from the middle; variances of rows and columns, and their covariance, [n]."""
    sides = (np.arange(x.shape[1]) + 0.5) / x.shape[1] - 0.5
    mass = x / x.sum(axis=(1, 2), keepdims=True)
    rows, columns = mass.sum(2), mass.sum(1)
    centres = np.stack([rows @ sides, columns @ sides], axis=1)
    return centres, rows @ sides**2, columns @ sides**2, np.einsum("nhw,h,w->n", mass, sides, sides)


def test_shapes_turn_and_move():
    covered, y = masks(shift=0.15)
    np.testing.assert_allclose(np.abs(moments(covered[y == 0])[0]).max(0), 0.15, atol=0.02)  # circles
    still, y = masks()
    np.testing.assert_allclose(moments(still[y == 0])[0], 0, atol=0.005)
    _, rows, columns, both = moments(still[y == 9])  # bars
    angles = np.arctan2(2 * both, columns - rows) / 2
    assert np.histogram(angles, bins=4, range=(-math.pi / 2, math.pi / 2))[0].min() > 2


def test_colours_differ():
    x, _ = draw({})
    behind = x[:, 0, 0]
    differences = np.abs(x - behind[:, None, None]).max(axis=(1, 2))
    assert differences.min() > 0.24
    assert differences.max() < 0.76
    np.testing.assert_allclose(behind.mean(0), 0.5, atol=0.08)


def test_noise_and_shade_of_the_background():
    noisy, _ = draw({"noise": 0.1})
    corner = noisy[:, :4, :4].reshape(400, 16, 3)
    inside = np.all((corner > 0.1) & (corner < 0.9), axis=(1, 2))
    np.testing.assert_allclose(corner[inside].std(axis=1).mean(), 0.1 / np.sqrt(3), rtol=0.1)
    shaded, _ = draw({"shade": 0.4})
    steps = np.abs(np.diff(shaded[:, 0, :8], axis=1))
    assert 0 < steps.max() <= 0.2 / 32 + 1e-5
