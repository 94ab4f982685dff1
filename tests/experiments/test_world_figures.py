"""The figures of the two worlds show what the records say."""

import numpy as np
import pytest

from experiments import analyses, figures
from experiments.records import Records

STEPS = (0, 10, 20, 40)
CURVES = {  # of two seeds
    "real/train_soft_error": [[0.9, 0.5, 0.01, 0.0], [0.9, 0.4, 0.0, 0.0]],  # under 1 % at 20 and at 19.75
    "real/test_soft_error": [[0.9, 0.6, 0.5, 0.5], [0.9, 0.5, 0.3, 0.5]],
    "ideal/train_soft_error": [[0.9, 0.5, 0.4, 0.1], [0.9, 0.5, 0.1, 0.1]],
    "ideal/test_soft_error": [[0.9, 0.5, 0.45, 0.1], [0.9, 0.5, 0.1, 0.1]],
    "n5/train_soft_error": [[0.9, 0.0, 0.0, 0.0], [0.9, 0.0, 0.0, 0.0]],
    "n5/test_soft_error": [[0.9, 0.8, 0.7, 0.7], [0.9, 0.8, 0.9, 0.9]],
}


def records(num_seeds=2):
    lines = [{"step": 15, "train/real/loss": 1.0}]
    for i, step in enumerate(STEPS):
        line: dict = {"step": step}
        for name, rows in CURVES.items():
            values = [row[i] for row in rows[:num_seeds]]
            line[f"eval/{name}"] = float(np.mean(values))
            if num_seeds > 1:
                line[f"eval/{name}/seeds"] = values
        lines.append(line)
    return Records(sorted(lines, key=lambda line: line["step"]), ("real", "n5", "ideal"))


def drawn(axes):
    """Lines by label: [E, 2]."""
    return {line.get_label(): np.array(line.get_xydata()) for line in axes.lines}


def bands(axes):
    """The corners of every filled band: [N, 2] each."""
    return [band.get_paths()[0].vertices for band in axes.collections]


def test_the_pair_draws_the_means_from_the_first_step_on():
    (axes,) = figures.pair({"run": records()}).axes
    assert axes.get_xscale() == "log"
    lines = drawn(axes)
    np.testing.assert_allclose(lines["real world, test"], [[10, 0.55], [20, 0.4], [40, 0.5]])
    np.testing.assert_allclose(lines["real world, train"], [[10, 0.45], [20, 0.005], [40, 0]])
    np.testing.assert_allclose(lines["ideal world, test"], [[10, 0.5], [20, 0.275], [40, 0.1]])


def test_the_pair_draws_theory_as_dots_of_the_run():
    of_run = records()
    lines = [line | {"eval/told": line["step"] / 100} for line in of_run.lines if line["step"] != 15]
    (axes,) = figures.pair({"run": of_run._replace(lines=lines)}, theory={"theory": "told"}).axes
    np.testing.assert_allclose(drawn(axes)["theory"], [[10, 0.1], [20, 0.2], [40, 0.4]])


def test_the_pair_shades_standard_errors_and_the_gap_until_it_stops():
    (axes,) = figures.pair({"run": records()}).axes
    *errors, shaded = bands(axes)
    of_real = errors[1][errors[1][:, 0] == 20]  # .5 and .3: .4 ± .1
    np.testing.assert_allclose([of_real[:, 1].min(), of_real[:, 1].max()], [0.3, 0.5])
    stop = (20 + 19.75) / 2
    np.testing.assert_allclose([shaded[:, 0].min(), shaded[:, 0].max()], [10, stop])
    at_stop = shaded[shaded[:, 0] == stop]
    ends = np.interp(stop, [10, 20], [0.5, 0.275]), np.interp(stop, [10, 20], [0.55, 0.4])
    np.testing.assert_allclose([at_stop[:, 1].min(), at_stop[:, 1].max()], ends)
    np.testing.assert_allclose(axes.lines[-1].get_xdata(), stop)


