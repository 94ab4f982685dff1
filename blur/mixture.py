"""Which network learns the tasks of a meta-step, in batches of how many examples, and how many of them.

The paper meta-trains in one network at a time. A rule that has seen one width, depth, batch size and number of steps
knows no other, so here each meta-step may draw them.

Letters: B batch, S batches of a task, T tasks.
"""

from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp

from blur.genome import check_genomes
from blur.settings import check_counts, check_sizes


class Mixture(NamedTuple):
    """What a meta-step draws from."""

    networks: tuple[Sequence[int], ...]  # the sizes of each
    batch_sizes: tuple[int, ...] | None  # of each network; None: as they come
    shortest: int | None  # the least number of batches; None: always all


class Drawn(NamedTuple):
    """What all genomes of a meta-step share."""

    which: jax.Array  # [] int32, the network
    horizon: jax.Array | None  # [] int32, how many batches are learned; None: all


def mixture(
    sizes: Sequence[int] | Sequence[Sequence[int]],
    batch_sizes: Sequence[int] | None,
    shortest: int | None,
    genome: Callable[[], Any],
) -> Mixture:
    """The checked mixture, or ValueError. sizes: of one network or of several.

    genome: () -> one, or one for each layer; shapes will do.
    """
    networks: tuple = tuple(sizes) if sizes and isinstance(sizes[0], Sequence) else (sizes,)
    for each in networks:
        check_sizes(each)
    shapes = genome()
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
    return Mixture(networks, None if batch_sizes is None else tuple(batch_sizes), shortest)


def check_example(mixture: Mixture, labels: jax.Array, longest: int) -> None:
    """Raises ValueError where tasks like these are too small. labels [T, S, B]. longest: the batches to learn."""
    if mixture.shortest is not None and mixture.shortest > longest:
        raise ValueError(f"shortest must be at most the {longest} batches that are learned, got {mixture.shortest}")
    if mixture.batch_sizes is not None and max(mixture.batch_sizes) > labels.shape[2]:
        raise ValueError(f"batch_sizes must be at most the {labels.shape[2]} of a batch; got {mixture.batch_sizes}")


def draw(key: jax.Array, mixture: Mixture, longest: int) -> Drawn:
    """One of the networks, and a number of batches, log-uniform up to the longest. The key is consumed."""
    k_network, k_horizon = jax.random.split(key)
    which = jax.random.randint(k_network, (), 0, len(mixture.networks))
    if mixture.shortest is None:
        return Drawn(which, None)
    low, high = (jnp.log(jnp.float32(steps)) for steps in (mixture.shortest, longest + 1))
    horizon = jnp.exp(jax.random.uniform(k_horizon, (), jnp.float32, low, high))
    return Drawn(which, jnp.clip(horizon.astype(jnp.int32), mixture.shortest, longest))


def in_network(mixture: Mixture, drawn: Drawn, function: Callable, inputs: jax.Array, labels: jax.Array) -> Any:
    """function(sizes, inputs, labels) for the network that was drawn, with as many examples as its batches have.

    inputs [.., S, B, D], labels [.., S, B]. What it returns has the same shapes for all networks.
    """

    def of(i):
        size = None if mixture.batch_sizes is None else mixture.batch_sizes[i]
        return lambda inputs, labels: function(mixture.networks[i], inputs[..., :size, :], labels[..., :size])

    branches = [of(i) for i in range(len(mixture.networks))]
    return branches[0](inputs, labels) if len(branches) == 1 else jax.lax.switch(drawn.which, branches, inputs, labels)
