"""Gated Linear Networks (Veness et al. 2019, arXiv 1910.01526): backprop-free, online, local learning."""

from glns import bernoulli as bernoulli
from glns import categorical as categorical
from glns import context as context
from glns import counting as counting
from glns import dendritic as dendritic
from glns import explain as explain
from glns import gaussian as gaussian
from glns import network as network
from glns import pixels as pixels
from glns import reward_tree as reward_tree
from glns import standardise as standardise
from glns import switching as switching
from glns import visits as visits
from glns.bandit import bandit as bandit
from glns.density import density as density
from glns.learner import State as State
from glns.learner import learner as learner
from glns.regressor import regressor as regressor
