"""Pixel contexts: against a plain reading of the pixels before each pixel."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from glns import pixels

IMAGE = (np.random.default_rng(0).random((12, 19)) < 0.1).astype(np.float32)


def read(image, row, column):
    inside = 0 <= row < image.shape[0] and 0 <= column < image.shape[1]
    return image[row, column] if inside else 0


def bits_at(image, r, c):
    """The definition, one pixel at a time: the pixels by distance, the boxes, the rays."""
    near = [(a, b) for a in range(-8, 1) for b in range(-8, 9) if a < 0 or (b < 0 and a == 0)]
    near.sort(key=lambda offset: (np.hypot(*offset), offset))
    found = [read(image, r + a, c + b) for a, b in near]
    for side in (2, 4, 8):
        for up in (1, 2):
            for across in range(-2, 3):
                top, left = r - up * side, c + across * side - side // 2
                found.append(max(read(image, top + a, left + b) for a in range(side) for b in range(side)))
    for a, b in ((0, -1), (-1, 0), (-1, -1), (-1, 1)):
        on = [step for step in range(1, 100) if read(image, r + step * a, c + step * b)]
        found += [bool(on) and on[0] <= reach for reach in (1, 2, 4, 8, 16)]
    return np.array(found, np.float32)


def test_bits():
    expected = np.array([bits_at(IMAGE, r, c) for r in range(12) for c in range(19)])
    assert 0 < expected[:, -20:].mean() < 1
    np.testing.assert_array_equal(jax.jit(pixels.bits)(IMAGE), expected)


def test_bits_see_no_pixel_to_come():
    """Turning pixel i over changes no bit of the pixels 0 .. i."""
    first = np.asarray(pixels.bits(IMAGE))
    turned = np.abs(IMAGE.reshape(-1)[None] - np.eye(IMAGE.size, dtype=np.float32)).reshape(-1, *IMAGE.shape)
    seen = np.array(jax.jit(lambda images: jax.lax.map(pixels.bits, images))(turned) != first[None]).any(axis=2)
    assert not np.tril(seen).any()
    assert seen.any(axis=1)[:-1].all()


@pytest.mark.parametrize("kind", pixels.KINDS)
def test_a_context_composes_its_own_bits(kind):
    sizes = dict(zip(pixels.KINDS, (144, 30, 20), strict=True))
    start = sum(list(sizes.values())[: pixels.KINDS.index(kind)])
    gate = pixels.gate(5, kinds=(kind,))
    values = np.array(gate.init(jax.random.key(3), pixels.NUM_BITS))
    chosen = np.argsort(values)[-5:]
    np.testing.assert_array_equal(values[chosen], [1, 2, 4, 8, 16])
    assert np.count_nonzero(values) == 5
    assert start <= chosen.min()
    assert chosen.max() < start + sizes[kind]
    side = np.asarray(pixels.bits(IMAGE))
    contexts = jax.vmap(gate.context, in_axes=(None, 0))(values, side)
    np.testing.assert_array_equal(contexts, (side[:, chosen] * 2 ** np.arange(5)).sum(axis=1))
    assert contexts.dtype == jnp.int32
    assert gate.num_contexts == 32


def test_draws_are_of_every_kind_and_near():
    gate = pixels.gate(4, spread=10.0)
    draws = np.array(jax.vmap(gate.init, in_axes=(0, None))(jax.random.split(jax.random.key(0), 300), pixels.NUM_BITS))
    skip_gram, max_pool, distance = (part.any(axis=1) for part in np.split(draws, (144, 174), axis=1))
    assert (skip_gram.astype(int) + max_pool + distance == 1).all()
    assert min(skip_gram.mean(), max_pool.mean(), distance.mean()) > 0.25
    rank = np.nonzero(draws[:, :144])[1]
    assert 8 < rank.mean() < 16  # an exponential of mean 10, without replacement


def test_no_bits_is_one_context():
    gate = pixels.gate(0)
    assert gate.num_contexts == 1
    assert gate.context(gate.init(jax.random.key(0), pixels.NUM_BITS), jnp.ones(pixels.NUM_BITS)) == 0


def test_bad_settings_are_refused():
    with pytest.raises(ValueError, match="num_bits must be 0 to 16"):
        pixels.gate(17)
    with pytest.raises(ValueError, match="kinds must be some of skip_gram"):
        pixels.gate(2, kinds=("colour",))
    with pytest.raises(ValueError, match="look at 194 bits, got 7"):
        pixels.gate(2).init(jax.random.key(0), 7)
