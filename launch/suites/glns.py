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
    baseline.
    """
    for sizes, num_half_spaces in (((100, 100, 1), 1), ((128, 128, 1), 4), ((128, 128, 1), 8)):
        name = f"glns/{'-'.join(map(str, sizes))}/c{num_half_spaces}"
        yield Benchmark(name, "examples/s", partial(_gln, 784, sizes, num_half_spaces))
        yield Benchmark(f"{name}/shared", "examples/s", partial(_gln, 784, sizes, num_half_spaces, shared=True))
    yield Benchmark("glns/digits/16-16-1/c4", "examples/s", partial(_gln, 64, (16, 16, 1), 4))


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
    operations, traffic = 0, features.nbytes
    for layer in start.layers:
        of_batch = jax.vmap(partial(glns.network.contexts, gate=gate), in_axes=(None, 0), out_axes=1)
        axes: Any = glns.network.Layer(0, None if shared else 0)
        contexts = jax.vmap(of_batch, in_axes=(axes, None))(layer, features)  # [N, K, B]
        selected = jax.nn.one_hot(contexts, 2**num_half_spaces).any(-2)  # [N, K, 2**C]
        row = layer.weights[0, 0, 0]  # [F]
        operations += 4 * contexts[..., 0].size * row.size + 2 * layer.gates.normals.size
        traffic += 2 * int(selected.sum()) * row.nbytes + layer.gates.normals.nbytes
    program = _advancing(learner, bootstrap.real(x, y, batch_size=batch_size), batch_size, num_steps=4)
    return Comparison(program, Program(one_by_one, learned(start), num_plain), operations, traffic / batch_size)


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
