"""The inner run's native implementation: `unroll_native`, called on a CPU from within a compiled program.

It is built when the package is installed. If it was not built, and for rules and genes that it does not know, `knows`
is False and `inner_run.unroll` goes through XLA. Threads share the networks of a `vmap`, tasks and genomes.

Letters: B batch, C channels of a synapse, D inputs, G genes of a layer, K states, L layers, M classes, P synapses,
S batches of a task.
"""

import itertools
import math
from collections.abc import Callable, Sequence
from functools import partial
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jax.custom_derivatives import SymbolicZero

from blur.genome import Genome
from blur.partition import mapped
from blur.rule import Rule

try:
    from blur import _unroll  # pyrefly: ignore[missing-module-attribute]
except ImportError:
    available = False
else:
    available = True
    for name in ("unroll", "reverse"):
        jax.ffi.register_ffi_target(f"blur_{name}", getattr(_unroll, name), platform="cpu")

ACTIVATIONS = ("linear", "relu", "relu_tanh", "sigmoid", "tanh")
FEEDBACKS = ("label", "error", "cross_entropy")
_KNOWN = {
    "activation": ACTIVATIONS,
    "backward_activation": ACTIVATIONS,
    "last_activation": ACTIVATIONS,
    "backward_update": ("additive", "none"),
    "keep_neurons": (False,),
    "synapse_norm": ("none",),
    "synapse_activation": ("linear",),
    "feedback": FEEDBACKS,
    "change_norm": ("none",),
    "normalise_inputs": (False,),
}
_UNKNOWN_GENES = ("oja", "saturation", "rescale", "age", "momentum", "squares")


def knows(genomes: Sequence[Genome], synapses: Any, rule: Rule) -> bool:
    """Whether there is a kernel here for networks of float32 that learn by these genomes, one for each layer."""
    if not available or jax.default_backend() != "cpu":
        return False
    if not all(getattr(rule, name) in known for name, known in _KNOWN.items()):
        return False
    if any(genes.forward_synapse is not None for genes in genomes):
        return False
    if any(getattr(genes.synapse, name) is not None for genes in genomes for name in _UNKNOWN_GENES):
        return False
    return all(jnp.result_type(leaf) == jnp.float32 for leaf in jax.tree.leaves((genomes, synapses)))


class _Network(NamedTuple):
    """The attributes of the kernel's calls, in its order."""

    widths: tuple[int, ...]  # of the inputs and of every layer
    numbers: tuple[int, ...]  # K, C, and the rule's options
    normalise: tuple[int, ...]  # of every layer: 1 in the forward pass, 2 in the backward pass, 3 in both


def unroll(
    genomes: Sequence[Genome],
    synapses: Any,
    inputs: jax.Array,
    targets: jax.Array,
    horizon: jax.Array,
    *,
    rule: Rule,
    plain: Callable,
) -> tuple[Any, jax.Array]:
    """Computes `inner_run.unroll`.

    genomes: one for each layer. plain: another implementation, (genomes, synapses, inputs, targets, horizon=) -> the
      same. It says which shapes fit, and has the gradients of inputs and targets, which the kernel has not.
    For a gradient of the rest, what every step has computed is kept: its synapses and twice the states of its layers.
    """
    inputs, targets = (jnp.asarray(array, jnp.float32) for array in (inputs, targets))
    arguments = genomes, synapses, inputs, targets, horizon
    jax.eval_shape(lambda *floats: plain(*floats, horizon=horizon), *arguments[:4])
    leaves, tree = jax.tree.flatten(synapses)
    ends, shapes = np.cumsum([leaf.size for leaf in leaves]), [leaf.shape for leaf in leaves]

    def split(flat):
        parts = jnp.split(flat, ends[:-1])
        return tree.unflatten(part.reshape(shape) for part, shape in zip(parts, shapes, strict=True))

    run, reverse = _calls(_network(genomes, synapses, inputs.shape[-1], rule), inputs.shape[1])
    of_layers = partial(_coefficients_of_layers, rule=rule)

    @jax.custom_vjp
    def function(genomes, synapses, *batches):
        learned, logits = run(of_layers(genomes), _flat(synapses), *batches)
        return split(learned), logits

    def forward(*arguments):
        values = jax.tree.map(lambda leaf: leaf.value, arguments)
        if any(leaf.perturbed for leaf in arguments[2:4]):
            made, pull = jax.vjp(lambda *floats: plain(*floats, horizon=values[4]), *values[:4])
            return made, (pull,)
        genes, pull = jax.vjp(of_layers, values[0])
        learned, logits, tape = run(genes, _flat(values[1]), *values[2:], keeps_tape=True)
        return (split(learned), logits), (pull, genes, tape, *values[2:])

    def backward(kept, gradients):
        gradients = jax.tree.map(_array, gradients, is_leaf=lambda leaf: isinstance(leaf, SymbolicZero))
        pull, *rest = kept
        if not rest:
            return *pull(gradients), None
        of_learned, of_logits = gradients
        of_genes, of_synapses = reverse(*rest, _flat(of_learned), of_logits)
        return *pull(of_genes), split(of_synapses), None, None, None

    function.defvjp(forward, backward, symbolic_zeros=True)
    return function(*arguments)


