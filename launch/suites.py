"""What `launch.bench` measures: two programs a line, ours and a plain one that learns the same thing.

A line counts the floating-point operations and the bytes that one example cannot do without:

  glns: a multiplication and an addition for every weight that a context selects, to predict, and again to learn; and
    for every number of a half-space. Bytes, once a batch: the rows that its contexts really select are read and
    written, the half-spaces and the batch are read.
  bootstrap: a multiplication and an addition for every weight and sample forwards, and backwards again for the weight's
    gradient and, above the first layer, for the input's; four operations for every weight a step, momentum and
    descent. Bytes, once a step: weights and momentum are read and written, the batch is read.

Nothing else is counted: no sigmoid, no drawing of the batch, no activation or gradient (they can stay in the cache).

Letters: B batch, C half-spaces, D inputs, F fan-in, K neurons of a layer, N classes, P weights.
"""

import math
from collections.abc import Callable, Iterator
from functools import partial
from typing import Any, NamedTuple

import chex
import jax
import jax.numpy as jnp
import numpy as np
import optax

import bootstrap
import glns
from bootstrap import nets, sgd


class Side(NamedTuple):
    """One of the two programs that a line compares."""

    step: Callable  # state -> state: learns `count` examples more. It may consume its state
    state: Any
    count: int


class Match(NamedTuple):
    """Ours against the baseline, and the least that one example takes."""

    ours: Side
    baseline: Side
    operations: float
    bytes: float


class Case(NamedTuple):
    """A line of the table. Nothing is computed before `build()`."""

    name: str
    unit: str  # of the rates: what a second holds many of
    build: Callable[[], Match]


def _glns() -> Iterator[Case]:
    """Online GLNs of ten one-vs-all classes (Veness 2019, §5).

    glns/SIZES/cC: C half-spaces a neuron. /shared: neuron k of every class has the same ones, also in the baseline.
    """
    for sizes, num_half_spaces in (((100, 100, 1), 1), ((128, 128, 1), 4), ((128, 128, 1), 8)):
        name = f"glns/{'-'.join(map(str, sizes))}/c{num_half_spaces}"
        yield Case(name, "examples/s", partial(_gln, 784, sizes, num_half_spaces))
        yield Case(f"{name}/shared", "examples/s", partial(_gln, 784, sizes, num_half_spaces, shared=True))
    yield Case("glns/digits/16-16-1/c4", "examples/s", partial(_gln, 64, (16, 16, 1), 4))


def _bootstrap() -> Iterator[Case]:
    """One classifier trained by SGD with momentum in the Real World (Nakkiran 2021, §2)."""
    yield Case("bootstrap/mlp/one", "samples/s", partial(_mlp, 60_000, 784, (256,), 128))
    yield Case("bootstrap/small/one", "samples/s", partial(_mlp, 1797, 64, (64, 64), 32))


SUITES: dict[str, Callable[[], Iterator[Case]]] = {
    "glns": _glns,
    "bootstrap": _bootstrap,
}

_NUM_CLASSES = 10


def _stream(num_samples: int, dim: int) -> tuple[jax.Array, jax.Array]:
    """Images of ten classes, each a noisy prototype: x [n, D] in 0 .. 1, about half of it 0, y [n]."""
    k_class, k_label, k_noise = jax.random.split(jax.random.key(0), 3)
    prototypes = jax.random.normal(k_class, (_NUM_CLASSES, dim))
    y = jax.random.randint(k_label, (num_samples,), 0, _NUM_CLASSES)
    x = 0.3 * prototypes[y] + 0.2 * jax.random.normal(k_noise, (num_samples, dim))
    return jnp.clip(x, 0, 1), y


def _ours(learner: bootstrap.Learner, world: bootstrap.World, batch_size: int, num_steps: int) -> Side:
    """A learner that lives in its world: one compiled program advances `num_steps` steps."""
    key = jax.random.key(1)

    @partial(jax.jit, donate_argnums=1)
    def advance(data, run):
        here = bootstrap.World(data, world.init, world.draw)
        return bootstrap.advance(key, learner, here, run, num_steps)[0]

    run = bootstrap.begin(key, learner, world)
    return Side(partial(advance, world.data), run, batch_size * num_steps)


