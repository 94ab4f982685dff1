"""Procedural distributions: train and test samples, and endless fresh ones, of the same law."""

from bootstrap.distributions.coloured_shapes import SHAPES, shapes
from bootstrap.distributions.deformed_digits import digits
from bootstrap.distributions.distribution import Distribution, with_label_noise
from bootstrap.distributions.linear_targets import Linear, linear
from bootstrap.distributions.mixtures import bayes_errors, gaussians, posterior
from bootstrap.distributions.random_teacher import teacher

__all__ = [
    "SHAPES",
    "Distribution",
    "Linear",
    "bayes_errors",
    "digits",
    "gaussians",
    "linear",
    "posterior",
    "shapes",
    "teacher",
    "with_label_noise",
]
