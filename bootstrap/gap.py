"""Numbers from the learning curves of two worlds: stopping time, bootstrap error until then, worth of a reused sample.

TestError(real) = TestError(ideal) + bootstrap error: the error of online learning, and what reusing the samples adds
(Nakkiran 2021, §2). Curves are NumPy arrays with one row for each seed; the rows of two curves are pairs.

Letters: S seeds, E evaluations. steps [E] are those of the evaluations, increasing. times [S] are in steps. Between two
evaluations a curve [S, E] is a straight line. ValueError says where curves or steps have other shapes.
"""

from typing import NamedTuple

import numpy as np
import scipy.special

from bootstrap import settings


class Gap(NamedTuple):
    """The difference of two curves, up to a time and at the end of the run."""

    at: np.ndarray  # [S] at the time
    sup: np.ndarray  # [S] the maximum of its absolute value up to and including the time
    end: np.ndarray  # [S] at the last evaluation


def stopping_time(steps: np.ndarray, train_soft_error: np.ndarray, threshold: float = 0.01) -> np.ndarray:
    """The time at which the real world has learned its samples: its train soft error [S, E] falls below the threshold.

    -> [S], the first such time, NaN where there is none. The paper's time is the first evaluation with an error
    strictly below 1 %; ours is where the line from the evaluation before it meets the threshold. A later rise above the
    threshold changes nothing.
    """
    settings.check_not_negative(threshold=threshold)
    steps, curve = _checked(steps, train_soft_error)
    return _crossing(steps, curve, np.full(len(curve), threshold), curve < threshold)


def or_last(times: np.ndarray, steps: np.ndarray) -> np.ndarray:
    """The times, with the last step in place of NaN. [S] -> [S]."""
    return np.where(np.isnan(times), steps[-1], times)


def value_at(steps: np.ndarray, curve: np.ndarray, times: np.ndarray) -> np.ndarray:
    """The values of a curve [S, E] at each seed's time [S]. -> [S]."""
    steps, curve = _checked(steps, curve)
    times = _times(times, curve)
    return np.array([np.interp(time, steps, row) for time, row in zip(times, curve, strict=True)])


def gap(steps: np.ndarray, over: np.ndarray, under: np.ndarray, times: np.ndarray) -> Gap:
    """over - under, until each seed's time. Curves [S, E], times [S].

    For the test errors of the real and the ideal world it is the bootstrap error; for the test and the train error of
    the real world it is the generalisation gap. It is computed for each seed, so noise biases the supremum upwards: it
    is never 0.
    """
    steps, over, under = _checked(steps, over, under)
    difference, times = over - under, _times(times, over)
    here = value_at(steps, over, times) - value_at(steps, under, times)
    before = np.where(steps[None] <= times[:, None], np.abs(difference), 0)
    return Gap(here, np.maximum(before.max(axis=1), np.abs(here)), difference[:, -1])


def reuse_rate(steps: np.ndarray, real: np.ndarray, ideal: np.ndarray, times: np.ndarray) -> np.ndarray:
    """The worth of a sample of the real world, as a fraction of a fresh one, until each seed's time. -> [S].

    real, ideal: test losses [S, E]. The level is the least loss of the real world until the time. The rate is t' / t,
    of the first times at which the ideal and the real world have it: with batches of B, t' B fresh samples do what t B
    samples did of which some were shown before. Equal curves have a rate of 1. NaN where the ideal world does not get
    as low before it ends, and where the real world never gets lower than at its first evaluation. A dip that is noise
    counts as a level, so of a real world that only gets worse it is no measurement.

    Ours, on curves of one training each. In the literature (Yan et al. 2025, arXiv 2511.13421) the effective reuse rate
    of K epochs over n samples is m / n, where one pass over m samples, with the schedule that is best for it, does as
    well; with equal schedules it is this rate times t B / n.
    """
    steps, real, ideal = _checked(steps, real, ideal)
    times = _times(times, real)
    seen = np.where(steps[None] <= times[:, None], real, np.inf)
    level = np.fmin(seen.min(axis=1), value_at(steps, real, times))
    of_ideal = _crossing(steps, ideal, level, ideal <= level[:, None])
    of_real = np.fmin(_crossing(steps, real, level, real <= level[:, None]), times)
    return np.divide(of_ideal, of_real, out=np.full(len(times), np.nan), where=level < real[:, 0])


def mean_and_error(values: np.ndarray) -> tuple[float, float]:
    """The mean over seeds [S] and its standard error, which is NaN for one seed."""
    values = np.asarray(values, float)
    if values.ndim != 1 or not len(values):
        raise ValueError(f"values must be [S], one for each seed; got {list(values.shape)}")
    return values.mean(), values.std(ddof=1) / np.sqrt(len(values)) if len(values) > 1 else np.nan


def interval(values: np.ndarray) -> tuple[float, float]:
    """The 95 % confidence interval of the mean over seeds [S], by Student's t; NaN of one seed.

    Of differences between curves whose seeds are pairs it is the paired one.
    """
    mean, error = mean_and_error(values)
    half = error * scipy.special.stdtrit(len(values) - 1, 0.975) if len(values) > 1 else np.nan
    return mean - half, mean + half


def _checked(steps, *curves):
    """Steps and curves as arrays. Raises ValueError where they are not [E], increasing, and each [S, E]."""
    steps, *curves = (np.asarray(array, float) for array in (steps, *curves))
    if steps.ndim != 1 or not len(steps) or not np.isfinite(steps).all() or (np.diff(steps) <= 0).any():
        raise ValueError("steps must be those of the evaluations, increasing")
    if any(curve.ndim != 2 or curve.shape != (len(curves[0]), len(steps)) for curve in curves):
        shapes = ", ".join(str(list(curve.shape)) for curve in curves)
        raise ValueError(f"curves must be [S, {len(steps)}], with the same seeds as rows; got {shapes}")
    return steps, *curves


def _times(times, curve):
    """Times as an array. Raises ValueError where they are not [S], one for each row of a curve."""
    times = np.asarray(times, float)
    if times.shape != (len(curve),):
        raise ValueError(f"times must be [{len(curve)}], one for each seed; got {list(times.shape)}")
    return times


def _crossing(steps, curve, level, reached):
    """The time at which the line through each row of `curve` meets its `level` [S]: just before the first `reached`.

    There itself if the curve is NaN before.
    """
    seeds, last = np.arange(len(curve)), reached.argmax(axis=1)
    first = np.maximum(last - 1, 0)
    above, below = curve[seeds, first], curve[seeds, last]
    fraction = np.divide(above - level, above - below, out=np.ones(len(curve)), where=(last > 0) & ~np.isnan(above))
    return np.where(reached.any(axis=1), steps[first] + fraction * (steps[last] - steps[first]), np.nan)
