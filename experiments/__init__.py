"""Experiments: a config becomes a Learner in a World. What it can name stands in `experiments.registry`."""

from experiments.build import Experiment as Experiment
from experiments.build import Plan as Plan
from experiments.build import Stage as Stage
from experiments.build import plan as plan
from experiments.build import plan_together as plan_together
from experiments.evals import View as View
from experiments.records import Records as Records

__all__ = ["Experiment", "Plan", "Records", "Stage", "View", "plan", "plan_together"]
