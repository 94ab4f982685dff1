"""Gated Linear Networks, online.

The floor counts the fewest floating-point operations and bytes that one example needs. Operations: a multiplication and
an addition for every selected weight, once to predict and once to learn, and for every number of a half-space. Bytes,
once a batch: the selected rows are read and written, the half-spaces and the batch are read. Nothing else is counted:
no sigmoid, no drawing of the batch, no activation (they can stay in the cache).

Letters: B batch, C half-spaces, D inputs, F fan-in, K neurons of a layer, N classes.
"""

import math
from collections.abc import Iterator
from functools import partial
from typing import Any

import chex
import jax
import jax.numpy as jnp
import numpy as np

import bootstrap
import glns
from launch.suites.benchmark import NUM_CLASSES, Benchmark, Comparison, Program, stream


def benchmarks() -> Iterator[Benchmark]:
    """Online GLNs of ten one-vs-all classes (Veness 2019, §5).

    glns/SIZES/cC: C half-spaces a neuron. /shared: neuron k has the same half-spaces in every class, also in the
    baseline. gaussian: a regressor (Budden 2020), in the suite's way. /switching: a mixture of all neurons, and its
    baseline is the same network without: what the mixture leaves of the rate.
    """
    for sizes, num_half_spaces in (((100, 100, 1), 1), ((128, 128, 1), 4), ((128, 128, 1), 8)):
        name = f"glns/{'-'.join(map(str, sizes))}/c{num_half_spaces}"
        yield Benchmark(name, "examples/s", partial(_gln, 784, sizes, num_half_spaces))
        yield Benchmark(f"{name}/shared", "examples/s", partial(_gln, 784, sizes, num_half_spaces, shared=True))
    yield Benchmark("glns/digits/16-16-1/c4", "examples/s", partial(_gln, 64, (16, 16, 1), 4))
    yield Benchmark("glns/gaussian/50-25-1/c4", "examples/s", _gaussian)
    yield Benchmark("glns/50-25-1/c4/switching", "examples/s", _switching)


def _gln(dim: int, sizes: tuple[int, ...], num_half_spaces: int, *, shared: bool = False) -> Comparison:
    """Ours: a batch goes through the network layer by layer. Baseline: a compiled call an example, dense gradients."""
    batch_size, num_plain, rates = 64, 16, {"learning_rate": 0.01, "learning_rate_decay": 100.0}
    x, y = stream(4096, dim)
    # dead_zone is the gradient through the clip, as in the baseline.
    settings = {"clip_rule": "dead_zone", "shared_gates": shared, **rates}
    learner = bootstrap.Learner(*glns.learner(NUM_CLASSES, sizes, num_half_spaces, **settings))
    start = learner.init(jax.random.key(2), (x[:1], y[:1]))
    gate, half_spaces = glns.context.half_spaces(num_half_spaces), [layer.gates for layer in start.layers]
    plain = jax.jit(partial(_plain_gln, shared=shared, **rates))
    images, labels = np.array(x[:num_plain]), np.array(y[:num_plain])

    def learned(state):  # the part of a glns.State that the baseline has
        return state.count, state.moments, [layer.weights for layer in state.layers]

    def one_by_one(state):
        for image, label in zip(images, labels, strict=True):
            state, _ = plain(half_spaces, state, image, label)
        return state

    with jax.default_matmul_precision("float32"):  # less precision may change contexts
        ours, _ = jax.jit(learner.update)(jax.random.key(3), start, (x[:num_plain], y[:num_plain]))
        chex.assert_trees_all_close(learned(ours), one_by_one(learned(start)), rtol=1e-3, atol=1e-5)

    _, features = glns.standardise.learn(start.moments, x[:batch_size], 1 / 255)
    program = _advancing(learner, bootstrap.real(x, y, batch_size=batch_size), batch_size, num_steps=4)
    floor = _floor(start.layers, features, gate, shared=shared)
    return Comparison(program, Program(one_by_one, learned(start), num_plain), *floor)


def _floor(layers: Any, features: jax.Array, gate: glns.context.Gate, *, shared: bool) -> tuple[float, float]:
    """Operations and bytes of an example, of networks [N, ..] that see features [B, D]."""
    operations, traffic = 0, features.nbytes
    for layer in layers:
        of_batch = jax.vmap(partial(glns.network.contexts, gate=gate), in_axes=(None, 0), out_axes=1)
        axes: Any = glns.network.Layer(0, None if shared else 0)
        contexts = jax.vmap(of_batch, in_axes=(axes, None))(layer, features)  # [N, K, B]
        selected = jax.nn.one_hot(contexts, gate.num_contexts).any(-2)  # [N, K, 2**C]
        row = layer.weights[0, 0, 0]  # [F]
        operations += 4 * contexts[..., 0].size * row.size + 2 * layer.gates.normals.size
        traffic += 2 * int(selected.sum()) * row.nbytes + layer.gates.normals.nbytes
    return operations, traffic / len(features)


