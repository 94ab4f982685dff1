"""Supervised Worlds: the Real World reuses n samples, the Ideal World never repeats one (Nakkiran 2021, §2).

Letters: B batch, n samples, D input shape.
"""

from collections.abc import Callable
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np

from bootstrap import settings
from bootstrap.core import World


class Stream(NamedTuple):
    """Where a world stands in its stream of samples, which repeats after 2**32 of them."""

    count: jax.Array  # [] uint32, samples drawn so far
    seed: jax.Array  # [] uint32, which stream: drawn once, then constant


def real(x: jax.Array | np.ndarray, y: jax.Array | np.ndarray, *, batch_size: int) -> World:
    """The Real World: n fixed samples, a fresh permutation of them each epoch (Nakkiran 2021, §2).

    x [n, D..], y [n] -> batches (x [B, D..], y [B]). An epoch ends after n samples, in the middle of a batch if B does
    not divide n, so every sample comes exactly once an epoch. Raises ValueError where a label is negative; the learner
    knows how many classes there are.
    """
    check_samples(x, y)
    settings.check_counts(1, batch_size=batch_size)

    def draw(key, data, state, act):
        del key, act
        x, y = data
        index = state.count + jnp.arange(batch_size, dtype=jnp.uint32)
        sample = epoch_order(jax.random.key(state.seed), index, len(x))
        return Stream(state.count + batch_size, state.seed), (jnp.asarray(x)[sample], jnp.asarray(y)[sample])

    return World((x, y), begin_stream, draw)


def ideal(sampler: Callable, data: Any = (), *, batch_size: int) -> World:
    """The Ideal World: every sample is fresh (Nakkiran 2021, §2).

    sampler: (key, data) -> (x, y), one sample, pure. Sample i of a stream depends on (seed, i) alone, not on B.
    """
    settings.check_counts(1, batch_size=batch_size)

    def draw(key, data, state, act):
        del key, act
        index = state.count + jnp.arange(batch_size, dtype=jnp.uint32)
        keys = jax.vmap(jax.random.fold_in, in_axes=(None, 0))(jax.random.key(state.seed), index)
        batch = jax.vmap(sampler, in_axes=(0, None))(keys, _indexable(data))
        return Stream(state.count + batch_size, state.seed), batch

    return World(data, begin_stream, draw)


UNLIMITED = 2**32 - 1  # as many samples as a stream has


def paired(
    sample: Callable,
    data: Any = (),
    limit: int = UNLIMITED,
    *,
    batch_size: int,
    num_samples: int | jax.Array | None = None,
    augment: Callable | None = None,
) -> World:
    """The Real World of n samples and, at n = UNLIMITED, the Ideal World, of one stream (Nakkiran 2021, §2).

    Sample by sample they are the same until the real world has shown its n samples once, in the order of the stream;
    after that it permutes them afresh each epoch. So two runs of one key differ by nothing but n, which may be traced:
    one program computes both, and any n between.

    sample: (key, index, data) -> (x, y): sample `index` of the stream that the key names. The key is not consumed.
    limit: how many of them there are. Those of arrays, with their limit, are `*rows(x, y)`: beyond the last row an
      array gives it again, without a word.
    num_samples: n, at most the limit; by default the limit itself. A traced n is not checked: beyond the limit samples
      come again, without a word.
    augment: (key, x) -> x, with a fresh key each time that a sample is shown.
    """
    num_samples = limit if num_samples is None else num_samples
    settings.check_counts(1, batch_size=batch_size)
    settings.check_counts(1, limit, num_samples=num_samples)

    def draw(key, data, state, act):
        del key, act
        index = state.count + jnp.arange(batch_size, dtype=jnp.uint32)
        k_order, k_sample, k_augment = jax.random.split(jax.random.key(state.seed), 3)
        which = jnp.where(index < jnp.asarray(num_samples, jnp.uint32), index, epoch_order(k_order, index, num_samples))
        x, y = jax.vmap(sample, in_axes=(None, 0, None))(k_sample, which, _indexable(data))
        if augment is not None:
            x = jax.vmap(augment)(jax.vmap(jax.random.fold_in, in_axes=(None, 0))(k_augment, index), x)
        return Stream(state.count + batch_size, state.seed), (x, y)

    def first_samples(data, state, count):
        """As they are without augmentation."""
        _, k_sample, _ = jax.random.split(jax.random.key(state.seed), 3)
        index = jnp.arange(count, dtype=jnp.uint32)
        x, y = jax.vmap(sample, in_axes=(None, 0, None))(k_sample, index, _indexable(data))
        return x, y, index < jnp.asarray(num_samples, jnp.uint32)

    return World(data, begin_stream, draw, first_samples)


