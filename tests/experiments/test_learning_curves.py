"""Learning curves and races: their axes, their legends, and how many seeds they are of."""

import numpy as np
import pytest

from experiments import figures
from experiments.figures import legends
from experiments.records import Records, of_config

NAN = float("nan")


def records(**metrics):
    """Of values [E][S] by metric, a record every step; test_error is eval/test_error."""
    lines = []
    for step in range(len(next(iter(metrics.values())))):
        line: dict = {"step": step}
        for name, values in metrics.items():
            where = f"eval/{name}"
            line |= {where: float(np.mean(values[step])), f"{where}/seeds": values[step]}
        lines.append(line)
    return Records(lines)


@pytest.mark.parametrize(
    ("metric", "values", "scale"),
    [
        ("test_error", [0.9, 0.5, 0.02], "log"),
        ("train_loss", [0.3, 0.29, 0.28], "log"),
        ("test_error", [0.9, 0.02, 0.0], "symlog"),  # 0 stays in sight
        ("test_error", [0.0, 0.0, 0.0], "linear"),
        ("loss", [0.3, 0.1, -0.5], "linear"),
        ("nats", [200.0, 100.0, NAN], "log"),
        ("bob_success", [0.001, 0.1, 0.9], "linear"),
        ("accuracy", [0.01, 0.1, 0.9], "linear"),
        ("frac_steps_ahead", [0.01, 0.1, 0.9], "linear"),
        ("terrors", [0.01, 0.1, 0.9], "linear"),
    ],
)
def test_errors_have_logarithmic_axes_and_nothing_vanishes_from_them(metric, values, scale):
    figure = figures.curves({"run": records(**{metric: [[value] for value in values]})}, metric=f"eval/{metric}")
    (axes,) = figure.axes
    assert axes.get_yscale() == scale
    low, high = axes.get_ylim()
    assert low <= np.nanmin(values)
    assert np.nanmax(values) <= high
    shown = axes.transData.transform([(0, value) for value in values if np.isfinite(value)])
    assert np.isfinite(shown).all()


def titles(*of_runs):
    """-> the title of the runs' curves, and their legend."""
    runs = {f"run{i}": records(test_error=values) for i, values in enumerate(of_runs)}
    figure = figures.curves(runs, metric="eval/test_error")
    texts = figure.legends[0].get_texts() if figure.legends else ()
    return figure.axes[0].get_title(), [text.get_text() for text in texts]


def test_curves_say_of_how_many_seeds_they_are():
    three, one, lost = [[0.5, 0.6, 0.7]] * 2, [[0.5]] * 2, [[0.5, 0.6, 0.7], [0.5, 0.6, NAN]]
    assert titles(three) == ("mean and range of 3 seeds", [])
    assert titles(one) == ("1 seed", [])
    assert titles(lost) == ("mean and range of 2 of 3 seeds", [])
    assert titles(three, lost) == ("mean and range of 3 seeds", ["run0", "run1 (2 of 3 seeds)"])
    assert titles(three, one) == ("mean and range of 1 or 3 seeds", ["run0 (3 seeds)", "run1 (1 seed)"])


def test_the_mean_and_the_range_leave_out_what_is_nan():
    run = records(test_error=[[0.5, 0.7], [0.4, NAN], [NAN, NAN]])
    (axes,) = figures.curves({"run": run}, metric="eval/test_error").axes
    np.testing.assert_allclose(axes.lines[0].get_ydata(), [0.6, 0.4, NAN])
    band = axes.collections[0].get_paths()[0].vertices
    np.testing.assert_allclose([band[band[:, 0] == step, 1].max() for step in (0, 1)], [0.7, 0.4])


def test_runs_are_in_the_order_of_their_numbers_and_none_is_hidden():
    runs = {label: records(test_error=[[0.5], [0.4]]) for label in ("lr=1e-05", "lr=0.1", "lr=0.03", "_x", "a$b", "n2")}
    figure = figures.curves(runs, metric="eval/test_error")
    labels = [text.get_text().replace("\\", "").strip() for text in figure.legends[0].get_texts()]
    assert labels == ["_x", "a$b", "lr=1e-05", "lr=0.03", "lr=0.1", "n2"]
    many = {f"rate {i}": records(test_error=[[0.5], [0.4]]) for i in range(20)}
    lines = figures.curves(many, metric="eval/test_error").axes[0].lines
    assert len({(str(line.get_color()), line.get_linestyle()) for line in lines}) == 20


def sgd(rate, momentum=0.0):
    return {"name": "sgd", "net": {"name": "mlp"}, "tx": {"name": "sgd", "learning_rate": rate, "momentum": momentum}}


