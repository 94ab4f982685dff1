"""Figures of self-play: which numbers are in them."""

import json

import numpy as np
import pytest

from experiments import Records, figures

NAMES = ("valid_goals", "bob_success", "demo_fraction", "goal_rotated", "goal_lifted", "goal_stacked", "goal_direction")


def records(num_seeds=2):
    """A metric that grows from 0 to 0.8, one seed 0.1 above the other."""
    lines = []
    for step in range(1, 6):
        value = 0.2 * (step - 1)
        line = {"step": step}
        for name in (*(f"train/{name}" for name in (*NAMES, "goal_distance")), "eval/holdout_success"):
            line[name] = value
            line |= {f"{name}/seeds": [value - 0.05, value + 0.05]} if num_seeds == 2 else {}
        lines.append(line)
    return Records(lines)


def test_a_curriculum_has_means_bands_and_a_row_of_panels_for_each_run():
    figure = figures.curriculum({"a": records(), "b": records(1)})
    assert len(figure.axes) == 6
    often, kinds, far = figure.axes[:3]
    assert [text.get_text() for text in often.get_legend().get_texts()] == [
        *("valid goals", "bob success", "demo fraction", "holdout success")
    ]
    assert len(kinds.lines) == 4
    (line,) = far.lines
    np.testing.assert_allclose(line.get_xydata(), [[step, 0.2 * (step - 1)] for step in range(1, 6)], atol=1e-12)
    band = far.collections[0].get_paths()[0].vertices[:, 1]
    assert (band.min(), band.max()) == pytest.approx((-0.05, 0.85))
    assert [figure.axes[i].get_ylabel() for i in (0, 3)] == [*("a\nmean and range of 2 seeds", "b\n1 seed")]


def test_a_run_with_several_objects_has_a_panel_of_them():
    lines = [{**line, "train/objects_1_success": 0.5, "train/objects_2_success": 0.25} for line in records(1).lines]
    figure = figures.curriculum({"two": Records(lines), "one": records(1)})
    assert len(figure.axes) == 8
    assert [line.get_ydata()[-1] for line in figure.axes[3].lines] == [0.5, 0.25]
    assert not figure.axes[7].lines


def test_another_run_has_no_curriculum():
    with pytest.raises(ValueError, match="the run has no metric 'train/valid_goals'; there are train/loss"):
        figures.curriculum({"a": Records([{"step": 1, "train/loss": 0.1}])})


def test_a_payoff_shows_each_number_where_it_belongs():
    """Alice's versions go down, Bob's to the right; nothing stands where she set no goals."""
    versions = {"updates": [1, 7], "bob_success": [[None, 0.25], [0.5, 1.0]]}
    figure = figures.payoff({"a": Records([], artifact={"payoff.json": json.dumps(versions)}.get)})
    (axes,) = figure.axes
    assert {text.get_position(): text.get_text() for text in axes.texts} == {
        (1, 0): "0.25",
        (0, 1): "0.50",
        (1, 1): "1.00",
    }
    assert [label.get_text() for label in axes.get_xticklabels()] == ["1", "7"]
    image = axes.images[0].get_array()
    np.testing.assert_allclose(image[0, 1], 0.25)


def test_a_wave_has_a_row_for_each_start_and_a_column_for_each_record():
    lines = [{"step": step, **{f"train/start_success_{k}": step / 10 - k / 100 for k in range(9)}} for step in (1, 2)]
    figure = figures.wave({"a": Records(lines)})
    axes = figure.axes[0]
    np.testing.assert_allclose(axes.images[0].get_array()[8], [0.02, 0.12])
    assert axes.images[0].get_array().shape == (9, 2)
    assert [label.get_text() for label in axes.get_yticklabels()][-1] == "as in the exam"
