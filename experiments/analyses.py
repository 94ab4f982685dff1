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
                                         the seeds in which the ideal world gets as low; the fraction of those
      _se, _low, _high                   of the stopping step, the bootstrap errors, the generalisation gap and the
                                         reuse rate: the standard error, and the 95 % confidence interval (Student's t)
                                         of the paired seeds

    NUMBER/SCORE is the same for another score: error, loss, calibration_error. What is not known is left out: an error
    of one seed, a score that is not in the records, the rate where it was never reached. A seed that
    diverged in either world is left out of all of them; where there are any, num_diverged says how many.

    scores: the first is that of the numbers without a score, and of the stopping time. Of a regression: ("mse", ..),
    of the eval `regression_fit`; then a real world has learned its samples where all but `threshold` of their targets'
    variance is explained (ours: the paper has classifiers alone), and the rate is by the mse.
    """
    if not 0 < threshold < 1:
        raise ValueError(f"threshold is a {scores[0].replace('_', ' ')}, between 0 and 1; got {threshold}")
    numbers = {}
    for name, (real, ideal) in (pairs or {"": ("real", "ideal")}).items():
        finite, num_diverged = without_diverged(records, f"test_{scores[0]}", (real, ideal))
        of_pair: dict[str, float] = {"num_diverged": num_diverged} if num_diverged else {}
        of_pair |= _of_pair(finite, real, ideal, threshold, scores) if finite.chosen else {}
        numbers |= {f"{name}/{key}" if name else key: value for key, value in of_pair.items()}
    return {name: float(value) for name, value in numbers.items() if np.isfinite(value)}


def race(records: Records, *, first: int = 50, at: Sequence[int] = ()) -> dict[str, float]:
    """How a learner compares with its baselines over the first steps, by test accuracy; means over seeds.

    accuracy_at_N, best_baseline_accuracy_at_N    after `first` steps, N; the best baseline of that step
    mean_accuracy, best_baseline_mean_accuracy    over steps 1 to N; the best baseline's
    frac_steps_ahead                              the fraction of these steps in which it is above every baseline
    min_margin                                    its accuracy minus the best baseline's, where that is least
    at                                            more steps N, and best_KIND_accuracy_at_N of the baselines KIND_..

    Without an evaluation in the first steps only those of `at` are there. A seed in which the learner diverged is left
    out; where there are any, num_diverged says how many. A baseline is out of the race from where it diverged in any
    seed.
    """
    if not records.baselines:
        raise ValueError("a race needs baselines")
    records, num_diverged = without_diverged(records, "test_error", ("",))
    diverged = {"num_diverged": float(num_diverged)} if num_diverged else {}
    if not records.chosen:
        return diverged
    steps, _ = curve(records, "test_error")
    chosen = (steps > 0) & (steps <= first)
    everyone = ("", *records.baselines)
    own, *others = (1 - curve(records, "test_error", name)[1][:, chosen].mean(axis=0) for name in everyone)
    baselines = np.where(np.isnan(others), -np.inf, others)
    margin = own - baselines.max(axis=0)
    if not chosen.any():
        return diverged | _at(records, at)
    numbers = {
        f"accuracy_at_{first}": own[-1],
        f"best_baseline_accuracy_at_{first}": baselines[:, -1].max(),
        "mean_accuracy": own.mean(),
        "best_baseline_mean_accuracy": baselines.mean(axis=1).max(),
        "frac_steps_ahead": (margin > 0).mean(),
        "min_margin": margin.min(),
    }
    numbers = {name: float(number) for name, number in numbers.items() if np.isfinite(number)}
    return diverged | numbers | _at(records, at)


def _at(records: Records, at: Sequence[int]) -> dict[str, float]:
    """The accuracy at some steps, of the learner and, at each, of the best baseline of each kind; means over seeds."""
    kinds: dict[str, list[str]] = {}
    for name in records.baselines:
        kinds.setdefault(name.split("_")[0], []).append(name)
    numbers, (steps, _) = {}, curve(records, "test_error")
    for kind, names in ({"": [""]} | kinds).items():
        means = np.stack([1 - curve(records, "test_error", name)[1].mean(axis=0) for name in names])
        best = np.where(np.isnan(means), -np.inf, means).max(axis=0)
        prefix = f"best_{kind}_" if kind else ""
        numbers |= {f"{prefix}accuracy_at_{step}": best[steps == step][0] for step in at if (steps == step).any()}
    return {name: float(number) for name, number in numbers.items() if np.isfinite(number)}


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