def _array(gradient: Any) -> jax.Array:
    return jnp.zeros(gradient.shape, jnp.float32) if isinstance(gradient, SymbolicZero) else gradient


def _flat(synapses: Any) -> jax.Array:
    return jnp.concatenate([leaf.reshape(-1) for leaf in jax.tree.leaves(synapses)])


def _coefficients_of_layers(genomes: Sequence[Genome], rule: Rule) -> jax.Array:
    return jnp.stack([coefficients(genes, rule) for genes in genomes])


def coefficients(genome: Genome, rule: Rule) -> jax.Array:
    """The genes of a layer as the kernel has them: gates and rates are in the transforms. -> [G]."""
    (neuron, synapse, _), additive = genome, rule.backward_update == "additive"
    num_states = len(neuron.forward)
    channels = 1 if rule.single_state else num_states
    transforms = (
        neuron.update * neuron.forward,
        neuron.update * neuron.backward if additive else neuron.backward,
        synapse.update * synapse.pre[:, :channels].T,
        synapse.post[:channels],
    )
    keep = neuron.keep if additive else jnp.zeros_like(neuron.keep)
    unused = jnp.zeros(num_states, jnp.float32), jnp.zeros(num_states, jnp.float32)
    norms = *(neuron.forward_norm or unused), *(neuron.backward_norm or unused)
    return jnp.concatenate([part.reshape(-1) for part in (*transforms, keep, synapse.keep, *norms)])


def _network(genomes: Sequence[Genome], synapses: Any, input_dim: int, rule: Rule) -> _Network:
    num_states = len(genomes[0].neuron.forward)
    numbers = (
        num_states,
        1 if rule.single_state else num_states,
        int(rule.symmetric),
        int(rule.forward_below),
        ACTIVATIONS.index(rule.activation),
        ACTIVATIONS.index(rule.backward_activation),
        ACTIVATIONS.index(rule.last_activation),
        FEEDBACKS.index(rule.feedback),
    )
    normalise = tuple(
        (genes.neuron.forward_norm is not None) + 2 * (genes.neuron.backward_norm is not None) for genes in genomes
    )
    return _Network((input_dim, *(of_layer.forward.shape[2] for of_layer in synapses)), numbers, normalise)


def _calls(of_network: _Network, batch_size: int) -> tuple[Callable, Callable]:
    """The two calls of the kernel, for one network.

    (run, reverse): run(genes [L, G], synapses [P], inputs [S, B, D], targets [S, B, M], horizon [], keeps_tape=False)
    -> synapses, logits [S, B, M], and a tape; reverse(genes, tape, inputs, targets, horizon, gradients of synapses and
    logits) -> gradients of genes and synapses.
    """
    attributes = {name: np.array(value, np.int64) for name, value in of_network._asdict().items()}
    ranks = {"genes": 2, "synapses": 1, "inputs": 3, "targets": 3, "horizon": 0, "logits": 3, "tape": 2}

    def call(target, names, results, *arrays):
        operands = dict(zip(names, arrays, strict=True))
        axes = jnp.broadcast_shapes(*(array.shape[: array.ndim - ranks[name]] for name, array in operands.items()))
        own = {name: array.shape[array.ndim - ranks[name] :] for name, array in operands.items()}
        own = {"logits": own["targets"], "tape": (own["targets"][0], _tape_size(of_network, batch_size))} | own
        # gradients of genes and synapses are as these; every network has its own
        shapes = tuple(jax.ShapeDtypeStruct((*axes, *own[name]), jnp.float32) for name in results)
        made = [jnp.broadcast_to(x, (*axes, *own[name])) if name == "logits" else x for name, x in operands.items()]
        return tuple(jax.ffi.ffi_call(f"blur_{target}", shapes)(*made, **attributes))

    def over(target, names, results):
        return mapped(partial(call, target, names, results), [ranks[n] for n in names], [ranks[n] for n in results])

    given = "genes", "synapses", "inputs", "targets", "horizon"

    def run(*arrays, keeps_tape=False):
        return over("unroll", given, ("synapses", "logits", *["tape"] * keeps_tape))(*arrays)

    return run, over("reverse", ("genes", "tape", *given[2:], "synapses", "logits"), ("genes", "synapses"))


def _tape_size(of_network: _Network, batch_size: int) -> int:
    """Numbers that are kept of a step: layout.h's SynapseLayout and StateLayout."""
    widths, (num_states, channels, symmetric, *_), normalise = of_network
    size = 0
    for i, (n, m) in enumerate(itertools.pairwise(widths)):
        size += channels * (n + 1) * _padded(m) + (channels * m * _padded(n) if i and not symmetric else 0)
        of_pass = num_states * m * _padded(batch_size)
        num_norms = normalise[i] % 2 + (normalise[i] // 2 if i < len(normalise) - 1 else 0)
        size += 2 * of_pass + num_norms * (of_pass + _padded(num_states))
    return size


def _padded(n: int) -> int:
    return 16 * math.ceil(n / 16)
