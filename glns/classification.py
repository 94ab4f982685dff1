"""The GLN classifier as a Learner: standardised features, one network a class, a decaying rate (Veness 2019, §5).

Letters: B batch, D features, N classes, R contexts of a neuron, S side width, U neurons of a network.
"""

from collections.abc import Callable, Sequence
from functools import partial
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp

from glns import bernoulli, context, learning_rates, network, settings, standardise, switching, visits


class State(NamedTuple):
    """All that a GLN classifier has learned."""

    count: jax.Array  # [] int32, examples seen
    moments: standardise.Moments  # [D]
    layers: tuple[network.Layer, ...]  # one network a class: weights start with N, gates too unless they are shared
    mixture: switching.Mixture | None = None  # [N, ..]; None if the last neuron alone predicts
    visits: jax.Array | None = None  # [N, U, R] int32, [U, R] if gates are shared; None unless rate_by_context


class Model(NamedTuple):
    """The settings of `learner`, as init, update and predict read them."""

    num_classes: int
    sizes: tuple[int, ...]
    features: standardise.Features
    side: Callable  # features [D] -> side information [S]
    rate: Callable  # t [B] or [U, B] -> learning rates [B] or [U, B]
    rate_by_context: bool
    rule: bernoulli.Rule
    net: dict[str, Any]  # the neuron and the gate: keywords of the functions of `network`
    shared_gates: bool
    aggregation: str
    divide: Callable


def learner(
    num_classes: int,
    sizes: Sequence[int],
    num_half_spaces: int | None = None,
    *,
    offset_scale: float = 1.0,
    axis_aligned: bool = False,
    gate: context.Gate | None = None,
    side: Callable = lambda features: features,
    learning_rate: float | Callable | Sequence[float | Callable] = 0.01,
    learning_rate_decay: float | None = 100.0,
    feature_epsilon: float = 1 / 255,
    feature_scale: float = 1.0,
    standardised: bool = True,
    epsilon: float = 0.01,
    weight_bound: float = 200.0,
    clip_rule: str = "margin",
    shared_gates: bool = False,
    implementation: str = "auto",
    aggregation: str = "last",
    rate_by_context: bool = False,
    divide: Callable = network.undivided,
) -> tuple[Callable, Callable, Callable]:
    """One-vs-all Bernoulli GLNs, online: (init, update, predict) of a Learner.

    A batch is (x [B, ..], labels [B]) or (x, labels, weights [B]): a weight from 0 multiplies its example's rates, and
    an example of weight 0 changes nothing. predict gives log-probabilities [B, N]. The examples of a batch are learned
    one after the other, so the batch size changes the speed and nothing else. The metrics are prequential: each
    prediction is made before its own update. A label outside 0 .. N - 1 is a ValueError; if it is traced, the metric
    loss is NaN.

    sizes: neurons a layer, the last 1.
    num_half_spaces, offset_scale, axis_aligned: see `context.half_spaces`. gate: replaces those contexts by another
      kind, and needs none of them.
    side: features [D] -> side information [S] of an example; by default all features.
    learning_rate, learning_rate_decay: the rate of example t = 1, 2, .. is min(learning_rate, learning_rate_decay / t)
      (Veness 2019: 0.01 and 100); without decay (None) it is constant. learning_rate may be a schedule t -> rate
      instead. Several rates (ours) are dealt out in turn to the neurons of each layer, for aggregation "switching";
      see `learning_rates.schedule`. rate_by_context: t counts the visits of each neuron's present context (ours), not
      the examples.
    feature_epsilon, feature_scale, standardised: see `standardise.features`.
    epsilon, weight_bound, clip_rule: see `bernoulli.Rule`. implementation: see `bernoulli.neuron`.
    shared_gates: neuron k has the same half-spaces in every class (the paper draws them for each class). This saves
      (N - 1) / N of the work of gating and cost no accuracy on MNIST or digits.
    aggregation: "last" predicts with the last neuron, "switching" with a mixture of all neurons; see `switching`.
    divide: see `network.undivided`. The axes are "classes" and "neurons".
    """
    _check(num_classes, sizes, aggregation)
    rule = bernoulli.Rule(epsilon, weight_bound, clip_rule)
    if gate is None:
        if num_half_spaces is None:
            raise ValueError("num_half_spaces must be given where no gate is")
        gate = context.half_spaces(num_half_spaces, offset_scale=offset_scale, axis_aligned=axis_aligned)
    model = Model(
        num_classes=num_classes,
        sizes=tuple(sizes),
        features=standardise.features(feature_epsilon, feature_scale, standardised=standardised),
        side=side,
        rate=learning_rates.schedule(learning_rate, learning_rate_decay, sizes),
        rate_by_context=rate_by_context,
        rule=rule,
        net={"neuron": bernoulli.neuron(rule, implementation), "gate": gate, "divide": divide},
        shared_gates=shared_gates,
        aggregation=aggregation,
        divide=divide,
    )
    return partial(_init, model), partial(_update, model), partial(_predict, model)


