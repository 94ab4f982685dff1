"""Scores of predictions, by hand, by identities and against plain NumPy in float64."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from bootstrap import scores

RNG = np.random.default_rng(0)
LABELS = RNG.integers(0, 10, size=500)


def log_softmax(logits):
    logits = logits - logits.max(-1, keepdims=True)
    return logits - np.log(np.exp(logits).sum(-1, keepdims=True))


def confident(scale):
    """Logits that are right on two of three, more surely the greater their scale. [500, 10]."""
    rng = np.random.default_rng(1)
    right = np.where(rng.uniform(size=500) < 2 / 3, LABELS, (LABELS + 1) % 10)
    return scale * (np.eye(10)[right] + 0.3 * rng.normal(size=(500, 10)))


def of(logits, labels=LABELS):
    return {name: float(value) for name, value in jax.jit(scores)(jnp.float32(log_softmax(logits)), labels).items()}


def calibration_error(log_probabilities, labels, **settings):
    return scores(jnp.float32(log_probabilities), jnp.asarray(labels), **settings)["calibration_error"]


def expected(logits, num_bins=15):
    """The same, sample by sample and bin by bin."""
    p = np.exp(log_softmax(logits))
    of_label, confidence, correct = p[np.arange(500), LABELS], p.max(-1), p.argmax(-1) == LABELS
    calibration = 0
    for m in range(num_bins):
        inside = (confidence > m / num_bins) & (confidence <= (m + 1) / num_bins)
        if inside.any():
            calibration += inside.mean() * abs(correct[inside].mean() - confidence[inside].mean())
    return {
        "error": 1 - correct.mean(),
        "soft_error": 1 - of_label.mean(),
        "loss": -np.log(of_label).mean(),
        "calibration_error": calibration,
    }


@pytest.mark.parametrize("scale", [0.1, 1.0, 5.0, 30.0])
def test_the_scores_are_those_of_numpy(scale):
    logits = confident(scale)
    got, wanted = of(logits), expected(logits)
    assert got.keys() == wanted.keys()
    for name, value in wanted.items():
        np.testing.assert_allclose(got[name], value, rtol=1e-4, atol=1e-6, err_msg=name)


def test_knowing_nothing_by_hand():
    got = of(np.zeros((500, 10)))
    np.testing.assert_allclose(got["soft_error"], 0.9, rtol=1e-6)
    np.testing.assert_allclose(got["loss"], np.log(10), rtol=1e-6)
    np.testing.assert_allclose(got["error"], (LABELS != 0).mean(), rtol=1e-6)  # the first of equals is the answer
    np.testing.assert_allclose(got["calibration_error"], abs((LABELS == 0).mean() - 0.1), rtol=1e-4)


def test_certainty_by_hand():
    sure = 1e4 * np.eye(10)
    right = of(sure[LABELS])
    assert set(right.values()) == {0}
    wrong = of(sure[(LABELS + 1) % 10])
    assert wrong == pytest.approx({"soft_error": 1, "error": 1, "calibration_error": 1, "loss": 1e4}, rel=1e-5)


def test_weights_are_as_many_samples():
    log_probabilities, times = log_softmax(confident(2.0)).astype(np.float32), RNG.integers(0, 4, size=500)
    repeated = scores(jnp.array(np.repeat(log_probabilities, times, axis=0)), jnp.array(np.repeat(LABELS, times)))
    weighted = scores(jnp.array(log_probabilities), jnp.array(LABELS), jnp.float32(times) / 7)
    for name, value in repeated.items():
        np.testing.assert_allclose(weighted[name], value, rtol=1e-4, err_msg=name)


def test_a_tiny_soft_error_is_not_rounded_away():
    log_probabilities = jnp.array([[-1e-9, -21.0]])
    np.testing.assert_allclose(scores(log_probabilities, jnp.array([0]))["soft_error"], 1e-9, rtol=1e-5)


def test_soft_error_is_the_error_of_a_drawn_class():
    logits = confident(2.0)
    up_to = np.exp(log_softmax(logits)).cumsum(-1)  # the probability of a class or one before it
    drawn = (RNG.uniform(size=(1000, 500, 1)) > up_to).sum(-1)
    np.testing.assert_allclose(of(logits)["soft_error"], (drawn != LABELS).mean(), atol=0.003)  # 4 deviations


def test_soft_error_of_one_is_1_minus_the_exponential_of_minus_its_loss():
    for logits, label in zip(confident(2.0)[:5], LABELS[:5], strict=True):
        one = of(logits[None], np.array([label]))
        np.testing.assert_allclose(one["soft_error"], 1 - np.exp(-one["loss"]), rtol=1e-5)


@pytest.mark.parametrize("scale", [0.1, 2.0, 30.0])
def test_soft_error_is_at_most_the_loss_and_between_0_and_1(scale):
    got = of(confident(scale))
    assert 0 <= got["soft_error"] <= min(1, got["loss"])


def test_scores_do_not_see_a_shift_of_the_logits():
    logits = confident(2.0)
    shifted = logits + RNG.normal(scale=10, size=(500, 1))
    np.testing.assert_allclose(list(of(logits).values()), list(of(shifted).values()), rtol=1e-5)


def test_cold_soft_error_is_the_hard_error():
    got = of(1e4 * confident(1.0))
    np.testing.assert_allclose(got["soft_error"], got["error"], atol=1e-4)  # no two classes are as likely


def test_calibration_by_hand():
    """Confidences .6 twice (one right), in bin (8/15, 9/15], and .9 (wrong): (2 |.5 - .6| + 1 |0 - .9|) / 3."""
    p = jnp.array([[0.6, 0.4], [0.6, 0.4], [0.1, 0.9]])
    labels = jnp.array([0, 1, 0])
    np.testing.assert_allclose(calibration_error(jnp.log(p), labels), 1.1 / 3, rtol=1e-5)
    # With one bin it is |accuracy - mean confidence|.
    np.testing.assert_allclose(calibration_error(jnp.log(p), labels, num_bins=1), 0.7 - 1 / 3, rtol=1e-5)


def test_a_bin_ends_with_its_upper_edge():
    """Two bins: a confidence of exactly 1/2 is of the lower one, alone with its error, and 0.51 of the upper one."""
    p = jnp.array([[0.5, 0.5], [0.51, 0.49]])
    np.testing.assert_allclose(
        calibration_error(jnp.log(p), jnp.array([1, 0]), num_bins=2), (0.5 + 0.49) / 2, rtol=1e-5
    )
    np.testing.assert_allclose(calibration_error(jnp.log(p), jnp.array([1, 0]), num_bins=1), 0.005, rtol=1e-3)


def test_what_is_as_often_right_as_it_says_is_calibrated():
    confidence = RNG.uniform(0.5, 1, size=200_000)
    labels = (RNG.uniform(size=200_000) > confidence).astype(int)
    log_probabilities = np.log(np.stack([confidence, 1 - confidence], axis=1))
    assert calibration_error(log_probabilities, labels) < 0.005
    assert calibration_error(log_softmax(3 * log_probabilities), labels) > 0.1


def test_labels_and_weights_are_one_a_row():
    """A column would be broadcast against a row, and all scores be wrong without a word."""
    uniform = jnp.log(jnp.full((4, 2), 0.5))
    for labels in (jnp.zeros((4, 1), int), jnp.zeros(1, int)):
        with pytest.raises(ValueError, match=r"labels must be of shape \[4\], got \["):
            scores(uniform, labels)
    with pytest.raises(ValueError, match=r"weights must be of shape \[4\], got \[4, 1\]"):
        scores(uniform, jnp.zeros(4, int), jnp.ones((4, 1)))
