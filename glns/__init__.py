"""Gated Linear Networks (Veness et al. 2019, arXiv 1910.01526): backprop-free, online, local learning.

Learners, each a function of settings that returns (init, update, predict):
    learner     classification, by a GLN of bits for each class or a GLN of classes
    regressor   regression by a Gaussian GLN
    density     the density of binary images, pixel by pixel
    bandit      contextual bandits, by a GLN for each arm
    State       what `learner` has learned
    ROBUST      settings of `learner` for people who tune nothing
    shared_density.learner  the density of binary images by one network for all pixels, in native code
    orders.learner  a density by several, each of which reads the images in another order
Networks:
    network     layers of gated neurons, and how they learn a stream
    context     gates: half-spaces, and the branches of dendritic neurons
    pixels      gates for the pixels of a binary image
Neurons:
    bernoulli   for bits
    categorical for symbols
    dendritic   for bits or real targets, with branches in place of contexts
    gaussian    for real targets
Parts of the learners:
    base_experts   linear neurons, naive Bayes and calibrations beside the neurons of a network
    class_networks how networks of each kind of neuron tell classes apart
    naive_bayes    normal features within a class, online
    standardise    features by running mean and std
    switching      a mixture of all neurons in place of the last
    learning_rates one for all neurons, or several
    visits         how often each neuron's contexts were seen
    counting       the probability of a bit from counts
    least_squares  ridge regression of a stream
    reward_tree    real rewards as binary decisions
    explain        exact explanations of a prediction
Modules of the learners: classification, regression, density_estimation (also `sample` and `inpaint`),
contextual_bandits. Not imported here: `glns.estimator` has scikit-learn's interface, `glns.river` river's.
"""

from glns import (
    base_experts,
    bernoulli,
    categorical,
    class_networks,
    classification,
    context,
    contextual_bandits,
    counting,
    dendritic,
    density_estimation,
    explain,
    gaussian,
    learning_rates,
    least_squares,
    naive_bayes,
    network,
    orders,
    pixels,
    regression,
    reward_tree,
    shared_density,
    standardise,
    switching,
    visits,
)
from glns.classification import State, learner
from glns.contextual_bandits import bandit
from glns.density_estimation import density
from glns.regression import regressor
from glns.robust import ROBUST

__all__ = [
    "ROBUST",
    "State",
    "bandit",
    "base_experts",
    "bernoulli",
    "categorical",
    "class_networks",
    "classification",
    "context",
    "contextual_bandits",
    "counting",
    "dendritic",
    "density",
    "density_estimation",
    "explain",
    "gaussian",
    "learner",
    "learning_rates",
    "least_squares",
    "naive_bayes",
    "network",
    "orders",
    "pixels",
    "regression",
    "regressor",
    "reward_tree",
    "shared_density",
    "standardise",
    "switching",
    "visits",
]
