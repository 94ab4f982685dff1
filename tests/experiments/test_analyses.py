"""The analyses of a run, from records by hand."""

import json

import numpy as np
import pytest

from experiments import analyses
from experiments.records import Records

STEPS = (0, 10, 20, 40)
CURVES = {  # of two seeds
    "real/train_soft_error": [[0.9, 0.5, 0.01, 0.0], [0.9, 0.4, 0.0, 0.0]],  # under 1 % at 20 and at 19.75
    "real/test_soft_error": [[0.9, 0.6, 0.5, 0.5], [0.9, 0.5, 0.3, 0.5]],
    "ideal/test_soft_error": [[0.9, 0.5, 0.45, 0.1], [0.9, 0.5, 0.1, 0.1]],
    "real/train_loss": [[2.0, 1.0, 0.5, 0.1], [2.0, 1.0, 0.5, 0.1]],
    "real/test_loss": [[2.0, 1.5, 1.0, 3.0], [2.0, 0.5, 0.3, 0.2]],
    "ideal/test_loss": [[2.0, 0.5, 0.4, 0.3], [2.0, 1.0, 0.9, 0.8]],
}


def records(curves=CURVES, seeds=slice(None)):
    """As metrics.jsonl has them, with training metrics in between."""
    lines = [{"step": step, "train/loss": 1.0} for step in (5, 15)]
    for i, step in enumerate(STEPS):
        line = {"step": step}
        for name, rows in curves.items():
            values = [row[i] for row in rows[seeds]]
            line[f"eval/{name}"] = float(np.mean(values))
            if len(values) > 1:
                line[f"eval/{name}/seeds"] = values
        lines.append(line)
    return Records(sorted(lines, key=lambda line: line["step"]), ("real", "ideal"))


def test_the_gap_by_hand():
    got = analyses.gap(records())
    assert got.pop("stopping_step") == pytest.approx((20 + 19.75) / 2)
    assert got.pop("frac_stopped") == 1
    # .5 - .45 at 20; at 19.75 the curves lie .975 of the way from .5 to .3 and to .1: .305 - .11.
    assert got.pop("bootstrap_error") == pytest.approx((0.05 + 0.195) / 2)
    assert got.pop("bootstrap_error_se") == pytest.approx((0.195 - 0.05) / 2)
    assert got.pop("bootstrap_error_sup") == pytest.approx((0.1 + 0.195) / 2)
    assert got.pop("bootstrap_error_end") == pytest.approx(0.4)
    # .5 - .01; .305 minus the threshold.
    assert got.pop("generalisation_gap") == pytest.approx((0.49 + 0.295) / 2)
    assert got.pop("generalisation_gap_se") == pytest.approx((0.49 - 0.295) / 2)
    assert got.pop("real_soft_error") == pytest.approx((0.5 + 0.305) / 2)
    assert got.pop("ideal_soft_error") == pytest.approx((0.45 + 0.11) / 2)
    # A loss of 1 at 20 of the first seed is the ideal world's at 6.67; that of the second never is.
    assert got.pop("reuse_rate") == pytest.approx(1 / 3)
    assert got.pop("frac_reuse_defined") == 0.5
    assert got.pop("bootstrap_error/loss") == pytest.approx((0.6 + 0.305 - 0.9025) / 2)
    assert got.pop("bootstrap_error_end/loss") == pytest.approx((2.7 - 0.6) / 2)
    assert got.pop("real_loss") == pytest.approx((1 + 0.305) / 2)
    assert got.pop("ideal_loss") == pytest.approx((0.4 + 0.9025) / 2)
    assert got.pop("generalisation_gap/loss") == pytest.approx((0.5 + 0.305 - 0.5125) / 2)
    # With one degree of freedom 12.7062 standard errors to either side.
    half = 12.7062 * (0.195 - 0.05) / 2
    assert got.pop("bootstrap_error_low") == pytest.approx((0.05 + 0.195) / 2 - half, rel=1e-5)
    assert got.pop("bootstrap_error_high") == pytest.approx((0.05 + 0.195) / 2 + half, rel=1e-5)
    # 19.875 and .4, of 20 and 19.75 and of .4 and .4.
    assert got.pop("stopping_step_low") == pytest.approx(19.875 - 12.7062 * 0.125, rel=1e-5)
    assert got.pop("bootstrap_error_end_high") == pytest.approx(0.4)
    ends, errors = ("se", "low", "high"), [f"bootstrap_error{end}" for end in ("", "_sup", "_end")]
    of_loss = {f"{name}_{end}/loss" for name in (*errors, "generalisation_gap") for end in ends}
    of_soft_error = {f"{name}_{end}" for name in (*errors[1:], "stopping_step") for end in ends}
    of_soft_error -= {"stopping_step_low", "bootstrap_error_end_high"}
    left = {"bootstrap_error_sup/loss", "generalisation_gap_low", "generalisation_gap_high"}
    assert got.keys() == left | of_loss | of_soft_error


