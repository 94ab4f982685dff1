"""The streams of `bootstrap.paired` worlds: fresh samples of a distribution, or the rows of a data set."""

from collections.abc import Callable, Mapping
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np

import bootstrap
from bootstrap.distributions import with_label_noise
from experiments.data import Data


class Rows(NamedTuple):
    """The rows of a data set that the device holds: its first ones, and those that some steps show."""

    first: Any  # x [n, ..], y [n]
    present: Any  # x [m, ..], y [m]: rows `start` to `start + m`
    start: Any  # [] uint32


def paired(
    data: Data, *, label_noise: float | None = None, augment: Callable | None = None, **settings
) -> bootstrap.World:
    """The paired world of a data set, real at any `num_samples` below bootstrap.UNLIMITED."""
    limit = None if data.sampler else len(data.train.x)
    num_samples = settings.get("num_samples", bootstrap.UNLIMITED)
    fed = data.feed and isinstance(num_samples, int) and num_samples == bootstrap.UNLIMITED
    if limit and not fed and isinstance(num_samples, int) and num_samples > limit:
        has = "data.num_train keeps for the real world" if data.feed else "the data set has"
        raise ValueError(f"world.num_samples must be 1 to {limit}, as many as {has}; got {num_samples}")
    arrays = data.train
    if data.feed:
        arrays = Rows(data.train, jax.tree.map(lambda leaf: leaf[:1], data.train), np.uint32(0))
    return bootstrap.paired(stream(data, label_noise), arrays, augment=augment, **settings)


def stream(data: Data, label_noise: float | jax.Array | None = None) -> Callable:
    """(key, index, arrays) -> sample `index` of the stream that the key names; for `bootstrap.paired`.

    The arrays are what a distribution's sampler takes, or the rows of which sample i is the i-th.
    label_noise: the share of labels that are wrong, drawn once for each sample.
    """

    def row(key, at):
        del key
        index, arrays = at
        if not data.feed:
            return jax.tree.map(lambda leaf: jnp.asarray(leaf)[index], arrays)
        first, present, start = arrays
        return jax.tree.map(
            lambda old, new: jnp.where(index < len(old), jnp.asarray(old)[index], jnp.asarray(new)[index - start]),
            first,
            present,
        )

    sampler = data.sampler
    draw = (lambda key, at: sampler(key, at[1])) if sampler else row
    if label_noise is not None:
        draw = with_label_noise(draw, data.num_classes, label_noise)

    def sample(key, index, arrays):
        x, y = draw(jax.random.fold_in(key, index), (index, arrays))
        return as_numbers(x), y

    return sample


def as_numbers(x: Any) -> Any:
    """Pixels in bytes become numbers from -1 to 1; anything else stays."""
    return x.astype(np.float32) / 127.5 - 1 if x.dtype == np.uint8 else x


def feed(read: Callable, batch_size: int) -> Callable:
    """(rows, step, num_steps) -> the data of a paired world in these steps: their batches' rows of a large data set."""

    def rows(rows, step, num_steps):
        start = step * batch_size
        return Rows(rows.first, read(start, num_steps * batch_size), np.uint32(start))

    return rows


_SLAB = 2 * 10**9  # bytes


def check(config: Mapping, data: Data) -> None:
    """Raises ValueError where the config's world needs more rows than a large data set has, or too many at once."""
    if not data.feed:
        return
    world = config["world"]
    if world["name"] != "paired":
        raise ValueError(f"only the world 'paired' reads a data set as it needs it, not {world['name']!r}")
    if len(data.test.x) > len(data.train.x):
        raise ValueError("data.num_train must be at least data.num_test: as many samples are scored of both")
    num_steps, batch_size = config.get("num_steps", 1), world["batch_size"]
    most = _SLAB // (batch_size * sum(leaf[:1].nbytes for leaf in data.train))
    if config.get("log_every", 1) > most:
        raise ValueError(f"log_every must be at most {most}: the samples of so many steps are in memory at once")
    try:
        data.feed(num_steps * batch_size - 1, 1)
    except ValueError as error:
        raise ValueError(f"{num_steps} steps of {batch_size} samples are too many to be fresh: {error}") from error


def first_samples(data: Data, world: dict, world_data: Any, state: Any, count: int) -> tuple[jax.Array, ...]:
    """The samples that a paired world showed first: x [count, ..], y [count], and their weights, 0 beyond its n."""
    sample = stream(data, world.get("label_noise"))
    x, y = bootstrap.first_samples(sample, world_data, state, count)
    return x, y, jnp.arange(count, dtype=jnp.uint32) < jnp.asarray(world.get("num_samples", count), jnp.uint32)


def noisy(data: Data, test: tuple, label_noise: float | jax.Array | None) -> tuple:
    """The test samples with as much label noise as the world has: they are of the same distribution."""
    if label_noise is None:
        return test
    draw = with_label_noise(lambda _, sample: sample, data.num_classes, label_noise)
    return jax.vmap(draw)(jax.random.split(jax.random.key(0), len(test[1])), test)
