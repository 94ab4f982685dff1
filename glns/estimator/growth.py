"""What a classifier has learned, with networks for more classes; what any GLN has learned, with more features.

Letters: C half-spaces, D features, F fan-in, N classes, R contexts.
"""

import zlib
from collections.abc import Callable, Sequence
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from glns.classification import State
from glns.context import HalfSpaces
from glns.network import Layer


def begin(init: Callable, seed: int, labels: Sequence[Any], *, shared_gates: bool) -> State:
    """A state with a network for each label, and at least two. init: key -> a state of two classes.

    The gates of a network depend on the seed and its label alone, so not on the labels beside it or on their order.
    """
    networks = [network(init, seed, label, shared_gates=shared_gates) for label in labels]
    own = jax.tree.map(lambda *leaves: np.stack(leaves), *(networks + networks[:1])[: max(2, len(networks))])
    return _with_own(init(jax.random.key(seed)), own, shared_gates)


def network(init: Callable, seed: int, label: Any, *, shared_gates: bool) -> Any:
    """What a label's network is before it has learned anything."""
    key = jax.random.key(seed)
    if not shared_gates:
        name = label if isinstance(label, str) else repr(float(label) if np.isreal(label) else label)
        key = jax.random.fold_in(key, zlib.crc32(name.encode()))
    return jax.tree.map(lambda leaf: np.asarray(leaf)[0], _own(init(key), shared_gates))


def add_network(state: State, slot: int, new: Any, *, shared_gates: bool) -> State:
    """The state with a new network in a slot. Where there is none, there are twice as many, so that programs last.

    In the slots beyond are networks of no class: they learn that no example is theirs.
    """

    def placed(leaf, one):
        leaf = np.array(leaf)
        if slot >= len(leaf):
            leaf = np.concatenate([leaf, np.broadcast_to(one, leaf.shape)])
        leaf[slot] = one
        return leaf

    return _with_own(state, jax.tree.map(placed, _own(state, shared_gates), new), shared_gates)


def add_features(state: Any, seeds: Sequence[tuple], moments: str) -> Any:
    """The state of a learner with further features, after the others, that were 0 in all examples so far.

    seeds: whole numbers for each, by which the normals of its half-spaces are drawn. moments: the field with the
    moments of the features. What is predicted for an example without the new features stays as it is. Raises ValueError
    for other gates. The new features are drawn into all half-spaces, of `axis_aligned` ones too.
    """
    features = getattr(state, moments)
    dim, num = features.mean.shape[-1], len(seeds)
    layers = []
    for number, layer in enumerate(state.layers):
        if not isinstance(layer.gates, HalfSpaces) or layer.gates.normals.shape[-1] != dim:
            raise ValueError("features can appear later only where gates are half-spaces of all features")
        normals, weights = np.asarray(layer.gates.normals), np.asarray(layer.weights)
        size = np.sqrt(np.mean(normals**2)) if normals.size else 0.0  # as large as the others
        draws = [np.random.default_rng((*seed, number)).normal(size=(*normals.shape[:-1], 1)) for seed in seeds]
        normals = np.concatenate([normals, *(size * draw.astype(normals.dtype) for draw in draws)], axis=-1)
        if number == 0:
            weights = _with_inputs(weights, num)
        layers.append(Layer(weights, layer.gates._replace(normals=jnp.asarray(normals))))
    state = with_moments(state._replace(layers=tuple(layers)), moments, lambda of: _with_zeros(of, num))
    experts = getattr(state, "experts", None)
    if experts is None:
        return state
    return state._replace(experts=experts._replace(linear=_with_inputs(np.asarray(experts.linear), num)))


def with_moments(state: Any, moments: str, change: Callable) -> Any:
    """The state with other moments of its features, in the field of that name and in the experts of a classifier."""
    state = state._replace(**{moments: change(getattr(state, moments))})
    experts = getattr(state, "experts", None)
    if experts is None:
        return state
    return state._replace(experts=experts._replace(examples=change(experts.examples)))


def _with_inputs(weights, num):
    """Weights [.., F] with `num` inputs before the bias, as `Neuron.init` has them."""
    new = np.full((*weights.shape[:-1], num), 1 / (weights.shape[-1] + num), weights.dtype)
    return np.concatenate([weights[..., :-1], new, weights[..., -1:]], axis=-1)


def _with_zeros(moments, num):
    """Moments with `num` features that were 0 so far."""
    mean, square = np.asarray(moments.mean), np.asarray(moments.square)
    zeros = np.zeros((*mean.shape[:-1], num), mean.dtype)
    return moments._replace(mean=np.concatenate([mean, zeros], -1), square=np.concatenate([square, zeros], -1))


def _own(state, shared_gates):
    """The arrays of a state that start with its classes."""
    weights = [layer.weights for layer in state.layers]
    of_gates = None if shared_gates else ([layer.gates for layer in state.layers], state.visits)
    return weights, state.mixture, state.experts, of_gates


def _with_own(state, own, shared_gates):
    weights, mixture, experts, of_gates = own
    gates, visits = ([layer.gates for layer in state.layers], state.visits) if shared_gates else of_gates
    layers = tuple(map(Layer, weights, gates))
    state = state._replace(layers=layers, mixture=mixture, visits=visits, experts=experts)
    return jax.tree.map(jnp.asarray, state)
