"""The shared density: Newton's steps, what they see, and a distribution over images, against plain NumPy."""

import itertools
from functools import partial

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from glns import shared_density
from glns.shared_density import inpaint, sample, stages

if shared_density.native is None:
    pytest.skip("the native code was not built: no C++ compiler", allow_module_level=True)

SHAPE, SEEN = (3, 3), {"max_contexts": 16, "epsilon": 0.01}
RATES = {"rate": 1.0, "joint_rate": 2.0, "second_rate": 1.5, "damping": 5.0}
INIT, UPDATE, PREDICT = shared_density.learner(parts=(16, 32), num_slots=1 << 12, **RATES, **SEEN)
UPDATE, PREDICT = jax.jit(UPDATE), jax.jit(PREDICT)
COUNTERS, MIXTURES, LEFT, SHIFTED = 1, 26, 41, 176  # where these inputs begin; the logit of the pixel to the left


def draw_images(number, seed=0, shape=SHAPE):
    """The middle column repeats the first nine times in ten; the others are noise."""
    rng = np.random.default_rng(seed)
    images = (rng.random((number, *shape)) < 0.4).astype(np.float32)
    images[:, :, 1] = np.where(rng.random((number, shape[0])) < 0.9, images[:, :, 0], images[:, :, 1])
    return images


IMAGES = draw_images(120)


