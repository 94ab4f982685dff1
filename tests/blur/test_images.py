"""Tasks of images: what a draw holds, against NumPy; what its samples share; refusals."""

from functools import partial

import jax
import jax.numpy as jnp
import numpy as np
import pytest

import blur
from blur.images import image_task, resized

NUM, N = 400, 5
LABELS = np.random.default_rng(0).integers(0, N, NUM)
IMAGES = np.float32(np.random.default_rng(1).uniform(size=(NUM, 6, 6)))
IMAGES[:, 1, 1] = np.arange(NUM) / NUM  # which image it is, wherever its pixels go


def draw(seed, num_samples=3000, **settings):
    task = jax.jit(partial(image_task, **({"side": 6} | settings)), static_argnums=2)
    inputs, labels = task(jax.random.key(seed), (jnp.array(IMAGES), jnp.array(LABELS)), num_samples)
    assert (inputs.shape, inputs.dtype) == ((num_samples, settings.get("side", 6) ** 2), jnp.float32)
    assert (labels.shape, labels.dtype) == ((num_samples,), jnp.int32)
    return np.array(inputs), np.array(labels)


def which(inputs, pixel=7):
    return np.round(inputs[:, pixel] * NUM).astype(int)


def test_samples_are_images_of_the_set_with_equal_chances():
    inputs, labels = draw(0, num_samples=40_000)
    image = which(inputs)
    np.testing.assert_array_equal(inputs, IMAGES[image].reshape(-1, 36))
    np.testing.assert_array_equal(labels, LABELS[image])
    counts = np.bincount(image, minlength=NUM)
    assert counts.min() > 0
    assert np.sum((counts - 100) ** 2 / 100) < 500  # chi-square of 399 degrees: above 500 once in 3000


def test_classes_are_counted_in_the_order_given():
    inputs, labels = draw(0, classes=(4, 1))
    image = which(inputs)
    np.testing.assert_array_equal(np.array([4, 1])[labels], LABELS[image])
    assert set(image) == set(np.flatnonzero(np.isin(LABELS, (4, 1))))


def test_a_permutation_is_one_a_task():
    (plain, labels), (inputs, permuted) = draw(2), draw(2, permute=True)
    np.testing.assert_array_equal(permuted, labels)
    order = [int(np.flatnonzero((inputs == plain[:, [pixel]]).all(axis=0))[0]) for pixel in range(36)]
    assert sorted(order) == list(range(36))
    assert order != list(range(36))
    assert (draw(3, permute=True)[0].std(axis=0) != inputs.std(axis=0)).any()


def test_a_projection_is_one_matrix_a_task():
    (plain, _), (inputs, _) = draw(2), draw(2, project=True)
    matrix, *_ = np.linalg.lstsq(np.float64(plain), np.float64(inputs), rcond=None)
    np.testing.assert_allclose(plain @ matrix, inputs, atol=2e-5)
    assert 0.9 / 6 < matrix.std() < 1.1 / 6
    other, *_ = np.linalg.lstsq(np.float64(draw(3)[0]), np.float64(draw(3, project=True)[0]), rcond=None)
    assert np.abs(other - matrix).max() > 0.1


def test_labels_are_shuffled_by_one_permutation_a_task():
    permutations = []
    for seed in range(4):
        inputs, labels = draw(seed, shuffle=N)
        pairs = set(zip(LABELS[which(inputs)], labels, strict=True))
        assert len(pairs) == N
        permutations.append(tuple(new for _, new in sorted(pairs)))
    assert len(set(permutations)) > 1
    assert all(sorted(permutation) == list(range(N)) for permutation in permutations)
    kept = draw(0, classes=(0, 1, 2), shuffle=2)[1] == 2  # only the first two may change
    np.testing.assert_array_equal(kept, draw(0, classes=(0, 1, 2))[1] == 2)


def test_a_crop_and_a_half():
    """Twice the size: a pixel of the result is a weighted mean of 4 x 4, with weights 1, 3, 3, 1 each way."""
    cut = np.float64(IMAGES[:, 1:5, 1:5])
    weights = np.array([[3, 3, 1, 0], [0, 1, 3, 3]]) / 7  # at an edge the weights of pixels that are there
    expected = np.einsum("ph,nhw,qw->npq", weights, cut, weights)
    np.testing.assert_allclose(resized(jnp.array(IMAGES), 2, 1), expected, rtol=1e-5)
    inputs, _ = draw(0, side=2, crop=1)
    assert np.abs(inputs[:, None] - expected.reshape(1, NUM, 4)).max(axis=2).min(axis=1).max() < 1e-5


def test_a_larger_side_keeps_linear_images():
    ramp = np.arange(8.0)[None, :, None] + np.zeros((1, 1, 8))
    larger = resized(jnp.array(ramp, jnp.float32), 16)
    np.testing.assert_allclose(larger[0, 1:-1, 3], (np.arange(1, 15) + 0.5) / 2 - 0.5, rtol=1e-6)


def test_it_is_a_family_of_tasks():
    family = partial(image_task, side=3)
    data, init, draw_tasks = blur.tasks([family], (IMAGES, LABELS), unroll=2, batch_size=7, num_tasks=4)
    _, tasks = draw_tasks(jax.random.key(0), data, init(jax.random.key(0), data), None)
    assert tasks.inputs.shape == (4, 3, 7, 9)


def test_bytes_and_numpy_give_what_their_float32_copy_gives():
    images = np.uint8(255 * IMAGES)
    expected = image_task(jax.random.key(0), (jnp.array(images, jnp.float32), jnp.array(LABELS)), 50, side=3)
    for data in ((images, np.uint8(LABELS)), (np.float64(images), LABELS)):
        for a, b in zip(image_task(jax.random.key(0), data, 50, side=3), expected, strict=True):
            np.testing.assert_array_equal(a, b)
            assert a.dtype == b.dtype


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"side": 0}, "side must be a whole number of at least 1, got 0"),
        ({"classes": (1, 1)}, "classes must be at least two different labels, got \\(1, 1\\)"),
        ({"classes": (1,)}, "classes must be at least two different labels"),
        ({"shuffle": -1}, "shuffle must be a whole number of at least 0, got -1"),
        ({"crop": 3}, "a crop of 3 leaves nothing of images of 6 x 6 pixels"),
    ],
)
def test_refusals(settings, message):
    with pytest.raises(ValueError, match=message):
        draw(0, **settings)
