"""The gap between worlds, by hand."""

import jax.numpy as jnp
import numpy as np
import pytest

from bootstrap.gap import gap, interval, mean_and_error, or_last, reuse_rate, stopping_time, value_at

STEPS = np.array([0, 10, 20, 40, 80])


def times(*curves, **settings):
    return stopping_time(STEPS, np.array(curves), **settings)


@pytest.mark.parametrize(
    ("curve", "time"),
    [
        ([0.5, 0.02, 0.0101, 0.0100, 0.0099], 40),  # meets 1 % at 40 and is under it right after, at the last of them
        ([0.5, 0.02, 0.0101, 0.0100, 0.0100], np.nan),  # strictly under
        ([0.5, 0.03, 0.005, 0.005, 0.005], 18),  # 0.02 of 0.025 on the way from 10 to 20
        ([0.5, 0.03, 0.005, 0.5, 0.005], 18),  # later ones do not count
        ([0.5, 0.5, 0.5, 0.5, 0.5], np.nan),
        ([0.001, 0.5, 0.5, 0.5, 0.001], 0),
        ([0.5, 0.5, 0.5, 0.02, 0.0], 60),  # the last one counts
    ],
)
def test_the_stopping_time(curve, time):
    np.testing.assert_allclose(times(curve), [time], rtol=1e-12)


def test_the_threshold_is_an_argument():
    np.testing.assert_allclose(times([1.0, 0.6, 0.4, 0.2, 0.1], threshold=0.5), [15])
    np.testing.assert_allclose(times([1.0, 0.6, 0.4, 0.2, 0.1], threshold=0.15), [60])


def test_every_seed_has_its_own_stopping_time():
    several = times([0.5, 0.0, 0, 0, 0], [0.5, 0.5, 0.5, 0.5, 0.5], [0.5, 0.5, 0.0, 0.5, 0.5])
    np.testing.assert_allclose(several, [9.8, np.nan, 19.8])
    np.testing.assert_allclose(or_last(several, STEPS), [9.8, 80, 19.8])


def test_jax_arrays_do_as_well():
    np.testing.assert_allclose(stopping_time(jnp.array(STEPS), jnp.array([[0.5, 0.0, 0, 0, 0]])), [9.8], rtol=1e-6)


def test_a_curve_is_straight_between_evaluations():
    curves = [[1.0, 0.5, 0.3, 0.3, 0.1], [2.0, 1.0, 1.0, 1.0, 0.0]]
    np.testing.assert_allclose(value_at(STEPS, np.array(curves), np.array([13.0, 50.0])), [0.44, 0.75])
    np.testing.assert_allclose(value_at(STEPS, np.array(curves), np.array([20.0, np.nan])), [0.3, np.nan])


REAL = np.array([[0.9, 0.6, 0.5, 0.45, 0.40], [0.9, 0.5, 0.4, 0.30, 0.30]])
IDEAL = np.array([[0.9, 0.7, 0.4, 0.35, 0.05], [0.9, 0.5, 0.4, 0.35, 0.25]])


def test_the_gap_by_hand():
    """Differences 0, -.1, .1, .1, .35 and 0, 0, 0, -.05, .05; at 15 and at 60, halfway between two evaluations."""
    result = gap(STEPS, REAL, IDEAL, np.array([15.0, 60.0]))
    np.testing.assert_allclose(result.at, [0, 0], atol=1e-15)
    np.testing.assert_allclose(result.sup, [0.1, 0.05])
    np.testing.assert_allclose(result.end, [0.35, 0.05])


def test_the_supremum_counts_the_time_itself():
    result = gap(STEPS, REAL, IDEAL, np.array([78.0, 10.0]))
    np.testing.assert_allclose(result.at, [0.1 + 0.95 * 0.25, 0])
    np.testing.assert_allclose(result.sup, result.at)


def test_real_is_ideal_and_gap():
    rng = np.random.default_rng(0)
    real, ideal = rng.uniform(size=(2, 5, 5))
    when = rng.uniform(0, 80, size=5)
    difference = gap(STEPS, real, ideal, when).at
    assert np.array_equal(difference, value_at(STEPS, real, when) - value_at(STEPS, ideal, when))
    np.testing.assert_allclose(value_at(STEPS, ideal, when) + difference, value_at(STEPS, real, when), rtol=1e-15)
    assert np.array_equal(gap(STEPS, ideal, real, when).at, -difference)


def test_curves_that_coincide_have_no_gap():
    result = gap(STEPS, REAL, REAL.copy(), np.array([15.0, 80.0]))
    assert all(np.array_equal(values, [0, 0]) for values in result)


