"""Learners that a config can name and that read files: (*, settings) -> (init, update, predict)."""

from collections.abc import Callable, Sequence
from typing import Any

import jax

import blur as papers_blur
from experiments import data


def blur(genome: str, sizes: Sequence[int], **settings: Any) -> tuple[Callable, Callable, Callable]:
    """A classifier that learns by a genome: a pretrained one, by its name, or that of a file, by its path.

    settings: see `blur.learner`.
    """
    of_genome, rule = data.genome(genome)
    return papers_blur.learner(of_genome, sizes, rule=rule, **settings)


def warm_genome(key: jax.Array, *, genome: str) -> papers_blur.Genome | tuple[papers_blur.Genome, ...]:
    """A genome to go on from: a pretrained one, by its name, or that of a file, by its path. The key is unused."""
    del key
    return data.genome(genome)[0]
