"""Experiments: a config becomes a Learner in a World, with probes. What it can name stands in `experiments.names`."""

from experiments.names import DATA as DATA
from experiments.plans import Experiment as Experiment
from experiments.plans import Plan as Plan
from experiments.plans import Stage as Stage
from experiments.plans import build as build
from experiments.plans import check_ends as check_ends
from experiments.plans import conclude as conclude
from experiments.plans import figure as figure
from experiments.plans import files as files
from experiments.plans import plan as plan