def test_the_pair_says_what_the_summary_says():
    (axes,) = figures.pair({"digits": records()}).axes
    numbers = analyses.gap(records())
    title = axes.get_title().replace("\n", " ")
    assert title == (
        "digits, at step 20, train soft error under 0.01 in 2 of 2 seeds: bootstrap error "
        f"{numbers['bootstrap_error']:.3f} ± {numbers['bootstrap_error_se']:.3f}, "
        f"test - train {numbers['generalisation_gap']:.3f}"
    )


def test_a_pair_that_never_stops_is_shaded_to_the_end():
    (axes,) = figures.pair({"run": records()}, threshold=0.0).axes
    assert bands(axes)[-1][:, 0].max() == 40
    assert "at step 40, train soft error under 0 in 0 of 2 seeds" in axes.get_title()


def diverged(lines):
    """The lines of three seeds, the last of which is NaN from step 20 on."""
    third = [{name: [*values, values[0]] for name, values in line.items() if name.endswith("/seeds")} for line in lines]
    for line in third[-2:]:
        line |= {name: [*values[:2], float("nan")] for name, values in line.items()}
    return [{**line, **more} for line, more in zip(lines, third, strict=True)]


def test_a_seed_that_diverged_is_left_out_and_counted():
    of_two, of_three = records(), records()._replace(lines=diverged(records().lines))
    (axes,) = figures.pair({"run": of_three}).axes
    lines = drawn(axes)
    np.testing.assert_allclose(lines["real world, test (2 of 3 seeds)"], [[10, 1.7 / 3], [20, 0.4], [40, 0.5]])
    assert axes.get_title() == figures.pair({"run": of_two}).axes[0].get_title().replace("2 of 2", "2 of 3")
    labels = [text.get_text() for text in figures.fan({"run": of_three}).axes[0].get_legend().get_texts()]
    assert labels == ["n = 5 (2 of 3 seeds)", "real (2 of 3 seeds)", "ideal (2 of 3 seeds)"]
    (left,), (whole,) = (figures.scatter({"run": of_run}).axes for of_run in (of_three, of_two))
    np.testing.assert_allclose(left.lines[0].get_xydata(), whole.lines[0].get_xydata())
    assert left.texts[0].get_text() == "run (2 of 3 seeds)"


def test_a_run_without_a_finite_seed_says_so():
    lines = [
        {name: [float("nan")] * 2 if name.endswith("seeds") else value for name, value in line.items()}
        for line in records().lines
    ]
    none = records()._replace(lines=lines)
    assert "no seed is finite" in figures.pair({"run": none}).axes[0].get_title()
    (axes,) = figures.scatter({"run": records(), "other": none}).axes
    assert axes.get_title() == "mean and standard error of 2 seeds\nwithout other: no seed is finite"


def test_one_seed_has_no_bands():
    (axes,) = figures.pair({"run": records(num_seeds=1)}).axes
    assert len(bands(axes)) == 1
    assert "±" not in axes.get_title()


def test_a_run_has_a_panel():
    panels = figures.pair({"a": records(), "b": records()}).axes
    assert [axes.get_title().split(",")[0] for axes in panels] == ["a", "b"]


