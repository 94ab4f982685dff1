"""Contextual bandits: a World in which the Learner moves, and two plain Learners to play in it.

A Learner of bandits predicts contexts [B, D] -> scores [B, A]; the World takes the arm of the highest score, and its
batches are (contexts [B, D], arms [B] int32, rewards [B]): the rewards of other arms are never shown.

Letters: A arms, B batch (1 in this World), D width of a context, F = D + 1 features, n contexts.
"""

from collections.abc import Callable
from typing import Any, NamedTuple

import flax.linen as nn
import jax
import jax.numpy as jnp
import numpy as np
import optax

from bootstrap.core import World
from bootstrap.worlds import epoch_order


class Play(NamedTuple):
    """Where a bandit stands."""

    count: jax.Array  # [] uint32, contexts shown so far
    seed: jax.Array  # [] uint32, which order of the contexts: drawn once, then constant
    regret: jax.Array  # [], the best reward less the one received, summed over all steps


def world(contexts: jax.Array | np.ndarray, rewards: jax.Array | np.ndarray) -> World:
    """A bandit that shows one context a step, each once an epoch, and pays the reward of the arm that is taken.

    contexts [n, D], rewards [n, A]. Regret is against the best arm of each context, in hindsight.
    """
    if len(contexts) != len(rewards) or not len(contexts):
        raise ValueError(f"contexts and rewards must be equally many, got {len(contexts)} and {len(rewards)}")
    num_arms = rewards.shape[1]

    def init(key, data):
        del data
        return Play(jnp.zeros((), jnp.uint32), jax.random.bits(key, dtype=jnp.uint32), jnp.zeros(()))

    def draw(key, data, state, act):
        del key
        contexts, rewards = map(jnp.asarray, data)
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

    exploration: their alpha. ridge: the weight of the prior, theirs is 1. A constant feature stands beside the context.
    """

    def init(key, example):
        del key
        width = example[0].shape[1] + 1
        return LinearState(jnp.tile(jnp.eye(width) / ridge, (num_arms, 1, 1)), jnp.zeros((num_arms, width)))

    def update(key, state, batch):
        del key
        contexts, arms, rewards = batch
        estimates = jnp.take_along_axis(_estimates(state, _features(contexts)), arms[:, None], axis=1)[:, 0]

        def step(state, example):
            x, arm, reward = example
            direction = jnp.matmul(state.inverses[arm], x, precision="highest")
            inverses = state.inverses.at[arm].add(-jnp.outer(direction, direction) / (1 + x @ direction))  # Sherman
            return LinearState(inverses, state.sums.at[arm].add(reward * x)), None  # and Morrison 1950

        state, _ = jax.lax.scan(step, state, (_features(contexts), arms, rewards))
        return state, {"reward": rewards.mean(), "squared_error": jnp.mean((estimates - rewards) ** 2)}

    def predict(state, contexts):
        """Contexts [B, D] -> scores [B, A]: ridge estimate + alpha sqrt(xᵀ inverse x), in units of reward."""
        x = _features(contexts)
        variances = jnp.einsum("bi,aij,bj->ba", x, state.inverses, x, precision="highest")
        return _estimates(state, x) + exploration * jnp.sqrt(jnp.maximum(variances, 0.0))

    return init, update, predict


def _features(contexts: jax.Array) -> jax.Array:
    return jnp.append(contexts, jnp.ones((len(contexts), 1), contexts.dtype), axis=1)


def _estimates(state: LinearState, x: jax.Array) -> jax.Array:
    return jnp.einsum("bi,aij,aj->ba", x, state.inverses, state.sums, precision="highest")


class NeuralState(NamedTuple):
    """All that the neural bandit has learned."""

    params: Any
    optimizer: optax.OptState
    count: jax.Array  # [] uint32, updates
    seed: jax.Array  # [] uint32, of the arms taken at random: drawn once, then constant


def neural(net: nn.Module, tx: optax.GradientTransformation, *, epsilon: float) -> tuple[Callable, Callable, Callable]:
    """Neural greedy (Riquelme et al. 2018, §3): (init, update, predict) of a Learner.

    net: contexts [B, D] -> an estimate of each arm's reward [B, A]. One step of descent on the squared error of the
    arms taken follows each batch; nothing is replayed. epsilon: how often a random arm is taken.
    """

    def forward(params, contexts) -> Any:
        return net.apply(params, contexts)

    def init(key, example):
        k_params, k_seed = jax.random.split(key)
        params = net.init(k_params, example[0])
        return NeuralState(
            params, tx.init(params), jnp.zeros((), jnp.uint32), jax.random.bits(k_seed, dtype=jnp.uint32)
        )

    def update(key, state, batch):
        del key
        contexts, arms, rewards = batch

        def loss(params):
            estimates = jnp.take_along_axis(forward(params, contexts), arms[:, None], axis=1)[:, 0]
            return jnp.mean((estimates - rewards) ** 2)

        error, gradients = jax.value_and_grad(loss)(state.params)
        updates, optimizer = tx.update(gradients, state.optimizer, state.params)
        params = optax.apply_updates(state.params, updates)
        metrics = {"reward": rewards.mean(), "squared_error": error}
        return NeuralState(params, optimizer, state.count + 1, state.seed), metrics

    def predict(state, contexts):
        """Contexts [B, D] -> scores [B, A]: the estimates, or for a share epsilon of the contexts, random ones."""
        scores = forward(state.params, contexts)
        k_whether, k_arm = jax.random.split(jax.random.fold_in(jax.random.key(state.seed), state.count))
        explores = jax.random.bernoulli(k_whether, epsilon, (len(contexts), 1))
        return jnp.where(explores, jax.random.uniform(k_arm, scores.shape), scores)

    return init, update, predict