def test_the_reuse_rate_by_hand():
    """The real loss at 40 is .45, the ideal one's a quarter of the way from .5 at 10 to .3 at 20: 12.5 of 40 steps."""
    real = np.array([[0.9, 0.6, 0.5, 0.45, 0.40]])
    ideal = np.array([[0.9, 0.5, 0.3, 0.60, 0.05]])
    np.testing.assert_allclose(reuse_rate(STEPS, real, ideal, np.array([40.0])), [12.5 / 40])
    # At 15 it is .55, of the ideal one seven eighths of the way from .9 at 0 to .5 at 10.
    np.testing.assert_allclose(reuse_rate(STEPS, real, ideal, np.array([15.0])), [8.75 / 15])


def test_fresh_samples_are_worth_themselves():
    falling = np.array([[0.9, 0.6, 0.5, 0.45, 0.40]])
    for time in (10.0, 33.0, 80.0):
        np.testing.assert_allclose(reuse_rate(STEPS, falling, falling, np.array([time])), [1.0])


def test_equal_curves_have_a_reuse_rate_of_one_however_noisy():
    """A level that is the loss at the time itself would be met long before."""
    steps = np.arange(0, 2000, 20)
    curves = 2 * np.exp(-steps / 400) + 0.5 + 0.02 * np.random.default_rng(0).normal(size=(50, len(steps)))
    for time in (70.0, 1500.0, 1507.0):
        np.testing.assert_allclose(reuse_rate(steps, curves, curves, np.full(50, time)), 1, rtol=1e-12)


def test_the_level_is_the_best_of_a_real_world_that_gets_worse_again():
    """.3 at 20; the ideal world has it a third of the way from .4 at 20 to .1 at 40."""
    real = np.array([[0.9, 0.6, 0.3, 0.8, 0.9]])
    ideal = np.array([[0.9, 0.5, 0.4, 0.1, 0.1]])
    np.testing.assert_allclose(reuse_rate(STEPS, real, ideal, np.array([80.0])), [(20 + 20 / 3) / 20])


def test_a_reuse_rate_that_is_not_known():
    low, high = np.array([[0.9, 0.3, 0.2, 0.1, 0.1]]), np.array([[0.9, 0.8, 0.7, 0.6, 0.5]])
    np.testing.assert_array_equal(reuse_rate(STEPS, low, high, np.array([40.0])), [np.nan])  # never as low
    np.testing.assert_array_equal(reuse_rate(STEPS, high, low, np.array([0.0])), [np.nan])
    rising = np.array([[0.9, 1.0, 1.5, 2.0, 3.0]])
    np.testing.assert_array_equal(reuse_rate(STEPS, rising, low, np.array([40.0])), [np.nan])  # best before it learned


def test_mean_and_standard_error_of_pairs():
    """Differences 1, 2, 6: mean 3, deviation √7, over √3. The curves' own scatter, of hundreds, does not enter."""
    ideal = np.array([100.0, -300.0, 500.0])
    mean, error = mean_and_error(ideal + np.array([1.0, 2.0, 6.0]) - ideal)
    np.testing.assert_allclose([mean, error], [3, np.sqrt(7 / 3)])
    # Student's t with 2 degrees of freedom leaves 2.5 % above 4.302653.
    np.testing.assert_allclose(interval(np.array([1.0, 2.0, 6.0])), 3 + 4.302653 * error * np.array([-1, 1]), rtol=1e-6)
    mean, error = mean_and_error(np.array([2.0]))
    assert mean == 2
    assert np.isnan([error, *interval(np.array([2.0]))]).all()


def test_curves_and_steps_of_other_shapes_are_refused():
    np.testing.assert_allclose(reuse_rate(list(STEPS), REAL.tolist(), REAL.tolist(), [80, 80]), [1, 1])
    for curves in ((REAL[0], IDEAL[0]), (REAL, IDEAL[:1]), (REAL[:, :4], IDEAL[:, :4])):
        for of_curves in (gap, reuse_rate):
            with pytest.raises(ValueError, match=r"curves must be \[S, 5\], with the same seeds as rows; got \["):
                of_curves(STEPS, *curves, np.array([15.0, 60.0]))
            with pytest.raises(ValueError, match=r"times must be \[2\], one for each seed; got \[1\]"):
                of_curves(STEPS, REAL, IDEAL, np.array([15.0]))
    with pytest.raises(ValueError, match=r"curves must be \[S, 5\]"):
        value_at(STEPS, REAL[:, :4], np.array([15.0, 60.0]))
    for steps in (STEPS[::-1], [], [1.0, np.nan, 3.0, 4.0, 5.0]):
        with pytest.raises(ValueError, match="steps must be those of the evaluations, increasing"):
            stopping_time(steps, REAL[:, : len(steps)])
    for values in (np.ones((2, 3)), 3.0, []):
        with pytest.raises(ValueError, match=r"values must be \[S\], one for each seed; got \["):
            interval(values)


def test_an_evaluation_that_is_not_known_moves_the_crossing_to_the_next():
    curve = np.array([[0.5, 0.5, np.nan, 0.0, 0.5]])
    np.testing.assert_array_equal(stopping_time(STEPS, curve), STEPS[3:4])
