"""Contexts for each pixel of a binary image: functions of the pixels before it in raster order (Veness 2017, §6).

A bit is 1 if any pixel of some set is on: one pixel (skip-gram), a box (max-pool), or the first few steps of a ray
(distance to the nearest active pixel). The bits of a whole image are computed once; a context combines a few of them
into an index, by one row of a matrix product.

Letters: C bits of a context, H height, W width, P = H W pixels, S bits at a pixel.
"""

from collections.abc import Sequence

import jax
import jax.numpy as jnp
import numpy as np

from glns import settings
from glns.context import Gate

_MARGIN = 20  # no bit looks farther than this

# The pixels before a pixel, nearest first.
_PIXELS = sorted(
    ((row, column) for row in range(-8, 1) for column in range(-8, 9) if (row, column) < (0, 0)),
    key=lambda offset: (offset[0] ** 2 + offset[1] ** 2, offset),
)
# Boxes of each side by their upper left corners: two rows of five above the pixel's row.
_SIDES = (2, 4, 8)
_CORNERS = [(row, column - 0.5) for row in (-1, -2) for column in (-2, -1, 0, 1, 2)]  # in box sides
# Rays to the left, up, and along the two diagonals up; whether a pixel is on within each reach.
_RAYS = ((0, -1), (-1, 0), (-1, -1), (-1, 1))
_REACHES = (1, 2, 4, 8, 16)

KINDS = ("skip_gram", "max_pool", "distance")
_SIZES = (len(_PIXELS), len(_SIDES) * len(_CORNERS), len(_RAYS) * len(_REACHES))
NUM_BITS = sum(_SIZES)


def bits(image: jax.Array) -> jax.Array:
    """The bits that each pixel's contexts may read. image [H, W] of zeros and ones, 0 outside -> [P, S]."""
    image = jnp.asarray(image, float)
    height, width = image.shape
    pools = [jnp.pad(image, _MARGIN)]
    for half in (1, 2, 4):  # the box at a pixel has it as its upper left corner
        tall = jnp.maximum(pools[-1], jnp.roll(pools[-1], -half, axis=0))
        pools.append(jnp.maximum(tall, jnp.roll(tall, -half, axis=1)))
    rows, columns = jnp.divmod(jnp.arange(height * width), width)
    own = (rows + _MARGIN) * pools[0].shape[1] + columns + _MARGIN
    looks = jnp.stack(pools).reshape(-1)[own[:, None] + _offsets(*pools[0].shape)[None]]
    num_singles = _SIZES[0] + _SIZES[1]
    rays = looks[:, num_singles:].reshape(height * width, len(_RAYS), max(_REACHES))
    within = jax.lax.cummax(rays, axis=2)[:, :, np.array(_REACHES) - 1]
    return jnp.concatenate([looks[:, :num_singles], within.reshape(height * width, -1)], axis=1)


def _offsets(height: int, width: int) -> np.ndarray:
    """The offset from a pixel to each place it reads, in the image and its three poolings laid end to end."""
    looks = [(0, row, column) for row, column in _PIXELS]
    looks += [(i, side * row, side * column) for i, side in enumerate(_SIDES, 1) for row, column in _CORNERS]
    looks += [(0, step * row, step * column) for row, column in _RAYS for step in range(1, max(_REACHES) + 1)]
    return np.array([(pool * height + row) * width + column for pool, row, column in looks], np.int32)


def gate(num_bits: int, *, kinds: Sequence[str] = KINDS, spread: float = 20.0) -> Gate:
    """Contexts of `num_bits` different bits, R = 2**num_bits, all of one kind, which is drawn from `kinds`.

    The j-th nearest pixel is drawn in proportion to exp(-j / spread); all boxes are equally likely, and all rays. The
    papers draw 200 such functions and do not say how.
    """
    settings.check_counts(0, 16, num_bits=num_bits)
    settings.check_positive(spread=spread)
    if not kinds or set(kinds) - set(KINDS):
        raise ValueError(f"kinds must be some of {', '.join(KINDS)}; got {tuple(kinds)}")

    def init(key, side_dim):
        if side_dim != NUM_BITS:
            raise ValueError(f"pixel contexts look at {NUM_BITS} bits, got {side_dim}")
        k_kind, k_bits = jax.random.split(key)
        kind = jax.random.choice(k_kind, jnp.array([KINDS.index(name) for name in kinds]))
        log_weights = np.concatenate([-np.arange(_SIZES[0]) / spread, np.zeros(NUM_BITS - _SIZES[0])])
        among = jnp.repeat(jnp.arange(len(KINDS)), np.array(_SIZES), total_repeat_length=NUM_BITS) == kind
        scores = jnp.where(among, log_weights + jax.random.gumbel(k_bits, (NUM_BITS,)), -jnp.inf)
        _, chosen = jax.lax.top_k(scores, num_bits)  # Gumbel's trick: without replacement
        return jnp.zeros(NUM_BITS).at[chosen].set(2.0 ** jnp.arange(num_bits))

    return Gate(2**num_bits, init, context)


def context(values: jax.Array, side: jax.Array) -> jax.Array:
    """The index that the chosen bits form. values [S], 2**j for the j-th chosen bit; side [S] -> [] int32."""
    return jnp.matmul(values, side, precision="highest").astype(jnp.int32)  # whole numbers below 2**16: exact
