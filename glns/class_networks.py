"""How networks of each kind of neuron tell classes apart: one network a class, or one for all of them.

Letters: B batch, D features, F inputs of the first layer, M networks, N classes.
"""

from collections.abc import Callable
from functools import partial
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp

from glns import bernoulli, categorical, context, dendritic, settings
from glns.network import Neuron

NEURONS = ("bernoulli", "dendritic", "categorical")


class ClassNetworks(NamedTuple):
    """What the networks of a classifier are.

    num_networks: M. neuron: what they are made of. num_inputs: D -> F.
    inputs: features [B, D] -> inputs of the first layer [B, F, ..]. targets: labels [B] -> targets [M, B].
    log_probabilities: outputs of the networks [M, B, ..] -> [B, N].
    """

    num_networks: int
    neuron: Neuron
    num_inputs: Callable
    inputs: Callable
    targets: Callable
    log_probabilities: Callable


def class_networks(neuron: str, num_classes: int, rule: bernoulli.Rule, implementation: str) -> ClassNetworks:
    """The networks by the name of their neuron. Raises ValueError for a setting that the neuron does not have.

    "bernoulli": one-vs-all, a network of bits for each class, whose inputs are the features as logits (Veness 2019).
    "dendritic": the same with `dendritic.bernoulli`, which has no weight bound and always the clip rule "margin".
    "categorical": one network of `categorical` neurons. Each feature makes for each class an input, which makes that
      class more probable than each other by the factor e ** feature; so there are F = D N inputs (ours).
    """
    if neuron not in NEURONS:
        raise ValueError(f"neuron must be one of {', '.join(NEURONS)}; got {neuron!r}")
    settings.check_counts(2, num_classes=num_classes)
    if neuron == "categorical":
        if implementation not in ("auto", "scan"):
            raise ValueError(f"implementation of categorical neurons must be auto or scan; got {implementation!r}")
        return _one_for_all(categorical.neuron(rule, num_classes), num_classes)
    if neuron == "bernoulli":
        return _one_vs_all(bernoulli.neuron(rule, implementation), num_classes)
    if rule != bernoulli.Rule(rule.epsilon):
        raise ValueError("weight_bound and clip_rule must be left out where neurons are dendritic: they have neither")
    of_bits = dendritic.bernoulli(rule.epsilon, "gram" if implementation == "auto" else implementation)
    return _one_vs_all(of_bits, num_classes)


def gate_of(neuron: str, num_half_spaces: int, **drawn: Any) -> context.Gate:
    """The half-spaces of a neuron's gates: 2**num_half_spaces contexts, or for a dendritic neuron as many branches.

    drawn: see `context.half_spaces`. Branches are drawn by it too, each normal of unit length; `context.branches`, the
    paper's, scales all normals of a neuron together, and the offsets with them.
    """
    if neuron != "dendritic":
        return context.half_spaces(num_half_spaces, **drawn)
    settings.check_counts(1, num_half_spaces=num_half_spaces)
    init = context.half_spaces(1, **drawn).init
    return context.Gate(num_half_spaces, partial(init, num_half_spaces=num_half_spaces), context.branch_gates)


def _one_vs_all(neuron, num_classes):
    """The predictions p_n, normalised over the classes; the paper takes their argmax, which is the same."""
    return ClassNetworks(
        num_networks=num_classes,
        neuron=neuron,
        num_inputs=lambda dim: dim,
        inputs=lambda features: features,
        targets=lambda labels: jax.nn.one_hot(labels, num_classes, axis=0),
        log_probabilities=lambda logits: jax.nn.log_softmax(jax.nn.log_sigmoid(logits.T)),
    )


def _one_for_all(neuron, num_classes):
    return ClassNetworks(
        num_networks=1,
        neuron=neuron,
        num_inputs=lambda dim: dim * num_classes,
        inputs=jax.vmap(partial(_for_each_class, num_classes=num_classes)),
        targets=lambda labels: labels[None],
        log_probabilities=lambda outputs: outputs[0],
    )


def _for_each_class(features: jax.Array, num_classes: int) -> jax.Array:
    """features [D] -> log-probabilities [D N, N], those of a feature side by side."""
    return jax.nn.log_softmax(jnp.kron(features[:, None], jnp.eye(num_classes, dtype=features.dtype)))
