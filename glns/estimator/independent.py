"""A Gaussian GLN for each of several targets, as one Learner, with what prediction intervals are calibrated on.

Letters: B batch, D features, K targets, S scores.
"""

from collections.abc import Callable
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp

from glns import network, regression, standardise

_NUM_SCORES = 1000
_BLOCK = 32  # examples predicted before any of them is learned


class State(NamedTuple):
    """A `regression.State` of each target, all arrays starting with K, and scores of its last predictions."""

    count: jax.Array
    inputs: standardise.Moments
    targets: standardise.Moments
    layers: tuple[network.Layer, ...]
    scores: jax.Array  # [K, S], |y - mean| / std before the example was learned; NaN where there was none yet
    num_scores: jax.Array  # [K] int32


def independent(num_targets: int, **settings: Any) -> tuple[Callable, Callable, Callable]:
    """(init, update, predict) of a Learner. A batch is (x [B, D], y [B, K], weights [B]).

    predict gives means and variances [B, K]. settings: see `glns.regressor`.
    """
    init, update, predict = regression.regressor(**settings)

    def init_one(key, example):
        scores = jnp.full(_NUM_SCORES, jnp.nan)
        return State(*init(key, example), scores=scores, num_scores=jnp.zeros((), jnp.int32))

    def init_all(key, example):
        x, y, *_ = example
        keys = jax.random.split(key, num_targets) if num_targets > 1 else key[None]
        return jax.vmap(init_one, in_axes=(0, None))(keys, (x, y[:, :1]))

    def learn_block(state, block):
        x, y, weights = block
        before = regression.State(*state[:4])
        scores, num = _scored(state, predict(before, x), y, weights)
        after, _ = update(None, before, (x, y[:, None], weights))
        return State(*after, scores=scores, num_scores=num), None

    def update_all(key, state, batch):
        del key
        size = min(_BLOCK, len(batch[0]))
        x, y, weights = (array.reshape(-1, size, *array.shape[1:]) for array in batch)
        learn_one = jax.vmap(learn_block, in_axes=(0, (None, 1, None)))
        return jax.lax.scan(learn_one, state, (x, y, weights))[0], {}

    def predict_all(state, x):
        normal = jax.vmap(predict, in_axes=(0, None))(regression.State(*state[:4]), x)
        return normal.mean[..., 0].T, normal.variance[..., 0].T

    return init_all, update_all, predict_all


def _scored(state, normal, y, weights):
    """The scores with those of a block, the oldest replaced, and their number."""
    new = jnp.abs(y - normal.mean[:, 0]) / jnp.sqrt(normal.variance[:, 0])
    counted = (weights > 0) & (state.count > 0) & jnp.isfinite(new)
    seen = jnp.cumsum(counted, dtype=jnp.int32)
    places = jnp.where(counted, (state.num_scores + seen - 1) % _NUM_SCORES, _NUM_SCORES)
    return state.scores.at[places].set(new.astype(state.scores.dtype), mode="drop"), state.num_scores + seen[-1]
