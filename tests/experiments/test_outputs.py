"""Analyses and figures are tried before a run; what could not be made of it is refused."""

import pytest

import bootstrap
from experiments import outputs

GRID = {"real": {"world": {"num_samples": 10}}, "ideal": {"world": {"num_samples": bootstrap.UNLIMITED}}}
CURVES = [f"eval/{cell}/{part}_soft_error" for cell in GRID for part in ("test", "train")]


def check(files=(), metrics=CURVES, **asked):
    every = {"num_steps": 8, "num_seeds": 2, "log_every": 2, "eval_every": 2}
    outputs.check_outputs({**every, "grid": GRID, "learner": {}, **asked}, metrics, files)


def test_outputs_that_can_be_made_pass():
    check(files=["payoff.json"], analyses={"gap": {}}, figures={"pair": {}, "fan": {}, "payoff": {}})


@pytest.mark.parametrize(
    ("asked", "message"),
    [
        ({"analyses": {"nope": {}}}, r"no analyses\.nope named 'nope'; there are gap"),
        ({"analyses": {"gap": {"threshold": 2.0}}}, "threshold is a soft error"),
        (
            {"analyses": {"gap": {"pairs": {"": ("real", "nope")}}}},
            "the run has no metric 'eval/nope/test_soft_error'",
        ),
        ({"figures": {"nope": {}}}, r"no figures\.nope named 'nope'; there are .*fan"),
        (
            {"figures": {"pair": {"scores": "error"}}},
            r"figures\.pair 'pair': got an unexpected keyword argument 'scores'",
        ),
        (
            {"figures": {"pair": {"score": "error"}}},
            r"figures\.pair: the run has no metric 'eval/real/train_error'",
        ),
        ({"figures": ("payoff",)}, r"figures\.payoff: no artifact leaves payoff\.json"),
        ({"figures": ("race",)}, r"figures\.race: a race needs baselines"),
        ({"analyses": ("race",)}, "a race needs baselines"),
    ],
)
def test_outputs_that_cannot_be_made_are_refused(asked, message):
    with pytest.raises(ValueError, match=message):
        check(**asked)


def test_a_run_of_no_steps_records_its_evals_alone():
    drawn = {"curve": {"name": "experiments.figures:curves", "metric": "train/error"}}
    check(metrics=["train/error", *CURVES], figures=drawn)
    with pytest.raises(ValueError, match=r"no metric 'train/error'.*: leave it out, as by --config\.figures"):
        check(metrics=["train/error", *CURVES], figures=drawn, num_steps=0)


MINE = """
from matplotlib.figure import Figure

from experiments.records import curve


def figure(runs, *, at):
    (records,) = runs.values()
    steps, _ = curve(records, "test_error")
    if at not in steps:
        raise ValueError(f"{records.settings['']['name']} has steps {list(map(int, steps))}")
    return Figure()
"""


def test_a_figure_may_read_the_settings_of_learners_and_the_steps_of_evals(tmp_path, monkeypatch):
    (tmp_path / "my_figures.py").write_text(MINE)
    monkeypatch.syspath_prepend(tmp_path)
    asked = {"metrics": ["eval/test_error"], "grid": {}, "learner": {"name": "glns"}}
    check(figures={"mine": {"name": "my_figures:figure", "at": 6}}, **asked)
    with pytest.raises(ValueError, match=r"figures\.mine: glns has steps \[0, 2, 4, 6, 8\]"):
        check(figures={"mine": {"name": "my_figures:figure", "at": 5}}, **asked)


def test_figures_of_genomes_need_the_steps_that_were_tested():
    asked = {"metrics": ["eval/width_4/accuracy_at_10"], "grid": {}}
    drawn = {"transfer": {"tested": ("width_4",), "at": (10,)}, "endurance": {"tested": "width_4", "at": (10,)}}
    check(figures=drawn, **asked)
    with pytest.raises(ValueError, match=r"figures\.transfer: .*no metric 'eval/width_8/accuracy_at_10'"):
        check(figures={"transfer": {"tested": ("width_8",), "at": (10,)}}, **asked)
