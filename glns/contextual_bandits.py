"""Contextual bandits: a GLN for each arm, and a bonus for arms rarely tried in similar contexts (Sezener 2020, GLCB).

Two contexts are similar if they select the same weight rows. Those rows are counted at almost no cost, since the
network computes them anyway.

Letters: A arms, B batch, D width of a context, N nodes of a reward tree, R contexts of a neuron, U neurons of an arm's
network. "Context" has two senses: a bandit's context is its input; a neuron's context is the weight row it selects.
"""

import math
from collections.abc import Callable, Sequence
from functools import partial
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp

from glns import bernoulli, context, least_squares, network, reward_tree, settings, standardise, visits


class State(NamedTuple):
    """All that GLCB has learned."""

    pulls: jax.Array  # [A] int32, how often each arm was taken
    moments: standardise.Moments  # [D]
    layers: tuple[network.Layer, ...]  # weights start with [A, N]; all networks share the gates
    counts: jax.Array  # [A, U, R] int32, visits of each neuron's contexts with each arm
    linear: least_squares.Ridge | None = None  # [A, ..]; None without `ridge`


class Model(NamedTuple):
    """The settings of `bandit`, as init, update and predict read them."""

    num_arms: int
    sizes: tuple[int, ...]
    net: dict[str, Any]  # the neuron and the gate: keywords of the functions of `network`
    rule: bernoulli.Rule
    low: float  # of reward_range
    span: float  # of reward_range: max - min
    tree_depth: int
    exploration: float
    logit_scale: float
    learning_rate: float
    learning_rate_decay: float
    feature_epsilon: float
    feature_bound: float
    ridge: float | None
    divide: Callable


def bandit(
    num_arms: int,
    sizes: Sequence[int],
    num_half_spaces: int,
    *,
    reward_range: tuple[float, float] = (0.0, 1.0),
    tree_depth: int = 1,
    exploration: float = 0.003,
    logit_scale: float = 1.0,
    offset_scale: float = 1.0,
    learning_rate: float = 0.03,
    learning_rate_decay: float = 3.0,
    feature_epsilon: float = 0.01,
    feature_bound: float = 3.0,
    epsilon: float = 0.05,
    weight_bound: float = 200.0,
    clip_rule: str = "margin",
    ridge: float | None = None,
    divide: Callable = network.undivided,
) -> tuple[Callable, Callable, Callable]:
    """GLCB: (init, update, predict) of a Learner.

    A batch is (contexts [B, D..], arms [B], rewards [B]); predict gives scores [B, A] in units of reward, and the arm
    of the highest score is the one to take. An arm outside 0 .. A - 1 is a ValueError; if it is traced, the metric
    squared_error is NaN. Only the network of the arm taken learns. All networks share their gates, so contexts are
    computed once. The paper's constants are unknown to us, except for trees of depth 3; the defaults are those with the
    least regret in our trials (experiments/configs/glns_bandit.py).

    reward_range: min and max reward; rewards outside are clipped. tree_depth: 1 for rewards of 0 and 1, more for real
      rewards; see `reward_tree`.
    exploration: the C of `bonus`, as a fraction of the reward range. logit_scale: see `pseudo_count`.
    learning_rate, learning_rate_decay: an arm's t-th example has rate min(learning_rate, learning_rate_decay / t).
    feature_epsilon: see `standardise`. feature_bound: features are clipped to this many stds.
    ridge: adds each arm's ridge regression of the reward on the raw context, with this penalty, as one more base
      prediction, and every neuron starts by predicting what it predicts. A base prediction may come from any model
      (Veness 2019, §2); Sezener has none. It is clipped as all inputs are; a reward_range wider than the rewards keeps
      it off the clip. None: no regression.
    epsilon, weight_bound, clip_rule: see `bernoulli.Rule`. num_half_spaces, offset_scale: see `context.half_spaces`.
    divide: see `network.undivided`. The axes are "arms" and "neurons".
    """
    _check(num_arms, sizes, reward_range, tree_depth, ridge)
    settings.check_positive(learning_rate_decay=learning_rate_decay, feature_bound=feature_bound)
    settings.check_not_negative(learning_rate=learning_rate, exploration=exploration, feature_epsilon=feature_epsilon)
    settings.check_finite(logit_scale=logit_scale)
    rule = bernoulli.Rule(epsilon, weight_bound, clip_rule)
    gate = context.half_spaces(num_half_spaces, offset_scale=offset_scale)
    model = Model(
        num_arms=num_arms,
        sizes=tuple(sizes),
        net={"neuron": bernoulli.neuron(rule), "gate": gate, "divide": divide},
        rule=rule,
        low=reward_range[0],
        span=reward_range[1] - reward_range[0],
        tree_depth=tree_depth,
        exploration=exploration,
        logit_scale=logit_scale,
        learning_rate=learning_rate,
        learning_rate_decay=learning_rate_decay,
        feature_epsilon=feature_epsilon,
        feature_bound=feature_bound,
        ridge=ridge,
        divide=divide,
    )
    return partial(_init, model), partial(_update, model), partial(_predict, model)


