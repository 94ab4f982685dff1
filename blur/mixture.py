"""Which network learns the tasks of a meta-step, in batches of how many examples, how many of them, from which age on.

The paper meta-trains in one network at a time. A rule that has seen one width, depth, batch size and number of steps
knows no other, so here each meta-step may draw them. Genes of age show late, unless a network begins old.

Letters: B batch, S batches of a task, T tasks.
"""

from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp

from blur.genome import Genome, check_genomes
from blur.settings import check_counts, check_sizes


class Mixture(NamedTuple):
    """What a meta-step draws from."""

    networks: tuple[Sequence[int], ...]  # the sizes of each
    batch_sizes: tuple[int, ...] | None  # of each network; None: as they come
    shortest: int | None  # the least number of batches; None: always all
    oldest: int | None  # the greatest age at the start, in steps; None: always 0


class Drawn(NamedTuple):
    """What all genomes of a meta-step share."""

    which: jax.Array  # [] int32, the network
    horizon: jax.Array | None  # [] int32, how many batches are learned; None: all
    age: jax.Array | int  # [] int32, how many steps count as taken at the start


def mixture(
    sizes: Sequence[int] | Sequence[Sequence[int]],
    batch_sizes: Sequence[int] | None,
    shortest: int | None,
    oldest: int | None,
    genome: Callable[[], Any],
) -> Mixture:
    """The checked mixture, or ValueError. sizes: of one network or of several.

    genome: () -> one, or one for each layer; shapes will do.
    """
    several = isinstance(sizes, Sequence) and len(sizes) > 0 and isinstance(sizes[0], Sequence)
    networks: tuple = tuple(sizes) if several else (sizes,)
    for each in networks:
        check_sizes(each)
    shapes = genome()
    if wide := {str(gene.dtype) for gene in jax.tree.leaves(shapes)} - {"float32"}:
        raise ValueError(f"genes that are learned must be float32; init_genome returns {min(wide)}")
    for each in networks:
        check_genomes(shapes, len(each))
    if len({each[-1] for each in networks}) > 1:
        raise ValueError(f"all networks must end in the same number of classes; got {networks}")
    if batch_sizes is not None:
        if len(batch_sizes) != len(networks):
            raise ValueError(f"batch_sizes must be one for each of {len(networks)} networks; got {batch_sizes}")
        for each in batch_sizes:
            check_counts(batch_sizes=each)
    if shortest is not None:
        check_counts(shortest=shortest)
    if oldest is not None:
        check_counts(oldest=oldest)
        of_layers = (shapes,) if isinstance(shapes, Genome) else shapes
        if all(genes.synapse.age is None for genes in of_layers):
            raise ValueError(f"oldest={oldest}, but the genome has no genes of age: it learns alike at any age")
    return Mixture(networks, None if batch_sizes is None else tuple(batch_sizes), shortest, oldest)


def check_example(mixture: Mixture, labels: jax.Array, longest: int, unit: str = "batches") -> None:
    """Raises ValueError where tasks like these are too small. labels [T, S, B]. longest: as of `draw`, in units."""
    if mixture.shortest is not None and mixture.shortest > longest:
        raise ValueError(f"shortest must be at most the {longest} {unit} that are learned, got {mixture.shortest}")
    if mixture.batch_sizes is not None and max(mixture.batch_sizes) > labels.shape[2]:
        raise ValueError(f"batch_sizes must be at most the {labels.shape[2]} of a batch; got {mixture.batch_sizes}")


def draw(key: jax.Array, mixture: Mixture, longest: int | jax.Array) -> Drawn:
    """One of the networks; a number of batches, or parts, up to the longest; an age up to the oldest.

    Both numbers are log-uniform, the age + 1. The key is consumed.
    """
    k_network, k_horizon, k_age = jax.random.split(key, 3)
    which = jax.random.randint(k_network, (), 0, len(mixture.networks), jnp.int32)
    horizon = None if mixture.shortest is None else _log_uniform(k_horizon, mixture.shortest, longest)
    return Drawn(which, horizon, 0 if mixture.oldest is None else _log_uniform(k_age, 1, mixture.oldest + 1) - 1)


def _log_uniform(key, least, most):
    """A whole number from least to most; of least > most, most."""
    low, high = (jnp.log(jnp.asarray(number, jnp.float32)) for number in (least, most + 1))
    return jnp.clip(jnp.exp(jax.random.uniform(key, (), jnp.float32, low, high)).astype(jnp.int32), least, most)


def in_network(mixture: Mixture, drawn: Drawn, function: Callable, inputs: jax.Array, labels: jax.Array) -> Any:
    """function(sizes, inputs, labels) for the network that was drawn, with as many examples as its batches have.

    inputs [.., S, B, D], labels [.., S, B]. What it returns has the same shapes for all networks.
    """

    def of(i):
        size = None if mixture.batch_sizes is None else mixture.batch_sizes[i]
        return lambda inputs, labels: function(mixture.networks[i], inputs[..., :size, :], labels[..., :size])

    branches = [of(i) for i in range(len(mixture.networks))]
    return branches[0](inputs, labels) if len(branches) == 1 else jax.lax.switch(drawn.which, branches, inputs, labels)
