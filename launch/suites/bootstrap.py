"""Classifiers trained by SGD with momentum, one and many at once, and a whole comparison of two worlds.

A line of training counts the floating-point operations and the bytes that one sample cannot do without: a
multiplication and an addition for every weight, at every place that it is used, forwards, and backwards again for the
weight's gradient and, above the first layer, for the input's; four operations for every weight a step, momentum and
descent. Bytes, once a step: weights and momentum are read and written, the batch is read. Nothing else is counted: no
drawing of the batch, no activation or gradient (they can stay in the cache). The line of a whole comparison counts the
same, and two operations for every weight and sample that it scores.

Letters: B batch, D inputs, P weights.
"""

from collections.abc import Callable, Iterator, Mapping
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
from launch.suites.comparison import comparison
from launch.suites.match import NUM_CLASSES, Case, Match, Side, stream


class Task(NamedTuple):
    """What is trained, on what."""

    net: nn.Module
    plain_net: nn.Module  # the same function of the same parameters, as a Linen example has it
    num_samples: int
    shape: tuple[int, ...]  # of an input
    batch_size: int
    num_steps: int  # a timed call
    first: str = "Dense_0"  # its first layer
    places: Mapping[str, int] = {}  # where a layer's weights are used in one sample, if more than once


class PlainCNN(nn.Module):
    """`nets.CNN` of width 16 as a Linen example has it."""

    depth: int
    whole: int

    @nn.compact
    def __call__(self, x):
        """Images [B, H, W] -> logits [B, K]."""
        x = x[..., None]
        for i in range(self.depth):
            x = nn.relu(nn.Conv(16 * 2**i, (3, 3))(x))
            x = nn.max_pool(x, (2, 2), (2, 2)) if i >= self.whole else x
        return nn.Dense(NUM_CLASSES)(x.max(axis=(1, 2)))


def cases() -> Iterator[Case]:
    """bootstrap/NET/one: one classifier in the real world. /grid16: 16 learning rates in one program, per sample.

    cnn has convolutions of 16 and 32, both halved; myrtle 16, 32, 64 and 128, all but the first halved. The baseline,
    the same for both lines, is a compiled call a step, with batches that NumPy gathers.
    """
    mlp, small = nets.MLP((256,), NUM_CLASSES), nets.MLP((64, 64), NUM_CLASSES)
    tasks = {
        "mlp": (Task(mlp, mlp, 60_000, (784,), 128, 200), "sequential"),
        "small": (Task(small, small, 1797, (64,), 32, 200), "vmap"),
        "cnn": (_convolutions(depth=2, whole=0, places=(784, 196)), "unrolled"),
        "myrtle": (_convolutions(depth=4, whole=1, places=(784, 784, 196, 49)), "unrolled"),
    }
    for name, (task, form) in tasks.items():
        yield Case(f"bootstrap/{name}/one", "samples/s", partial(_training, task, form, 1))
        yield Case(f"bootstrap/{name}/grid16", "samples/s", partial(_training, task, form, 16))
    yield Case("bootstrap/whole", "comparisons/s", comparison)


def _convolutions(depth: int, whole: int, places: tuple[int, ...]) -> Task:
    net = nets.CNN(NUM_CLASSES, width=16, depth=depth, whole=whole, batch_norm=False)
    used = {f"Conv_{i}": n for i, n in enumerate(places)}
    return Task(net, PlainCNN(depth, whole), 6000, (28, 28), 128, 8, "Conv_0", used)


def _training(task: Task, form: str, num_cells: int) -> Match:
    """Ours: the batches are drawn inside the compiled program. Baseline: a compiled call a step, NumPy batches."""
    dim, rates = int(np.prod(task.shape)), np.linspace(0.1, 0.01, num_cells, dtype=np.float32)
    x, y = stream(task.num_samples, dim)
    x = x.reshape(-1, *task.shape)
    world = bootstrap.real(x, y, batch_size=task.batch_size)
    life = _life(task.net, world, {"rate": rates}, form)
    ours = Side(lambda run: life.advance(0, run, task.num_steps)[0], life.begin(), 0)
    start = jax.tree.map(lambda leaf: jnp.asarray(np.asarray(leaf)[0]), ours.state.learner)  # on one device
    tx = optax.sgd(rates[0], momentum=0.9)
    plain, batches = _plain_step(task.plain_net, tx), _shuffled(np.array(x), np.array(y), task.batch_size)

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
    return Match(
        ours._replace(count=num_cells * count),
        Side(loop, (start.params, start.optimizer), count),
        operations + 4 * num_weights / task.batch_size,
        4 * (4 * num_weights / task.batch_size + dim + 1),
    )


def _life(net: nn.Module, world: bootstrap.World, numbers: dict, form: str) -> Programs:
    """What `launch.train` runs: cells with these numbers, as one program."""

    def experiment(numbers):
        learner = bootstrap.Learner(*sgd.learner(net, optax.sgd(numbers.get("rate", 0.1), momentum=0.9)))
        return Experiment(learner, world, lambda *_: {})

    cells = tuple(str(i) for i in range(len(next(iter(numbers.values())))))
    plan = Plan(cells, (), (Stage(0, numbers, experiment),), (), (), per_seed=False)
    return programs(plan, 0, 1, Clock(), form)


def _plain_step(net: nn.Module, tx: optax.GradientTransformation) -> Callable:
    forward: Callable = net.apply

    @jax.jit
    def plain(params, optimizer, images, labels):
        def loss(params):
            logits = forward({"params": params}, images)
            mean = optax.softmax_cross_entropy_with_integer_labels(logits, labels).mean()
            return mean, {"loss": mean, "accuracy": (logits.argmax(-1) == labels).mean()}

        gradients, metrics = jax.grad(loss, has_aux=True)(params)
        updates, optimizer = tx.update(gradients, optimizer, params)
        return optax.apply_updates(params, updates), optimizer, metrics

    return plain


def _shuffled(x: np.ndarray, y: np.ndarray, batch_size: int) -> Iterator[tuple[np.ndarray, np.ndarray]]:
    """Batches without end, in a fresh order every epoch; a rest smaller than a batch is left out."""
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
    """Of one sample, forwards and backwards. A layer's name says which it is."""
    total = 6 * sum(_num_weights(layer) * task.places.get(name, 1) for name, layer in params.items())
    return total - 2 * params[task.first]["kernel"].size * task.places.get(task.first, 1)