def pseudo_count(counts: jax.Array, step: jax.Array, logit_scale: float) -> jax.Array:
    """The effective number of times an arm was tried in a context: a weighted mean of its neurons' counts N_u.

    The weights are softmax(logit_scale * log(t) * N_u / N), N the max of the counts. counts [U], step [] = t from 1
    -> []. A scale of 1 is that of a student's code (BruceYg/CSE257_Final_Project), where N is the arm's max count in
    any context; the paper's own formula is unknown to us. 1 favours the neurons with many visits, -1 is a soft minimum:
    their regrets on adult and covertype differed by less than 5 %, in either direction.
    """
    fractions = counts / jnp.maximum(counts.max(), 1)
    return jax.nn.softmax(logit_scale * jnp.log(step) * fractions) @ counts.astype(fractions.dtype)


def bonus(count: jax.Array, step: jax.Array, exploration: float) -> jax.Array:
    """The bonus of an arm tried `count` times: C sqrt(log t / count), C = exploration (Sezener 2020). [] -> [].

    Infinite for an arm never tried in a similar context, so that every arm is tried once.
    """
    return jnp.where(count > 0, exploration * jnp.sqrt(jnp.log(step) / jnp.where(count > 0, count, 1.0)), jnp.inf)


def _init(model, key, example):
    """Draws the gates. The key is consumed."""
    contexts, _, _ = example
    num_arms, dim = model.num_arms, contexts[0].size
    input_dim = dim + (model.ridge is not None)
    draw = partial(network.init, sizes=model.sizes, input_dim=input_dim, side_dim=dim, **model.net)
    for copies in (reward_tree.num_nodes(model.tree_depth), num_arms):
        draw = jax.vmap(draw, in_axes=None, out_axes=_axes(model), axis_size=copies)
    counts = jnp.zeros((num_arms, sum(model.sizes), model.net["gate"].num_contexts), jnp.int32)
    pulls = model.divide(jnp.zeros(num_arms, jnp.int32), "arms")  # the outermost axis, so it is named first
    layers, linear = draw(key), None
    if model.ridge is not None:
        linear = jax.vmap(lambda _: least_squares.init(dim, model.ridge))(jnp.arange(num_arms))
        layers = _start_as_regression(layers)
    return State(pulls, standardise.init(dim), *_by_arm(model, layers, counts, linear))


def _by_arm(model, layers, counts, linear):
    """The same, spread over the arms; all share the gates."""
    weights = [layer.weights for layer in layers]
    weights, counts, linear = model.divide((weights, counts, linear), "arms")
    gates = [layer.gates for layer in layers]
    return tuple(map(network.Layer, weights, gates)), counts, linear


def _update(model, key, state, batch):
    """Learns a batch of plays. -> state, metrics."""
    del key
    contexts, arms, rewards = model.divide(batch, None)
    contexts, rewards = jnp.asarray(contexts, float).reshape(len(contexts), -1), jnp.asarray(rewards, float)
    arms = settings.labels_below(model.num_arms, arms=arms)
    moments, features = standardise.learn(state.moments, contexts, model.feature_epsilon)
    features = jnp.clip(features, -model.feature_bound, model.feature_bound)
    taken = jax.nn.one_hot(arms, model.num_arms, axis=0, dtype=jnp.int32)  # [A, B]
    pulls = state.pulls[:, None] + jnp.cumsum(taken, axis=1)
    rates = jnp.minimum(model.learning_rate, model.learning_rate_decay / jnp.maximum(pulls, 1))
    rates = taken * rates  # 0 for the other arms
    linear, inputs = state.linear, features
    if linear is not None:
        regress = jax.vmap(least_squares.learn, in_axes=(0, None, None, 0))
        linear, predicted = regress(linear, contexts, rewards, taken)
        inputs = _with_regression(model, features, predicted)
    layers, logits = _learn_networks(model, state.layers, inputs, features, rewards, rates)
    signatures = jax.vmap(partial(_signature, model, state.layers), out_axes=1)(features)  # [U, B]
    count = jax.vmap(jax.vmap(visits.learn, in_axes=(0, 0, None)), in_axes=(0, None, 0))
    counts, _ = count(state.counts, signatures, taken)
    expected = jnp.take_along_axis(_expected_rewards(model, logits[-1]), arms[:, None], axis=1)[:, 0]
    metrics = {"reward": rewards.mean(), "squared_error": jnp.mean((expected - rewards) ** 2)}
    return State(pulls[:, -1], moments, *_by_arm(model, layers, counts, linear)), metrics