def test_a_baseline_has_a_panel_too():
    lines = records().lines
    lines = [line | {name.replace("n5/", "real/sgd/"): value for name, value in line.items()} for line in lines]
    lines = [line | {name.replace("ideal/", "ideal/sgd/"): value for name, value in line.items()} for line in lines]
    of_run = Records(lines, ("real", "ideal"), ("sgd",), settings={"": {"name": "glns"}, "sgd": {"name": "sgd"}})
    panels = figures.pair({"run": of_run}, learners=["", "sgd"]).axes
    assert [axes.get_title().split(", at")[0] for axes in panels] == ["GLN", "SGD"]
    of_both = figures.pair({"a": of_run, "b": of_run}, learners=["", "sgd"]).axes
    assert [axes.get_title().split(", at")[0] for axes in of_both] == ["a, GLN", "b, GLN", "a, SGD", "b, SGD"]
    np.testing.assert_allclose(drawn(panels[0])["real world, test"], [[10, 0.55], [20, 0.4], [40, 0.5]])
    np.testing.assert_allclose(drawn(panels[1])["real world, test"], [[10, 0.8], [20, 0.8], [40, 0.8]])
    np.testing.assert_allclose(drawn(panels[1])["ideal world, test"], [[10, 0.5], [20, 0.275], [40, 0.1]])


def test_the_fan_has_every_real_world_and_its_stop():
    (axes,) = figures.fan({"run": records()}).axes
    lines = drawn(axes)
    assert [line.get_label() for line in axes.lines if line.get_marker() == "None"] == ["n = 5", "real", "ideal"]
    np.testing.assert_allclose(lines["n = 5"], [[10, 0.8], [20, 0.8], [40, 0.8]])
    np.testing.assert_allclose(lines["ideal"][:, 1], [0.5, 0.275, 0.1])
    stops = [line.get_xydata()[0] for line in axes.lines if line.get_marker() == "o"]
    np.testing.assert_allclose(stops, [[9 + 8 / 9, 0.8], [19.875, np.interp(19.875, [10, 20], [0.55, 0.4])]])
    lines = drawn(figures.fan({"run": records()}, reals=["n5"]).axes[0])
    assert "real" not in lines


def test_the_fan_opens_in_the_order_of_the_numbers():
    cells = ("ideal", "n100", "n20", "n3")
    names = [f"eval/{cell}/{kind}_soft_error" for cell in cells for kind in ("train", "test")]
    few = Records([{"step": 1, **dict.fromkeys(names, 0.5)}], cells)
    (axes,) = figures.fan({"run": few}).axes
    assert [text.get_text() for text in axes.get_legend().get_texts()] == ["n = 3", "n = 20", "n = 100", "ideal"]


def test_the_scatter_has_a_point_a_pair():
    pairs = {"large": ("real", "ideal"), "small": ("n5", "ideal")}
    (axes,) = figures.scatter({"a": records(), "b": records(num_seeds=1)}, pairs=pairs).axes
    points = [line.get_xydata()[0] for line in axes.lines if line.get_marker() == "o" and len(line.get_xydata())]
    numbers = analyses.gap(records(), pairs=pairs)
    wanted = [[numbers[f"{name}/{world}_soft_error"] for world in ("ideal", "real")] for name in pairs]
    np.testing.assert_allclose(points[:2], wanted)
    assert len(points) == 4
    assert [text.get_text() for text in axes.texts] == ["large", "small"] * 2
    # The bars of the first point, over and beside it: seeds .5 and .305 against .45 and .11.
    bars = [segment for band in axes.collections[:2] for segment in band.get_segments()]
    reach = sorted(np.ptp(bar, axis=0).max() for bar in bars)
    np.testing.assert_allclose(reach, sorted([0.5 - 0.305, 0.45 - 0.11]))
    diagonal = next(
        line.get_xydata() for line in axes.lines if line.get_linestyle() == "-" and line.get_marker() == "None"
    )
    assert np.array_equal(diagonal[:, 0], diagonal[:, 1])


def test_a_point_that_never_stopped_is_open():
    faces = [
        next(
            line for line in figures.scatter({"a": records()}, threshold=threshold).axes[0].lines
        ).get_markerfacecolor()
        for threshold in (0.01, 0.0)
    ]
    assert faces == ["C0", "none"]


def test_a_metric_that_is_missing_is_named():
    with pytest.raises(ValueError, match="the run has no metric 'eval/none/train_soft_error'; there are"):
        figures.pair({"run": records()}, real="none")
