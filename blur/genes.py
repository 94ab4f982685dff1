"""Genes by name: what there are, and by how much each may vary.

Letters: G genes of a genome, in the order of its leaves.
"""

from collections.abc import Mapping
from typing import Any

import jax
import numpy as np
from jax.flatten_util import ravel_pytree

from blur.genome import Genome


def named(genome: Any) -> dict[str, Any]:
    """The genes of a genome, or of a tuple of them, by their paths, such as synapse.age.power; matrices whole."""
    leaves = jax.tree.leaves_with_path(genome)
    return {jax.tree_util.keystr(path, simple=True, separator="."): gene for path, gene in leaves}


def spread(genome: Any, std: float | Mapping) -> np.ndarray:
    """The standard deviation of every gene, [G]. genome: one, or one for each layer; shapes will do.

    std: of all genes; or by the names of fields, as {"synapse": {"update": 0.1, "pre": ((0.1, 0), (0.1, 0))}}: a number
      is that of all genes below its field, and rows are those of a matrix; genes that are not named have 0.
    Raises ValueError for a name that is no gene, for numbers below 0 and where none is above.
    """
    genomes = (genome,) if isinstance(genome, Genome) else tuple(genome)
    of_genes = np.concatenate([_spread("std", genes, std) for genes in genomes])
    if not (np.isfinite(of_genes).all() and (of_genes >= 0).all() and of_genes.any()):
        raise ValueError(f"std must be a finite number, above 0.0, of at least one gene, got {std}")
    return of_genes


def moved(genome: Any, std: np.ndarray, by: jax.Array) -> Any:
    """The genome that is so far from this one, in units of std. std [G]; by: of the genes whose std is above 0."""
    flat, unravel = ravel_pytree(genome)
    (vary,) = np.nonzero(std)
    return unravel(flat.at[vary].add(std[vary] * by))


def _spread(where: str, part: Any, std: Any) -> np.ndarray:
    if isinstance(std, Mapping):
        there = [name for name in getattr(part, "_fields", ()) if getattr(part, name) is not None]
        if unknown := [name for name in std if name not in there]:
            raise ValueError(
                f"{where}: the genome has no gene {unknown[0]!r} here; there are {', '.join(there) or 'none'}"
            )
        return np.concatenate([_spread(f"{where}.{name}", getattr(part, name), std.get(name, 0.0)) for name in there])
    leaves = jax.tree.leaves(part)
    try:
        return np.concatenate([np.broadcast_to(np.asarray(std, np.float32), leaf.shape).ravel() for leaf in leaves])
    except ValueError as error:
        raise ValueError(f"{where} must be a number, or have the shape of its gene; got {std}") from error
