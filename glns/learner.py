"""The GLN as a Learner: standardised features, one-vs-all networks, a decaying rate (Veness 2019, §5)."""

from collections.abc import Callable, Sequence
from functools import partial
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp

from glns import bernoulli, context, network, standardise, switching, visits


class State(NamedTuple):
    """All that a GLN classifier has learned. N classes."""

    count: jax.Array  # [] int32, examples seen
    moments: standardise.Moments  # [D]
    layers: tuple[network.Layer, ...]  # one network a class: weights start with N, and gates unless they are shared
    mixture: switching.Mixture | None = None  # [N, ..]; None where the last neuron alone predicts
    visits: jax.Array | None = None  # [N, U, R] int32, or [U, R] of shared gates; None where the rate is everyone's


def learner(
    num_classes: int,
    sizes: Sequence[int],
    num_half_spaces: int,
    *,
    offset_scale: float = 1.0,
    gate: context.Gate | None = None,
    side: Callable = lambda features: features,
    learning_rate: float | Callable = 0.01,
    learning_rate_decay: float = 100.0,
    feature_epsilon: float = 1 / 255,
    feature_scale: float = 1.0,
    standardised: bool = True,
    epsilon: float = 0.01,
    weight_bound: float = 200.0,
    clip_rule: str = "margin",
    initial_weight: float | None = None,
    bias: float = 1.0,
    shared_gates: bool = False,
    form: str = "auto",
    aggregation: str = "last",
    rate_by_context: bool = False,
) -> tuple[Callable, Callable, Callable]:
    """One-vs-all Bernoulli GLNs, online: (init, update, predict) of a Learner.

    Within a batch the examples are learned one after the other, so the batch size changes the speed and nothing else,
    and the metrics are prequential: each prediction is made before its own update.

    sizes: neurons a layer, the last 1.
    num_half_spaces, offset_scale: see `context.half_spaces`. gate: another kind of context in their place. side:
      features [D] -> side information [S] of an example, where it is not all of them.
    learning_rate, learning_rate_decay: the rate of example t = 1, 2, .. is min(learning_rate, learning_rate_decay / t)
      (Veness 2019: 0.01 and 100); or a schedule of your own, learning_rate(t). rate_by_context: t counts the visits of
      each neuron's present context (ours), not the examples.
    feature_epsilon, feature_scale: inputs are feature_scale * (x - mean) / (deviation + feature_epsilon), by the
      moments so far (see `standardise`). An epsilon far above the deviations leaves mean subtraction, the paper's,
      whose scale then counts. standardised: False takes feature_scale * x instead. A stream of tasks needs that: where
      the moments drift, so do the features, and with them the contexts, of what was learned before.
    epsilon, weight_bound, clip_rule, initial_weight, bias: see `bernoulli.Rule`. form: see `bernoulli.neuron`.
    shared_gates: neuron k of every class has the same half-spaces (the paper draws them for each class), which spares
      N - 1 parts in N of the work of gating and cost no accuracy on MNIST or digits.
    aggregation: "last" predicts with the last neuron, "switching" with the mixture of all neurons; see `switching`.
    """
    _check(
        num_classes,
        sizes,
        aggregation,
        learning_rate=1.0 if callable(learning_rate) else learning_rate,
        learning_rate_decay=learning_rate_decay,
        feature_epsilon=feature_epsilon,
        feature_scale=feature_scale,
    )
    gate = gate or context.half_spaces(num_half_spaces, offset_scale=offset_scale)
    features = standardise.features(feature_epsilon, feature_scale, standardised=standardised)
    rule = bernoulli.Rule(epsilon, weight_bound, clip_rule, initial_weight, bias)
    net = {"neuron": bernoulli.neuron(rule, form), "gate": gate}
    gates_axis: Any = None if shared_gates else 0  # of the classes
    axes: Any = (network.Layer(0, gates_axis),) * len(sizes)

    def init(key, example):
        x, _ = example
        dim = x[0].size
        k_classes, axis = (key, None) if shared_gates else (jax.random.split(key, num_classes), 0)
        side_dim = jax.eval_shape(side, jax.ShapeDtypeStruct((dim,), float)).size
        draw = partial(network.init, sizes=sizes, input_dim=dim, side_dim=side_dim, **net)
        layers = jax.vmap(draw, in_axes=axis, out_axes=axes, axis_size=num_classes)(k_classes)
        mixture = switching.init(sum(sizes)) if aggregation == "switching" else None
        mixture = jax.tree.map(lambda leaf: jnp.broadcast_to(leaf, (num_classes, *leaf.shape)), mixture)
        networks = () if shared_gates else (num_classes,)
        counts = jnp.zeros((*networks, sum(sizes), gate.num_contexts), jnp.int32) if rate_by_context else None
        return State(jnp.zeros((), jnp.int32), standardise.init(dim), layers, mixture, counts)

    def rate(t):
        if callable(learning_rate):
            return learning_rate(t)
        return jnp.minimum(learning_rate, learning_rate_decay / t)

    def learn(layers, mixture, counts, inputs, sides, targets, t):
        """The batch, for one class. targets [B], t [B] -> what it has learned, and the logits [B] before."""
        if rate_by_context:
            signatures = jax.vmap(lambda one: visits.signature(layers, one, gate), out_axes=1)(sides)
            ones = jnp.ones(len(t), jnp.int32)
            counts, before = jax.vmap(visits.learn, in_axes=(0, 0, None))(counts, signatures, ones)
            t = before + 1  # [U, B]
        layers, logits = network.learn(layers, inputs, sides, targets, rate(t), **net)
        mixture, logits = switching.learn_aggregate(mixture, logits, targets, rule)
        return layers, mixture, counts, logits

    def update(key, state, batch):
        del key
        x, labels = batch
        moments, inputs = features.learn(state.moments, x.reshape(len(x), -1))
        targets = jax.nn.one_hot(labels, num_classes, axis=0)
        t = state.count + 1 + jnp.arange(len(x))
        of_classes = jax.vmap(learn, (axes, 0, gates_axis, None, None, 0, None), (axes, 0, gates_axis, 0))
        layers, mixture, counts, logits = of_classes(
            state.layers, state.mixture, state.visits, inputs, jax.vmap(side)(inputs), targets, t
        )
        metrics = _metrics(_log_probabilities(logits), labels)
        return State(state.count + len(x), moments, layers, mixture, counts), metrics

    def predict(state, x):
        """x [B, ...] -> log-probabilities [B, N]."""
        inputs = features.apply(state.moments, x.reshape(len(x), -1))
        of_classes = jax.vmap(partial(network.predict, **net), in_axes=(axes, None, None))
        logits = of_classes(state.layers, inputs, jax.vmap(side)(inputs))
        return _log_probabilities(jax.vmap(switching.aggregate)(state.mixture, logits))

    return init, update, predict


