"""Minibatches of sequences, of which some are empty: a player has no steps of its own in them.

Letters: S sequences.
"""

import jax
import jax.numpy as jnp


def shuffled(key: jax.Array, empty: jax.Array) -> jax.Array:
    """The indices of the sequences in random order, the empty ones last. empty [S] bool -> [S]. The key is consumed.

    Sorts numbers of 32 bits, in a seventh of the time of an argsort. From the highest bit down a number holds: whether
    the sequence is empty, random bits, its index.
    """
    index_bits = (len(empty) - 1).bit_length()
    random_bits = jax.random.bits(key, empty.shape, jnp.uint32) >> (index_bits + 1) << index_bits
    numbers = empty.astype(jnp.uint32) << 31 | random_bits | jnp.arange(len(empty), dtype=jnp.uint32)
    return jnp.sort(numbers) & (1 << index_bits) - 1


def minibatches(key: jax.Array, empty: jax.Array, num_minibatches: int, sequence_fraction: float) -> jax.Array:
    """The minibatches of one epoch, as indices of sequences [num_minibatches, size]. The key is consumed.

    An epoch has at most that fraction of all sequences, the empty ones last. empty [S] bool. The order is dealt out
    like cards, so that all minibatches have equally many empty sequences, give or take one.
    """
    size = int(sequence_fraction * len(empty)) // num_minibatches
    return shuffled(key, empty)[: size * num_minibatches].reshape(size, num_minibatches).T
