"""Classifiers trained by SGD with momentum in the real world (Nakkiran 2021, §2), one and many at once.

A line counts the floating-point operations and the bytes that one sample cannot do without: a multiplication and an
addition for every weight forwards, and backwards again for the weight's gradient and, above the first layer, for the
input's; four operations for every weight a step, momentum and descent. Bytes, once a step: weights and momentum are
read and written, the batch is read. Nothing else is counted: no drawing of the batch, no activation or gradient (they
can stay in the cache).

Letters: B batch, D inputs, P weights.
"""

from collections.abc import Callable, Iterator
from functools import partial

import chex
import jax
import jax.numpy as jnp
import numpy as np
import optax

import bootstrap
from bootstrap import nets, sgd
from launch.suites.match import NUM_CLASSES, Case, Match, Side, lived, stream


def cases() -> Iterator[Case]:
    """One classifier trained by SGD with momentum in the Real World (Nakkiran 2021, §2)."""
    yield Case("bootstrap/mlp/one", "samples/s", partial(_mlp, 60_000, 784, (256,), 128))
    yield Case("bootstrap/small/one", "samples/s", partial(_mlp, 1797, 64, (64, 64), 32))


def _mlp(num_samples: int, dim: int, features: tuple[int, ...], batch_size: int) -> Match:
    """Ours: the batches are drawn inside the compiled program. Baseline: a compiled call a step, NumPy batches."""
    num_steps = 200
    x, y = stream(num_samples, dim)
    net, tx = nets.MLP(features, NUM_CLASSES), optax.sgd(0.1, momentum=0.9)
    learner = bootstrap.Learner(*sgd.learner(net, tx))
    start = learner.init(jax.random.key(2), (x[:1], y[:1]))
    batches = _shuffled(np.array(x), np.array(y), batch_size)
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

    def loop(state):
        params, optimizer = state
        for _ in range(num_steps):
            params, optimizer, _ = plain(params, optimizer, *next(batches))
        return params, optimizer

    batch = next(batches)
    learned, _ = jax.jit(learner.update)(jax.random.key(3), start, jax.tree.map(jnp.asarray, batch))
    chex.assert_trees_all_close(learned.params, plain(start.params, start.optimizer, *batch)[0], rtol=1e-3, atol=1e-5)

    num_weights = sum(leaf.size for leaf in jax.tree.leaves(start.params))
    operations = 6 * num_weights - 2 * dim * (*features, NUM_CLASSES)[0] + 4 * num_weights / batch_size
    traffic = 4 * (4 * num_weights / batch_size + dim + 1)
    ours = lived(learner, bootstrap.real(x, y, batch_size=batch_size), batch_size, num_steps)
    return Match(ours, Side(loop, (start.params, start.optimizer), batch_size * num_steps), operations, traffic)


def _shuffled(x: np.ndarray, y: np.ndarray, batch_size: int) -> Iterator[tuple[np.ndarray, np.ndarray]]:
    """Batches without end, in a fresh order every epoch; a rest smaller than a batch is left out."""
    rng = np.random.default_rng(0)
    while True:
        order = rng.permutation(len(x))
        for first in range(0, len(x) - batch_size + 1, batch_size):
            index = order[first : first + batch_size]
            yield x[index], y[index]
