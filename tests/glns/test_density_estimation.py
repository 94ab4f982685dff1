"""The density model: a distribution over images, online pixel by pixel, and its samples."""

import itertools

import chex
import jax
import jax.numpy as jnp
import numpy as np
import pytest
from jax.extend.core import jaxprs_in_params

import glns
from glns import bernoulli, pixels
from glns.density_estimation import inpaint, sample

SHAPE = (3, 3)
RULE = bernoulli.Rule(0.01, weight_bound=0.5)
SETTINGS = {"num_patterns": 5, "pattern_bits": 3, "context_bits": 2, "learning_rate": 0.1, "learning_rate_decay": 3.0}
INIT, UPDATE, PREDICT = glns.density((4, 3, 1), epsilon=RULE.epsilon, weight_bound=RULE.weight_bound, **SETTINGS)
UPDATE, PREDICT = jax.jit(UPDATE), jax.jit(PREDICT)


def draw_images(number, seed=0):
    """The middle column repeats the first two times in three; the last is noise."""
    rng = np.random.default_rng(seed)
    images = (rng.random((number, *SHAPE)) < 0.4).astype(np.float32)
    images[:, :, 1] = np.where(rng.random((number, 3)) < 0.9, images[:, :, 0], images[:, :, 1])
    return images


def learn(images, size):
    state = INIT(jax.random.key(1), (jnp.zeros((size, *SHAPE)),))
    nats = []
    for part in np.split(images, len(images) // size):
        state, metrics = UPDATE(None, state, (part, np.zeros(size)))
        nats.append(float(metrics["nats"]))
    return state, np.array(nats)


@pytest.fixture(scope="module")
def learned():
    return learn(draw_images(120), 10)


def test_the_probabilities_of_all_images_sum_to_one(learned):
    images = np.array(list(itertools.product((0, 1), repeat=9)), np.float32).reshape(-1, *SHAPE)
    log_likelihoods = PREDICT(learned[0], images)
    assert log_likelihoods.shape == (512,)
    np.testing.assert_allclose(np.exp(np.asarray(log_likelihoods, np.float64)).sum(), 1, rtol=1e-5)
    assert np.ptp(log_likelihoods) > 1


def test_all_pixels_side_by_side_learn_the_same(monkeypatch, learned):
    """As on a GPU or TPU, where a loop over pixels would be B P turns."""
    monkeypatch.setattr(jax.lax, "platform_dependent", lambda *args, default, **_: default(*args))
    _, update, _ = glns.density((4, 3, 1), epsilon=RULE.epsilon, weight_bound=RULE.weight_bound, **SETTINGS)
    batch = draw_images(10, seed=1), np.zeros(10)
    program = jax.make_jaxpr(update, return_shape=True)(None, learned[0], batch)[0]
    assert turns(program.jaxpr) < 10 * np.prod(SHAPE)
    side_by_side, in_turn = jax.jit(update)(None, learned[0], batch), UPDATE(None, learned[0], batch)
    np.testing.assert_array_equal(side_by_side[0].counts, in_turn[0].counts)
    chex.assert_trees_all_close(side_by_side, in_turn, rtol=1e-4, atol=1e-5)


def turns(program):
    """The most turns in a row of any loop in a loop."""
    inner = [
        equation.params.get("length", 1) * max(map(turns, jaxprs_in_params(equation.params)), default=1)
        for equation in program.eqns
    ]
    return max(inner, default=1)


def test_learning_is_the_papers_pixel_by_pixel(learned):
    """One image, one pixel, one neuron at a time, in float64: the counts, Algorithm 1, and its weights after."""
    state, nats = learned
    first = INIT(jax.random.key(1), (jnp.zeros((1, *SHAPE)),))
    patterns, gates = np.asarray(first.patterns), [np.asarray(layer.gates) for layer in first.layers]
    tables = [np.array(layer.weights, np.float64) for layer in first.layers]
    counts, bound = np.zeros(first.counts.shape), np.log((1 - RULE.epsilon) / RULE.epsilon)
    losses = []
    for t, image in enumerate(draw_images(120), 1):
        side, loss = np.asarray(pixels.bits(image)), 0.0
        for p, target in enumerate(image.reshape(-1)):
            contexts = (patterns @ side[p]).astype(int)
            logits = np.array([zero_redundancy(*counts[p, m, context]) for m, context in enumerate(contexts)])
            counts[p, np.arange(len(contexts)), contexts, int(target)] += 1
            for table, gate in zip(tables, gates, strict=True):
                x = np.append(np.clip(logits, -bound, bound), 1.0)
                rows = (gate @ side[p]).astype(int)
                logits = np.array([table[p, k, row] @ x for k, row in enumerate(rows)])
                for k, row in enumerate(rows):
                    probability = 1 / (1 + np.exp(-logits[k]))
                    if abs(target - probability) > RULE.epsilon:
                        error = np.clip(probability, RULE.epsilon, 1 - RULE.epsilon) - target
                        table[p, k, row] -= min(0.1, 3 / t) * error * x
                table[p] = np.clip(table[p], -RULE.weight_bound, RULE.weight_bound)
            loss += np.log1p(np.exp(np.clip(logits[0], -bound, bound) * (1 - 2 * target)))
        losses.append(loss)
    np.testing.assert_allclose(nats, np.reshape(losses, (12, 10)).mean(axis=1), rtol=1e-4)
    np.testing.assert_array_equal(state.counts, counts)
    for layer, table in zip(state.layers, tables, strict=True):
        np.testing.assert_allclose(layer.weights, table, atol=1e-4)
    assert any(np.abs(table).max() == RULE.weight_bound for table in tables)


def zero_redundancy(a, b):
    """log P(next is 1) / P(next is 0) of half Krichevsky-Trofimov and a quarter for each constant sequence."""
    kt = np.prod([*(np.arange(a) + 0.5), *(np.arange(b) + 0.5)] / (np.arange(a + b) + 1))
    one = kt * (b + 0.5) / (a + b + 1) / 2 + (a == 0) / 4
    zero = kt * (a + 0.5) / (a + b + 1) / 2 + (b == 0) / 4
    return np.log(one / zero)


def test_the_batch_size_changes_nothing(learned):
    state, nats = learn(draw_images(120), 60)
    chex.assert_trees_all_close(state, learned[0], atol=1e-4)
    np.testing.assert_allclose(nats, learned[1].reshape(2, 6).mean(axis=1), rtol=1e-4)


def test_it_learns(learned):
    """New images cost less than the 9 log 2 nats of knowing nothing, and less than pixels taken alone can."""
    images = draw_images(200, seed=1)
    alone = np.clip(images.mean(axis=0), 0.01, 0.99)
    entropy = -(alone * np.log(alone) + (1 - alone) * np.log(1 - alone)).sum()
    assert -PREDICT(learned[0], images).mean() < entropy - 0.5


def test_samples_have_the_models_distribution(learned):
    keys = jax.random.split(jax.random.key(0), 4000)
    images = np.asarray(jax.jit(jax.vmap(lambda key: sample(key, learned[0], SHAPE, epsilon=RULE.epsilon)))(keys))
    assert set(np.unique(images)) == {0.0, 1.0}
    everything = np.array(list(itertools.product((0, 1), repeat=9)), np.float32).reshape(-1, *SHAPE)
    probabilities = np.exp(PREDICT(learned[0], everything))
    expected = np.einsum("n,nij->ij", probabilities, everything.reshape(512, 9)[:, :, None])[:, 0]
    np.testing.assert_allclose(images.mean(axis=0).reshape(-1), expected, atol=0.04)
    pairs = np.einsum("n,na,nb->ab", probabilities, *2 * [everything.reshape(512, 9)])
    flat = images.reshape(-1, 9)
    np.testing.assert_allclose(flat.T @ flat / 4000, pairs, atol=0.04)


def test_inpainting_keeps_what_is_known(learned):
    image, known = draw_images(1)[0], np.array([[1, 1, 1], [0, 0, 1], [0, 0, 0]], bool)
    paint = jax.jit(lambda key, image: inpaint(key, learned[0], image, known, epsilon=RULE.epsilon))
    images = np.array([paint(key, image) for key in jax.random.split(jax.random.key(0), 30)])
    np.testing.assert_array_equal(images[:, known], np.broadcast_to(image[known], (30, 4)))
    assert (images[:, ~known].std(axis=0) > 0).all()
    hidden = np.where(known, image, 1 - image)
    np.testing.assert_array_equal(paint(jax.random.key(7), hidden), paint(jax.random.key(7), image))


def test_bad_settings_are_refused():
    for sizes in ((), (4,), (0, 1)):
        with pytest.raises(ValueError, match="sizes must be positive and end in 1"):
            glns.density(sizes)
    for setting, message in (
        ({"num_patterns": 0}, "num_patterns must be at least 1"),
        ({"learning_rate": 0.0}, "must be positive"),
        ({"epsilon": 0.5}, "epsilon must lie between 0 and 0.5"),
        ({"context_bits": 17}, "num_bits must be 0 to 16"),
    ):
        with pytest.raises(ValueError, match=message):
            glns.density((1,), **setting)