def test_where_it_never_stops_the_end_counts_and_that_is_said():
    got = analyses.gap(records(CURVES | {"real/train_soft_error": [[0.9, 0.5, 0.2, 0.1]] * 2}))
    assert got["stopping_step"] == 40
    assert got["frac_stopped"] == 0
    assert got["bootstrap_error"] == got["bootstrap_error_end"] == pytest.approx(0.4)


def test_what_one_seed_cannot_say_is_left_out():
    got = analyses.gap(records(seeds=slice(1, 2)))
    assert got["bootstrap_error"] == pytest.approx(0.195)
    assert got["frac_reuse_defined"] == 0
    assert not {"bootstrap_error_se", "generalisation_gap_se", "reuse_rate"} & got.keys()
    json.dumps(got, allow_nan=False)
    assert all(type(value) is float for value in got.values())


def test_pairs_have_their_names():
    few = {name.replace("real", "few"): rows for name, rows in CURVES.items() if name.startswith("real")}
    pairs = {"few": ("few", "ideal"), "": ("real", "ideal")}
    got = analyses.gap(records(CURVES | few), pairs=pairs)
    alone = analyses.gap(records())
    assert got == {**alone, **{f"few/{name}": value for name, value in alone.items()}}


def test_soft_error_alone_will_do():
    soft = {name: rows for name, rows in CURVES.items() if name.endswith("soft_error")}
    got, everything = analyses.gap(records(soft)), analyses.gap(records())
    loss = {name for name in everything if "loss" in name or "reuse" in name}
    assert got == {name: value for name, value in everything.items() if name not in loss}


@pytest.mark.parametrize("missing", ["real/train_soft_error", "real/test_soft_error", "ideal/test_soft_error"])
def test_a_metric_that_is_missing_is_named(missing):
    curves = {name: rows for name, rows in CURVES.items() if name != missing}
    with pytest.raises(ValueError, match=rf"the run has no metric 'eval/{missing}'; there are .*train/loss"):
        analyses.gap(records(curves))


@pytest.mark.parametrize("threshold", [0.0, 1.0, -0.1])
def test_a_threshold_is_a_soft_error(threshold):
    with pytest.raises(ValueError, match=f"threshold is a soft error, between 0 and 1; got {threshold}"):
        analyses.gap(records(), threshold=threshold)
    with pytest.raises(ValueError, match="scores must name at least one score"):
        analyses.gap(records(), scores=())


def with_error(name, of_seeds):
    """The mean of two seeds, its standard error, and its 95 % interval: t of one degree is 12.7062."""
    mean, error = sum(of_seeds) / 2, abs(of_seeds[0] - of_seeds[1]) / 2
    half = 12.7062 * error
    return {name: mean, f"{name}_se": error, f"{name}_low": mean - half, f"{name}_high": mean + half}


