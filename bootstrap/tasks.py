"""Tasks that come one after the other, without a word to the learner: permuted images (Kirkpatrick 2017, §2.2).

Letters: B batch, D inputs, K tasks, n samples.
"""

import jax
import jax.numpy as jnp
import numpy as np

from bootstrap.core import World
from bootstrap.worlds import Stream, begin_stream, epoch_order


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
    if batch_size < 1 or samples_per_task < 1 or samples_per_task % batch_size:
        raise ValueError(
            f"samples_per_task must be a multiple of batch_size, both at least 1; got {samples_per_task}, {batch_size}"
        )

    def draw(key, data, state, act):
        del key, act
        x, y, permutations = data
        task = jnp.minimum(state.count // samples_per_task, len(permutations) - 1)
        index = state.count - task * samples_per_task + jnp.arange(batch_size, dtype=jnp.uint32)
        sample = epoch_order(jax.random.fold_in(jax.random.key(state.seed), task), index, len(x))
        batch = jnp.asarray(x)[sample][:, jnp.asarray(permutations)[task]], jnp.asarray(y)[sample]
        return Stream(state.count + batch_size, state.seed), batch

    return World((x, y, permutations), begin_stream, draw)
