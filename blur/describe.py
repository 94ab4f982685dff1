"""What a genome says, as text for people: its genes by name, how it ages, how far it is from backpropagation."""

from collections.abc import Sequence
from typing import Any

import jax.numpy as jnp
import numpy as np

from blur import changes, genes
from blur.genome import Genome, backprop_genome, check_genomes
from blur.rule import Rule

_TRANSFORMS = ("neuron.forward", "neuron.backward", "synapse.pre", "synapse.post")


def describe(
    genome: Genome | Sequence[Genome],
    rule: Rule = Rule(),  # noqa: B008
    *,
    steps: tuple[int, ...] = (0, 10, 100, 1000),
) -> str:
    """Genes by name, transforms with their distance to backpropagation, and rate and gate of synapses at these steps.

    genome, rule: as `pretrained.load` gives them; of a genome for each layer, one after the other. Raises ValueError
    for what is no genome.
    """
    check_genomes(genome)
    if not isinstance(genome, Genome):
        return "\n".join(f"layer {i}\n{describe(genes, rule, steps=steps)}" for i, genes in enumerate(genome))
    distances = distance_to_backprop(genome, rule)
    lines = []
    for name, gene in genes.named(genome).items():
        note = f"   {distances[name]:.3f} from backprop" if name in distances else ""
        lines.append(f"{name:28} {_written(gene)}{note}")
    if genome.synapse.age is not None:
        old = [changes.aged(genome.synapse, jnp.asarray(step)) for step in steps]
        lines.append(f"{'at steps':28} {'  '.join(f'{step:<9}' for step in steps)}".rstrip())
        for name in ("update", "keep"):
            numbers = "  ".join(f"{float(getattr(synapse, name)):<9.4g}" for synapse in old)
            lines.append(f"{f'synapse.{name}':28} {numbers}".rstrip())
    return "\n".join(lines)


def distance_to_backprop(genome: Genome, rule: Rule = Rule()) -> dict[str, float]:  # noqa: B008
    """How far each transform is from that of `backprop_genome`, whatever its scale: 0 is backpropagation's, at most 1.

    It is the sine of the angle between the two as vectors. States beyond the second have no part in backpropagation.
    Of a rule whose synapses have a single state, only what reads and writes that state counts.
    """
    own, others = genes.named(genome), genes.named(backprop_genome(1.0))
    distances = {}
    for name in _TRANSFORMS:
        gene = np.asarray(own[name], np.float64)
        other = np.zeros_like(gene)
        other[:2, :2] = others[name]
        if rule.single_state and name.startswith("synapse"):
            gene, other = (part.T[0] if name.endswith("pre") else part[0] for part in (gene, other))
        cosine = np.sum(gene * other) / max(np.linalg.norm(gene) * np.linalg.norm(other), 1e-30)
        distances[name] = float(np.sqrt(max(0.0, 1 - cosine**2)))
    return distances


def diff(one: Any, other: Any) -> str:
    """The genes in which two genomes differ, a line each: name, the first's, the second's; "-" where there is none.

    Empty where they are the same. one, other: a genome, or a tuple with one for each layer. Raises ValueError for what
    is no genome.
    """
    for genome in (one, other):
        check_genomes(genome)
    genes_of = [{name: np.asarray(gene) for name, gene in genes.named(genome).items()} for genome in (one, other)]
    names = dict.fromkeys([*genes_of[0], *genes_of[1]])
    pairs = {name: tuple(of_one.get(name) for of_one in genes_of) for name in names}
    return "\n".join(
        f"{name:28} {_written(first)}  ->  {_written(second)}"
        for name, (first, second) in pairs.items()
        if first is None or second is None or not np.array_equal(first, second)
    )


def _written(gene: Any) -> str:
    if gene is None:
        return "-"
    return np.array2string(np.asarray(gene), precision=4, suppress_small=True, separator=" ").replace("\n", "")
