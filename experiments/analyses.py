"""Conclusions: numbers that follow from the records of a whole run. Pure: (records, **settings) -> name -> number."""

import re
from collections.abc import Mapping, Sequence

import numpy as np

from bootstrap import gap as worlds_gap

_SCORES = ("soft_error", "error", "loss", "calibration_error")  # the first is the paper's


def gap(
    records: Sequence[Mapping], *, pairs: Mapping[str, Sequence[str]] | None = None, threshold: float = 0.01
) -> dict[str, float]:
    """The bootstrap error of pairs of cells, and what belongs to it (see `bootstrap.gap`); means over paired seeds.

    pairs: name -> the cells of its real and its ideal world. The numbers of the pair "" are probe/NUMBER, those of
    another probe/NAME/NUMBER. Until the real world's train soft error is under `threshold`, or to the end where it
    never is:

      stopping_step, stopping_reached    in steps; the share of the seeds in which it was reached
      bootstrap_error, _se, _sup, _end   test soft error, real less ideal: at the stopping time, its standard error, its
                                         greatest size until then, at the last evaluation
      generalisation_gap, _se            test less train soft error of the real world, at the stopping time
      real_soft_error, ideal_soft_error  test soft errors at the stopping time; likewise real_SCORE, ideal_SCORE
      reuse_rate, reuse_reached          what share of a fresh sample a reused one is worth, by the test loss, over the
                                         seeds in which the ideal world gets as low; the share of those

    NUMBER/SCORE is the same for another score: error, loss, calibration_error. What is not known is left out: a
    standard error of one seed, a score that is not in the records, the rate where it was never reached.
    """
    if not 0 < threshold < 1:
        raise ValueError(f"threshold is a soft error, between 0 and 1; got {threshold}")
    numbers = {}
    for name, (real, ideal) in (pairs or {"": ("real", "ideal")}).items():
        prefix = f"probe/{name}/" if name else "probe/"
        numbers |= {f"{prefix}{key}": value for key, value in _of_pair(records, real, ideal, threshold).items()}
    return {name: float(value) for name, value in numbers.items() if np.isfinite(value)}


def race(records: Sequence[Mapping], *, first: int = 50, measure: str = "test_error") -> dict[str, float]:
    """How a learner by a genome compares with its rivals, all SGD, over the first steps; means over seeds.

    probe/blur_accuracy_at_N, probe/best_sgd_accuracy_at_N   after `first` steps, N; the best rival of that step
    probe/blur_area, probe/best_sgd_area                     the mean accuracy over steps 1 to N; the best rival's
    probe/steps_ahead                                        in what share of them it is above every rival
    probe/least_lead                                         its accuracy less the best rival's, where that is least
    """
    steps, errors = curve(records, f"probe/{measure}")
    names = [name for name in records[-1] if re.fullmatch(rf"probe/[^/]+/{measure}", name)]
    chosen = (steps > 0) & (steps <= first)
    blur = 1 - errors[:, chosen].mean(axis=0)
    rivals = np.stack([1 - curve(records, name)[1][:, chosen].mean(axis=0) for name in names])
    lead = blur - rivals.max(axis=0)
    numbers = {
        f"blur_accuracy_at_{first}": blur[-1],
        f"best_sgd_accuracy_at_{first}": rivals[:, -1].max(),
        "blur_area": blur.mean(),
        "best_sgd_area": rivals.mean(axis=1).max(),
        "steps_ahead": (lead > 0).mean(),
        "least_lead": lead.min(),
    }
    return {f"probe/{name}": float(number) for name, number in numbers.items()}


def curve(records: Sequence[Mapping], name: str) -> tuple[np.ndarray, np.ndarray]:
    """A metric over a run: the steps [E] at which it was recorded, and its values [S, E], one row a seed."""
    points = [record for record in records if name in record]
    if not points:
        there = sorted({key for record in records for key in record if key != "step" and not key.endswith("/seeds")})
        raise ValueError(f"the run has no metric {name!r}; there are {', '.join(there) or 'none'}")
    values = [point.get(f"{name}/seeds", [point[name]]) for point in points]
    return np.array([point["step"] for point in points]), np.array(values).T


def stopping(records: Sequence[Mapping], real: str, threshold: float) -> tuple[np.ndarray, np.ndarray]:
    """A real world's stopping times, those of `bootstrap.gap`; [S], and again with the end where there is none."""
    steps, train = curve(records, f"probe/{real}/train_soft_error")
    times = worlds_gap.stopping_time(steps, train, threshold)
    return times, worlds_gap.or_last(times, steps)


def _of_pair(records: Sequence[Mapping], real: str, ideal: str, threshold: float) -> dict[str, float]:
    reached, times = stopping(records, real, threshold)
    numbers = {"stopping_step": times.mean(), "stopping_reached": 1 - np.isnan(reached).mean()}
    recorded = {name for record in records for name in record}
    for score in _SCORES:
        suffix = "" if score == _SCORES[0] else f"/{score}"
        test, train = [f"probe/{cell}/test_{score}" for cell in (real, ideal)], f"probe/{real}/train_{score}"
        if suffix and not recorded.issuperset(test):
            continue
        steps, of_real, of_ideal = curve(records, test[0])[0], *(curve(records, name)[1] for name in test)
        error = worlds_gap.gap(steps, of_real, of_ideal, times)
        numbers |= _with_error("bootstrap_error", error.at, suffix)
        numbers |= {f"bootstrap_error_sup{suffix}": error.sup.mean(), f"bootstrap_error_end{suffix}": error.end.mean()}
        numbers |= {f"real_{score}": worlds_gap.value_at(steps, of_real, times).mean()}
        numbers |= {f"ideal_{score}": worlds_gap.value_at(steps, of_ideal, times).mean()}
        if train in recorded:
            of_train = curve(records, train)[1]
            numbers |= _with_error("generalisation_gap", worlds_gap.gap(steps, of_real, of_train, times).at, suffix)
        if score == "loss":
            rates = worlds_gap.reuse_rate(steps, of_real, of_ideal, times)
            known = rates[~np.isnan(rates)]
            numbers |= {"reuse_rate": known.mean() if len(known) else np.nan, "reuse_reached": len(known) / len(rates)}
    return numbers


def _with_error(name: str, values: np.ndarray, suffix: str) -> dict[str, float]:
    mean, error = worlds_gap.mean_and_error(values)
    return {f"{name}{suffix}": mean, f"{name}_se{suffix}": error}