def _learn_networks(model, layers, inputs, features, rewards, rates):
    """Learns the rewards [B] in every arm's network, at rates [A, B]. -> layers, logits of each layer [A, N, B, K]."""
    axes = _axes(model)
    scaled = jnp.clip((rewards - model.low) / model.span, 0.0, 1.0)
    to_nodes = partial(reward_tree.targets, depth=model.tree_depth)
    fractions, targets = jax.vmap(to_nodes, out_axes=1)(scaled)  # [N, B]
    of_nodes = jax.vmap(partial(network.learn, **model.net), in_axes=(axes, None, None, 0, 0), out_axes=(axes, 0))
    of_arms = jax.vmap(of_nodes, in_axes=(axes, _inputs_axis(model), None, None, 0), out_axes=(axes, 0))
    return of_arms(layers, inputs, features, targets, rates[:, None] * fractions[None])


def _predict(model, state, contexts):
    """Contexts [B, D..] -> scores [B, A], in units of reward."""
    contexts = jnp.asarray(contexts, float).reshape(len(contexts), -1)
    features = standardise.apply(state.moments, contexts, model.feature_epsilon)
    inputs = features = jnp.clip(features, -model.feature_bound, model.feature_bound)
    if state.linear is not None:
        predicted = jax.vmap(least_squares.predict, in_axes=(0, None))(state.linear, contexts)
        inputs = _with_regression(model, features, predicted)
    axes = _axes(model)
    of_nodes = jax.vmap(partial(network.predict, **model.net), in_axes=(axes, None, None))
    logits = jax.vmap(of_nodes, in_axes=(axes, _inputs_axis(model), None))(state.layers, inputs, features)
    bonuses = jax.vmap(partial(_bonuses, model, state))(features)
    return _expected_rewards(model, logits[-1]) + model.span * bonuses


def _bonuses(model, state, side):
    """The bonus of every arm in one context: side [D] -> [A], as fractions of the reward range."""
    step = state.pulls.sum() + 1
    of_arms = jax.vmap(visits.lookup, in_axes=(0, None))(state.counts, _signature(model, state.layers, side))  # [A, U]
    tried = jax.vmap(partial(pseudo_count, step=step, logit_scale=model.logit_scale))(of_arms)
    return jax.vmap(partial(bonus, step=step, exploration=model.exploration))(tried)


def _signature(model, layers, side):
    """The contexts of all neurons in one context: side [D] -> [U]; all arms and nodes share the gates."""
    of_one = [network.Layer(layer.weights[0, 0], layer.gates) for layer in layers]
    return visits.signature(of_one, side, model.net["gate"])


def _with_regression(model, features, predicted):
    """Features [B, D] and each arm's regression [A, B] -> the base predictions' logits [A, B, D + 1]."""
    epsilon = model.rule.epsilon
    scaled = jnp.clip((predicted - model.low) / model.span, epsilon, 1 - epsilon)
    of_arms = jnp.broadcast_to(features, (model.num_arms, *features.shape))
    return jnp.append(of_arms, jax.scipy.special.logit(scaled)[..., None], axis=-1)


def _expected_rewards(model, logits):
    """The last layer's logits [A, N, B, 1] -> [B, A], in units of reward."""
    of_arms = jax.vmap(partial(reward_tree.mean, depth=model.tree_depth))
    return model.low + model.span * jax.vmap(of_arms, in_axes=-1)(bernoulli.clip(logits[..., 0], model.rule))


def _axes(model) -> Any:
    """The axes of the arms in the layers, and of the nodes of an arm: gates are shared."""
    return (network.Layer(0, None),) * len(model.sizes)


def _inputs_axis(model):
    """The axis of the arms in the inputs, which differ by arm if a regression is one of them."""
    return None if model.ridge is None else 0


def _start_as_regression(layers):
    """The same gates, with weights by which every neuron predicts what the last input before the bias predicts."""
    first, *others = (jnp.zeros_like(layer.weights) for layer in layers)
    weights = [first.at[..., -2].set(1.0), *(zeros.at[..., :-1].set(1 / (zeros.shape[-1] - 1)) for zeros in others)]
    return tuple(network.Layer(of_layer, layer.gates) for of_layer, layer in zip(weights, layers, strict=True))


def _check(num_arms, sizes, reward_range, tree_depth, ridge):
    settings.check_counts(2, num_arms=num_arms)
    settings.check_counts(1, 8, tree_depth=tree_depth)
    network.check_sizes(sizes)
    if not -math.inf < reward_range[0] < reward_range[1] < math.inf:
        raise ValueError(f"reward_range must be the min and the max reward, got {tuple(reward_range)}")
    if ridge is not None:
        settings.check_positive(ridge=ridge)
