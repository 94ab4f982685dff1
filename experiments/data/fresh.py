"""Distributions as data sets: fresh samples for training, and a fixed test part of the same law."""

from collections.abc import Sequence

import jax
import numpy as np

from bootstrap import distributions
from bootstrap.distributions import Distribution
from experiments.data.kinds import Part, Sampled
from experiments.data.sklearn_digits import embedded

_TEST_SEED = 2021  # of the stream of test samples; a run draws the seed of its own stream from 2**32


def deformed_digits(
    data_dir: str | None, *, num_test: int = 2000, labels: Sequence[int] | None = None, **settings
) -> Sampled:
    """scikit-learn's 1797 digits, endlessly deformed. settings: see `bootstrap.distributions.digits`.

    labels: only these digits, which become 0, 1, ..
    """
    del data_dir
    images, digits = embedded()
    if labels is not None:
        if wrong := [label for label in labels if label not in range(10)]:
            raise ValueError(f"data.labels: {wrong[0]!r} is no digit")
        there = np.isin(digits, labels)
        images, digits = images[there], np.argmax(digits[there, None] == np.array(labels)[None], axis=1)
    return _data(distributions.digits(images, digits.astype(np.int32), **settings), num_test)


def gaussians(data_dir: str | None, *, num_test: int = 2000, **settings) -> Sampled:
    """A mixture whose Bayes error is known. settings: see `bootstrap.distributions.gaussians`."""
    del data_dir
    return _data(distributions.gaussians(**settings), num_test)


def linear(data_dir: str | None, *, num_test: int = 2000, **settings) -> Sampled:
    """Targets linear in Gaussian inputs. settings: see `bootstrap.distributions.linear`."""
    del data_dir
    return _data(distributions.linear(**settings), num_test)


def shapes(data_dir: str | None, *, num_test: int = 2000, **settings) -> Sampled:
    """Ten shapes in colour. settings: see `bootstrap.distributions.shapes`."""
    del data_dir
    return _data(distributions.shapes(**settings), num_test)


def teacher(data_dir: str | None, *, num_test: int = 2000, **settings) -> Sampled:
    """Gaussians that a random network labels. settings: see `bootstrap.distributions.teacher`."""
    del data_dir
    return _data(distributions.teacher(**settings), num_test)


def _data(distribution: Distribution, num_test: int) -> Sampled:
    if num_test < 1:
        raise ValueError(f"data.num_test must be at least 1, got {num_test}")
    draw = jax.jit(jax.vmap(distribution.sampler, in_axes=(0, None)))
    x, y = draw(jax.random.split(jax.random.key(_TEST_SEED), num_test), distribution.arrays)
    return Sampled(
        distribution.sampler, distribution.arrays, Part(np.asarray(x), np.asarray(y)), distribution.num_classes
    )
