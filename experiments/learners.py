"""Learners that a config can name, that read files or are made of others: (*, settings) -> (init, update, predict)."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import jax
import jax.numpy as jnp

import blur as papers_blur
import bootstrap
from experiments import data


def blur(
    genome: str, sizes: Sequence[int], *, instead: Mapping[str, Mapping[str, Any]] | None = None, **settings: Any
) -> tuple[Callable, Callable, Callable]:
    """A classifier that learns by a genome: a pretrained one, by its name, or that of a file, by its path.

    instead: genes and options of the rule in place of the genome's own, by their names; None for an option that is off:
    {"synapse": {"momentum": None, "age": {"power": 0.5}}, "rule": {"change_norm": "layer"}}. settings: see
    `blur.learner`.
    """
    of_genome, rule = data.genome(genome)
    genes = dict(instead or {})
    rule = _replaced("instead.rule", rule, genes.pop("rule", {}))
    of_layers = [
        _replaced("instead", of_layer, genes)
        for of_layer in ([of_genome] if isinstance(of_genome, papers_blur.Genome) else of_genome)
    ]
    return papers_blur.learner(of_layers[0] if len(of_layers) == 1 else of_layers, sizes, rule=rule, **settings)


def _replaced(where: str, part: Any, fields: Mapping[str, Any]) -> Any:
    """A named tuple with other fields. Numbers become genes."""
    if unknown := [name for name in fields if name not in getattr(part, "_fields", ())]:
        there = ", ".join(getattr(part, "_fields", ())) or "none"
        raise ValueError(f"{where}: nothing is named {unknown[0]!r} here; there are {there}")

    def of(name, value):
        if isinstance(value, Mapping):
            return _replaced(f"{where}.{name}", getattr(part, name), value)
        return value if value is None or isinstance(part, papers_blur.Rule) else jnp.asarray(value, jnp.float32)

    return part._replace(**{name: of(name, value) for name, value in fields.items()})


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
