"""Experiments: a config becomes a Learner in a World. What it can name stands in `experiments.registry`."""

from experiments.build import Experiment as Experiment
from experiments.build import Plan as Plan
from experiments.build import Stage as Stage
from experiments.build import build as build
from experiments.build import check_ends as check_ends
from experiments.build import conclude as conclude
from experiments.build import figure as figure
from experiments.build import files as files
from experiments.build import plan as plan
from experiments.registry import DATA as DATA
