"""The GLN as a Learner: standardised features, one-vs-all networks, a decaying rate (Veness 2019, §5)."""

from collections.abc import Callable, Sequence
from functools import partial
from typing import NamedTuple

import jax
import jax.numpy as jnp

from glns import bernoulli, network, standardise


class State(NamedTuple):
    """All that a GLN classifier has learned. N classes."""

    count: jax.Array  # [] int32, examples seen
    moments: standardise.Moments  # [D]
    layers: tuple[network.Layer, ...]  # one network a class: every array starts with N


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
) -> tuple[Callable, Callable, Callable]:
    """One-vs-all Bernoulli GLNs, online: (init, update, predict) of a Learner.

    Within a batch the examples are learned one after the other, so the batch size changes the speed and nothing else,
    and the metrics are prequential: each prediction is made before its own update.

    sizes: neurons a layer, the last 1. learning_rate, learning_rate_decay: the rate of example t = 1, 2, .. is
    min(learning_rate, learning_rate_decay / t) (Veness 2019: 0.01 and 100). feature_epsilon: see `standardise`.
    epsilon, weight_bound, clip_rule: see `bernoulli.Rule`. num_half_spaces, offset_scale: see `context.half_spaces`.
    """
    _check(num_classes, sizes, num_half_spaces, clip_rule, epsilon)
    if min(learning_rate, learning_rate_decay, feature_epsilon, weight_bound) <= 0:
        raise ValueError("learning_rate, learning_rate_decay, feature_epsilon and weight_bound must be positive")
    rule = bernoulli.Rule(epsilon, weight_bound, clip_rule)

    def init(key, example):
        x, _ = example
        dim = x[0].size
        draw = partial(network.init, num_half_spaces=num_half_spaces, offset_scale=offset_scale)
        layers = jax.vmap(lambda k_class: draw(k_class, sizes, dim, dim))(jax.random.split(key, num_classes))
        return State(jnp.zeros((), jnp.int32), standardise.init(dim), layers)

    def update(key, state, batch):
        del key
        x, labels = batch
        moments, features = standardise.learn(state.moments, x.reshape(len(x), -1), feature_epsilon)
        t = state.count + 1 + jnp.arange(len(x))
        rates = jnp.minimum(learning_rate, learning_rate_decay / t)
        targets = jax.nn.one_hot(labels, num_classes, axis=0)
        one_class = jax.vmap(partial(network.learn, rule=rule), in_axes=(0, None, None, 0, None))
        layers, logits = one_class(state.layers, features, features, targets, rates)
        return State(state.count + len(x), moments, layers), _metrics(_log_probabilities(logits[-1]), labels)

    def predict(state, x):
        """x [B, ...] -> log-probabilities [B, N]."""
        features = standardise.apply(state.moments, x.reshape(len(x), -1), feature_epsilon)
        one_class = jax.vmap(partial(network.predict, rule=rule), in_axes=(0, None, None))
        return _log_probabilities(one_class(state.layers, features, features)[-1])

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


def _check(num_classes, sizes, num_half_spaces, clip_rule, epsilon):
    if not sizes or sizes[-1] != 1 or min(sizes) < 1:
        raise ValueError(f"sizes must be positive and end in 1, the output neuron; got {tuple(sizes)}")
    if num_classes < 2:
        raise ValueError(f"num_classes must be at least 2, got {num_classes}")
    if not 0 <= num_half_spaces <= 16:
        raise ValueError(f"num_half_spaces must be 0 to 16 (a neuron keeps 2**n rows), got {num_half_spaces}")
    if clip_rule not in bernoulli.CLIP_RULES:
        raise ValueError(f"clip_rule must be one of {', '.join(bernoulli.CLIP_RULES)}; got {clip_rule!r}")
    if not 0 < epsilon < 0.5:
        raise ValueError(f"epsilon must lie between 0 and 0.5, got {epsilon}")