BASELINES = {  # as config.json has them: in the order of the alphabet
    "10": sgd(10.0),
    "10_momentum": sgd(10.0, 0.9),
    "1_momentum": sgd(1.0, 0.9),
    "3": sgd(3.0),
    "0_03": sgd(0.03),
    "linear": {"name": "sgd", "net": {"name": "linear"}, "tx": {"name": "adam", "learning_rate": 0.1}},
}


def of_baselines(learner, num_steps=4):
    errors = {f"eval/{name}/test_error": 0.5 for name in BASELINES}
    lines = [{"step": step, "eval/test_error": 0.4, **errors} for step in range(num_steps + 1)]
    return of_config({"learner": learner, "baselines": BASELINES}, lines)


@pytest.mark.parametrize(
    ("learner", "own"),
    [
        ({"name": "blur", "genome": "digits"}, "genome digits"),
        ({"name": "blur", "genome": "runs/mine/genome.json"}, "genome genome"),
        ({"name": "glns", "learning_rate": 0.1}, "GLN"),
        (sgd(0.3), "SGD, rate 0.3"),
        ({"name": "sgd", "net": {"name": "cnn"}, "tx": {"name": "adam", "learning_rate": 0.1}}, "Adam"),
        ({"name": "mine:sign_rule"}, "sign rule"),
    ],
)
def test_a_race_calls_learners_by_what_they_are_in_the_order_of_their_rates(learner, own):
    (axes,) = figures.race({"run": of_baselines(learner)}).axes
    *baselines, red = axes.lines
    assert red.get_label() == own
    assert [line.get_label() for line in baselines] == [
        "SGD, rate 0.03",
        "SGD, rate 1, momentum 0.9",
        "SGD, rate 3",
        "SGD, rate 10",
        "SGD, rate 10, momentum 0.9",
        "linear",
    ]
    assert [line.get_linestyle() for line in baselines] == ["-", "--", "-", "-", "--", "-"]
    brightness = [sum(line.get_color()[:3]) for line in baselines]
    assert brightness == sorted(brightness, reverse=True)
    assert axes.get_xlim() == (0, 4)
    assert axes.get_title() == "run\nmean of 1 seed"


def test_panels_of_different_learners_have_legends_of_their_own():
    glns, blur = of_baselines({"name": "glns"}), of_baselines({"name": "blur", "genome": "toy"}, num_steps=9)
    panels = figures.race({"a": glns, "b": blur}).axes
    assert [axes.get_legend().get_texts()[-1].get_text() for axes in panels] == ["GLN", "genome toy"]
    assert [axes.get_xlim()[1] for axes in panels] == [4, 9]
    panels = figures.race({"a": glns, "b": glns}).axes
    assert [axes.get_legend() is None for axes in panels] == [True, False]
    diverged = of_baselines({"name": "glns"})
    diverged.lines[-1]["eval/3/test_error"] = None
    panels = figures.race({"a": glns, "b": diverged}).axes  # of one panel alone: the other's legend does not say so
    said = [" ".join(text.get_text() for text in axes.get_legend().get_texts()) for axes in panels]
    assert ["0 of 1 seed" in text for text in said] == [False, True]


def test_what_a_paper_has_is_a_line():
    axes = figures.curves({"a": records(test_error=[[0.5], [0.4]])}, metric="eval/test_error", paper=0.3).axes[0]
    assert [line.get_label() for line in axes.lines] == ["a", "the paper, at the end"]
    np.testing.assert_allclose(axes.lines[-1].get_ydata(), 0.3)


def test_a_race_without_baselines_is_refused():
    with pytest.raises(ValueError, match="a race needs baselines, and b has none"):
        figures.race({"a": of_baselines({"name": "glns"}), "b": records(test_error=[[0.5]])})


def test_learners_without_settings_are_called_by_their_names():
    assert legends.learners(Records([], baselines=("sgd_10", "sgd_2"))) == {
        "": "learner",
        "sgd_2": "SGD 2",
        "sgd_10": "SGD 10",
    }


def of_tested(at_10, at_50, spread=0.1):
    """The last of two evals of networks of 4 and 64 neurons that are taught by a genome, two seeds."""
    values = {"width_4/accuracy_at_10": at_10, "width_64/accuracy_at_10": at_10 - 0.1}
    values |= {"width_4/accuracy_at_50": at_50, "width_64/accuracy_at_50": at_50 - 0.2}
    lines = [
        {"step": step, **{f"eval/{name}/seeds": [worth - spread, worth + spread] for name, worth in of_step.items()}}
        for step, of_step in ((0, dict.fromkeys(values, 0.2)), (7, values))
    ]
    return of_config({"learner": {"name": "blur_meta"}}, [line | _means(line) for line in lines])


def _means(line):
    return {name.removesuffix("/seeds"): sum(line[name]) / 2 for name in line if name != "step"}


