"""The Real World permutes its samples afresh every epoch; the Ideal World never repeats one."""

import itertools
import math
from collections import Counter
from functools import partial

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from bootstrap import UNLIMITED, ideal, in_order, paired, real, rows
from bootstrap.worlds import epoch_order

LENGTH = 30_000
order = jax.jit(epoch_order)


def draw_epochs(n, seed=0):
    """-> as many whole epochs of n samples as a stream of LENGTH has: [epochs, n]."""
    samples = np.array(order(jax.random.key(seed), jnp.arange(LENGTH, dtype=jnp.uint32), n))
    return samples[: LENGTH // n * n].reshape(-1, n)


def draw_batches(world, num_batches, seed=0):
    """-> the batches of a stream, each leaf [num_batches, B, ..]."""

    @jax.jit
    def draw(data, state):
        def step(state, i):
            return world.draw(jax.random.key(i), data, state, None)

        return jax.lax.scan(step, state, jnp.arange(num_batches))

    return jax.tree.map(np.array, draw(world.data, world.init(jax.random.key(seed), world.data))[1])


@pytest.mark.parametrize("n", [1, 2, 3, 4, 5, 16, 17, 1347])
def test_every_epoch_is_a_permutation(n):
    epochs = draw_epochs(n)
    np.testing.assert_array_equal(np.sort(epochs, axis=-1), np.broadcast_to(np.arange(n), epochs.shape))


@pytest.mark.parametrize("n", [16, 17, 1347])
def test_epochs_differ_and_streams_differ(n):
    epochs = np.concatenate([draw_epochs(n, seed)[:5] for seed in (0, 1)])
    assert len(np.unique(epochs, axis=0)) == 10
    assert not np.any(np.all(epochs == np.arange(n), axis=-1))


@pytest.mark.parametrize(("n", "bound"), [(2, 10.8), (3, 20.5), (4, 49.7), (5, 172.4)])
def test_every_permutation_is_equally_likely(n, bound):
    """chi² over the n! permutations, below its 0.1 % point for n! - 1 degrees of freedom."""
    epochs = draw_epochs(n)
    counts, expected = Counter(map(tuple, epochs.tolist())), len(epochs) / math.factorial(n)
    chi2 = sum((counts[permutation] - expected) ** 2 / expected for permutation in itertools.permutations(range(n)))
    assert chi2 < bound


def test_a_sample_is_no_likelier_in_its_own_place():
    """A uniform permutation leaves one sample where it was: of 22 epochs 22, within four standard deviations."""
    epochs = draw_epochs(1347)
    assert abs(np.sum(epochs == np.arange(1347)) - len(epochs)) < 4 * math.sqrt(len(epochs))


def test_the_order_needs_no_loop():
    """Of a loop with a condition every turn would wait for a GPU, or for all devices of a mesh."""
    traced = jax.make_jaxpr(epoch_order)(jax.random.key(0), jnp.arange(8, dtype=jnp.uint32), jnp.uint32(5))
    assert "while" not in str(traced)


def test_one_epoch_does_not_tell_the_next():
    """chi² over the first samples of two epochs of 5 in a row, 25 pairs, below the 0.1 % point for 24 degrees."""
    first = draw_epochs(5)[:, 0].reshape(3000, 2)
    counts = np.histogram2d(*first.T, bins=5)[0]
    assert ((counts - 120) ** 2 / 120).sum() < 51.2


@pytest.mark.parametrize("batch_size", [3, 5, 13])
def test_real_gives_every_sample_once_an_epoch(batch_size):
    """n = 5: batches that divide the epoch, straddle two, hold more than one. The stream is the same for all."""
    x, y = jnp.arange(10.0).reshape(5, 2), jnp.arange(5)
    world = real(jnp.zeros((5, 2)), jnp.zeros(5), batch_size=batch_size)
    world = world._replace(data=(x, y))  # samples come from the argument, not from what `real` was given
    drawn_x, drawn_y = draw_batches(world, 15)
    assert drawn_x.shape == (15, batch_size, 2)
    np.testing.assert_array_equal(drawn_x, x[drawn_y])  # pairs stay together
    epochs = drawn_y.reshape(-1, 5)
    np.testing.assert_array_equal(np.sort(epochs, axis=-1), np.broadcast_to(np.arange(5), epochs.shape))
    np.testing.assert_array_equal(epochs, draw_epochs(5, world.init(jax.random.key(0), world.data).seed)[: len(epochs)])


def test_real_may_keep_its_samples_in_numpy():
    world = real(np.zeros((5, 2), np.float32), np.zeros(5, np.int32), batch_size=3)
    state = world.init(jax.random.key(0), world.data)
    _, (x, y) = jax.eval_shape(lambda state: world.draw(jax.random.key(0), world.data, state, None), state)
    assert (x.shape, y.shape) == ((3, 2), (3,))


def uniform(key, data):
    return jax.random.uniform(key, (2,)), data


def test_ideal_never_gives_the_same_sample_twice():
    x, _ = draw_batches(ideal(uniform, jnp.array(3), batch_size=50), 40)
    assert x.shape == (40, 50, 2)
    assert len(np.unique(x.reshape(2000, 2), axis=0)) == 2000
    assert abs(x.mean() - 0.5) < 0.02


def test_ideal_gives_the_same_stream_for_any_batch_size():
    one, three, twelve = (
        draw_batches(ideal(uniform, jnp.array(3), batch_size=size), 12 // size)[0].reshape(12, 2) for size in (1, 3, 12)
    )
    np.testing.assert_array_equal(three, one)
    np.testing.assert_array_equal(twelve, one)


def test_ideal_hands_the_sampler_its_data():
    _, y = draw_batches(ideal(uniform, jnp.array(3), batch_size=2), 2)
    np.testing.assert_array_equal(y, [[3, 3], [3, 3]])


@pytest.mark.parametrize("world", [ideal(uniform, jnp.array(3), batch_size=4), real(*jnp.ones((2, 64)), batch_size=4)])
def test_the_key_of_init_chooses_the_stream(world):
    states = [world.init(jax.random.key(seed), world.data) for seed in (0, 0, 1)]
    assert states[0] == states[1]
    assert states[0].seed != states[2].seed
    assert states[0].count == states[2].count == 0


def test_another_stream_is_other_samples():
    world = ideal(uniform, jnp.array(3), batch_size=100)
    assert np.all(draw_batches(world, 1, seed=0)[0] != draw_batches(world, 1, seed=1)[0])


@pytest.mark.parametrize(("num_x", "num_y"), [(3, 2), (0, 0)])
def test_unequal_or_no_samples_are_refused(num_x, num_y):
    with pytest.raises(ValueError, match=f"x and y must be equally many and at least one, got {num_x} and {num_y}"):
        real(jnp.zeros(num_x), jnp.zeros(num_y), batch_size=1)


@pytest.mark.parametrize("batch_size", [0, -1])
def test_an_empty_batch_is_refused(batch_size):
    message = f"batch_size must be at least 1, got {batch_size}"
    with pytest.raises(ValueError, match=message):
        real(jnp.zeros(3), jnp.zeros(3), batch_size=batch_size)
    with pytest.raises(ValueError, match=message):
        ideal(uniform, batch_size=batch_size)


def numbered(key, index, data):
    """Sample `index` of the stream: noise of its own, and its number."""
    return jax.random.uniform(jax.random.fold_in(key, index), (2,)) + data, index.astype(jnp.int32)


def draw_paired(n, num_batches=6, batch_size=4, seed=0, **settings):
    world = paired(numbered, jnp.zeros(2), batch_size=batch_size, num_samples=n, **settings)
    x, y = draw_batches(world, num_batches, seed)
    return x.reshape(-1, *x.shape[2:]), y.reshape(-1)


@pytest.mark.parametrize("n", [1, 5, 8, 10])
def test_paired_worlds_are_one_until_the_real_one_repeats(n):
    (x, y), (of_ideal, numbers) = draw_paired(n), draw_paired(UNLIMITED)
    np.testing.assert_array_equal(numbers, np.arange(24))
    np.testing.assert_array_equal(x[:n], of_ideal[:n])
    np.testing.assert_array_equal(y[:n], np.arange(n))
    assert np.all(x[n:] != of_ideal[n:])
    epochs = y[: 24 // n * n].reshape(-1, n)
    np.testing.assert_array_equal(np.sort(epochs, axis=-1), np.broadcast_to(np.arange(n), epochs.shape))
    np.testing.assert_array_equal(x, of_ideal[:n][y])  # a sample that comes again is the same
    assert n < 5 or len(np.unique(epochs, axis=0)) == len(epochs)


@pytest.mark.parametrize("n", [24, 25, 1000])
def test_paired_worlds_are_one_where_nothing_repeats(n):
    np.testing.assert_array_equal(draw_paired(n)[0], draw_paired(UNLIMITED)[0])


def test_n_may_be_traced():
    def batches(n):
        world = paired(numbered, jnp.zeros(2), batch_size=4, num_samples=n)
        return jax.lax.scan(
            lambda state, _: world.draw(jax.random.key(0), world.data, state, None),
            world.init(jax.random.key(0), world.data),
            length=6,
        )[1][1].reshape(-1)

    together = jax.jit(jax.vmap(batches))(jnp.array([5, 8, UNLIMITED], jnp.uint32))
    for row, n in zip(together, (5, 8, UNLIMITED), strict=True):
        np.testing.assert_array_equal(row, draw_paired(n)[1])


def test_a_sample_is_augmented_afresh_each_time():
    plain, _ = draw_paired(4)
    shifted, numbers = draw_paired(4, augment=lambda key, x: x + jax.random.uniform(key))
    shifts = shifted - plain
    np.testing.assert_allclose(shifts[:, 0], shifts[:, 1], atol=1e-6)
    assert len(np.unique(shifts[:, 0].round(6))) == 24
    np.testing.assert_array_equal(numbers, draw_paired(4)[1])


def test_the_first_samples_are_those_that_come_first():
    world = paired(numbered, jnp.zeros(2), batch_size=4, num_samples=8, augment=lambda key, x: x + 1)
    x, y, weights = world.first_samples(world.data, world.init(jax.random.key(0), world.data), 10)
    of_stream, numbers = draw_paired(8)
    np.testing.assert_array_equal(x[:8], of_stream[:8])
    np.testing.assert_array_equal(y[:8], numbers[:8])
    np.testing.assert_array_equal(weights, np.arange(10) < 8)


@pytest.mark.parametrize("n", [0, -1, 2**32])
def test_no_samples_are_refused(n):
    with pytest.raises(ValueError, match="num_samples must be 1 to 4294967295, got"):
        paired(numbered, jnp.zeros(2), batch_size=4, num_samples=n)


def test_rows_of_a_sorted_file_are_a_sample_of_them_and_each_seeds_its_own():
    x, y = np.arange(1000.0, 1100.0, dtype=np.float32), np.arange(100)

    def first(key, batch_size, n):
        world = paired(*rows(x, y), batch_size=batch_size, num_samples=n)
        return world.draw(None, world.data, world.init(key, world.data), None)[1]

    of_seeds = jax.jit(jax.vmap(first, in_axes=(0, None, None)), static_argnums=(1, 2))
    keys = jax.random.split(jax.random.key(0), 50)
    (some, chosen), (_, every) = of_seeds(keys, 20, 20), of_seeds(jax.random.clone(keys), 100, 100)
    np.testing.assert_array_equal(some, x[chosen])
    np.testing.assert_array_equal(np.sort(every), np.tile(y, (50, 1)))
    np.testing.assert_array_equal(chosen, every[:, :20])
    assert abs(chosen.mean() - 49.5) < 3  # its standard error is 0.8
    assert len(np.unique(chosen, axis=0)) == 50


def test_more_samples_than_rows_are_refused():
    x, y = np.zeros((100, 2), np.float32), np.zeros(100, np.int32)
    with pytest.raises(ValueError, match="num_samples must be 1 to 100, got 150"):
        paired(*rows(x, y), batch_size=4, num_samples=150)
    world = paired(*rows(x, np.arange(100)), batch_size=50)  # all of them, again and again
    numbers = draw_batches(world, 4, 0)[1].reshape(2, 100)
    np.testing.assert_array_equal(np.sort(numbers), np.tile(np.arange(100), (2, 1)))
    with pytest.raises(ValueError, match="equally many"):
        rows(x, y[:-1])


@pytest.mark.parametrize("make", [rows, partial(real, batch_size=1), partial(in_order, batch_size=1)])
@pytest.mark.parametrize(
    ("x", "y", "message"),
    [
        (np.array([["a"], ["b"]]), np.arange(2), "x must be real numbers, got <U1"),
        (np.eye(2), np.array([0, 1], object), "y must be real numbers, got object"),
        (1j * np.eye(2), np.arange(2), "x must be real numbers, got complex128"),
        (np.eye(2, dtype=">f4"), np.arange(2), "x is in the byte order of another machine, >f4; convert it"),
        (np.eye(2), [0, 1], "y must be an array of NumPy or JAX, got a list"),
        (np.eye(2), np.arange(2) + 2**40, "a label must be 0 to 2147483647, got 1099511627777"),
        (np.eye(2), np.array(0), "y must have a row for each sample, got a single number"),
    ],
)
def test_what_is_no_array_of_numbers_is_refused(make, x, y, message):
    make(np.eye(2, dtype=np.float16), np.array([True, False]))
    with pytest.raises(ValueError, match=message):
        make(x, y)


@pytest.mark.parametrize("seed", [0, 1])
def test_rows_in_order_are_shown_as_they_stand(seed):
    """Also where the batch size does not divide them, and from the first again."""
    x, y = np.arange(5.0), np.arange(5, dtype=np.int32)
    shown, labels = draw_batches(in_order(x, y, batch_size=3), 4, seed)
    np.testing.assert_array_equal(shown.ravel(), np.arange(12) % 5)
    np.testing.assert_array_equal(labels.ravel(), np.arange(12) % 5)
