"""Distributions: sample i is a function of (key, i), labels come with their share, and the Bayes errors are right."""

import math

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from bootstrap import distributions
from bootstrap.distributions import with_label_noise

RNG = np.random.default_rng(0)
PROTOTYPES = RNG.uniform(size=(10, 8, 8)).astype(np.float32), np.arange(10, dtype=np.int32)
STILL = dict.fromkeys(("rotation", "scale", "shear", "shift", "elastic", "contrast"), 0.0)
ALL = {
    "digits": distributions.digits(*PROTOTYPES, size=16),
    "gaussians": distributions.gaussians(num_inputs=6, num_classes=4, separation=3.0, num_components=2),
    "shapes": distributions.shapes(size=16),
    "teacher": distributions.teacher(num_inputs=20, num_classes=4, features=(32, 32)),
}


def draw(distribution, index, seed=0, noise=None):
    """-> the samples of a stream at these places, as NumPy arrays."""
    sampler = distribution.sampler
    if noise is not None:
        sampler = with_label_noise(sampler, distribution.num_classes, noise)

    @jax.jit
    def program(key, arrays, index):
        keys = jax.vmap(jax.random.fold_in, in_axes=(None, 0))(key, index)
        return jax.vmap(sampler, in_axes=(0, None))(keys, arrays)

    return jax.tree.map(np.array, program(jax.random.key(seed), distribution.arrays, jnp.asarray(index)))


@pytest.mark.parametrize("name", ALL)
def test_a_sample_is_a_function_of_its_place(name):
    """In batches of 300, of 7, and alone; labels to the bit, inputs to rounding: XLA fuses each size in its own way."""
    x, y = draw(ALL[name], np.arange(300))
    for places in (np.arange(100, 107), np.array([250])):
        some_x, some_y = draw(ALL[name], places)
        np.testing.assert_allclose(some_x, x[places], atol=1e-5)
        np.testing.assert_array_equal(some_y, y[places])
    other_x, _ = draw(ALL[name], np.arange(300), seed=1)
    assert len(np.unique(np.concatenate([x, other_x]).reshape(600, -1), axis=0)) == 600


@pytest.mark.parametrize("name", ALL)
def test_samples_are_what_is_promised(name):
    x, y = draw(ALL[name], np.arange(2000))
    num_classes = ALL[name].num_classes
    assert (x.dtype, y.dtype, y.shape) == (np.float32, np.int32, (2000,))
    shares = np.bincount(y, minlength=num_classes) * num_classes / 2000
    assert len(shares) == num_classes
    # Equal shares, up to 5 deviations; a teacher's classes are as large as its random weights make them.
    assert np.abs(shares - 1).max() < (0.7 if name == "teacher" else 5 * np.sqrt(num_classes / 2000))
    if name == "shapes":
        assert x.shape == (2000, 16, 16, 3)
        assert (x.min(), x.max()) == (0, 1)


@pytest.mark.parametrize("name", ALL)
def test_arrays_are_arguments(name):
    distribution = ALL[name]
    keys = jax.random.split(jax.random.key(0), 5)
    program = jax.make_jaxpr(jax.vmap(distribution.sampler, in_axes=(0, None)))(keys, distribution.arrays)
    assert sum(np.size(constant) for constant in program.consts) < 1000


def test_still_digits_are_their_prototypes():
    x, y = draw(distributions.digits(*PROTOTYPES, size=8, **STILL), np.arange(50))
    np.testing.assert_allclose(x, PROTOTYPES[0][y], atol=1e-5)


def test_digits_are_read_at_any_size():
    """At twice the size, a point lies a quarter of a pixel from the nearest: 3/4 and 1/4 of its neighbours."""
    prototype = np.zeros((1, 8, 8), np.float32)
    prototype[0, 3, 4] = 1
    x, _ = draw(distributions.digits(prototype, np.zeros(1, np.int32), size=16, **STILL), [0])
    expected = np.zeros((16, 16))
    expected[5:9, 7:11] = np.outer([1, 3, 3, 1], [1, 3, 3, 1]) / 16
    np.testing.assert_allclose(x[0], expected, atol=1e-5)


def _centres(x):
    """-> centres of mass [n, 2] in sides from the middle."""
    sides = (np.arange(x.shape[1]) + 0.5) / x.shape[1] - 0.5
    mass = x / x.sum(axis=(1, 2), keepdims=True)
    return np.stack([mass.sum(2) @ sides, mass.sum(1) @ sides], axis=1)


@pytest.fixture(scope="module")
def blob():
    """A prototype with variances (4, 1) pixels, of 32 x 32."""
    pixels = np.arange(32) - 15.5
    image = np.exp(-(pixels[:, None] ** 2) / 8 - pixels[None] ** 2 / 2).astype(np.float32)
    return image[None], np.zeros(1, np.int32)