def prequential(*args: Any, **settings: Any) -> tuple[Callable, Callable]:
    """A `learner` that tells its predictions, test then train: (init, update).

    update: (key, state, batch) -> state, log-probabilities [B, N], each made before its own example is learned.
    """
    init, update, _ = learner(*args, **settings)
    return init, partial(_learn_batch, *update.args)  # pyrefly: ignore[missing-attribute]


def _init(model, key, example):
    """Draws the networks. The key is consumed."""
    x, _ = example
    num_classes, dim = model.num_classes, x[0].size
    k_classes, axis = (key, None) if model.shared_gates else (jax.random.split(key, num_classes), 0)
    side_dim = jax.eval_shape(model.side, jax.ShapeDtypeStruct((dim,), float)).size
    draw = partial(network.init, sizes=model.sizes, input_dim=dim, side_dim=side_dim, **model.net)
    layers = jax.vmap(draw, in_axes=axis, out_axes=_axes(model), axis_size=num_classes)(k_classes)
    num_neurons = sum(model.sizes)
    mixture = switching.init(num_neurons) if model.aggregation == "switching" else None
    mixture = jax.tree.map(lambda leaf: jnp.broadcast_to(leaf, (num_classes, *leaf.shape)), mixture)
    counts = None
    if model.rate_by_context:
        networks = () if model.shared_gates else (num_classes,)
        counts = jnp.zeros((*networks, num_neurons, model.net["gate"].num_contexts), jnp.int32)
    return State(jnp.zeros((), jnp.int32), standardise.init(dim), *_by_class(model, layers, mixture, counts))


def _by_class(model, layers, mixture, counts):
    """The same, spread over the classes, as far as each class has its own."""
    weights, mixture = model.divide(([layer.weights for layer in layers], mixture), "classes")
    gates = [layer.gates for layer in layers]
    if not model.shared_gates:
        gates, counts = model.divide((gates, counts), "classes")
    return tuple(map(network.Layer, weights, gates)), mixture, counts


def _update(model, key, state, batch):
    """Learns a batch. -> state, metrics."""
    state, log_probabilities = _learn_batch(model, key, state, batch)
    _, labels, weights = _read(model, batch)
    return state, _metrics(log_probabilities, labels, weights)


def _read(model, batch):
    """-> x [B, ..], labels [B], weights [B] or None."""
    x, labels, *weights = model.divide(batch, None)
    labels = settings.labels_below(model.num_classes, labels=labels)
    return x, labels, jnp.asarray(weights[0], float) if weights else None


