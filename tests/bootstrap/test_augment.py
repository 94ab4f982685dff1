"""Augmentations: what they may make of an image, and how often."""

from functools import partial

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from bootstrap import augment

RNG = np.random.default_rng(0)
IMAGE = RNG.uniform(1, 2, size=(6, 7, 3)).astype(np.float32)
ALL = {
    "crop": partial(augment.crop, padding=2),
    "cutout": partial(augment.cutout, size=3),
    "flip": augment.flip,
    "noise": partial(augment.noise, std=0.1),
    "shift": partial(augment.shift, max_shift=0.2),
}


def draw(one, image=IMAGE, count=400, seed=0):
    keys = jax.random.split(jax.random.key(seed), count)
    return np.array(jax.jit(jax.vmap(one, in_axes=(0, None)))(keys, jnp.array(image)))


def shares(images):
    """-> the distinct images and how often each came, relative to equally often."""
    distinct, counts = np.unique(images.reshape(len(images), -1), axis=0, return_counts=True)
    return distinct.reshape(-1, *images.shape[1:]), counts / counts.mean()


@pytest.mark.parametrize("name", ALL)
def test_shapes_and_keys(name):
    images = draw(ALL[name])
    assert images.shape == (400, *IMAGE.shape)
    np.testing.assert_array_equal(images, draw(ALL[name]))
    assert np.any(images != draw(ALL[name], seed=1))
    gray = draw(ALL[name], IMAGE[..., 0])
    assert gray.shape == (400, 6, 7)
    if name != "noise":  # the channels go together
        np.testing.assert_allclose(gray, images[..., 0], atol=1e-6)


def test_crops_are_the_25_windows():
    distinct, share = shares(draw(ALL["crop"], count=2000))
    padded = np.pad(IMAGE, ((2, 2), (2, 2), (0, 0)))
    windows = [padded[i : i + 6, j : j + 7] for i in range(5) for j in range(5)]
    np.testing.assert_array_equal(distinct, np.unique(np.reshape(windows, (25, -1)), axis=0).reshape(distinct.shape))
    assert np.abs(share - 1).max() < 5 / np.sqrt(2000 / 25)


def test_a_crop_may_be_padded_by_reflection():
    images = draw(partial(augment.crop, padding=2, mode="reflect"))
    assert images.min() >= 1  # no zero came in


def test_a_crop_may_be_padded_with_black():
    images, with_zeros = (draw(partial(augment.crop, padding=2, value=value)) for value in (-1.0, 0.0))
    assert (with_zeros == 0).any()
    np.testing.assert_array_equal(images, np.where(with_zeros == 0, -1, with_zeros))


def test_half_are_flipped():
    distinct, share = shares(draw(ALL["flip"]))
    expected = np.unique(np.reshape([IMAGE, IMAGE[:, ::-1]], (2, -1)), axis=0)
    np.testing.assert_array_equal(distinct, expected.reshape(distinct.shape))
    assert np.abs(share - 1).max() < 0.25


def test_cutouts_are_squares_around_every_pixel():
    distinct, _ = shares(draw(ALL["cutout"], count=4000))
    expected = []
    for i in range(6):
        for j in range(7):
            image = IMAGE.copy()
            image[max(i - 1, 0) : i + 2, max(j - 1, 0) : j + 2] = 0
            expected.append(image)
    np.testing.assert_array_equal(distinct, np.unique(np.reshape(expected, (42, -1)), axis=0).reshape(distinct.shape))


def test_noise_has_its_deviation():
    away = draw(ALL["noise"]) - IMAGE
    np.testing.assert_allclose([away.mean(), away.std()], [0, 0.1], atol=0.003)
    assert np.abs(np.corrcoef(away.reshape(400, -1).T) - np.eye(IMAGE.size)).max() < 0.35


def test_shift_is_uniform_in_sides():
    """The centre of a blob in the middle moves by up to 0.2 sides, 6.4 pixels, each way."""
    pixels = np.arange(32) - 15.5
    blob = np.exp(-(pixels[:, None] ** 2 + pixels[None] ** 2) / 4).astype(np.float32)
    images = draw(ALL["shift"], blob)
    mass = images / images.sum((1, 2), keepdims=True)
    centres = np.stack([mass.sum(2) @ pixels, mass.sum(1) @ pixels], axis=1)
    np.testing.assert_allclose(np.abs(centres).max(0), 6.4, atol=0.1)
    np.testing.assert_allclose(centres.std(0), 6.4 / np.sqrt(3), rtol=0.1)
    assert abs(np.corrcoef(centres.T)[0, 1]) < 0.2
    np.testing.assert_allclose(images.sum((1, 2)), blob.sum(), rtol=1e-3)


def test_nothing_at_no_strength_even_if_traced():
    def both(strength, key):
        image = jnp.array(IMAGE)
        k_shift, k_noise = jax.random.split(key)
        return augment.shift(k_shift, image, max_shift=strength), augment.noise(k_noise, image, std=strength)

    for images in jax.jit(jax.vmap(both, in_axes=(0, None)))(jnp.array([0.0, 0.3]), jax.random.key(0)):
        np.testing.assert_allclose(images[0], IMAGE, atol=1e-6)
        assert np.abs(images[1] - IMAGE).max() > 0.01


def test_a_chain_is_one_after_the_other_with_keys_of_their_own():
    def add(key, image):
        return image + jax.random.uniform(key)

    def double(key, image):
        return 2 * image + jax.random.uniform(key)

    k_first, k_second = jax.random.split(jax.random.key(0))
    expected = 2 * (1 + jax.random.uniform(k_first)) + jax.random.uniform(k_second)
    np.testing.assert_allclose(augment.chain(add, double)(jax.random.key(0), jnp.ones(())), expected, rtol=1e-6)
