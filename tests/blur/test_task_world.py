"""The World of tasks: which task comes when, and what a batch of them is."""

from functools import partial

import chex
import jax
import jax.numpy as jnp
import numpy as np
import pytest

import blur


def counting(offset, key, data, num_samples):
    """A family that shows which it is, its key and what it was given."""
    inputs = offset + jax.random.uniform(key) + jnp.arange(num_samples)[:, None] / 1000
    return jnp.concatenate([inputs, jnp.full((num_samples, 1), data[0])], axis=1), jnp.arange(num_samples) % 3


FAMILIES = [lambda *args: counting(10.0, *args), lambda *args: counting(20.0, *args)]


def draws(num_tasks, num_draws, **settings):
    data, init, draw = blur.tasks(FAMILIES, (jnp.array(7.0),), unroll=2, batch_size=5, num_tasks=num_tasks, **settings)
    state, batches = init(jax.random.key(0), data), []
    for _ in range(num_draws):
        state, tasks = draw(jax.random.key(1), data, state, None)
        batches.append(tasks)
    return batches


def test_a_batch_of_tasks():
    (tasks,) = draws(4, 1)
    assert isinstance(tasks, blur.Tasks)
    assert (tasks.inputs.shape, tasks.labels.shape) == ((4, 3, 5, 2), (4, 3, 5))
    np.testing.assert_array_equal(tasks.inputs[:, 0, 0, 0] // 10, [1, 2, 1, 2])  # the families in turn
    np.testing.assert_array_equal(tasks.inputs[..., 1], 7)
    samples = tasks.inputs[..., 0].reshape(4, 15)
    np.testing.assert_allclose(samples - samples[:, :1], np.tile(np.arange(15) / 1000, (4, 1)), atol=1e-5)  # one task
    np.testing.assert_array_equal(tasks.labels.reshape(4, 15), np.tile(np.arange(15) % 3, (4, 1)))


def test_a_task_depends_on_its_place_in_the_stream_alone():
    (four,), two = draws(4, 1), draws(2, 2)
    chex.assert_trees_all_equal(four, jax.tree.map(lambda *leaves: jnp.concatenate(leaves), *two))
    assert len(np.unique(four.inputs[:, 0, 0, 0] % 10)) == 4
    assert draws(None, 1)[0].labels.shape[0] == 2  # one of each family


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"num_tasks": 3}, "num_tasks must be a multiple of the number of families, got 3 of 2"),
        ({"families": []}, "families must be at least one, got none"),
        ({"unroll": 0}, "unroll must be a whole number of at least 1, got 0"),
        (
            {"families": {"plane": blur.toys.two_moon, "space": partial(blur.toys.blobs, dim=3)}},
            "the inputs of all families must have one width, one network learns them; got plane 2, space 3",
        ),
        ({"batch_size": 0}, "batch_size must be a whole number of at least 1, got 0"),
    ],
)
def test_refusals(settings, message):
    with pytest.raises(ValueError, match=message):
        blur.tasks(**({"families": FAMILIES, "unroll": 2, "batch_size": 5} | settings))