def _learn_batch(model, key, state, batch):
    """Learns a batch. -> state, the log-probabilities [B, N] before each example."""
    del key
    x, labels, weights = _read(model, batch)
    counted = None if weights is None else weights > 0
    moments, inputs = model.features.learn(state.moments, _flat(x), counted)
    targets = model.divide(jax.nn.one_hot(labels, model.num_classes, axis=0), "classes")
    t = state.count + 1 + jnp.arange(len(x))
    if counted is not None:
        t = state.count + jnp.maximum(jnp.cumsum(counted, dtype=jnp.int32), 1)
    axes, gates_axis = _axes(model), _gates_axis(model)
    in_axes, out_axes = (axes, 0, gates_axis, None, None, 0, None, None), (axes, 0, gates_axis, 0)
    of_classes = jax.vmap(partial(_learn, model), in_axes, out_axes)
    before = _by_class(model, state.layers, state.mixture, state.visits)
    *learned, logits = of_classes(*before, inputs, jax.vmap(model.side)(inputs), targets, t, weights)
    seen = len(x) if counted is None else jnp.sum(counted, dtype=jnp.int32)
    state = State(state.count + seen, moments, *_by_class(model, *learned))
    return state, _log_probabilities(model.divide(logits, None))


def _learn(model, layers, mixture, counts, inputs, sides, targets, t, weights):
    """Learns a batch for ONE class: targets, t, weights [B] -> what it has learned, and the logits [B] before."""
    if model.rate_by_context:
        signatures = jax.vmap(lambda side: visits.signature(layers, side, model.net["gate"]), out_axes=1)(sides)
        visited = jnp.ones(len(t), jnp.int32) if weights is None else (weights > 0).astype(jnp.int32)
        counts, before = jax.vmap(visits.learn, in_axes=(0, 0, None))(counts, signatures, visited)
        t = before + 1  # [U, B]
    rates = model.rate(t)
    rates = rates if weights is None else rates * jnp.broadcast_to(weights, rates.shape)
    layers, logits = network.learn(layers, inputs, sides, targets, rates, **model.net)
    mixture, logits = switching.learn_aggregate(mixture, logits, targets, model.rule, weights)
    return layers, mixture, counts, logits


def _predict(model, state, x):
    """x [B, ..] -> log-probabilities [B, N]."""
    inputs = model.features.apply(state.moments, _flat(x))
    of_classes = jax.vmap(partial(network.predict, **model.net), in_axes=(_axes(model), None, None))
    logits = of_classes(state.layers, inputs, jax.vmap(model.side)(inputs))
    return _log_probabilities(jax.vmap(switching.aggregate)(state.mixture, logits))


def _flat(x: Any) -> jax.Array:
    """Inputs of any shape and dtype as numbers. x [B, ..] -> [B, D]."""
    return jnp.asarray(x, float).reshape(len(x), -1)


def _gates_axis(model) -> Any:
    """The axis of the classes in what depends on the gates."""
    return None if model.shared_gates else 0


def _axes(model) -> Any:
    """The axes of the classes in the layers."""
    return (network.Layer(0, _gates_axis(model)),) * len(model.sizes)


def _log_probabilities(logits: jax.Array) -> jax.Array:
    """The one-vs-all predictions p_n, normalised over the classes; the paper takes their argmax, which is the same.

    logits [N, B] -> [B, N].
    """
    return jax.nn.log_softmax(jax.nn.log_sigmoid(logits.T))


def _metrics(log_probabilities: jax.Array, labels: jax.Array, weights: jax.Array | None) -> dict[str, jax.Array]:
    """Means over the batch, weighted: log loss in nats, error, and soft error = 1 - p of the true label."""
    mean = partial(jnp.average, weights=weights)
    of_label = jnp.take_along_axis(log_probabilities, labels[:, None], axis=-1)[:, 0]
    return {
        "loss": -mean(of_label),
        "error": mean(log_probabilities.argmax(-1) != labels),
        "soft_error": 1 - mean(jnp.exp(of_label)),
    }


def _check(num_classes, sizes, aggregation):
    network.check_sizes(sizes)
    settings.check_counts(2, num_classes=num_classes)
    if aggregation not in switching.AGGREGATIONS:
        raise ValueError(f"aggregation must be one of {', '.join(switching.AGGREGATIONS)}; got {aggregation!r}")