def test_shift_is_uniform_and_in_sides(blob):
    x, _ = draw(distributions.digits(*blob, size=32, **STILL | {"shift": 0.2}), np.arange(500))
    centres = _centres(x)
    np.testing.assert_allclose(np.abs(centres).max(0), 0.2, atol=0.01)
    np.testing.assert_allclose(centres.std(0), 0.2 / np.sqrt(3), rtol=0.1)


def _spreads(x):
    """-> variances of rows and of columns, and the covariance, [n] each, in pixels."""
    pixels = np.arange(x.shape[1]) - (x.shape[1] - 1) / 2
    mass = x / x.sum(axis=(1, 2), keepdims=True)
    return mass.sum(2) @ pixels**2, mass.sum(1) @ pixels**2, np.einsum("nhw,h,w->n", mass, pixels, pixels)


def test_affine_strengths_are_the_greatest_of_uniform_draws(blob):
    """Turned by a, the covariance is 3 sin(a) cos(a); scaled by e^-s, variances are e^-2s of what they were."""
    turned = _spreads(draw(distributions.digits(*blob, size=32, **STILL | {"rotation": 0.5}), np.arange(500))[0])
    angles = np.arcsin(np.clip(2 * turned[2] / 3, -1, 1)) / 2
    np.testing.assert_allclose([np.abs(angles).max(), angles.std()], [0.5, 0.5 / np.sqrt(3)], rtol=0.1)
    scaled = _spreads(draw(distributions.digits(*blob, size=32, **STILL | {"scale": 0.25}), np.arange(500))[0])
    logarithms = np.log(scaled[0] / 4) / 2
    np.testing.assert_allclose([logarithms.max(), logarithms.min()], [0.25, -0.25], atol=0.03)
    np.testing.assert_allclose(scaled[2], 0, atol=1e-3)


def test_shear_is_of_rows_into_columns(blob):
    """Read at (r, c + s r), variances (4, 1) become those of columns 1 + 4 s²; the reading point moves, so -s."""
    x, _ = draw(distributions.digits(*blob, size=32, **STILL | {"shear": 0.5}), np.arange(500))
    rows, columns, both = _spreads(x)
    slopes = both / columns if np.ptp(columns) < np.ptp(rows) else both / rows
    np.testing.assert_allclose([np.abs(slopes).max(), slopes.std()], [0.5, 0.5 / np.sqrt(3)], rtol=0.12)


@pytest.mark.parametrize("strength", STILL)
def test_every_strength_of_digits_changes_samples_and_no_label(strength):
    still, labels = draw(distributions.digits(*PROTOTYPES, size=8, **STILL), np.arange(20))
    moved, same = draw(distributions.digits(*PROTOTYPES, size=8, **STILL | {strength: 0.2}), np.arange(20))
    np.testing.assert_array_equal(labels, same)
    assert np.all(np.abs(moved - still).max(axis=(1, 2)) > 1e-5)


def test_posterior_by_hand():
    means = RNG.normal(size=(3, 2, 5))
    x = RNG.normal(size=5)
    densities = np.exp(-((x - means) ** 2).sum(-1) / 2).sum(-1)
    found = distributions.posterior(jnp.array(means, jnp.float32), jnp.array(x, jnp.float32))
    np.testing.assert_allclose(np.exp(found), densities / densities.sum(), rtol=1e-4)


def phi(z):
    return (1 + math.erf(z / math.sqrt(2))) / 2


def test_gaussians_are_around_their_means():
    distribution = ALL["gaussians"]
    means = np.array(distribution.arrays)
    assert means.shape == (4, 2, 6)
    np.testing.assert_allclose(np.linalg.norm(means, axis=-1), 3.0, rtol=1e-5)
    x, y = draw(distribution, np.arange(20_000))
    for label in range(4):
        of_label = x[y == label]
        np.testing.assert_allclose(of_label.mean(0), means[label].mean(0), atol=0.15)
        centred = means[label] - means[label].mean(0, keepdims=True)
        np.testing.assert_allclose(np.cov(of_label.T), np.eye(6) + centred.T @ centred / 2, atol=0.3)


def test_bayes_error_of_two_gaussians_is_exact():
    distribution = distributions.gaussians(num_inputs=6, num_classes=2, separation=1.5)
    distance = np.linalg.norm(np.subtract(*np.array(distribution.arrays)[:, 0]))
    for noise, expected in ((0.0, phi(-distance / 2)), (0.2, 0.2 + 0.6 * phi(-distance / 2))):
        errors = distributions.bayes_errors(jax.random.key(0), distribution, 4000, noise)
        np.testing.assert_allclose(errors["error"], expected, rtol=1e-4)
        # A posterior's error, however it is scored, agrees with what it says of itself.
        x, y = draw(distribution, np.arange(4000), noise=noise)
        p = np.exp(jax.vmap(distributions.posterior, in_axes=(None, 0))(distribution.arrays, x))
        p = (1 - noise) * p + noise * (1 - p)
        assert abs((p.argmax(-1) != y).mean() - expected) < 0.03
        np.testing.assert_allclose(errors["soft_error"], (1 - p[np.arange(4000), y]).mean(), atol=0.02)
        np.testing.assert_allclose(errors["loss"], -np.log(p[np.arange(4000), y]).mean(), atol=0.05)


