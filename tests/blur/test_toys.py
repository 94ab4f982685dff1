"""Toy tasks: the regions by a transcription in NumPy, the moons and blobs by their geometry."""

import jax
import numpy as np
import pytest

from blur.toys import FAMILIES, REGIONS, blobs, two_moon

ORACLE = {
    "xor": lambda x, y: np.sign(x) != np.sign(y),
    "nxor": lambda x, y: np.sign(x) == np.sign(y),
    "and": lambda x, y: np.minimum(x, y) > 0,
    "nand": lambda x, y: np.minimum(x, y) <= 0,
    "or": lambda x, y: np.maximum(x, y) > 0,
    "quarter_and": lambda x, y: np.minimum(-x, y) > 0,
    "center_circle": lambda x, y: np.hypot(x, y) < 0.6,
    "small_center_circle": lambda x, y: np.hypot(x, y) < 0.4,
    "pieslice": lambda x, y: (x > 0) & (np.abs(y) <= np.tan(0.78) * x),
    "cross": lambda x, y: np.minimum(np.abs(x), np.abs(y)) < 0.3,
    "triangle": lambda x, y: (np.abs(x) < 1 - y) & (y > -0.5),
    "square": lambda x, y: (np.abs(x) < 0.6) & (np.abs(y) < 0.6),
}


def draw(family, seed=0, n=2000, **settings):
    inputs, labels = family(jax.random.key(seed), (), n, **settings)
    assert (inputs.shape, labels.shape, labels.dtype) == ((n, 2), (n,), np.int32)
    return np.float64(inputs), np.array(labels)


@pytest.mark.parametrize("name", REGIONS)
def test_regions(name):
    inputs, labels = draw(FAMILIES[name])
    np.testing.assert_array_equal(labels, ORACLE[name](*inputs.T))
    assert 0.99 < np.abs(inputs).max() <= 1
    np.testing.assert_allclose(inputs.mean(axis=0), 0, atol=0.05)  # all over the square
    np.testing.assert_allclose(inputs.std(axis=0), 3**-0.5, atol=0.02)


def test_every_task_has_both_classes_and_draws_of_its_own():
    for name, family in FAMILIES.items():
        inputs, labels = draw(family)
        assert set(labels) == set(range(5 if name == "blobs" else 2)), name
        assert not np.any(draw(family, seed=1)[0] == inputs), name


def test_two_moon():
    inputs, labels = draw(two_moon, noise=0.01)
    assert 0.45 < labels.mean() < 0.55
    circles = (inputs + 1) * [[1.5, 0.75]] - [[1, 0.5]]  # the upper about (0, 0), the lower about (1, 0.5), radius 1
    centres = np.array([[0, 0], [1, 0.5]])[labels]
    np.testing.assert_allclose(np.linalg.norm(circles - centres, axis=1), 1, atol=0.05)
    sides = np.where(labels == 0, 1, -1) * (circles - centres)[:, 1]
    assert sides.min() > -0.05
    noisy, _ = draw(two_moon)
    np.testing.assert_allclose((noisy - inputs).std(axis=0), 0.09 * np.array([2 / 3, 4 / 3]), rtol=0.1)


def test_blobs():
    inputs, labels = draw(blobs, num_classes=3, std=0.05)
    assert set(labels) == {0, 1, 2}
    centres = np.array([inputs[labels == label].mean(axis=0) for label in range(3)])
    assert np.abs(centres).max() < 1.05
    np.testing.assert_allclose((inputs - centres[labels]).std(axis=0), 0.05, rtol=0.1)
    others, labels = draw(blobs, seed=1, num_classes=3)
    assert np.abs(others[labels == 0].mean(axis=0) - centres[0]).max() > 0.1  # another task
