"""Worlds that a config can name: (data, *, settings) -> bootstrap.World. See `bootstrap`, `blur` and `self_play`."""

from collections.abc import Callable, Mapping
from functools import partial
from typing import Any

import jax

import blur
import bootstrap
import self_play as games
from bootstrap import reading
from bootstrap.distributions import with_label_noise
from experiments.data.kinds import Stream, as_numbers, in_memory, num_classes
from experiments.settings import explained

_PREFETCH = 25  # batches of a distribution that are drawn at once


def real(data: Any, *, batch_size: int) -> bootstrap.World:
    """The samples, in a fresh order each epoch: `bootstrap.real`."""
    x, y = in_memory(data, "real")
    return _with_numbers(bootstrap.real(x, y, batch_size=batch_size))


def ideal(data: Any, *, sampler: Callable, batch_size: int) -> bootstrap.World:
    """Fresh samples that `sampler` (key, (x, y)) -> (x, y) makes of the train part: `bootstrap.ideal`."""
    return _with_numbers(bootstrap.ideal(sampler, tuple(in_memory(data, "ideal")), batch_size=batch_size))


def in_order(data: Any, *, batch_size: int) -> bootstrap.World:
    """The samples as they stand in the data, which is their order in time: `bootstrap.in_order`."""
    return _with_numbers(bootstrap.in_order(*in_memory(data, "in_order"), batch_size=batch_size))


def _with_numbers(world: bootstrap.World) -> bootstrap.World:
    """The world, its pixels in bytes as numbers, as the test samples are."""

    def draw(key, data, state, act):
        state, (x, y) = world.draw(key, data, state, act)
        return state, (as_numbers(x), y)

    return world._replace(draw=draw)


def paired(
    data: Any,
    *,
    batch_size: int,
    num_samples: int | jax.Array = bootstrap.UNLIMITED,
    label_noise: float | jax.Array | None = None,
    augment: Mapping[str, Callable] | None = None,
) -> bootstrap.World:
    """The real world of n samples or, without a limit, the ideal one, of any kind of data: `bootstrap.paired`.

    label_noise: the fraction of labels that are wrong, drawn once for each sample; the test samples have as many.
    augment: augmentations, one after the other.
    """
    stream = data.stream()
    _check_num_samples(stream, num_samples, len(data.test.x))

    def draw(key, at):
        return stream.sample(key, *at)

    noisy = None
    if label_noise is not None:
        with explained("world.label_noise is of class numbers"):
            noisy = partial(with_label_noise, num_classes=num_classes(data), noise=label_noise)
        draw = noisy(draw)

    def sample(key, index, arrays):
        index = stream.order(key, index) if stream.order else index
        x, y = draw(jax.random.fold_in(key, index), (index, arrays))
        return as_numbers(x), y

    settings = {"batch_size": batch_size, "num_samples": num_samples}
    chain = bootstrap.augment.chain(*augment.values()) if augment else None
    return bootstrap.paired(sample, stream.arrays, augment=chain, **settings)._replace(
        as_test=noisy and partial(_noisy, noisy),
        read_rows=stream.read and partial(reading.rows_of_steps, stream.read, batch_size),
        prefetch=_PREFETCH if stream.num_samples is None else 1,
    )


def _check_num_samples(stream: Stream, num_samples: Any, num_test: int) -> None:
    if stream.read and (stream.num_samples or 0) < num_test:
        raise ValueError("data.num_train must be at least data.num_test: as many samples are scored of both")
    limit, number = stream.num_samples, num_samples if isinstance(num_samples, int) else 0
    if limit is None or number <= limit or (stream.read and number == bootstrap.UNLIMITED):
        return
    has = "data.num_train keeps for the real world" if stream.read else "the data set has"
    got = "no limit" if number == bootstrap.UNLIMITED else number
    raise ValueError(f"world.num_samples must be 1 to {limit}, as many as {has}; got {got}")


def _noisy(noisy: Callable, test: tuple) -> tuple:
    draw = noisy(lambda _, sample: sample)
    return jax.vmap(draw)(jax.random.split(jax.random.key(0), len(test[1])), test)


def permuted(data: Any, *, samples_per_task: int, batch_size: int) -> bootstrap.World:
    """Tasks in a row, the pixels of each permuted: `bootstrap.permuted`."""
    train = in_memory(data, "permuted")
    if len(train) != 3:
        raise ValueError("the world 'permuted' shows the tasks of the data set 'permuted'; this one has none")
    x, y, permutations = train  # pyrefly: ignore  # a Part and more
    return bootstrap.permuted(x, y, permutations, samples_per_task=samples_per_task, batch_size=batch_size)


def bandit(data: Any) -> bootstrap.World:
    """A contextual bandit; y are the rewards of every arm: `bootstrap.bandits.world`."""
    contexts, rewards = in_memory(data, "bandit")
    if rewards.ndim != 2:
        raise ValueError("the world 'bandit' takes y [n, A], the rewards of every arm, as in the data set 'bandit'")
    return bootstrap.bandits.world(contexts, rewards)


def tasks(
    data: Any,
    *,
    families: Mapping[str, Callable],
    unroll: int,
    batch_size: int,
    num_tasks: int | None = None,
    num_parts: int = 1,
    divide: Callable = bootstrap.undivided,
) -> bootstrap.World:
    """Tasks of these families, for learners of genomes: `blur.tasks`."""
    settings = {"unroll": unroll, "batch_size": batch_size, "num_tasks": num_tasks, "num_parts": num_parts}
    return bootstrap.World(*blur.tasks(families, tuple(in_memory(data, "tasks")), **settings, divide=divide))


def self_play(data: Any, *, divide: Callable = bootstrap.undivided, **settings: Any) -> bootstrap.World:
    """Alice's and Bob's table, and their games on it. settings: see `self_play.arena`."""
    del data
    return bootstrap.World(*games.arena(**settings, divide=divide))
