"""Learners that a config can name, that read files or are made of others: (*, settings) -> (init, update, predict)."""

from collections.abc import Callable, Sequence
from typing import Any

import jax

import blur as papers_blur
import bootstrap
from experiments import data


def blur(genome: str, sizes: Sequence[int], **settings: Any) -> tuple[Callable, Callable, Callable]:
    """A classifier that learns by a genome: a pretrained one, by its name, or that of a file, by its path.

    settings: see `blur.learner`.
    """
    of_genome, rule = data.genome(genome)
    return papers_blur.learner(of_genome, sizes, rule=rule, **settings)


def warm_genome(
    key: jax.Array, *, genome: str, sized: bool = False
) -> papers_blur.Genome | tuple[papers_blur.Genome, ...]:
    """A genome to go on from: a pretrained one, by its name, or that of a file, by its path. The key is unused.

    sized: one that has no genes of size gets them, at first 0.
    """
    del key
    begun = data.genome(genome)[0]

    def of_layer(genes):
        return papers_blur.genome.with_size(genes) if sized and genes.synapse.size is None else genes

    return of_layer(begun) if isinstance(begun, papers_blur.Genome) else tuple(map(of_layer, begun))


def started(learner: tuple, *, init_from: str, fresh: Sequence[str] = ()) -> bootstrap.Learner:
    """A learner that begins with what another run has learned. init_from: see `data.parameters`.

    fresh: names of what begins anew, such as params/Dense_2: see `bootstrap.started`.
    """
    return bootstrap.started(learner, data.parameters(init_from), fresh=fresh)
