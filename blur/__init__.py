"""Meta-Learning Bidirectional Update Rules (Sandler et al. 2021, arXiv 2104.04657): a genome in place of backprop."""

from blur import (
    asymmetry,
    changes,
    describe,
    evolution,
    genes,
    genome,
    images,
    network,
    nudged,
    optimisers,
    persistent,
    pretrained,
    rule,
    serialize,
    toys,
)
from blur.genome import Genome, backprop_genome, delta_genome, perturbed_backprop_genome, random_genome
from blur.gradient_transform import gradient_transformation
from blur.inner_learner import State, learner
from blur.inner_run import adapt, learn_task, map_tasks, unroll
from blur.learned import learned_genome
from blur.meta import meta_learner
from blur.rule import Rule, backprop_rule
from blur.task_world import Tasks, tasks

__all__ = [
    "Genome",
    "Rule",
    "State",
    "Tasks",
    "adapt",
    "asymmetry",
    "backprop_genome",
    "backprop_rule",
    "changes",
    "delta_genome",
    "describe",
    "evolution",
    "genes",
    "genome",
    "gradient_transformation",
    "images",
    "learn_task",
    "learned_genome",
    "learner",
    "map_tasks",
    "meta_learner",
    "network",
    "nudged",
    "optimisers",
    "persistent",
    "perturbed_backprop_genome",
    "pretrained",
    "random_genome",
    "rule",
    "serialize",
    "tasks",
    "toys",
    "unroll",
]