def test_transfer_is_of_the_networks_that_tested_the_last_genome_a_panel_for_each_step():
    runs = {"wide": of_tested(0.5, 0.6), "narrow": of_tested(0.8, 0.7)}
    panels = figures.transfer(runs, tested=("width_64", "width_4")).axes
    assert [axes.get_title() for axes in panels] == ["after 10 steps", "after 50 steps"]
    assert [label.get_text() for label in panels[1].get_xticklabels()] == ["4", "64"]
    for axes, reached, less in zip(panels, ((0.5, 0.8), (0.6, 0.7)), (0.1, 0.2), strict=True):
        for (line, _, (bars,)), right in zip(axes.containers, reached, strict=True):
            np.testing.assert_allclose(line.get_ydata(), [right, right - less])
            np.testing.assert_allclose(bars.get_segments()[0][:, 1], [right - 0.1, right + 0.1])
    assert [text.get_text() for text in panels[1].get_legend().get_texts()] == ["wide", "narrow"]
    with pytest.raises(ValueError, match="no metric 'eval/width_4/accuracy_at_5'"):
        figures.transfer(runs, tested=("width_4",), at=(5,))
    with pytest.raises(ValueError, match=r"tested must be some networks, and at some steps; got \(\) and \(10, 50\)"):
        figures.transfer(runs, tested=())


def test_endurance_is_of_the_last_genome_over_the_steps_of_the_network_that_it_teaches():
    runs = {"a": of_tested(0.5, 0.6), "b": of_tested(0.8, 0.7)}
    settings = {"tested": "width_4", "at": (10, 50)}
    (axes,) = figures.endurance(runs, **settings).axes
    assert (axes.get_title(), axes.get_xscale()) == ("width 4", "log")
    for line, reached in zip(axes.lines, ((0.5, 0.6), (0.8, 0.7)), strict=True):
        np.testing.assert_allclose(line.get_xydata().T, [(10, 50), reached])
    panels = {"one": ("b",), "both": ("a", "b"), "first": ("a",), "last": ("a",)}
    drawn = figures.endurance(runs, **settings, panels=panels, papers={"both": (10, 0.7, 0.9)}).axes
    assert [axes.get_title() for axes in drawn] == list(panels)
    assert [[line.get_label() for line in axes.lines] for axes in drawn] == [
        ["b"],
        ["a", "b", "the paper"],
        ["a"],
        ["a"],
    ]
    np.testing.assert_allclose(drawn[1].lines[-1].get_xydata(), [(10, 0.7), (10, 0.9)])
    sizes = {"step": 7, "eval/own/synapses_rms_at_10": 0.5, "eval/own/synapses_rms_at_20": 80.0}
    grown = {"a": of_config({"learner": {"name": "blur_meta"}}, [sizes])}
    (axes,) = figures.endurance(grown, at=(10, 20), measured="synapses_rms", papers={"own": (10, 100, 100)}).axes
    assert (axes.get_yscale(), axes.get_ylabel()) == ("log", "root mean square of the synapses")
    np.testing.assert_allclose(axes.lines[0].get_xydata(), [(10, 0.5), (20, 80.0)])
    with pytest.raises(ValueError, match="no metric 'eval/own/accuracy_at_10'"):
        figures.endurance(runs)
    with pytest.raises(ValueError, match="panels has 'c', which is no run; there are a, b"):
        figures.endurance(runs, **settings, panels={"one": ("a", "c")})
    with pytest.raises(ValueError, match="at must be some steps"):
        figures.endurance(runs, at=())


def test_asymmetry_is_of_pairs_of_synapses():
    of_gradient, turn = np.ones((3, 3)), np.array([[0, np.exp(-2.2), 0], [0, 0, 0], [0, 0, 5.0]])
    (axes,) = figures.asymmetry({"gradient": of_gradient, "rotation": turn}).axes
    none, some = axes.containers
    assert {bar.get_x(): bar.get_height() for bar in some if bar.get_height()} == {-3: pytest.approx(1 / 3)}
    assert not any(bar.get_height() for bar in none)


def test_chance_and_an_oracle_are_lines_where_they_were_measured():
    measured = records(success=[[0.1], [0.8]], success_random=[[0.0], [0.1]], success_oracle=[[0.9], [1.0]])
    figure = figures.curves({"a": records(success=[[0.2], [0.3]]), "b": measured}, metric="eval/success")
    (axes,) = figure.axes
    lines = {line.get_label(): line.get_ydata() for line in axes.lines}
    assert list(lines) == ["a", "b", "chance", "oracle"]
    np.testing.assert_allclose([lines["chance"], lines["oracle"]], [[0.0, 0.1], [0.9, 1.0]])
    assert [text.get_text() for text in figure.legends[0].get_texts()] == list(lines)
    assert axes.get_ylabel() == "success"