def test_race_by_hand():
    """Two seeds, two baselines, three steps, of which the third is beyond the first two; a task is no baseline."""
    errors = {
        "eval/test_error": [[0.9, 0.9], [0.5, 0.3], [0.3, 0.1], [0.1, 0.1]],
        "eval/sgd_1/test_error": [[0.9, 0.9], [0.7, 0.7], [0.1, 0.1], [0.0, 0.0]],
        "eval/sgd_2/test_error": [[0.9, 0.9], [0.6, 0.4], [0.6, 0.4], [0.0, 0.0]],
        "eval/task_1/test_error": [[0.0, 0.0]] * 4,
    }
    lines = [{"step": i} for i in range(4)]
    for name, of_steps in errors.items():
        for line, seeds in zip(lines, of_steps, strict=True):
            line |= {name: float(np.mean(seeds)), f"{name}/seeds": seeds}
    expected = {
        "accuracy_at_2": 0.8,
        "best_baseline_accuracy_at_2": 0.9,
        "mean_accuracy": 0.7,
        "best_baseline_mean_accuracy": 0.6,  # sgd_1's: (0.3 + 0.9) / 2
        "frac_steps_ahead": 0.5,  # 0.6 against 0.5, 0.8 against 0.9
        # The two seeds are .5 and .7 against sgd_2's .4 and .6, then .7 and .9 against sgd_1's .9 twice.
        **with_error("margin_at_2", [-0.2, 0.0]),
        **with_error("min_margin", [-0.2, 0.0]),
        **with_error("mean_margin", [0.6 - 0.6, 0.8 - 0.6]),
        "frac_steps_ahead_low": 0.5,  # .1 in both seeds
        "frac_steps_ahead_high": 1.0,  # a mean of -.1 of two seeds .2 apart
    }
    of_run = Records(lines, baselines=("sgd_1", "sgd_2"))
    assert analyses.race(of_run, first=2) == pytest.approx(expected)
    at_1 = {"accuracy_at_1": 0.6, "best_sgd_accuracy_at_1": 0.5} | with_error("margin_at_1", [0.1, 0.1])
    at = at_1 | {"accuracy_at_2": 0.8, "best_sgd_accuracy_at_2": 0.9}
    assert analyses.race(of_run, first=2, at=(1, 2, 9)) == pytest.approx(expected | at)
    late = Records([{**line, "step": 3 + line["step"]} for line in lines], baselines=("sgd_1", "sgd_2"))
    at_4 = {name.replace("at_1", "at_4"): value for name, value in at_1.items()}
    assert analyses.race(late, first=2, at=(4,)) == pytest.approx(at_4)
    of_first = [{name: value for name, value in line.items() if not name.endswith("/seeds")} for line in lines]
    no_error = ("_se", "_low", "_high")
    alone = {name: value for name, value in (expected | at).items() if not name.endswith(no_error)}
    assert analyses.race(of_run._replace(lines=of_first), first=2, at=(1, 2)) == pytest.approx(alone)
    with pytest.raises(ValueError, match="a race needs baselines"):
        analyses.race(of_run._replace(baselines=()))


def with_diverged(curves, name):
    """A third seed, in which this one diverged at step 20."""
    worse = {other: [*rows, rows[0]] for other, rows in curves.items()}
    return worse | {name: [*curves[name], [0.9, 0.5, np.nan, np.nan]]}


@pytest.mark.parametrize("name", ["real/test_soft_error", "ideal/test_soft_error"])
def test_the_gap_is_that_of_the_seeds_which_did_not_diverge(name):
    got = analyses.gap(records(with_diverged(CURVES, name)))
    assert got.pop("num_diverged") == 1
    assert got == analyses.gap(records())


def test_where_every_seed_diverged_the_gap_says_so_and_no_more():
    nothing = {**CURVES, "real/test_soft_error": [[0.9, 0.6, np.nan, np.nan]] * 2}
    assert analyses.gap(records(nothing)) == {"num_diverged": 2}


def test_a_regression_has_its_own_stopping_time():
    """By its mse, whose numbers are those of a soft error as large; and the rate is by the mse as well."""
    names = {"soft_error": "mse", "loss": "nats"}
    renamed = {"_".join([*name.split("_")[:1], names[name.split("_", 1)[1]]]): rows for name, rows in CURVES.items()}
    got, alone = analyses.gap(records(renamed), scores=("mse",)), analyses.gap(records())
    assert got.pop("real_mse") == alone["real_soft_error"]
    assert got.pop("ideal_mse") == alone["ideal_soft_error"]
    # The least real mse, .5 at 20, is the ideal world's at 10; the second's, .305 at 19.75, at 14.875.
    assert got.pop("reuse_rate") == pytest.approx((0.5 + 14.875 / 19.75) / 2)
    assert got.pop("frac_reuse_defined") == 1
    for name in [name for name in got if not name.startswith("reuse_rate")]:
        assert got[name] == alone[name], name
    with pytest.raises(ValueError, match="threshold is a mse, between 0 and 1; got 2"):
        analyses.gap(records(renamed), scores=("mse",), threshold=2)


def test_a_race_names_the_step_that_it_measured():
    lines = [{"step": step, "eval/test_error": 1 - step / 100, "eval/sgd/test_error": 1.0} for step in (0, 40, 60)]
    found = analyses.race(Records(lines, baselines=("sgd",)), first=50)
    assert found["accuracy_at_40"] == pytest.approx(0.4)
    assert "accuracy_at_50" not in found


def test_a_pair_has_two_members():
    with pytest.raises(ValueError, match=r"pairs.a must name two members, its real and its ideal one; got \('real',\)"):
        analyses.gap(Records([]), pairs={"a": ("real",)})
