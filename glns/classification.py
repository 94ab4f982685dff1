"""The GLN classifier as a Learner: standardised features, one network a class, a decaying rate (Veness 2019, §5).

Letters: B batch, D features, M networks, N classes, R contexts of a neuron, S side width, U neurons of a network.
"""

from collections.abc import Callable, Sequence
from functools import partial
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp

from glns import (
    base_experts,
    bernoulli,
    context,
    learning_rates,
    naive_bayes,
    network,
    settings,
    standardise,
    switching,
    visits,
)
from glns.class_networks import ClassNetworks, class_networks, gate_of
from glns.network import Neuron


class State(NamedTuple):
    """All that a GLN classifier has learned. It has a network a class, M = N; of categorical neurons one, M = 1."""

    count: jax.Array  # [] int32, examples seen
    moments: standardise.Moments  # [D]
    layers: tuple[network.Layer, ...]  # weights start with M, gates too unless they are shared
    mixture: switching.Mixture | None = None  # [M, ..]; None if the last neuron alone predicts
    visits: jax.Array | None = None  # [M, U, R] int32, [U, R] if gates are shared; None unless rate_by_context
    experts: base_experts.Experts | None = None  # start with M; None unless the mixture has experts


class Model(NamedTuple):
    """The settings of `learner`, as init, update and predict read them."""

    num_classes: int
    networks: ClassNetworks
    sizes: tuple[int, ...]
    features: standardise.Features
    side: Callable  # features [D] -> side information [S]
    rate: Callable  # t [B] or [U, B] -> learning rates [B] or [U, B]
    rate_by_context: bool
    rule: bernoulli.Rule
    net: dict[str, Any]  # the neuron and the gate: keywords of the functions of `network`
    shared_gates: bool
    aggregation: str
    expert: Neuron | None  # what the experts are made of; None where there are none
    divide: Callable


