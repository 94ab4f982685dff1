"""Procedural distributions: train and test samples, and endless fresh ones, of the same law."""

from bootstrap.distributions.digits import digits as digits
from bootstrap.distributions.distribution import Distribution as Distribution
from bootstrap.distributions.distribution import with_label_noise as with_label_noise
from bootstrap.distributions.mixtures import bayes_errors as bayes_errors
from bootstrap.distributions.mixtures import gaussians as gaussians
from bootstrap.distributions.mixtures import posterior as posterior
from bootstrap.distributions.shapes import SHAPES as SHAPES
from bootstrap.distributions.shapes import shapes as shapes
from bootstrap.distributions.teacher import teacher as teacher
