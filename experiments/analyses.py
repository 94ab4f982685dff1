"""Analyses: numbers that follow from the records of a whole run. Pure: (records, *, settings) -> name -> number.

In the summary they are analysis/NAME.
"""

from collections.abc import Mapping, Sequence

import numpy as np

from bootstrap import gap as worlds_gap
from experiments.records import Records, curve, path, without_diverged

_SCORES = ("soft_error", "error", "loss", "calibration_error")  # the first is the paper's


def gap(
    records: Records,
    *,
    pairs: Mapping[str, Sequence[str]] | None = None,
    threshold: float = 0.01,
    scores: Sequence[str] = _SCORES,
) -> dict[str, float]:
    """The bootstrap error of pairs of members, and what belongs to it (see `bootstrap.gap`); means over paired seeds.

    pairs: name -> the members (`records.member`) in its real and its ideal world. The numbers of the pair "" are
    NUMBER, those of another NAME/NUMBER. Until the real world's train soft error is under `threshold`, or to the end
    where it never is:

      stopping_step, frac_stopped        in steps; the fraction of the seeds in which it was reached
      bootstrap_error, _sup, _end        test soft error, real - ideal: at the stopping time, its greatest size until
                                         then, at the last evaluation
      generalisation_gap                 test - train soft error of the real world, at the stopping time
      real_soft_error, ideal_soft_error  test soft errors at the stopping time; likewise real_SCORE, ideal_SCORE
      reuse_rate, frac_reuse_defined     what fraction of a fresh sample a reused one is worth, by the test loss, over
                                         the seeds in which it is known (`bootstrap.gap.reuse_rate`); the fraction of
                                         those
      _se, _low, _high                   of the stopping step, the bootstrap errors, the generalisation gap and the
                                         reuse rate: the standard error, and the 95 % confidence interval (Student's t)
                                         of the paired seeds

    NUMBER/SCORE is the same for another score: error, loss, calibration_error. What is not known is left out: an error
    of one seed, a score that is not in the records, the rate where it was never reached. A seed that
    diverged in either world, by the first score, is left out of all of them; where there are any, num_diverged says how
    many.

    scores: the first is that of the numbers without a score, and of the stopping time. Of a regression: ("mse", ..),
    of the eval `regression_fit`; then a real world has learned its samples where all but `threshold` of their targets'
    variance is explained (ours: the paper has classifiers alone), and the rate is by the mse.
    """
    if not scores:
        raise ValueError("scores must name at least one score, such as soft_error")
    if not 0 < threshold < 1:
        raise ValueError(f"threshold is a {scores[0].replace('_', ' ')}, between 0 and 1; got {threshold}")
    numbers = {}
    for name, pair in (pairs or {"": ("real", "ideal")}).items():
        if len(pair) != 2:
            raise ValueError(f"pairs.{name} must name two members, its real and its ideal one; got {pair!r}")
        real, ideal = pair
        finite, num_diverged = without_diverged(records, f"test_{scores[0]}", (real, ideal))
        of_pair: dict[str, float] = {"num_diverged": num_diverged} if num_diverged else {}
        of_pair |= _of_pair(finite, real, ideal, threshold, scores) if finite.chosen else {}
        numbers |= {f"{name}/{key}" if name else key: value for key, value in of_pair.items()}
    return {name: float(value) for name, value in numbers.items() if np.isfinite(value)}


def race(records: Records, *, first: int = 50, at: Sequence[int] = ()) -> dict[str, float]:
    """How a learner compares with its baselines over the first steps, by test accuracy; means over seeds.

    accuracy_at_N, best_baseline_accuracy_at_N    after N steps, the last evaluated of the `first`; the best baseline's
    mean_accuracy, best_baseline_mean_accuracy    over steps 1 to N; the best baseline's
    frac_steps_ahead                              the fraction of these steps in which it is above every baseline
    margin_at_N, mean_margin                      its accuracy minus the best baseline's
    min_margin                                    that of the step at which it is least
    at                                            more steps N, and best_KIND_accuracy_at_N of the baselines KIND_..
    _se, _low, _high                              of the margins: the standard error, and the 95 % confidence interval
                                                  (Student's t) of the paired seeds
    frac_steps_ahead_low, _high                   the fraction of these steps whose margin's interval lies above 0, and
                                                  of those where it does not lie below

    The best baseline is the best on the mean over seeds; that it was chosen by the same seeds is in no interval.
    Without an evaluation in the first steps only the numbers of `at` are there. A seed in which the learner diverged is
    left out; where there are any, num_diverged says how many. A baseline is out of the race from where it diverged in
    any seed.
    """
    if not records.baselines:
        raise ValueError("a race needs baselines")
    records, num_diverged = without_diverged(records, "test_error", ("",))
    numbers: dict[str, float] = {"num_diverged": num_diverged} if num_diverged else {}
    if not records.chosen:
        return numbers
    steps, _ = curve(records, "test_error")
    own, *others = (1 - curve(records, "test_error", name)[1] for name in ("", *records.baselines))
    chosen = (steps > 0) & (steps <= first)
    if chosen.any():
        numbers |= _over_steps(own[:, chosen], [other[:, chosen] for other in others], steps[chosen][-1])
    kinds = [name.split("_")[0] for name in records.baselines]
    for i in np.flatnonzero(np.isin(steps, at)):
        now = [other[:, [i]] for other in others]
        numbers |= {f"accuracy_at_{steps[i]}": own[:, i].mean()}
        numbers |= _with_error(f"margin_at_{steps[i]}", own[:, i] - _best(now)[:, 0], "")
        for kind in set(kinds):
            of_kind = _best([other for other, other_kind in zip(now, kinds, strict=True) if other_kind == kind])
            numbers |= {f"best_{kind}_accuracy_at_{steps[i]}": of_kind.mean()}
    return {name: float(number) for name, number in numbers.items() if np.isfinite(number)}