def test_bayes_error_of_orthogonal_means():
    """Coordinates s + z_1 against z_2 .. z_K: right with probability of the integral of phi(z) Phi(z + s)^(K - 1)."""
    distribution = distributions.gaussians(num_inputs=5, num_classes=5, separation=2.0)
    errors = distributions.bayes_errors(
        jax.random.key(1), distribution._replace(arrays=2.0 * jnp.eye(5)[:, None]), 40_000
    )
    z = np.linspace(-8, 8, 4001)
    density = np.exp(-(z**2) / 2) / np.sqrt(2 * np.pi)
    right = (density * np.array([phi(at + 2.0) for at in z]) ** 4).sum() * (z[1] - z[0])
    np.testing.assert_allclose(errors["error"], 1 - right, atol=0.006)


def test_label_noise_makes_its_share_of_labels_wrong():
    clean, noisy, noisier = (draw(ALL["gaussians"], np.arange(4000), noise=noise) for noise in (0.0, 0.2, 0.5))
    np.testing.assert_array_equal(clean[0], noisier[0])
    for noise, (_, y) in ((0.2, noisy), (0.5, noisier)):
        wrong = y != clean[1]
        assert abs(wrong.mean() - noise) < 0.03
        steps = np.bincount((y - clean[1])[wrong] % 4, minlength=4)
        assert steps[0] == 0
        assert np.all(np.abs(steps[1:] / wrong.sum() - 1 / 3) < 0.06)
    wrong = noisy[1] != clean[1]
    np.testing.assert_array_equal(noisier[1][wrong], noisy[1][wrong])


def test_label_noise_stays_with_the_sample_and_may_be_traced():
    _, y = draw(ALL["gaussians"], np.arange(200), noise=0.5)
    _, again = draw(ALL["gaussians"], np.arange(150, 160), noise=0.5)
    np.testing.assert_array_equal(again, y[150:160])

    def labels(noise, arrays):
        sampler = with_label_noise(ALL["gaussians"].sampler, 4, noise)
        keys = jax.vmap(jax.random.fold_in, in_axes=(None, 0))(jax.random.key(0), jnp.arange(200))
        return jax.vmap(sampler, in_axes=(0, None))(keys, arrays)[1]

    both = jax.jit(jax.vmap(labels, in_axes=(0, None)))(jnp.array([0.0, 0.5]), ALL["gaussians"].arrays)
    np.testing.assert_array_equal(both[1], y)
    assert np.any(both[0] != both[1])


def test_random_labels_are_independent():
    clean, random = (draw(ALL["gaussians"], np.arange(8000), noise=noise)[1] for noise in (0.0, 3 / 4))
    table = np.histogram2d(clean, random, bins=4)[0] / 8000
    np.testing.assert_allclose(table, np.outer(table.sum(1), table.sum(0)), atol=0.01)


@pytest.mark.parametrize("features", [(), (16,), (16, 16)])
def test_the_teacher_is_its_network(features):
    distribution = distributions.teacher(num_inputs=20, num_classes=4, features=features)
    *hidden, output = (np.array(matrix, np.float64) for matrix in distribution.arrays)
    shapes = [(20, *features, 4)[i : i + 2] for i in range(len(features) + 1)]
    assert [matrix.shape for matrix in distribution.arrays] == shapes
    x, y = draw(distribution, np.arange(1000))
    h = x.astype(np.float64)
    np.testing.assert_allclose([h.mean(), h.std()], [0, 1], atol=0.03)
    for matrix in hidden:
        h = np.maximum(h @ matrix, 0)
    logits = h @ output
    sure = np.diff(np.sort(logits)[:, -2:])[:, 0] > 1e-4
    assert sure.mean() > 0.99
    np.testing.assert_array_equal(logits.argmax(1)[sure], y[sure])


def test_what_cannot_be_is_refused():
    with pytest.raises(ValueError, match="size must be at least 1, got 0"):
        distributions.digits(*PROTOTYPES, size=0)
    with pytest.raises(ValueError, match="size must be at least 1, got -1"):
        distributions.shapes(size=-1)
    for noise in (-0.1, 2):
        with pytest.raises(ValueError, match=f"label_noise must be a fraction, from 0 to 1, got {noise}"):
            with_label_noise(ALL["teacher"].sampler, 4, noise)
