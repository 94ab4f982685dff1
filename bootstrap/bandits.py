"""Contextual bandits: a World in which the Learner acts, and two plain Learners for it.

A bandit Learner predicts contexts [B, D] -> scores [B, A], and the World pulls the arm with the highest score. Batches
are (contexts [B, D], arms [B] int32, rewards [B]): the rewards of the other arms are never shown.

Letters: A arms, B batch (1 in this World), D width of a context, F = D + 1 features, n contexts.
"""

from collections.abc import Callable, Mapping
from typing import Any, NamedTuple

import flax.linen as nn
import jax
import jax.numpy as jnp
import numpy as np
import optax

from bootstrap import settings
from bootstrap.core import World
from bootstrap.nets import Begun, Net, body
from bootstrap.worlds import epoch_order


class Play(NamedTuple):
    """The state of a bandit."""

    count: jax.Array  # [] uint32, contexts shown so far
    seed: jax.Array  # [] uint32, of the order of the contexts: drawn once, then constant
    regret: jax.Array  # [], sum over all steps of best reward - received reward


def world(contexts: jax.Array | np.ndarray, rewards: jax.Array | np.ndarray) -> World:
    """A bandit that shows one context a step, each once an epoch, and pays the reward of the arm that is pulled.

    contexts [n, D], rewards [n, A]. Regret compares with the best arm of each context, in hindsight. Raises ValueError
    where contexts and rewards differ in number, or the learner in its number of arms.
    """
    if len(contexts) != len(rewards) or not len(contexts):
        raise ValueError(f"contexts and rewards must be equally many, got {len(contexts)} and {len(rewards)}")
    num_arms = np.shape(rewards)[1]

    def init(key, data):
        del data
        return Play(jnp.zeros((), jnp.uint32), jax.random.bits(key, dtype=jnp.uint32), jnp.zeros(()))

    def draw(key, data, state, act):
        del key
        contexts, rewards = (jnp.asarray(array, float) for array in data)
        sample = epoch_order(jax.random.key(state.seed), state.count[None], len(contexts))  # [1]
        shown, payable = contexts[sample], rewards[sample]
        scores = jnp.zeros((1, num_arms)) if act is None else act(shown)
        if scores.shape != (1, num_arms):
            raise ValueError(f"the bandit has {num_arms} arms but the learner num_arms={scores.shape[-1]}")
        arms = scores.argmax(axis=1).astype(jnp.int32)
        paid = payable[0, arms]
        regret = state.regret + payable.max() - paid[0]
        return Play(state.count + 1, state.seed, regret), (shown, arms, paid)

    return World((contexts, rewards), init, draw)


class LinearState(NamedTuple):
    """The ridge regression of each arm."""

    inverses: jax.Array  # [A, F, F], of ridge * identity + sum of x xᵀ
    sums: jax.Array  # [A, F], of reward * x


def linear(num_arms: int, *, exploration: float, ridge: float) -> tuple[Callable, Callable, Callable]:
    """LinUCB with disjoint models (Li et al. 2010, Algorithm 1): (init, update, predict) of a Learner.

    exploration: their alpha. ridge: the weight of the prior; theirs is 1. A constant feature is added to each context.
    An arm outside 0 .. A - 1 is a ValueError; if it is traced, the metric squared_error is NaN.
    """
    settings.check_counts(1, num_arms=num_arms)
    settings.check_not_negative(exploration=exploration)
    settings.check_positive(ridge=ridge)

    def init(key, example):
        del key
        width = example[0].shape[1] + 1
        return LinearState(jnp.tile(jnp.eye(width) / ridge, (num_arms, 1, 1)), jnp.zeros((num_arms, width)))

    def update(key, state, batch):
        del key
        contexts, arms, rewards = batch
        arms, rewards = settings.labels_below(num_arms, arms=arms), jnp.asarray(rewards, float)
        estimates = _of_arms(_estimates(state, _features(contexts)), arms)

        def step(state, example):
            x, arm, reward = example
            # The inverse after one more x xᵀ (Sherman & Morrison 1950).
            direction = jnp.matmul(state.inverses[arm], x, precision="highest")
            inverses = state.inverses.at[arm].add(-jnp.outer(direction, direction) / (1 + x @ direction))
            return LinearState(inverses, state.sums.at[arm].add(reward * x)), None

        state, _ = jax.lax.scan(step, state, (_features(contexts), arms, rewards))
        return state, {"reward": rewards.mean(), "squared_error": jnp.mean((estimates - rewards) ** 2)}

    def predict(state, contexts):
        """Contexts [B, D] -> scores [B, A]: ridge estimate + alpha sqrt(xᵀ inverse x), in units of reward."""
        x = _features(contexts)
        variances = jnp.einsum("bi,aij,bj->ba", x, state.inverses, x, precision="highest")
        return _estimates(state, x) + exploration * jnp.sqrt(jnp.maximum(variances, 0.0))

    return init, update, predict


