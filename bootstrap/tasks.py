"""Tasks that come one after the other, without a word to the learner: permuted images (Kirkpatrick 2017, §2.2).

Letters: B batch, D inputs, K tasks, n samples.
"""

import jax
import jax.numpy as jnp
import numpy as np

from bootstrap import settings
from bootstrap.core import World
from bootstrap.worlds import Stream, begin_stream, check_samples, epoch_order


def permuted(
    x: jax.Array | np.ndarray,
    y: jax.Array | np.ndarray,
    permutations: jax.Array | np.ndarray,
    *,
    samples_per_task: int,
    batch_size: int,
) -> World:
    """K tasks in a row: in task k the inputs of every sample are permuted by permutations[k].

    x [n, D], y [n], permutations [K, D] of 0 .. D - 1 -> batches (x [B, D], y [B]), each of one task. A task draws
    samples_per_task of the n samples in an order of its own, none twice before all have come; the last never ends.
    """
    settings.check_counts(1, samples_per_task=samples_per_task, batch_size=batch_size)
    if samples_per_task % batch_size:
        raise ValueError(f"samples_per_task must be a multiple of batch_size, got {samples_per_task} and {batch_size}")
    check_samples(x, y)
    _check_permutations(permutations, np.shape(x)[-1])

    def draw(key, data, state, act):
        del key, act
        x, y, permutations = data
        task = jnp.minimum(state.count // samples_per_task, len(permutations) - 1)
        index = state.count - task * samples_per_task + jnp.arange(batch_size, dtype=jnp.uint32)
        sample = epoch_order(jax.random.fold_in(jax.random.key(state.seed), task), index, len(x))
        batch = jnp.asarray(x)[sample][:, jnp.asarray(permutations)[task]], jnp.asarray(y)[sample]
        return Stream(state.count + batch_size, state.seed), batch

    return World((x, y, permutations), begin_stream, draw)


def _check_permutations(permutations, dim):
    if isinstance(permutations, jax.core.Tracer):
        return
    orders = np.asarray(permutations)
    if orders.ndim != 2 or orders.shape[1] != dim or np.any(np.sort(orders, axis=1) != np.arange(dim)[None]):
        raise ValueError(f"permutations must be [K, D], each row of 0 to {dim - 1}; got {orders.dtype} {orders.shape}")
