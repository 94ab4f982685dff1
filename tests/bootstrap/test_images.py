"""Warping, deskewing, and deformed digits."""

from functools import partial

import chex
import jax
import jax.numpy as jnp
import numpy as np
import pytest

from bootstrap import images

STILL = {"rotation": 0.0, "stretch": 0.0, "shift": 0.0, "elastic": 0.0}


@pytest.fixture
def image():
    return jnp.array(np.random.default_rng(0).uniform(size=(5, 6)), jnp.float32)


@pytest.fixture
def prototypes():
    return jnp.array(np.random.default_rng(0).uniform(size=(4, 32, 32)), jnp.float32), jnp.array([3, 1, 4, 9])


def moments(image):
    """-> centre [2] in pixels from the middle, and the covariance of rows and columns."""
    pixels, mass = np.array(images.grid(*image.shape)), np.array(image) / np.sum(image)
    centre = np.einsum("hw,hwc->c", mass, pixels)
    rows, columns = np.moveaxis(pixels - centre, -1, 0)
    return centre, (mass * rows * columns).sum()


def test_grid_by_hand():
    np.testing.assert_array_equal(images.grid(2, 3)[..., 0], [[-0.5, -0.5, -0.5], [0.5, 0.5, 0.5]])
    np.testing.assert_array_equal(images.grid(2, 3)[..., 1], [[-1, 0, 1], [-1, 0, 1]])


def test_warp_with_the_identity_is_the_image(image):
    np.testing.assert_allclose(images.warp(image, images.grid(5, 6)), image, atol=1e-6)


def test_warp_by_whole_pixels_shifts_and_fills_with_zero(image):
    shifted = images.warp(image, images.grid(5, 6) + jnp.array([1.0, -2.0]).reshape(1, 1, 2))
    np.testing.assert_allclose(shifted, np.pad(image, ((0, 1), (2, 0)))[1:, :-2], atol=1e-6)


def test_warp_between_pixels_by_hand():
    # A quarter of the way from 2 to 6 in the first row; the middle of all four; half a pixel outside.
    image = jnp.array([[2.0, 6.0], [10.0, 14.0]])
    coordinates = jnp.array([[[-0.5, -0.25], [0.0, 0.0], [-1.0, 0.5]]])
    np.testing.assert_allclose(images.warp(image, coordinates), [[3, 8, 3]], rtol=1e-6)


@pytest.mark.parametrize("slant", [-0.5, 0.4])
def test_deskew_makes_a_bar_upright_and_central(slant):
    rows, columns = jnp.moveaxis(images.grid(28, 28), -1, 0)
    bar = jnp.exp(-((columns - 3 - slant * rows) ** 2) / 2) * (jnp.abs(rows + 2) < 7)
    upright = images.deskew(bar)
    centre, covariance = moments(upright)
    assert abs(moments(bar)[1]) > 5
    assert abs(covariance) < 0.2
    np.testing.assert_allclose(centre, 0, atol=0.1)
    np.testing.assert_allclose(upright.sum(), bar.sum(), rtol=0.01)  # sheared and shifted, not scaled


def test_deskew_of_nothing_is_nothing():
    np.testing.assert_array_equal(images.deskew(jnp.zeros((8, 8))), 0)


@jax.jit
def draw(key, data, strengths):
    """-> images [400, H, W] and labels [400]."""
    sampler = partial(images.deformed, **strengths)
    return jax.vmap(sampler, in_axes=(0, None))(jax.random.split(key, 400), data)


def test_deformed_is_a_function_of_its_key(prototypes):
    strengths = dict.fromkeys(STILL, 0.1)
    (drawn, labels), (other, _) = (draw(jax.random.key(seed), prototypes, strengths) for seed in (0, 1))
    again = images.deformed(jax.random.split(jax.random.key(0), 400)[7], prototypes, **strengths)
    chex.assert_trees_all_close(again, (drawn[7], labels[7]), atol=1e-5)
    assert drawn.shape == (400, 32, 32)
    assert len(np.unique(np.concatenate([drawn, other]), axis=0)) == 800


