"""What two worlds' learning curves say: the stopping time, the bootstrap error until then, and the worth of a reuse.

TestError(real) = TestError(ideal) + bootstrap error: the error of online learning, and what reusing the samples adds
to it (Nakkiran 2021, §2). Curves are NumPy arrays, one row a seed, and pair by seed.

Letters: S seeds, E evaluations. steps [E] are those of the evaluations, increasing; times [S] are in steps, and between
two evaluations a curve [S, E] is a straight line.
"""

from typing import NamedTuple

import numpy as np


class Gap(NamedTuple):
    """One curve less another, both up to a time and at the end of the run."""

    at: np.ndarray  # [S] at the time
    sup: np.ndarray  # [S] the greatest in size up to the time, itself included; never negative
    end: np.ndarray  # [S] at the last evaluation


def stopping_time(steps: np.ndarray, train_soft_error: np.ndarray, threshold: float = 0.01) -> np.ndarray:
    """When the real world has learned its samples: its train soft error [S, E] first falls under the threshold.

    -> [S], NaN where it never does. The paper's time is the first evaluation whose error is strictly under 1 %; ours is
    where the line to it from the evaluation before meets the threshold. A later rise over it changes nothing.
    """
    curve = np.asarray(train_soft_error, float)
    return _crossing(steps, curve, np.full(len(curve), threshold), curve < threshold)


def or_end(times: np.ndarray, steps: np.ndarray) -> np.ndarray:
    """The times, and the last step where there is none. [S] -> [S]."""
    return np.where(np.isnan(times), steps[-1], times)


def at(steps: np.ndarray, curve: np.ndarray, times: np.ndarray) -> np.ndarray:
    """The values of a curve [S, E] at each seed's time [S]. -> [S]."""
    return np.array([np.interp(time, steps, row) for time, row in zip(times, np.asarray(curve, float), strict=True)])


def gap(steps: np.ndarray, over: np.ndarray, under: np.ndarray, times: np.ndarray) -> Gap:
    """The first curve less the second until each seed's time. Curves [S, E], times [S].

    Of the test errors of the real and the ideal world it is the bootstrap error; of the test and the train error of the
    real world the generalisation gap. It is the gap of a seed, also its supremum: that of noisy curves is never 0.
    """
    difference = np.asarray(over, float) - np.asarray(under, float)
    here = at(steps, over, times) - at(steps, under, times)
    before = np.where(np.asarray(steps)[None] <= times[:, None], np.abs(difference), 0)
    return Gap(here, np.maximum(before.max(axis=1), np.abs(here)), difference[:, -1])


def reuse_rate(steps: np.ndarray, real: np.ndarray, ideal: np.ndarray, times: np.ndarray) -> np.ndarray:
    """What share of a fresh sample a sample of the real world was worth, until each seed's time. -> [S].

    Let t be the time, and t' the first time at which the ideal world's test loss is no greater than the real world's
    at t. The rate is t' / t: t' B fresh samples do what t B did that were reused. As many times t B / n, the number
    of epochs, it is the effective reuse rate of the literature, fresh samples in units of n.
    NaN where the ideal world does not get as low before it ends, or where t is 0. Real and ideal [S, E]: test losses.
    """
    ideal, level = np.asarray(ideal, float), at(steps, real, times)
    fresh = _crossing(steps, ideal, level, ideal <= level[:, None])
    return np.divide(fresh, times, out=np.full(len(times), np.nan), where=times > 0)


def mean_and_error(values: np.ndarray) -> tuple[float, float]:
    """The mean over seeds [S] and its standard error, which is NaN for one seed."""
    values = np.asarray(values, float)
    return values.mean(), values.std(ddof=1) / np.sqrt(len(values)) if len(values) > 1 else np.nan


def _crossing(steps, curve, level, reached):
    """When each line [E] through a row of `curve` first comes to its `level` [S]: before the first `reached` point."""
    steps, seeds, last = np.asarray(steps, float), np.arange(len(curve)), reached.argmax(axis=1)
    first = np.maximum(last - 1, 0)
    above, below = curve[seeds, first], curve[seeds, last]
    share = np.divide(above - level, above - below, out=np.ones(len(curve)), where=last > 0)
    return np.where(reached.any(axis=1), steps[first] + share * (steps[last] - steps[first]), np.nan)