def learn(images, size, seed=1):
    state = INIT(jax.random.key(seed), (IMAGES,))
    for part in np.split(images, len(images) // size):
        state, _ = UPDATE(None, state, (part, np.zeros(size)))
    return state


@pytest.fixture(scope="module")
def learned():
    return learn(IMAGES, 10)


@pytest.fixture(scope="module")
def seen():
    """The losses of all stages while IMAGES are learned, what the network saw, and the state after."""
    state = INIT(jax.random.key(1), (IMAGES,))
    walk = partial(shared_density._walk, rule=RATES | SEEN, learns=True, traces=True)
    nats, _, (inputs, rows), after = walk(state, jnp.asarray(IMAGES))
    return np.asarray(nats), np.asarray(inputs, np.float64), np.asarray(rows), after


class Newton:
    """Rows of weights on inputs of one size, in float64: the step of the module's docstring."""

    def __init__(self, num_rows, dim):
        self.weights, self.evidence = np.zeros((num_rows, dim)), np.zeros(num_rows)

    def logits(self, rows, x, parent, *, joint=False):
        each = self.weights[rows] @ x
        return np.clip(parent + (each.sum(keepdims=True) if joint else each), -14, 14)

    def learn(self, rows, logits, target, x, inverse, rate):
        for row, logit in zip(rows, np.broadcast_to(logits, len(rows)), strict=True):
            p, step = 1 / (1 + np.exp(-logit)), inverse @ x
            scale = rate * (target - p) / (self.evidence[row] + RATES["damping"] + x @ step)
            self.weights[row] += scale * step
            self.evidence[row] += p * (1 - p)


def test_learning_is_newtons(seen):
    nats, inputs, rows, after = seen
    dims = [table.weights.shape for table in after.tables]
    base, first, joint, second = (Newton(*dim) for dim in dims)
    num_gates = rows.shape[2]
    sums, totals = [np.zeros((dim, dim)) for dim in (dims[0][1], dims[3][1])], 0.0
    inverses, due = [np.eye(len(total)) for total in sums], {2}
    while max(due) < len(IMAGES):
        due.add(max(max(due) + 1, int(max(due) * 1.6)))
    losses = np.zeros_like(nats, np.float64)
    for t, image in enumerate(IMAGES):
        for p, target in enumerate(image.reshape(-1)):
            x, here = inputs[t, p], rows[t, p]
            z = base.logits([0], x, 0)
            z_first, z_joint = first.logits(here, x, z), joint.logits(here, x, z, joint=True)
            x2 = np.zeros(dims[3][1])
            x2[: 5 + num_gates] = [1, *z, *z_joint, *x[MIXTURES : MIXTURES + 2], *z_first]
            z_second = second.logits(here, x2, z_joint, joint=True)
            bound = np.log(0.99 / 0.01)
            outputs = np.clip([z[0], z_first.mean(), z_joint[0], z_second[0]], -bound, bound)
            losses[:, t] += np.log1p(np.exp(outputs * (1 - 2 * target)))
            if (p + 7 * t) % min(16, 1 + t // 16) == 0:
                q = 1 / (1 + np.exp(-z_joint[0]))
                totals += q * (1 - q) + 1e-4
                for total, vector in zip(sums, (x, x2), strict=True):
                    total += (q * (1 - q) + 1e-4) * np.outer(vector, vector)
            base.learn([0], z, target, x, inverses[0], RATES["rate"])
            first.learn(here, z_first, target, x, inverses[0], RATES["rate"])
            joint.learn(here, z_joint, target, x, inverses[0], RATES["joint_rate"] / num_gates)
            second.learn(here, z_second, target, x2, inverses[1], RATES["second_rate"] / num_gates)
        if t + 1 in due:
            inverses = [np.linalg.inv(total / totals + 1e-3 * np.eye(len(total))) for total in sums]
            sums, totals = [total / 2 for total in sums], totals / 2
    np.testing.assert_allclose(nats, losses, rtol=5e-4, atol=1e-4)  # many inputs of so few pixels are nearly the same
    for table, expected in zip(after.tables, (base, first, joint, second), strict=True):
        np.testing.assert_allclose(table.weights, expected.weights, atol=2e-3)
        np.testing.assert_allclose(table.evidence, expected.evidence, rtol=1e-3, atol=1e-4)


def test_counters_count_templates(seen):
    """The first counter's context is the 4 nearest pixels: left, above, and above to either side."""
    _, inputs, _, _ = seen
    counts = {}
    for t, image in enumerate(IMAGES):
        padded = np.pad(image, 1)
        for p, (row, column) in enumerate(np.ndindex(SHAPE)):
            around = padded[row : row + 2, column : column + 3]
            here = counts.setdefault((around[1, 0], *around[0]), np.array([0.4, 0.4]))
            np.testing.assert_allclose(inputs[t, p, COUNTERS], np.log(here[1] / here[0]), atol=1e-5)
            here[int(image[row, column])] += 1


def parts(index):
    """The means [P, K] and masses [K] of a mixture's parts, before each image."""
    mixture = INIT(jax.random.key(1), (IMAGES,)).mixtures[index]
    means, mass = np.array(mixture.means, np.float64), np.array(mixture.mass, np.float64)
    for t, image in enumerate(IMAGES.reshape(len(IMAGES), -1)):
        yield image, means, (mass + 1e-6) / (mass + 1e-6).sum()
        posterior = (mass + 1e-6) * np.prod(np.where(image[:, None] == 1, means, 1 - means), axis=0)
        posterior /= posterior.sum()
        if t % 3 == 0 and t // 3 < len(mass):  # this image begins a part
            posterior, mass[t // 3] = 1.5 * (np.arange(len(mass)) == t // 3), 0
        mass += posterior
        means = np.clip(means + posterior / (mass + 0.5) * (image[:, None] - means), 0.004, 0.996)


def logit_of(predicted):
    predicted = np.clip(predicted, 0.0005, 0.9995)
    return np.log(predicted / (1 - predicted))


@pytest.mark.parametrize("index", [0, 1])
def test_mixtures_are_bayesian_and_online(seen, index):
    _, inputs, _, _ = seen
    for t, (image, means, posterior) in enumerate(parts(index)):
        for p, value in enumerate(image):
            np.testing.assert_allclose(inputs[t, p, MIXTURES + index], logit_of(posterior @ means[p]), atol=1e-3)
            posterior = posterior * (means[p] if value else 1 - means[p])
            posterior /= posterior.sum()


def test_the_large_mixtures_parts_are_matched_with_shifts(seen):
    """By a row, a column or both; beyond the image they are all but 0. None has half the prior weight.

    After the second row of three the weights become their square roots.
    """
    _, inputs, _, _ = seen
    shifts = list(itertools.product((-1, 0, 1), repeat=2))
    prior = np.array([0.5 if shift == (0, 0) else 0.5 / 8 for shift in shifts])
    for t, (image, means, of_parts) in enumerate(parts(1)):
        padded = np.pad(means.reshape(*SHAPE, -1), ((1, 1), (1, 1), (0, 0)), constant_values=0.004)
        posterior = prior[:, None] * of_parts
        for p, (row, column) in enumerate(np.ndindex(SHAPE)):
            shifted = np.stack([padded[1 + row + down, 1 + column + right] for down, right in shifts])
            roots = np.sqrt(posterior) / np.sqrt(posterior).sum()
            expected = [logit_of((weights * shifted).sum()) for weights in (posterior, roots)]
            np.testing.assert_allclose(inputs[t, p, SHIFTED : SHIFTED + 2], expected, atol=1e-3)
            posterior = posterior * (shifted if image[p] else 1 - shifted)
            posterior = np.sqrt(posterior) if (row, column) == (1, 2) else posterior
            posterior /= posterior.sum()


def test_windows_are_clustered_online(seen):
    """By k-means; every 101st window begins a cluster."""
    _, inputs, _, after = seen
    centres, mass = np.zeros((256, 112)), np.zeros(256)
    for t, window in enumerate(inputs[:, :, SHIFTED - 112 : SHIFTED].reshape(-1, 112)):
        begun = np.sum(mass > 0)
        nearest = np.sum((centres[:begun] - window) ** 2, axis=1).argmin() if t < 101 * begun else begun
        mass[nearest] += 1
        centres[nearest] += (window - centres[nearest]) / mass[nearest]
    assert np.sum(mass > 1) > 5
    np.testing.assert_array_equal(after.clusters.mass, mass)
    np.testing.assert_allclose(after.clusters.centres.T, centres, atol=1e-5)


def test_the_probabilities_of_all_images_sum_to_one(learned):
    images = np.array(list(itertools.product((0, 1), repeat=9)), np.float32).reshape(-1, *SHAPE)
    log_likelihoods = np.asarray(PREDICT(learned, images), np.float64)
    np.testing.assert_allclose(np.exp(log_likelihoods).sum(), 1, rtol=1e-5)
    assert np.ptp(log_likelihoods) > 1
    np.testing.assert_array_equal(stages(learned, images, **SEEN)[-1], log_likelihoods)


def test_later_pixels_change_nothing_that_is_seen_before(learned):
    """The inputs at a pixel hold the logits of earlier ones, so these are the same, too."""
    walk = partial(shared_density._walk, learned, rule=RATES | SEEN, traces=True)
    flipped = IMAGES.reshape(-1, 9).copy()
    flipped[:, 5:] = 1 - flipped[:, 5:]
    (inputs, rows), (others, other_rows) = (walk(jnp.asarray(x.reshape(-1, *SHAPE)))[2] for x in (IMAGES, flipped))
    np.testing.assert_array_equal(inputs[:, :6], others[:, :6])
    np.testing.assert_array_equal(rows[:, :6], other_rows[:, :6])
    assert (np.asarray(inputs[:, 6:]) != np.asarray(others[:, 6:])).any(axis=2).all()
    assert np.ptp(inputs[:, 2, LEFT]) > 0.1


def test_stopped_batched_and_beside_another_seed_it_is_the_same_to_the_bit(learned):
    states = jax.vmap(lambda key: INIT(key, (IMAGES,)))(jax.vmap(jax.random.key)(jnp.array([1, 2])))
    both, _ = jax.jit(jax.vmap(lambda state: shared_density_update(state, IMAGES)))(states)
    for leaf, alone, other in zip(*map(jax.tree.leaves, (both, learned, learn(IMAGES, 120, seed=2))), strict=True):
        np.testing.assert_array_equal(leaf[0], alone)
        np.testing.assert_array_equal(leaf[1], other)


def shared_density_update(state, images):
    return UPDATE(None, state, (images, None))


def test_of_what_it_knows_nothing_every_pixel_is_as_likely():
    """What is said without a walk is what a walk says."""
    state = INIT(jax.random.key(0), (IMAGES,))
    walked = shared_density._walk(state, jnp.asarray(IMAGES), rule=RATES | SEEN, traces=True)[0]
    np.testing.assert_allclose(walked, 9 * np.log(2), rtol=1e-6)
    np.testing.assert_allclose(stages(state, IMAGES, **SEEN), -walked, rtol=1e-6)


def test_it_learns(learned):
    """New images cost less than pixels taken alone can."""
    images = draw_images(200, seed=1)
    alone = np.clip(images.mean(axis=0), 0.01, 0.99)
    entropy = -(alone * np.log(alone) + (1 - alone) * np.log(1 - alone)).sum()
    assert -PREDICT(learned, images).mean() < entropy - 0.5


def test_certain_pixels_are_left_to_their_counts():
    images = np.zeros((1400, 1, 1), np.float32)
    state, _ = UPDATE(None, INIT(jax.random.key(0), (images,)), (images, None))
    assert state.tables[0].evidence[0] > 0
    again, _ = UPDATE(None, state, (images, None))
    np.testing.assert_array_equal(again.tables[0].evidence, state.tables[0].evidence)
    assert again.certain[0].tolist() == [2800, 0]
    sure = stages(again, images[:1], max_contexts=16)
    np.testing.assert_allclose(sure, np.log(1 - 0.4 / 2800.8), rtol=1e-3)


def test_samples_have_the_models_distribution(learned):
    keys = jax.random.split(jax.random.key(0), 2000)
    images = np.asarray(jax.jit(jax.vmap(partial(sample, shape=SHAPE, **SEEN), (0, None)))(keys, learned))
    everything = np.array(list(itertools.product((0, 1), repeat=9)), np.float32)
    probabilities = np.exp(PREDICT(learned, everything.reshape(-1, *SHAPE)))
    flat, pairs = images.reshape(-1, 9), np.einsum("n,na,nb->ab", probabilities, everything, everything)
    np.testing.assert_allclose(flat.T @ flat / 2000, pairs, atol=0.05)


def test_inpainting_keeps_what_is_known(learned):
    image, known = IMAGES[0], np.array([[1, 1, 1], [0, 0, 1], [0, 0, 0]], bool)
    paint = jax.jit(jax.vmap(partial(inpaint, known=known, **SEEN), (0, None, None)))

    def keys():
        return jax.random.split(jax.random.key(0), 30)

    images = np.asarray(paint(keys(), learned, image))
    np.testing.assert_array_equal(images[:, known], np.broadcast_to(image[known], (30, 4)))
    assert (images[:, ~known].std(axis=0) > 0).all()
    np.testing.assert_array_equal(paint(keys(), learned, np.where(known, image, 1 - image)), images)


def test_what_is_wrong_is_said_in_a_line(learned, monkeypatch):
    for given, message in (
        ({"damping": 0.0}, "damping must be positive"),
        ({"joint_rate": np.nan}, "joint_rate must be positive"),
        ({"parts": (10, 32)}, "parts must be two multiples of 16"),
        ({"num_slots": 0}, "num_slots must be 1 to"),
        ({"max_contexts": 1.5}, "max_contexts must be a whole number"),
        ({"epsilon": 0.5}, "epsilon must lie between 0 and 0.5"),
    ):
        with pytest.raises(ValueError, match=message):
            shared_density.learner(**given)
    with pytest.raises(ValueError, match=r"for images of 3 x 4 with max_contexts 16; init makes such a state"):
        PREDICT(learned, np.zeros((1, 3, 4)))
    with pytest.raises(ValueError, match="with max_contexts 8192"):
        stages(learned, IMAGES)
    with pytest.raises(ValueError, match="images must be of zeros and ones"):
        stages(learned, 2 * IMAGES, **SEEN)
    assert np.isnan(UPDATE(None, learned, (2 * IMAGES, None))[1]["nats"])
    monkeypatch.setattr(jax, "default_backend", lambda: "gpu")
    with pytest.raises(ValueError, match="runs on a CPU, not on a gpu: set JAX_PLATFORMS=cpu"):
        shared_density.learner()
    monkeypatch.setattr(shared_density, "native", None)
    with pytest.raises(
        ValueError, match=r"needs its native code: install a C\+\+ compiler and then this package again"
    ):
        shared_density.learner()
