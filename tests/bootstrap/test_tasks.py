"""Tasks come one after the other, each under its own permutation."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from bootstrap import permuted

N, D, K, PER_TASK, B = 6, 4, 3, 4, 2
X = np.arange(N * D, dtype=np.float32).reshape(N, D)
Y = np.arange(N, dtype=np.int32)
PERMUTATIONS = np.array([[0, 1, 2, 3], [3, 2, 1, 0], [1, 0, 3, 2]], np.int32)


def world(**settings):
    return permuted(X, Y, PERMUTATIONS, **{"samples_per_task": PER_TASK, "batch_size": B, **settings})


def draw(world, num_batches, seed=0):
    """-> x [num_batches * B, D] and y [num_batches * B] of a stream."""

    @jax.jit
    def program(data, state):
        def step(state, i):
            return world.draw(jax.random.key(i), data, state, None)

        return jax.lax.scan(step, state, jnp.arange(num_batches))[1]

    x, y = program(world.data, world.init(jax.random.key(seed), world.data))
    return np.array(x).reshape(-1, D), np.array(y).reshape(-1)


def test_every_task_has_its_permutation_and_the_last_goes_on():
    x, y = draw(world(), 10)
    task = np.minimum(np.arange(20) // PER_TASK, K - 1)
    np.testing.assert_array_equal(x, np.take_along_axis(X[y], PERMUTATIONS[task], axis=1))


def test_a_task_repeats_no_sample_before_all_have_come():
    _, y = draw(world(samples_per_task=12), 18)
    for of_task in y.reshape(K, 12):
        np.testing.assert_array_equal(np.sort(of_task.reshape(2, N), axis=-1), [Y, Y])
    assert len(np.unique(y.reshape(2 * K, N), axis=0)) == 2 * K  # in orders of their own


def test_the_batch_size_does_not_change_the_stream():
    np.testing.assert_array_equal(draw(world(), 6)[0], draw(world(batch_size=4), 3)[0])


def test_the_key_of_init_chooses_the_stream():
    first, again, other = (draw(world(), 6, seed)[1] for seed in (0, 0, 1))
    np.testing.assert_array_equal(first, again)
    assert not np.array_equal(first, other)


def test_samples_come_from_the_argument():
    empty = world()
    _, y = draw(empty._replace(data=(X, Y + 10, PERMUTATIONS)), 6)
    assert y.min() >= 10


@pytest.mark.parametrize(("samples_per_task", "batch_size"), [(4, 3), (0, 1), (4, 0)])
def test_a_batch_belongs_to_one_task(samples_per_task, batch_size):
    with pytest.raises(ValueError, match=r"samples_per_task must be a multiple of batch_size, got 4 and 3|at least 1"):
        world(samples_per_task=samples_per_task, batch_size=batch_size)
