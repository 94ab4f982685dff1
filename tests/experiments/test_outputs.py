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


def test_a_figure_may_read_the_settings_of_learners_and_the_steps_of_evals():
    metrics = ["eval/test_error", "eval/wide/test_error"]
    learners = {width: {"name": "blur", "genome": "digits", "sizes": (size, 10)} for width, size in WIDTHS.items()}
    asked = {"grid": {}, "learner": learners[""], "baselines": {"wide": learners["wide"]}}
    check(metrics=metrics, figures={"transfer": {"at": (2, 6)}}, **asked)
    with pytest.raises(ValueError, match="has no evaluation at step 5; there are 0, 2, 4, 6, 8"):
        check(metrics=metrics, figures={"transfer": {"at": (5,)}}, **asked)
    with pytest.raises(ValueError, match="needs learners with a genome, and run has none"):
        check(metrics=metrics, figures={"transfer": {}}, **{**asked, "learner": {}, "baselines": {}})


WIDTHS = {"": 16, "wide": 64}