def _log_probabilities(logits: jax.Array) -> jax.Array:
    """The one-vs-all predictions p_n, normalised over the classes. The paper takes their argmax, which stays the same.

    logits [N, B] -> [B, N].
    """
    return jax.nn.log_softmax(jax.nn.log_sigmoid(logits.T))


def _metrics(log_probabilities: jax.Array, labels: jax.Array) -> dict[str, jax.Array]:
    """Means over the batch: log loss in nats, error, and soft error = 1 - p of the true label."""
    of_label = jnp.take_along_axis(log_probabilities, labels[:, None], axis=-1)[:, 0]
    return {
        "loss": -of_label.mean(),
        "error": (log_probabilities.argmax(-1) != labels).mean(),
        "soft_error": 1 - jnp.exp(of_label).mean(),
    }


def _check(num_classes, sizes, aggregation, **positive):
    network.check_sizes(sizes)
    if num_classes < 2:
        raise ValueError(f"num_classes must be at least 2, got {num_classes}")
    if aggregation not in switching.AGGREGATIONS:
        raise ValueError(f"aggregation must be one of {', '.join(switching.AGGREGATIONS)}; got {aggregation!r}")
    for name, value in positive.items():
        if value <= 0:
            raise ValueError(f"{name} must be positive, got {value}")