def epoch_order(key: jax.Array, index: jax.Array, n: int | jax.Array) -> jax.Array:
    """Which of n samples comes at each index of an endless stream that permutes them afresh every epoch.

    index [B] uint32, one after the other -> sample [B] uint32 in 0 .. n - 1. The key is not consumed: it names the
    stream.

    No permutation is stored or sorted, and nothing loops: a swap-or-not shuffle (Hoang, Morris & Rogaway 2012), keyed
    by the epoch. Each of its rounds pairs the values, x with (shift - x) modulo n, and one random bit a pair says
    whether the two change places.
    """
    num_epochs = min(len(index), (len(index) - 1) // n + 2) if isinstance(n, int) else len(index)
    n = jnp.asarray(n, jnp.uint32)
    epoch = index // n
    keys = jax.vmap(jax.random.fold_in, in_axes=(None, 0))(key, epoch[0] + jnp.arange(num_epochs, dtype=jnp.uint32))
    seeds, steps = jax.vmap(lambda key: jax.random.bits(key, (2, 1), jnp.uint32), out_axes=1)(keys)  # [num_epochs, 1]
    pads = _mix(seeds + jnp.arange(_ROUNDS, dtype=jnp.uint32)[None] * (steps | 1))  # as SplitMix (Steele et al. 2014)

    def one(index, pads, shifts):
        value = index % n
        for pad, shift in zip(pads, shifts, strict=True):
            value = _round(value, pad, shift, n)
        return value

    which = epoch - epoch[0]
    order = jax.vmap(one)(index, pads[which], (pads % n)[which])
    # A kernel that reads rows may emit this once for each use of each round: XLA of jax 0.11 then compiles for ever.
    return jax.lax.optimization_barrier(order)


# r rounds leave a value in its place in one order of 2**r. With 8 rounds, six times as many of 1347 samples as by
# chance stay in theirs; with 16 and more no statistic of n = 2 .. 1347 tells the orders from uniform ones.
_ROUNDS = 32


@jax.jit  # so that it is traced once, not _ROUNDS times in every program that draws
def _round(value: jax.Array, pad: jax.Array, shift: jax.Array, n: jax.Array) -> jax.Array:
    """Of the shuffle. value, pad, shift, n [] uint32 -> [] uint32."""
    partner = jnp.where(value <= shift, shift - value, n - (value - shift))
    return jnp.where(_mix(jnp.maximum(value, partner) ^ pad) >> 31, partner, value)


def _mix(x: jax.Array) -> jax.Array:
    """A bijection of 32 bits in which every input bit moves every output bit (Wellons 2018, `lowbias32`). [] -> []."""
    x = (x ^ (x >> 16)) * jnp.uint32(0x7FEB352D)
    x = (x ^ (x >> 15)) * jnp.uint32(0x846CA68B)
    return x ^ (x >> 16)


def begin_stream(key: jax.Array, data: Any) -> Stream:
    """The `init` of a World that walks through a stream. The key is consumed."""
    del data
    return Stream(jnp.zeros((), jnp.uint32), jax.random.bits(key, dtype=jnp.uint32))


def check_samples(x: Any, y: Any) -> None:
    """Raises ValueError where x and y are no arrays of numbers or not equally many, or a label of y [n] is no int32."""
    settings.check_numbers(x=x, y=y)
    if len(x) != len(y) or not len(x):
        raise ValueError(f"x and y must be equally many and at least one, got {len(x)} and {len(y)}")
    if not isinstance(y, jax.core.Tracer) and np.ndim(y) == 1 and (labels := np.asarray(y)).dtype.kind in "iu":
        settings.check_counts(0, **{"a label": int(labels.min())})
        settings.check_counts(0, 2**31 - 1, **{"a label": int(labels.max())})


def _indexable(data: Any) -> Any:
    """A traced number cannot index a NumPy array: they become arrays of JAX."""
    return jax.tree.map(lambda leaf: jnp.asarray(leaf) if isinstance(leaf, np.ndarray) else leaf, data)