def _features(contexts: jax.Array) -> jax.Array:
    contexts = jnp.asarray(contexts, float)
    return jnp.append(contexts, jnp.ones((len(contexts), 1), contexts.dtype), axis=1)


def _of_arms(estimates: jax.Array, arms: jax.Array) -> jax.Array:
    """[B, A], [B] -> [B]."""
    return jnp.take_along_axis(estimates, arms[:, None], axis=1)[:, 0]


def _estimates(state: LinearState, x: jax.Array) -> jax.Array:
    return jnp.einsum("bi,aij,aj->ba", x, state.inverses, state.sums, precision="highest")


class NeuralState(NamedTuple):
    """All that the neural bandit has learned."""

    params: Any
    collections: Mapping  # what else the net keeps: batch_stats, ..
    optimizer: optax.OptState
    count: jax.Array  # [] uint32, updates
    seed: jax.Array  # [] uint32, of the arms pulled at random: drawn once, then constant


def neural(
    net: nn.Module | Net | Begun, tx: optax.GradientTransformation, *, epsilon: float
) -> tuple[Callable, Callable, Callable]:
    """Neural greedy (Riquelme et al. 2018, §3): (init, update, predict) of a Learner.

    net: contexts [B, D] -> an estimate of each arm's reward [B, A], a Linen module or two pure functions (see
    `bootstrap.Net`). Each batch is followed by one step of descent on the squared error of the pulled arms; nothing is
    replayed. epsilon: the probability of a random arm. An arm outside 0 .. A - 1 is a ValueError; if it is traced, the
    metric squared_error is NaN.
    """
    settings.check_fraction(epsilon=epsilon)
    network = body(net)

    def init(key, example):
        k_params, k_seed = jax.random.split(key)
        params, collections = network.init(k_params, example[0])
        seed = jax.random.bits(k_seed, dtype=jnp.uint32)
        return NeuralState(params, collections, tx.init(params), jnp.zeros((), jnp.uint32), seed)

    def update(key, state, batch):
        contexts, arms, rewards = batch
        rewards = jnp.asarray(rewards, float)

        def loss(params):
            estimates, collections = network.train(params, state.collections, contexts, key)
            known = settings.labels_below(estimates.shape[-1], arms=arms)
            return jnp.mean((_of_arms(estimates, known) - rewards) ** 2), collections

        (error, collections), gradients = jax.value_and_grad(loss, has_aux=True)(state.params)
        updates, optimizer = tx.update(gradients, state.optimizer, state.params)
        params = optax.apply_updates(state.params, updates)
        metrics = {"reward": rewards.mean(), "squared_error": error}
        return NeuralState(params, collections, optimizer, state.count + 1, state.seed), metrics

    def predict(state, contexts):
        """Contexts [B, D] -> scores [B, A]: the estimates or, with probability epsilon, random numbers."""
        scores = network.predict(state.params, state.collections, contexts)
        k_whether, k_arm = jax.random.split(jax.random.fold_in(jax.random.key(state.seed), state.count))
        explores = jax.random.bernoulli(k_whether, epsilon, (len(contexts), 1))
        return jnp.where(explores, jax.random.uniform(k_arm, scores.shape), scores)

    return init, update, predict