def test_deformed_draws_every_prototype_with_its_label(prototypes):
    drawn, labels = draw(jax.random.key(0), prototypes, STILL)
    for image, label in zip(*prototypes, strict=True):
        of_label = drawn[labels == label]
        assert 60 < len(of_label) < 140  # 100 expected, deviation 8.7
        np.testing.assert_allclose(of_label, np.broadcast_to(image, of_label.shape), atol=1e-5)


@pytest.mark.parametrize("name", STILL)
def test_every_strength_deforms_and_keeps_the_label(prototypes, name):
    still, labels = draw(jax.random.key(0), prototypes, STILL)
    moved, labels_so = draw(jax.random.key(0), prototypes, {**STILL, name: 0.1})
    np.testing.assert_array_equal(labels, labels_so)
    assert np.all(np.abs(moved - still).max((1, 2)) > 1e-4)


def test_shift_is_in_image_sides():
    """A blob that is shifted by N(0, 0.1²) of 32 pixels moves by 3.2 pixels, in deviation, along both axes."""
    blob = jnp.exp(-(images.grid(32, 32) ** 2).sum(-1) / 4)
    shifted, _ = draw(jax.random.key(0), (jnp.stack([blob] * 4), jnp.zeros(4, jnp.int32)), {**STILL, "shift": 0.1})
    np.testing.assert_allclose(np.std([moments(image)[0] for image in shifted], axis=0), 3.2, atol=0.4)


def test_rotation_is_in_radians():
    """A bar with variances 25 and 1 along its axes has, turned by an angle a, the covariance 24 sin(a) cos(a)."""
    rows, columns = jnp.moveaxis(images.grid(32, 32), -1, 0)
    bar = jnp.exp(-(columns**2) / 2 - rows**2 / 50)
    turned, _ = draw(jax.random.key(0), (jnp.stack([bar] * 4), jnp.zeros(4, jnp.int32)), {**STILL, "rotation": 0.2})
    angles = np.arcsin(np.clip([moments(image)[1] / 12 for image in turned], -1, 1)) / 2
    np.testing.assert_allclose(np.std(angles), 0.2, atol=0.03)


def test_gradients_by_hand():
    """A slope of 0.1 a pixel rightwards: direction 0, length 0.2 inside. Downwards is a quarter of the circle on."""
    rightwards = 0.1 * jnp.broadcast_to(jnp.arange(12.0), (12, 12))
    maps = images.oriented_gradients(rightwards)
    assert maps.shape == (8, 3, 3)
    np.testing.assert_allclose(maps[0, :, 1], 0.2, atol=1e-6)
    assert np.abs(maps[1:]).max() == 0
    np.testing.assert_allclose(images.oriented_gradients(rightwards.T)[2], maps[0].T, atol=1e-6)
    np.testing.assert_allclose(images.oriented_gradients(-rightwards)[4], maps[0], atol=1e-6)


def test_a_gradient_between_two_directions_is_shared():
    angle = 2 * np.pi * 1.25 / 8  # a quarter of the way from direction 1 to direction 2
    rows, columns = jnp.meshgrid(jnp.arange(12.0), jnp.arange(12.0), indexing="ij")
    maps = images.oriented_gradients(0.1 * (np.cos(angle) * columns + np.sin(angle) * rows))
    np.testing.assert_allclose(maps[:, 1, 1], [0, 0.15, 0.05, 0, 0, 0, 0, 0], atol=1e-5)


def test_gradients_are_of_their_place():
    image = jnp.zeros((12, 12)).at[10, 2].set(1.0)  # in the cell of row 2, column 0
    of_cell = images.oriented_gradients(image).sum(0)
    assert np.argmax(of_cell) == 6
    assert of_cell[0].max() < 1e-6