def learner(
    num_classes: int,
    sizes: Sequence[int],
    num_half_spaces: int | None = None,
    *,
    neuron: str = "bernoulli",
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
    experts: bool = False,
    rate_by_context: bool = False,
    divide: Callable = network.undivided,
) -> tuple[Callable, Callable, Callable]:
    """One-vs-all GLNs of bits, or one GLN of classes, online: (init, update, predict) of a Learner.

    A batch is (x [B, ..], labels [B]) or (x, labels, weights [B]): a weight from 0 multiplies its example's rates, and
    an example of weight 0 changes nothing. predict gives log-probabilities [B, N]. The examples of a batch are learned
    one after the other, so the batch size changes the speed and nothing else. The metrics are prequential: each
    prediction is made before its own update. A label outside 0 .. N - 1 is a ValueError; if it is traced, the metric
    loss is NaN.

    sizes: neurons a layer, the last 1.
    neuron: "bernoulli" (Veness 2019), "dendritic" (Sezener 2021), whose half-spaces are its branches, or "categorical",
      one network for all classes; see `class_networks`.
    num_half_spaces, offset_scale, axis_aligned: see `context.half_spaces`. gate: replaces those contexts by another
      kind, and needs none of them.
    side: features [D] -> side information [S] of an example; by default all features.
    learning_rate, learning_rate_decay: the rate of example t = 1, 2, .. is min(learning_rate, learning_rate_decay / t)
      (Veness 2019: 0.01 and 100); without decay (None) it is constant. learning_rate may be a schedule t -> rate
      instead. Several rates (ours) are dealt out in turn to the neurons of each layer, for aggregation "switching";
      see `learning_rates.schedule`. rate_by_context: t counts the visits of each neuron's present context (ours), not
      the examples; not of dendritic neurons, which have no context of their own.
    feature_epsilon, feature_scale, standardised: see `standardise.features`.
    epsilon, weight_bound, clip_rule: see `bernoulli.Rule`. implementation: see `bernoulli.neuron`.
    shared_gates: neuron k has the same half-spaces in every class (the paper draws them for each class). This saves
      (N - 1) / N of the work of gating and cost no accuracy on MNIST or digits.
    aggregation: "last" predicts with the last neuron, "switching" with a mixture of all neurons; see `switching`.
    experts: the mixture has linear neurons, naive Bayes and calibrations of them too, unless neurons are categorical;
      see `base_experts`.
    divide: see `network.undivided`. The axes are "classes" and "neurons".
    """
    rule = bernoulli.Rule(epsilon, weight_bound, clip_rule)
    networks = class_networks(neuron, num_classes, rule, implementation)
    _check(sizes, aggregation, side, rate_by_context=rate_by_context, neuron=neuron)
    settings.check_flags(shared_gates=shared_gates, experts=experts)
    has_experts = experts and aggregation == "switching" and neuron != "categorical"
    if gate is None:
        if num_half_spaces is None:
            raise ValueError("num_half_spaces must be given where no gate is")
        gate = gate_of(neuron, num_half_spaces, offset_scale=offset_scale, axis_aligned=axis_aligned)
    context.check_gate(gate)
    model = Model(
        num_classes=num_classes,
        networks=networks,
        sizes=tuple(sizes),
        features=standardise.features(feature_epsilon, feature_scale, standardised=standardised),
        side=side,
        rate=learning_rates.schedule(learning_rate, learning_rate_decay, sizes),
        rate_by_context=rate_by_context,
        rule=rule,
        net={"neuron": networks.neuron, "gate": gate, "divide": divide},
        shared_gates=shared_gates,
        aggregation=aggregation,
        expert=bernoulli.neuron(rule) if has_experts else None,
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
    x, *_ = example
    num_networks, dim = model.networks.num_networks, x[0].size
    k_networks, axis = (key, None) if model.shared_gates else (jax.random.split(key, num_networks), 0)
    side_dim = jax.eval_shape(model.side, jax.ShapeDtypeStruct((dim,), float)).size
    input_dim = model.networks.num_inputs(dim)
    draw = partial(network.init, sizes=model.sizes, input_dim=input_dim, side_dim=side_dim, **model.net)
    layers = jax.vmap(draw, in_axes=axis, out_axes=_axes(model), axis_size=num_networks)(k_networks)
    num_neurons = sum(model.sizes)
    mixture, experts, counts = None, None, None
    if model.expert:
        experts = base_experts.init(dim, model.expert)
        num_neurons += base_experts.NUMBER
    if model.aggregation == "switching":
        mixture = switching.init(num_neurons)
    of_one = mixture, experts
    mixture, experts = jax.tree.map(lambda leaf: jnp.broadcast_to(leaf, (num_networks, *leaf.shape)), of_one)
    if model.rate_by_context:
        own = () if model.shared_gates else (num_networks,)
        counts = jnp.zeros((*own, sum(model.sizes), model.net["gate"].num_contexts), jnp.int32)
    learned = _by_network(model, layers, mixture, counts, experts)
    return State(jnp.zeros((), jnp.int32), standardise.init(dim), *learned)


def _by_network(model, layers, mixture, counts, experts):
    """The same, spread over the networks, as far as each has its own."""
    weights, mixture, experts = model.divide(([layer.weights for layer in layers], mixture, experts), "classes")
    gates = [layer.gates for layer in layers]
    if not model.shared_gates:
        gates, counts = model.divide((gates, counts), "classes")
    return tuple(map(network.Layer, weights, gates)), mixture, counts, experts


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
    targets = model.divide(model.networks.targets(labels), "classes")
    t = state.count + 1 + jnp.arange(len(x))
    if counted is not None:
        t = state.count + jnp.maximum(jnp.cumsum(counted, dtype=jnp.int32), 1)
    experts, bayes = state.experts, None
    if model.expert:
        examples, bayes = naive_bayes.learn(model.divide(experts.examples, None), _flat(x), labels, counted)
        experts, bayes = experts._replace(examples=examples), model.divide(bayes.T, "classes")
    axes, gates_axis = _axes(model), _gates_axis(model)
    in_axes = (axes, 0, gates_axis, 0, 0, None, None, 0, None, None)
    of_networks = jax.vmap(partial(_learn, model), in_axes, (axes, 0, gates_axis, 0, 0))
    before = _by_network(model, state.layers, state.mixture, state.visits, experts)
    base, sides = model.networks.inputs(inputs), jax.vmap(model.side)(inputs)
    *learned, outputs = of_networks(*before, bayes, base, sides, targets, t, weights)
    seen = len(x) if counted is None else jnp.sum(counted, dtype=jnp.int32)
    state = State(state.count + seen, moments, *_by_network(model, *learned))
    return state, model.networks.log_probabilities(model.divide(outputs, None))


def _learn(model, layers, mixture, counts, experts, bayes, inputs, sides, targets, t, weights):
    """Learns a batch in ONE network: bayes, targets, t, weights [B] -> what it has learned, and its outputs [B, ..]."""
    if model.rate_by_context:
        signatures = jax.vmap(lambda side: visits.signature(layers, side, model.net["gate"]), out_axes=1)(sides)
        visited = jnp.ones(len(t), jnp.int32) if weights is None else (weights > 0).astype(jnp.int32)
        counts, before = jax.vmap(visits.learn, in_axes=(0, 0, None))(counts, signatures, visited)
        t = before + 1  # [U, B]
    rates = model.rate(t)
    rates = rates if weights is None else rates * jnp.broadcast_to(weights, rates.shape)
    layers, outputs = network.learn(layers, inputs, sides, targets, rates, **model.net)
    if experts is not None:
        experts, more = base_experts.learn(experts, inputs, bayes, targets, weights, model.expert)
        outputs = [*outputs, more]
    mixture, outputs = switching.learn_aggregate(mixture, outputs, targets, model.rule, weights)
    return layers, mixture, counts, experts, outputs


def _predict(model, state, x):
    """x [B, ..] -> log-probabilities [B, N]."""
    x = _flat(x)
    inputs = model.features.apply(state.moments, x)
    of_networks = jax.vmap(partial(network.predict, **model.net), in_axes=(_axes(model), None, None))
    outputs = of_networks(state.layers, model.networks.inputs(inputs), jax.vmap(model.side)(inputs))
    if state.experts is not None:
        bayes = naive_bayes.predict(state.experts.examples, x).T
        of_experts = jax.vmap(partial(base_experts.predict, neuron=model.expert), in_axes=(0, None, 0))
        outputs = [*outputs, of_experts(state.experts, inputs, bayes)]
    return model.networks.log_probabilities(jax.vmap(switching.aggregate)(state.mixture, outputs))


def _flat(x: Any) -> jax.Array:
    """Inputs of any shape and dtype as numbers. x [B, ..] -> [B, D]."""
    return jnp.asarray(x, float).reshape(len(x), -1)


def _gates_axis(model) -> Any:
    """The axis of the networks in what depends on the gates."""
    return None if model.shared_gates else 0


def _axes(model) -> Any:
    """The axes of the networks in the layers."""
    return (network.Layer(0, _gates_axis(model)),) * len(model.sizes)


def _metrics(log_probabilities: jax.Array, labels: jax.Array, weights: jax.Array | None) -> dict[str, jax.Array]:
    """Means over the batch, weighted: log loss in nats, error, and soft error = 1 - p of the true label."""
    mean = partial(jnp.average, weights=weights)
    of_label = jnp.take_along_axis(log_probabilities, labels[:, None], axis=-1)[:, 0]
    return {
        "loss": -mean(of_label),
        "error": mean(log_probabilities.argmax(-1) != labels),
        "soft_error": 1 - mean(jnp.exp(of_label)),
    }


def _check(sizes, aggregation, side, *, rate_by_context, neuron):
    network.check_sizes(sizes)
    settings.check_flags(rate_by_context=rate_by_context)
    if not callable(side):
        raise ValueError(f"side must be a function of the features, got {side!r}")
    if rate_by_context and neuron == "dendritic":
        raise ValueError("rate_by_context must be left out where neurons are dendritic: they have no contexts to count")
    if aggregation not in switching.AGGREGATIONS:
        raise ValueError(f"aggregation must be one of {', '.join(switching.AGGREGATIONS)}; got {aggregation!r}")
