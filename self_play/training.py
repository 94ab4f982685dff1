"""The training of one player on its data: epochs of minibatches of PPO, and for Bob of cloning.

Letters: see `training_data`.
"""

from collections.abc import Callable
from typing import Any, NamedTuple

import flax.linen as nn
import jax
import jax.numpy as jnp
import optax

from self_play import ppo
from self_play.cloning import cloning_loss
from self_play.metrics import masked_mean
from self_play.minibatches import minibatches
from self_play.networks import unroll
from self_play.parallel import undivided
from self_play.training_data import TrainingData


class LossCoefs(NamedTuple):
    """The coefficients and clips of a player's loss (Table 2)."""

    clip: float
    value_weight: float
    entropy_weight: float
    cloning_weight: float
    cloning_clip: float | None


class Epochs(NamedTuple):
    """The passes over a batch."""

    sample_reuse: int  # number of epochs
    num_minibatches: int  # of an epoch
    sequence_fraction: float  # of all sequences, in an epoch


def train(
    player: nn.Module,
    coefs: LossCoefs,
    epochs: Epochs,
    tx: optax.GradientTransformation,
    key: jax.Array,
    params: Any,
    optimizer: optax.OptState,
    data: TrainingData,
    rate: jax.Array | None = None,
    divide: Callable = undivided,
) -> tuple[Any, optax.OptState, dict[str, jax.Array]]:
    """Trains a player on its data. The key is consumed. -> (params, optimizer, metrics, means of all minibatches).

    rate: [] a factor of all updates, or None. divide: see `parallel.undivided`; the axis is "sequences". Several
    devices deal out those of an epoch at once.
    """
    empty = divide(~jnp.any(data.policy_mask | data.demo_mask, axis=1), None)
    deals_ahead = divide is not undivided

    def pick(picked):
        return divide(jax.tree.map(lambda leaf: leaf[picked], data), "sequences")

    def step(carry, picked):
        params, optimizer = carry
        part = picked if deals_ahead else pick(picked)
        gradient, metrics = jax.grad(loss, argnums=2, has_aux=True)(player, coefs, params, part)
        updates, optimizer = tx.update(gradient, optimizer, params)
        if rate is not None:
            updates = jax.tree.map(lambda update: rate * update, updates)
        return (optax.apply_updates(params, updates), optimizer), metrics

    def epoch(carry, i):
        picked = minibatches(jax.random.fold_in(key, i), empty, epochs.num_minibatches, epochs.sequence_fraction)
        return jax.lax.scan(step, carry, jax.vmap(pick)(picked) if deals_ahead else picked)

    (params, optimizer), metrics = jax.lax.scan(epoch, (params, optimizer), jnp.arange(epochs.sample_reuse))
    return params, optimizer, jax.tree.map(jnp.mean, metrics)


def loss(
    player: nn.Module, coefs: LossCoefs, params: Any, data: TrainingData
) -> tuple[jax.Array, dict[str, jax.Array]]:
    """The loss of a player on sequences [S, L, ..] -> (loss [], metrics [] each)."""
    along = data.inputs, data.memory, data.restart, data.policy_mask
    logits, values = unroll(player, params, *along)
    log_prob = jax.vmap(jax.vmap(ppo.log_prob))(logits, data.action)
    surrogate = ppo.clipped_surrogate(log_prob, data.old_log_prob, data.advantage, clip=coefs.clip)
    cloning = cloning_loss(log_prob, data.old_log_prob, clip=coefs.cloning_clip)
    change = log_prob - data.old_log_prob
    metrics = {
        "policy_loss": masked_mean(surrogate, data.policy_mask),
        "value_loss": masked_mean(ppo.value_loss(values, data.value_target), data.policy_mask),
        "entropy": masked_mean(jax.vmap(jax.vmap(ppo.entropy))(logits), data.policy_mask),
        "cloning_loss": masked_mean(cloning, data.demo_mask),
        "kl": masked_mean(jnp.exp(change) - 1 - change, data.policy_mask),  # from the policy that played, estimated
        "clip_fraction": masked_mean(jnp.abs(jnp.exp(change) - 1) > coefs.clip, data.policy_mask),
    }
    total = metrics["policy_loss"] + coefs.value_weight * metrics["value_loss"]
    total -= coefs.entropy_weight * metrics["entropy"]
    return total + coefs.cloning_weight * metrics["cloning_loss"], metrics
