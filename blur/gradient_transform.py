"""The last step of a rule for anybody's network: what its genes make of a gradient, as an optax transformation.

A genome whose sum in eq. 7 is a gradient (Sandler 2021, §3.1) differs from SGD in what a synapse receives of it: see
`blur.changes`. That needs no network of ours.
"""

import math
from collections.abc import Mapping
from typing import Any

import jax
import jax.numpy as jnp
import optax

from blur import changes
from blur import rule as rules
from blur.describe import distance_to_backprop
from blur.genome import Genome, Synapse, check_genomes
from blur.rule import Rule

_NEAR = 0.1  # how far transforms may be from backpropagation's; evolution left those of `lasting` as they were


def gradient_transformation(genome: Genome, rule: Rule, *, last: str | None = None) -> optax.GradientTransformation:
    """The momentum, norm, age, rate and gate of a genome's synapses, for parameters of any network.

        genome, rule, _ = blur.pretrained.load("muon")
        tx = blur.gradient_transformation(genome, rule, last="Dense_2")

    It is the rule, to rounding, in a network without normalisation and for a genome with the transforms of
    `backprop_genome`; transforms and norms of neurons have no part in it. last: the name of the module that gives the
    logits, or its path where others have that name, as "params/Dense_2"; a genome with the genes `last` or `size` needs
    it. `update` takes the parameters as well, as `optax.adamw` does.

    A kernel [.., N, M] and the bias [M] beside it are one matrix, as the synapses of a layer are; any other parameter
    is one by itself, and so is either of the two where a mask of optax leaves out the other. For the genes of size, all
    kernels but the last are hidden layers of M neurons; other parameters have no size. Raises ValueError for a
    genome whose sum is no gradient, and for a `last` that is missing, or that is not one layer.
    """
    _check(genome, rule, last)

    def init(params):
        leaves = jax.tree.leaves_with_path(params, is_leaf=_is_masked)
        layers = dict.fromkeys(_place(params, path)[0] for path, _ in leaves)
        _check_last(last, list(layers))
        state = changes.transformation(genome.synapse, rule.change_norm).init(_matrices(params))
        return changes.Memory(jnp.zeros((), jnp.int32), state)

    def update(updates, state, params=None):
        if params is None:
            raise ValueError("update also takes the parameters: tx.update(gradient, state, params)")
        old, received, memory = changes.apply(genome.synapse, state, _matrices(updates), rule.change_norm)
        rates = _rates(genome.synapse, updates, last)

        def of_leaf(path, leaf):
            layer, rows = _place(updates, path)
            change = received[layer][0, rows].reshape(leaf.shape)
            return (rates[layer] * change + (old.keep - 1) * leaf).astype(leaf.dtype)

        return jax.tree.map_with_path(of_leaf, params), memory

    return optax.GradientTransformation(init, update)


def _check(genome: Any, rule: Rule, last: str | None) -> None:
    if not isinstance(genome, Genome):
        raise ValueError(f"genome must be one blur.Genome, for all layers; got {type(genome).__name__}")
    check_genomes(genome)
    rules.check(rule)
    if not any(isinstance(gene, jax.core.Tracer) for gene in jax.tree.leaves(genome)):
        name, distance = max(distance_to_backprop(genome, rule).items(), key=lambda pair: pair[1])
        if distance > _NEAR:
            raise ValueError(
                f"what this genome sums is no gradient: {name} is {distance:.2f} from backprop. "
                "It teaches a network of its own, see `blur.learner`"
            )
    needing = [name for name in ("last", "size") if getattr(genome.synapse, name) is not None]
    if needing and last is None:
        raise ValueError(
            f'the genome has the gene {needing[0]}: name the module that gives the logits, as last="Dense_2"'
        )


def _check_last(last: str | None, layers: list[tuple[str, ...]]) -> None:
    modules = [_module(last, layer) for layer in layers]
    found = set(modules) - {None}
    if last is not None and (len(found) != 1 or (None not in modules and len(layers) > 1)):
        named = f"there are {', '.join(map('/'.join, layers))}"
        what = f"no module or parameter is named {last!r}" if not found else f"{last!r} is not one module of them"
        raise ValueError(f"last: {what}; {named}")


def _rates(synapse: Synapse, tree: Any, last: str | None) -> dict[tuple[str, ...], Any]:
    """Each layer's rate by the genes `last` and `size`, in units of the rate in their absence."""
    shapes = {_place(tree, path)[0]: leaf.shape for path, leaf in jax.tree.leaves_with_path(tree) if leaf.ndim > 1}
    num_hidden = sum(_module(last, layer) is None for layer in shapes)

    def rate(layer):
        is_last = _module(last, layer) is not None
        genes = changes.of_unit_rate(synapse)
        if is_last and synapse.last is not None:
            genes = genes._replace(update=synapse.last)
        if layer in shapes and num_hidden:
            *sources, destinations = shapes[layer]
            genes = changes.sized(genes, math.prod(sources) if is_last else destinations, num_hidden)
        return genes.update

    return {layer: rate(layer) for layer in _matrices(tree)}


def _module(name: str | None, layer: tuple[str, ...]) -> tuple[str, ...] | None:
    """The path of the module of this name, or of this path of names, that a layer is in; None: it is in none."""
    names = tuple(name.split("/")) if name else ()
    ends = range(len(names), len(layer) + 1) if names else ()
    return next((layer[:end] for end in ends if layer[end - len(names) : end] == names), None)


def _matrices(tree: Any) -> dict[tuple[str, ...], jax.Array]:
    """Each layer's parameters as [1, N, M], the bias last; by the names that lead to them."""
    rows: dict[tuple[str, ...], list] = {}
    for path, leaf in sorted(jax.tree.leaves_with_path(tree), key=lambda pair: _name(*pair[0][-1:]) == "bias"):
        layer, _ = _place(tree, path)
        rows.setdefault(layer, []).append(leaf.reshape(-1, leaf.shape[-1] if leaf.ndim else 1))
    return {layer: jnp.concatenate(of_layer)[None] for layer, of_layer in rows.items()}


def _place(tree: Any, path: tuple) -> tuple[tuple[str, ...], slice]:
    """The layer that a parameter belongs to, and its rows in it."""
    if not path:
        return (), slice(None)
    *above, own = map(_name, path)
    for key in path[:-1]:
        tree = tree[key.key] if isinstance(tree, Mapping) else None
    is_pair = isinstance(tree, Mapping) and set(tree) == {"kernel", "bias"} and not any(map(_is_masked, tree.values()))
    if not is_pair or tree["kernel"].ndim < 2:
        return (*above, own), slice(None)
    return tuple(above), slice(-1, None) if own == "bias" else slice(None, -1)


def _is_masked(node: Any) -> bool:
    """Whether it stands for parameters that `optax.masked` or `optax.partition` leaves to others."""
    return isinstance(node, optax.MaskedNode)


def _name(*path: Any) -> str:
    return jax.tree_util.keystr(path, simple=True)
