"""The conclusions of a run, from made records."""

import json

import numpy as np
import pytest

from experiments import analyses

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
    return sorted(lines, key=lambda line: line["step"])


def test_the_conclusions_by_hand():
    got = analyses.gap(records())
    assert got.pop("analysis/stopping_step") == pytest.approx((20 + 19.75) / 2)
    assert got.pop("analysis/frac_stopped") == 1
    # .5 - .45 at 20; at 19.75 the curves lie .975 of the way from .5 to .3 and to .1: .305 - .11.
    assert got.pop("analysis/bootstrap_error") == pytest.approx((0.05 + 0.195) / 2)
    assert got.pop("analysis/bootstrap_error_se") == pytest.approx((0.195 - 0.05) / 2)
    assert got.pop("analysis/bootstrap_error_sup") == pytest.approx((0.1 + 0.195) / 2)
    assert got.pop("analysis/bootstrap_error_end") == pytest.approx(0.4)
    # .5 - .01; .305 less the threshold.
    assert got.pop("analysis/generalisation_gap") == pytest.approx((0.49 + 0.295) / 2)
    assert got.pop("analysis/generalisation_gap_se") == pytest.approx((0.49 - 0.295) / 2)
    assert got.pop("eval/real_soft_error") == pytest.approx((0.5 + 0.305) / 2)
    assert got.pop("eval/ideal_soft_error") == pytest.approx((0.45 + 0.11) / 2)
    # A loss of 1 at 20 of the first seed is the ideal world's at 6.67; that of the second never is.
    assert got.pop("analysis/reuse_rate") == pytest.approx(1 / 3)
    assert got.pop("analysis/frac_reuse_defined") == 0.5
    assert got.pop("analysis/bootstrap_error/loss") == pytest.approx((0.6 + 0.305 - 0.9025) / 2)
    assert got.pop("analysis/bootstrap_error_end/loss") == pytest.approx((2.7 - 0.6) / 2)
    assert got.pop("eval/real_loss") == pytest.approx((1 + 0.305) / 2)
    assert got.pop("eval/ideal_loss") == pytest.approx((0.4 + 0.9025) / 2)
    assert got.pop("analysis/generalisation_gap/loss") == pytest.approx((0.5 + 0.305 - 0.5125) / 2)
    left = {"bootstrap_error_se/loss", "bootstrap_error_sup/loss", "generalisation_gap_se/loss"}
    assert got.keys() == {f"eval/{name}" for name in left}


def test_where_it_never_stops_the_end_counts_and_that_is_said():
    got = analyses.gap(records(CURVES | {"real/train_soft_error": [[0.9, 0.5, 0.2, 0.1]] * 2}))
    assert got["analysis/stopping_step"] == 40
    assert got["analysis/frac_stopped"] == 0
    assert got["analysis/bootstrap_error"] == got["analysis/bootstrap_error_end"] == pytest.approx(0.4)


def test_what_one_seed_cannot_say_is_left_out():
    got = analyses.gap(records(seeds=slice(1, 2)))
    assert got["analysis/bootstrap_error"] == pytest.approx(0.195)
    assert got["analysis/frac_reuse_defined"] == 0
    assert not {"analysis/bootstrap_error_se", "analysis/generalisation_gap_se", "analysis/reuse_rate"} & got.keys()
    json.dumps(got, allow_nan=False)
    assert all(type(value) is float for value in got.values())


def test_pairs_have_their_names():
    few = {name.replace("real", "few"): rows for name, rows in CURVES.items() if name.startswith("real")}
    pairs = {"few": ("few", "ideal"), "": ("real", "ideal")}
    got = analyses.gap(records(CURVES | few), pairs=pairs)
    alone = analyses.gap(records())
    assert got == {**alone, **{name.replace("eval/", "eval/few/"): value for name, value in alone.items()}}


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
