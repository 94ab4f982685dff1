"""Analyses and figures are tried before a run; what could not be made of it is refused."""

import pytest

import bootstrap
import experiments
from experiments import outputs

GRID = {"real": {"world": {"num_samples": 10}}, "ideal": {"world": {"num_samples": bootstrap.UNLIMITED}}}
CURVES = [f"eval/{cell}/{part}_soft_error" for cell in GRID for part in ("test", "train")]


def check(files=(), **asked):
    plan = experiments.Plan(tuple(GRID), (), (), (), (), per_seed=False)
    outputs.check_outputs({"num_steps": 8, "num_seeds": 2, **asked}, plan, CURVES, files)


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
