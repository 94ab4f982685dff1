"""Meta-Learning Bidirectional Update Rules (Sandler et al. 2021, arXiv 2104.04657): a genome in place of backprop."""

from blur import evolution as evolution
from blur import genome as genome
from blur import images as images
from blur import network as network
from blur import rule as rule
from blur import shipped as shipped
from blur import text as text
from blur import toys as toys
from blur import unroll as unroll
from blur.genome import Genome as Genome
from blur.genome import backprop_genome as backprop_genome
from blur.genome import delta_genome as delta_genome
from blur.genome import perturbed_backprop_genome as perturbed_backprop_genome
from blur.genome import random_genome as random_genome
from blur.learner import State as State
from blur.learner import learner as learner
from blur.meta import adapt as adapt
from blur.meta import best_genome as best_genome
from blur.meta import meta_learner as meta_learner
from blur.rule import Rule as Rule
from blur.rule import backprop_rule as backprop_rule
from blur.tasks import Tasks as Tasks
from blur.tasks import tasks as tasks
