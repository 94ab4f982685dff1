"""The GLN as a Learner: standardised features, one-vs-all networks, a decaying rate (Veness 2019, §5)."""

from collections.abc import Callable, Sequence
from functools import partial
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp

from glns import bernoulli, context, network, standardise


class State(NamedTuple):
    """All that a GLN classifier has learned. N classes."""

    count: jax.Array  # [] int32, examples seen
    moments: standardise.Moments  # [D]
    layers: tuple[network.Layer, ...]  # one network a class: weights start with N, and gates unless they are shared


def learner(
    num_classes: int,
    sizes: Sequence[int],
    num_half_spaces: int,
    *,
    offset_scale: float = 1.0,
    learning_rate: float = 0.01,
    learning_rate_decay: float = 100.0,
    feature_epsilon: float = 1 / 255,
    epsilon: float = 0.01,
    weight_bound: float = 200.0,
    clip_rule: str = "margin",
    shared_gates: bool = False,
    form: str = "auto",
) -> tuple[Callable, Callable, Callable]:
    """One-vs-all Bernoulli GLNs, online: (init, update, predict) of a Learner.

    Within a batch the examples are learned one after the other, so the batch size changes the speed and nothing else,
    and the metrics are prequential: each prediction is made before its own update.

    sizes: neurons a layer, the last 1. learning_rate, learning_rate_decay: the rate of example t = 1, 2, .. is
    min(learning_rate, learning_rate_decay / t) (Veness 2019: 0.01 and 100). feature_epsilon: see `standardise`.
    epsilon, weight_bound, clip_rule: see `bernoulli.Rule`. num_half_spaces, offset_scale: see `context.half_spaces`.
    shared_gates: neuron k of every class has the same half-spaces (the paper draws them for each class), which spares
    N - 1 parts in N of the work of gating and cost no accuracy on MNIST or digits. form: see `bernoulli.neuron`.
    """
    gate = context.half_spaces(num_half_spaces, offset_scale=offset_scale)
    _check(num_classes, sizes, clip_rule, epsilon)
    if min(learning_rate, learning_rate_decay, feature_epsilon, weight_bound) <= 0:
        raise ValueError("learning_rate, learning_rate_decay, feature_epsilon and weight_bound must be positive")
    net = {"neuron": bernoulli.neuron(bernoulli.Rule(epsilon, weight_bound, clip_rule), form), "gate": gate}
    axes: Any = network.Layer(0, None if shared_gates else 0)  # of the classes, in every layer
    axes = (axes,) * len(sizes)

    def init(key, example):
        x, _ = example
        dim = x[0].size
        k_classes, axis = (key, None) if shared_gates else (jax.random.split(key, num_classes), 0)
        draw = partial(network.init, sizes=sizes, input_dim=dim, side_dim=dim, **net)
        layers = jax.vmap(draw, in_axes=axis, out_axes=axes, axis_size=num_classes)(k_classes)
        return State(jnp.zeros((), jnp.int32), standardise.init(dim), layers)

    def update(key, state, batch):
        del key
        x, labels = batch
        moments, features = standardise.learn(state.moments, x.reshape(len(x), -1), feature_epsilon)
        t = state.count + 1 + jnp.arange(len(x))
        rates = jnp.minimum(learning_rate, learning_rate_decay / t)
        targets = jax.nn.one_hot(labels, num_classes, axis=0)
        learn = partial(network.learn, **net)
        of_classes = jax.vmap(learn, in_axes=(axes, None, None, 0, None), out_axes=(axes, 0))
        layers, logits = of_classes(state.layers, features, features, targets, rates)
        return State(state.count + len(x), moments, layers), _metrics(_log_probabilities(logits[-1]), labels)

    def predict(state, x):
        """x [B, ...] -> log-probabilities [B, N]."""
        features = standardise.apply(state.moments, x.reshape(len(x), -1), feature_epsilon)
        of_classes = jax.vmap(partial(network.predict, **net), in_axes=(axes, None, None))
        return _log_probabilities(of_classes(state.layers, features, features)[-1])

    return init, update, predict


def _log_probabilities(logits: jax.Array) -> jax.Array:
    """The one-vs-all predictions p_n, normalised over the classes. The paper takes their argmax, which stays the same.

    logits [N, B, 1] -> [B, N].
    """
    return jax.nn.log_softmax(jax.nn.log_sigmoid(logits[..., 0].T))


def _metrics(log_probabilities: jax.Array, labels: jax.Array) -> dict[str, jax.Array]:
    """Means over the batch: log loss in nats, error, and soft error = 1 - p of the true label."""
    of_label = jnp.take_along_axis(log_probabilities, labels[:, None], axis=-1)[:, 0]
    return {
        "loss": -of_label.mean(),
        "error": (log_probabilities.argmax(-1) != labels).mean(),
        "soft_error": 1 - jnp.exp(of_label).mean(),
    }


def _check(num_classes, sizes, clip_rule, epsilon):
    if not sizes or sizes[-1] != 1 or min(sizes) < 1:
        raise ValueError(f"sizes must be positive and end in 1, the output neuron; got {tuple(sizes)}")
    if num_classes < 2:
        raise ValueError(f"num_classes must be at least 2, got {num_classes}")
    if clip_rule not in bernoulli.CLIP_RULES:
        raise ValueError(f"clip_rule must be one of {', '.join(bernoulli.CLIP_RULES)}; got {clip_rule!r}")
    if not 0 < epsilon < 0.5:
        raise ValueError(f"epsilon must lie between 0 and 0.5, got {epsilon}")