def _gln(dim: int, sizes: tuple[int, ...], num_half_spaces: int, *, shared: bool = False) -> Match:
    """Ours: a batch goes through the network layer by layer. Baseline: a compiled call an example, dense gradients."""
    batch_size, num_plain, rates = 64, 16, {"learning_rate": 0.01, "learning_rate_decay": 100.0}
    x, y = _stream(4096, dim)
    # dead_zone: what differentiating through the clip gives.
    settings = {"clip_rule": "dead_zone", "shared_gates": shared, **rates}
    learner = bootstrap.Learner(*glns.learner(_NUM_CLASSES, sizes, num_half_spaces, **settings))
    start = learner.init(jax.random.key(2), (x[:1], y[:1]))
    gate, half_spaces = glns.context.half_spaces(num_half_spaces), [layer.gates for layer in start.layers]
    plain = jax.jit(partial(_plain_gln, shared=shared, **rates))
    images, labels = np.array(x[:num_plain]), np.array(y[:num_plain])

    def learns(state):  # what of a glns.State the baseline has
        return state.count, state.moments, [layer.weights for layer in state.layers]

    def one_by_one(state):
        for image, label in zip(images, labels, strict=True):
            state, _ = plain(half_spaces, state, image, label)
        return state

    with jax.default_matmul_precision("float32"):  # a product of fewer bits may turn a context over
        ours, _ = jax.jit(learner.update)(jax.random.key(3), start, (x[:num_plain], y[:num_plain]))
        chex.assert_trees_all_close(learns(ours), one_by_one(learns(start)), rtol=1e-3, atol=1e-5)

    _, features = glns.standardise.learn(start.moments, x[:batch_size], 1 / 255)
    operations, traffic = 0, features.nbytes
    for layer in start.layers:
        of_batch = jax.vmap(partial(glns.network.contexts, gate=gate), in_axes=(None, 0), out_axes=1)
        axes: Any = glns.network.Layer(0, None if shared else 0)
        contexts = jax.vmap(of_batch, in_axes=(axes, None))(layer, features)  # [N, K, B]
        selected = jax.nn.one_hot(contexts, 2**num_half_spaces).any(-2)  # [N, K, 2**C]
        row = layer.weights[0, 0, 0]  # [F]
        operations += 4 * contexts[..., 0].size * row.size + 2 * layer.gates.normals.size
        traffic += 2 * int(selected.sum()) * row.nbytes + layer.gates.normals.nbytes
    program = _ours(learner, bootstrap.real(x, y, batch_size=batch_size), batch_size, num_steps=4)
    return Match(program, Side(one_by_one, learns(start), num_plain), operations, traffic / batch_size)


def _plain_gln(half_spaces, state, image, label, *, shared, learning_rate, learning_rate_decay):
    """One example, written down as the paper has it: every weight table is differentiated whole, then all of it moves.

    state: examples seen, moments, weights of each layer. -> state, the log loss of each class's last neuron [N].
    """
    epsilon, weight_bound = 0.01, 200.0
    bound = math.log((1 - epsilon) / epsilon)

    def losses(tables, half_spaces, features, target):
        logits, local = features, []
        for table, (normals, offsets) in zip(tables, half_spaces, strict=True):  # [K, 2**C, F], [K, C, D], [K, C]
            context = (normals @ features > offsets) @ 2 ** jnp.arange(offsets.shape[-1])
            inputs = jax.lax.stop_gradient(jnp.append(jnp.clip(logits, -bound, bound), 1.0))
            logits = table[jnp.arange(len(table)), context] @ inputs
            p = jnp.clip(jax.nn.sigmoid(logits), epsilon, 1 - epsilon)
            local.append(-(target * jnp.log(p) + (1 - target) * jnp.log(1 - p)))
        return sum(loss.sum() for loss in local), local[-1]

    count, moments, tables = state
    moments, features = glns.standardise.learn(moments, image[None], 1 / 255)
    rate = jnp.minimum(learning_rate, learning_rate_decay / (count + 1))
    of_class = jax.vmap(jax.grad(losses, has_aux=True), in_axes=(0, None if shared else 0, None, 0))
    gradients, loss = of_class(tables, half_spaces, features[0], jax.nn.one_hot(label, _NUM_CLASSES))
    learned = [jnp.clip(w - rate * g, -weight_bound, weight_bound) for w, g in zip(tables, gradients, strict=True)]
    return (count + 1, moments, learned), loss


def _mlp(num_samples: int, dim: int, features: tuple[int, ...], batch_size: int) -> Match:
    """Ours: the batches are drawn inside the compiled program. Baseline: a compiled call a step, NumPy batches."""
    num_steps = 200
    x, y = _stream(num_samples, dim)
    net, tx = nets.MLP(features, _NUM_CLASSES), optax.sgd(0.1, momentum=0.9)
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
    operations = 6 * num_weights - 2 * dim * (*features, _NUM_CLASSES)[0] + 4 * num_weights / batch_size
    traffic = 4 * (4 * num_weights / batch_size + dim + 1)
    ours = _ours(learner, bootstrap.real(x, y, batch_size=batch_size), batch_size, num_steps)
    return Match(ours, Side(loop, (start.params, start.optimizer), batch_size * num_steps), operations, traffic)


def _shuffled(x: np.ndarray, y: np.ndarray, batch_size: int) -> Iterator[tuple[np.ndarray, np.ndarray]]:
    """Batches without end, in a fresh order every epoch; a rest smaller than a batch is left out."""
    rng = np.random.default_rng(0)
    while True:
        order = rng.permutation(len(x))
        for first in range(0, len(x) - batch_size + 1, batch_size):
            index = order[first : first + batch_size]
            yield x[index], y[index]
