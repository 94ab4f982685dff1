"""Elastic weight consolidation: SGD with a penalty for moving what mattered in earlier tasks (Kirkpatrick 2017).

After task k the learner remembers the parameters θ*_k and the diagonal F_k of the Fisher information. The loss becomes
(eq. 3, a penalty for every earlier task)

    L(θ) + strength / 2 · Σ_k Σ_i F_ki (θ_i - θ*_ki)².

Its gradient needs only the sums Σ_k F_k and Σ_k F_k θ*_k, so the memory does not grow with the number of tasks.
"""

from collections.abc import Callable
from typing import Any, NamedTuple

import flax.linen as nn
import jax
import jax.numpy as jnp
import optax

from bootstrap import settings, sgd
from bootstrap.nets import Begun, Net
from bootstrap.scoring import log_likelihoods


class Memory(NamedTuple):
    """The state of the penalty. All but count are trees of the parameters' shapes."""

    count: jax.Array  # [] int32, updates made
    recent: Any  # the Fisher diagonal of the current task: a running mean over its latest updates
    fisher: Any  # Σ_k F_k over the earlier tasks
    anchor: Any  # Σ_k F_k θ*_k


def learner(
    net: nn.Module | Net | Begun,
    tx: optax.GradientTransformation,
    *,
    strength: float,
    consolidate_every: int,
    fisher_decay: float = 0.99,
) -> tuple[Callable, Callable, Callable]:
    """`sgd.learner` with elastic weights: (init, update, predict) of a Learner.

    Its state is a `sgd.State` whose optimizer state begins with the `Memory`.

    strength: λ of eq. 3. consolidate_every: the number of updates in a task; the learner must be told where tasks end.
    fisher_decay: an exponential mean over about 1 / (1 - fisher_decay) updates gathers the Fisher information while a
    task is learned. The paper computes it at the end of a task, from the task's samples; a stream keeps no samples.
    """
    settings.check_counts(1, consolidate_every=consolidate_every)
    settings.check_not_negative(strength=strength)
    settings.check_between(0, 1, fisher_decay=fisher_decay)
    init, sgd_update, predict = sgd.learner(net, optax.chain(_penalty(strength), tx))

    def update(key, state, batch):
        k_sgd, k_label = jax.random.split(key)
        state, metrics = sgd_update(k_sgd, state, batch)
        memory, *optimizer = state.optimizer
        recent = jax.tree.map(
            lambda mean, new: fisher_decay * mean + (1 - fisher_decay) * new,
            memory.recent,
            _fisher(k_label, predict, state, batch[0]),
        )
        ends = (memory.count % consolidate_every == 0).astype(jnp.float32)
        fisher = jax.tree.map(lambda total, new: total + ends * new, memory.fisher, recent)
        anchor = jax.tree.map(lambda total, new, param: total + ends * new * param, memory.anchor, recent, state.params)
        memory = Memory(memory.count, recent, fisher, anchor)
        return sgd.State(state.params, state.collections, (memory, *optimizer)), metrics

    return init, update, predict


def _penalty(strength: float) -> optax.GradientTransformation:
    """Adds the gradient of the penalty, strength · (Σ_k F_k θ - Σ_k F_k θ*_k)."""

    def init(params):
        zeros = optax.tree.zeros_like(params)
        return Memory(jnp.zeros((), jnp.int32), zeros, zeros, zeros)

    def update(updates, state, params=None):
        gradients = jax.tree.map(
            lambda gradient, fisher, anchor, param: gradient + strength * (fisher * param - anchor),
            updates,
            state.fisher,
            state.anchor,
            params,
        )
        return gradients, Memory(state.count + 1, state.recent, state.fisher, state.anchor)

    return optax.GradientTransformation(init, update)


def _fisher(key: jax.Array, predict: Callable, state: sgd.State, x: jax.Array) -> Any:
    """An unbiased estimate of the Fisher diagonal, E_x E_{y ~ p(y|x)} (d log p(y|x) / dθ)², at the state's parameters.

    x [B, D..]. Labels are drawn from the network, so every sample's score has mean zero, and the product of two
    samples' scores has mean zero too. So B times the square of the mean score has the right mean, and no gradient of a
    single sample is needed. The key is consumed.
    """

    def score(params):
        log_probabilities = predict(sgd.State(params, state.collections, state.optimizer), x)
        labels = jax.random.categorical(key, jax.lax.stop_gradient(log_probabilities))
        return log_likelihoods(log_probabilities, labels).mean()

    return jax.tree.map(lambda gradient: len(x) * gradient**2, jax.grad(score)(state.params))