def _over_steps(own: np.ndarray, others: Sequence[np.ndarray], last: int) -> dict[str, float]:
    """The numbers of a race over these steps [S, E] each."""
    best = _best(others)
    best_mean = _best([other.mean(axis=1, keepdims=True) for other in others])[:, 0]
    margins = own - best
    means = np.nan_to_num(margins.mean(axis=0), nan=np.inf)
    lows, highs = np.transpose([worlds_gap.interval(margin) for margin in margins.T])
    numbers = {
        f"accuracy_at_{last}": own[:, -1].mean(),
        f"best_baseline_accuracy_at_{last}": best[:, -1].mean(),
        "mean_accuracy": own.mean(),
        "best_baseline_mean_accuracy": best_mean.mean(),
        "frac_steps_ahead": (means > 0).mean(),
    }
    if len(own) > 1:
        numbers |= {"frac_steps_ahead_low": (~(lows <= 0)).mean(), "frac_steps_ahead_high": (~(highs < 0)).mean()}
    numbers |= _with_error(f"margin_at_{last}", margins[:, -1], "")
    numbers |= _with_error("mean_margin", own.mean(axis=1) - best_mean, "")
    return numbers | _with_error("min_margin", margins[:, means.argmin()], "")


def _best(accuracies: Sequence[np.ndarray]) -> np.ndarray:
    """At each step, the accuracies of whoever is the best on the mean over seeds. [S, E] each -> [S, E].

    NaN where none is left: a mean is NaN from where one of its seeds diverged.
    """
    everyone = np.stack(accuracies)
    means = everyone.mean(axis=1)
    which = np.where(np.isnan(means), -np.inf, means).argmax(axis=0)
    return everyone[which, :, np.arange(len(which))].T


def stopping(records: Records, real: str, threshold: float, score: str = "soft_error") -> tuple[np.ndarray, np.ndarray]:
    """A real world's stopping times, those of `bootstrap.gap`; [S], and again with the end where there is none."""
    steps, train = curve(records, f"train_{score}", real)
    times = worlds_gap.stopping_time(steps, train, threshold)
    return times, worlds_gap.or_last(times, steps)


def _of_pair(records: Records, real: str, ideal: str, threshold: float, scores: Sequence[str]) -> dict[str, float]:
    first = scores[0]
    of_reuse = "loss" if first == "soft_error" else first
    reached, times = stopping(records, real, threshold, first)
    numbers = {"frac_stopped": 1 - np.isnan(reached).mean()} | _with_error("stopping_step", times, "")
    for score in scores:
        if score != first and not (_has(records, f"test_{score}", real) and _has(records, f"test_{score}", ideal)):
            continue
        suffix = "" if score == first else f"/{score}"
        steps, of_real = curve(records, f"test_{score}", real)
        _, of_ideal = curve(records, f"test_{score}", ideal)
        error = worlds_gap.gap(steps, of_real, of_ideal, times)
        for end, of_seeds in (("", error.at), ("_sup", error.sup), ("_end", error.end)):
            numbers |= _with_error(f"bootstrap_error{end}", of_seeds, suffix)
        numbers |= {f"real_{score}": worlds_gap.value_at(steps, of_real, times).mean()}
        numbers |= {f"ideal_{score}": worlds_gap.value_at(steps, of_ideal, times).mean()}
        if _has(records, f"train_{score}", real):
            _, of_train = curve(records, f"train_{score}", real)
            numbers |= _with_error("generalisation_gap", worlds_gap.gap(steps, of_real, of_train, times).at, suffix)
        if score == of_reuse:
            rates = worlds_gap.reuse_rate(steps, of_real, of_ideal, times)
            known = rates[~np.isnan(rates)]
            numbers |= _with_error("reuse_rate", known, "") if len(known) else {}
            numbers |= {"frac_reuse_defined": len(known) / len(rates)}
    return numbers


def _has(records: Records, metric: str, member: str) -> bool:
    return any(path("eval", metric, member) in line for line in records.lines)


def _with_error(name: str, values: np.ndarray, suffix: str) -> dict[str, float]:
    mean, error = worlds_gap.mean_and_error(values)
    low, high = worlds_gap.interval(values)
    return {
        f"{name}{end}{suffix}": number for end, number in (("", mean), ("_se", error), ("_low", low), ("_high", high))
    }