def _switching() -> Comparison:
    """Two classes, as of a stream. Both programs learn the same weights; the baseline predicts by its last neuron."""
    batch_size, sizes, num_half_spaces = 64, (50, 25, 1), 4
    x, labels = stream(4096, 30)
    y = labels % 2
    learners = [
        bootstrap.Learner(*glns.learner(2, sizes, num_half_spaces, shared_gates=True, aggregation=aggregation))
        for aggregation in ("switching", "last")
    ]
    start = learners[0].init(jax.random.key(2), (x[:1], y[:1]))
    world = bootstrap.real(x, y, batch_size=batch_size)
    ours, baseline = (_advancing(learner, world, batch_size, num_steps=64) for learner in learners)
    _, features = glns.standardise.learn(start.moments, x[:batch_size], 1 / 255)
    gate = glns.context.half_spaces(num_half_spaces)
    return Comparison(ours, baseline, *_floor(start.layers, features, gate, shared=True))


def _gaussian() -> Comparison:
    """A regressor. Ours: a batch goes through the network layer by layer. Baseline: as that of `_gln`."""
    batch_size, num_plain, num_half_spaces, epsilon, rate = 64, 16, 4, 1e-6, 0.01
    x, _ = stream(4096, 64)
    y = x[:, :1] + x[:, 1:2]
    settings = {"learning_rate": rate, "step_rule": "plain", "feature_epsilon": epsilon}
    learner = bootstrap.Learner(*glns.regressor((50, 25, 1), num_half_spaces, **settings))
    start = learner.init(jax.random.key(2), (x[:1], y[:1]))
    gate, half_spaces = glns.context.half_spaces(num_half_spaces), [layer.gates for layer in start.layers]
    plain = jax.jit(partial(_plain_gaussian, half_spaces, gate=gate, epsilon=epsilon, rate=rate))
    inputs, targets = np.array(x[:num_plain]), np.array(y[:num_plain])

    def learned(state):
        return state.inputs, state.targets, [layer.weights for layer in state.layers]

    def one_by_one(state):
        for example in zip(inputs, targets, strict=True):
            state = plain(state, *example)
        return state

    with jax.default_matmul_precision("float32"):
        ours, _ = jax.jit(learner.update)(jax.random.key(3), start, (x[:num_plain], y[:num_plain]))
        chex.assert_trees_all_close(learned(ours), one_by_one(learned(start)), rtol=1e-3, atol=1e-4)

    _, features = glns.standardise.learn(start.inputs, x[:batch_size], epsilon)
    floor = _floor(jax.tree.map(lambda leaf: leaf[None], start.layers), features, gate, shared=False)
    program = _advancing(learner, bootstrap.real(x, y, batch_size=batch_size), batch_size, num_steps=16)
    return Comparison(program, Program(one_by_one, learned(start), num_plain), *floor)


def _advancing(learner: bootstrap.Learner, world: bootstrap.World, batch_size: int, num_steps: int) -> Program:
    """A learner that lives in its world: one compiled program advances `num_steps` steps."""
    key = jax.random.key(1)

    @partial(jax.jit, donate_argnums=1)
    def advance(data, run):
        here = bootstrap.World(data, world.init, world.draw)
        return bootstrap.advance(key, learner, here, run, num_steps)[0]

    run = bootstrap.begin(key, learner, world)
    return Program(partial(advance, world.data), run, batch_size * num_steps)


def _plain_gln(half_spaces, state, image, label, *, shared, learning_rate, learning_rate_decay):
    """One example, as the paper writes it: the gradient is that of whole weight tables, and all of a table is updated.

    state: examples seen, moments, weights of each layer. -> state, the log loss of each class's last neuron [N], nats.
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
    gradients, loss = of_class(tables, half_spaces, features[0], jax.nn.one_hot(label, NUM_CLASSES))
    learned = [jnp.clip(w - rate * g, -weight_bound, weight_bound) for w, g in zip(tables, gradients, strict=True)]
    return (count + 1, moments, learned), loss


def _plain_gaussian(half_spaces, state, x, y, *, gate, epsilon, rate):
    """One example, x [D], y [1]: gradients of whole weight tables. state: moments of both, weights of each layer."""
    neuron = glns.gaussian.neuron(glns.gaussian.Rule(step_rule="plain"))

    def loss(table, spaces, inputs, target):  # of all neurons of a layer
        contexts = jax.vmap(gate.context, in_axes=(0, None))(spaces, features[0])
        outputs = jax.vmap(neuron.predict, in_axes=(0, 0, None))(table, contexts, neuron.prepare_inputs(inputs))
        squares = jnp.sum((target - outputs.mean) ** 2, axis=-1)
        return 0.5 * jnp.sum(jnp.log(outputs.variance) + squares / outputs.variance), outputs

    of_inputs, of_targets, tables = state
    of_inputs, features = glns.standardise.learn(of_inputs, x[None], epsilon)
    of_targets, targets = glns.standardise.learn(of_targets, y[None], epsilon)
    inputs = jax.tree.map(lambda leaf: leaf[0], glns.regression.base(features, 1, 1.0))
    learned = []
    for table, spaces in zip(tables, half_spaces, strict=True):
        gradient, inputs = jax.grad(loss, has_aux=True)(table, spaces, inputs, targets)
        learned.append(table - rate * gradient)
    return of_inputs, of_targets, learned
