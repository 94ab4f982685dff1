"""Classifiers trained by SGD with momentum, one and many at once, and a whole experiment of two worlds.

A line of training counts the floating-point operations and the bytes that one sample cannot do without. Operations: a
multiplication and an addition for every use of a weight in the forward pass, the same again for the weight's gradient
and, above the first layer, for the input's gradient; and four operations for every weight a step, momentum and descent.
Bytes, once a step: weights and momentum are read and written, the batch is read. Nothing else is counted: no drawing of
the batch, no activation or gradient (they can stay in the cache). The line of the two worlds counts the same, and two
operations for every weight and scored sample.

Letters: B batch, D inputs, P weights.
"""

from collections.abc import Iterator, Mapping
from functools import partial
from typing import Any, NamedTuple

import chex
import flax.linen as nn
import jax
import jax.numpy as jnp
import numpy as np
import optax

import bootstrap
from bootstrap import nets, sgd
from experiments import Experiment, Plan, Stage
from launch.clock import Clock
from launch.programs import Programs, programs
from launch.suites.benchmark import NUM_CLASSES, Benchmark, Comparison, Program, stream
from launch.suites.plain_sgd import plain_step
from launch.suites.two_worlds import two_worlds


class Task(NamedTuple):
    """A net and the samples on which it is trained."""

    net: nn.Module
    plain_net: nn.Module  # the same function of the same parameters, as a Linen example has it
    num_samples: int
    shape: tuple[int, ...]  # of an input
    batch_size: int
    num_steps: int  # of a timed call
    first: str = "Dense_0"  # the first layer
    uses: Mapping[str, int] = {}  # layer -> uses of each of its weights in one sample, if more than one


class PlainCNN(nn.Module):
    """`nets.CNN` of width 16 as a Linen example has it."""

    depth: int
    num_unpooled: int

    @nn.compact
    def __call__(self, x):
        """Images [B, H, W] -> logits [B, K]."""
        x = x[..., None]
        for i in range(self.depth):
            x = nn.relu(nn.Conv(16 * 2**i, (3, 3))(x))
            x = nn.max_pool(x, (2, 2), (2, 2)) if i >= self.num_unpooled else x
        return nn.Dense(NUM_CLASSES)(x.max(axis=(1, 2)))


def benchmarks() -> Iterator[Benchmark]:
    """bootstrap/NET/one: one classifier in the real world. /grid16: 16 learning rates in one program, per sample.

    cnn has convolutions of 16 and 32 channels, both pooled; myrtle 16, 32, 64 and 128, all but the first pooled. The
    baseline of both lines is the same: a compiled call a step, with batches gathered by NumPy.
    """
    mlp, small = nets.MLP((256,), NUM_CLASSES), nets.MLP((64, 64), NUM_CLASSES)
    tasks = {
        "mlp": (Task(mlp, mlp, 60_000, (784,), 128, 200), "sequential"),
        "small": (Task(small, small, 1797, (64,), 32, 200), "vmap"),
        "cnn": (_convolutions(depth=2, num_unpooled=0, uses=(784, 196)), "unrolled"),
        "myrtle": (_convolutions(depth=4, num_unpooled=1, uses=(784, 784, 196, 49)), "unrolled"),
    }
    for name, (task, form) in tasks.items():
        yield Benchmark(f"bootstrap/{name}/one", "samples/s", partial(_training, task, form, 1))
        yield Benchmark(f"bootstrap/{name}/grid16", "samples/s", partial(_training, task, form, 16))
    yield Benchmark("bootstrap/whole", "comparisons/s", two_worlds)


def _convolutions(depth: int, num_unpooled: int, uses: tuple[int, ...]) -> Task:
    net = nets.CNN(NUM_CLASSES, width=16, depth=depth, num_unpooled=num_unpooled, batch_norm=False)
    of_layers = {f"Conv_{i}": n for i, n in enumerate(uses)}
    return Task(net, PlainCNN(depth, num_unpooled), 6000, (28, 28), 128, 8, "Conv_0", of_layers)


def _training(task: Task, form: str, num_cells: int) -> Comparison:
    """Ours: the batches are drawn inside the compiled program. Baseline: a compiled call a step, NumPy batches."""
    dim, rates = int(np.prod(task.shape)), np.linspace(0.1, 0.01, num_cells, dtype=np.float32)
    x, y = stream(task.num_samples, dim)
    x = x.reshape(-1, *task.shape)
    world = bootstrap.real(x, y, batch_size=task.batch_size)
    compiled = _compiled(task.net, world, {"rate": rates}, form)
    ours = Program(lambda run: compiled.advance(0, run, task.num_steps)[0], compiled.begin(), 0)
    start = jax.tree.map(lambda leaf: jnp.asarray(np.asarray(leaf)[0]), ours.state.learner)  # on one device
    tx = optax.sgd(rates[0], momentum=0.9)
    plain, batches = plain_step(task.plain_net, tx), _shuffled(np.array(x), np.array(y), task.batch_size)

    def loop(state):
        for _ in range(task.num_steps):
            *state, _ = plain(*state, *next(batches))
        return state

    batch = next(batches)
    update = jax.jit(sgd.learner(task.net, tx)[1])
    learned, _ = update(jax.random.key(3), start, jax.tree.map(jnp.asarray, batch))
    chex.assert_trees_all_close(learned.params, plain(start.params, start.optimizer, *batch)[0], rtol=1e-3, atol=1e-5)

    operations, num_weights = _operations(task, start.params), _num_weights(start.params)
    count = task.batch_size * task.num_steps
    return Comparison(
        ours._replace(count=num_cells * count),
        Program(loop, (start.params, start.optimizer), count),
        operations + 4 * num_weights / task.batch_size,
        4 * (4 * num_weights / task.batch_size + dim + 1),
    )


def _compiled(net: nn.Module, world: bootstrap.World, numbers: dict, form: str) -> Programs:
    """What `launch.train` runs: cells with these numbers, as one program."""

    def experiment(numbers, divide=None):
        del divide
        learner = bootstrap.Learner(*sgd.learner(net, optax.sgd(numbers.get("rate", 0.1), momentum=0.9)))
        return Experiment(learner, world, lambda *_: {})

    cells = tuple(str(i) for i in range(len(next(iter(numbers.values())))))
    plan = Plan(cells, (), (Stage(0, numbers, experiment),), (), (), per_seed=False)
    return programs(plan, 0, 1, Clock(), form)


def _shuffled(x: np.ndarray, y: np.ndarray, batch_size: int) -> Iterator[tuple[np.ndarray, np.ndarray]]:
    """Endless batches, in a fresh order every epoch; a remainder smaller than a batch is left out."""
    rng = np.random.default_rng(0)
    while True:
        yield from _epoch(x, y, batch_size, rng.permutation(len(x)))


def _epoch(x, y, batch_size, order):
    for first in range(0, len(x) - batch_size + 1, batch_size):
        index = order[first : first + batch_size]
        yield x[index], y[index]


def _num_weights(params: Any) -> int:
    return sum(leaf.size for leaf in jax.tree.leaves(params))


def _operations(task: Task, params: Any) -> float:
    """Operations of one sample, forwards and backwards."""
    total = 6 * sum(_num_weights(layer) * task.uses.get(name, 1) for name, layer in params.items())
    return total - 2 * params[task.first]["kernel"].size * task.uses.get(task.first, 1)
