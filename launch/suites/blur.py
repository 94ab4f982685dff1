"""BLUR: a genome's inner run, and the meta-step that learns the genome (Sandler 2021, §3.3).

Baseline: the equations as they stand, one einsum for each. As in the published code, the synapses of a layer are one
square array [N + 1 + M, N + 1 + M, K] over inputs, bias and outputs. It is compiled by one jit and differentiated by
JAX.

The least work of a line is that of the products over neurons: a multiplication and an addition for every synapse,
example and channel.

  inner: forward and backward synapses are read once and learned once. There are no backward synapses to the inputs.
  meta: the same, plus the gradient, which has a product for each of the two factors. The inputs, and the synapses
    before the first step, need no gradient. The held-out batch goes forwards, and its gradient backwards.

Bytes of a step: all synapses are read and written, the batch is read. A meta-step counts three times as many, because
the reverse sweep reads the synapses and carries their gradient. K x K transforms, tanh and Adam are not counted.

BENCHMARKS.md has the results, LOG.md what limits each line.
"""

import itertools
from collections.abc import Callable, Iterator
from functools import partial

import chex
import jax
import jax.numpy as jnp
import optax

import blur
from blur import native
from launch.suites.benchmark import Benchmark, Comparison, Program

_BATCH_SIZE, _NUM_STEPS = 128, 10
_SMALL, _LARGE = (2, 15, 8, 2), (100, 256, 128, 10)  # neurons a layer
_RULE = blur.Rule()


def benchmarks() -> Iterator[Benchmark]:
    """blur/SIZES/kK, K states. /inner: the unroll alone. /meta: loss, gradient through the unroll, Adam."""
    for widths, num_states, num_tasks in ((_SMALL, 2, 8), (_LARGE, 2, 2), (_LARGE, 4, 2)):
        name = f"blur/{'-'.join(map(str, widths))}/k{num_states}"
        for kind, build in {"inner": _inner, "meta": _meta}.items():
            yield Benchmark(f"{name}/{kind}", "steps/s", partial(_comparison, build, widths, num_states, num_tasks))


def _comparison(build: Callable, widths: tuple[int, ...], num_states: int, num_tasks: int) -> Comparison:
    """Ours against the plain transcription, on the same tasks. The rate counts steps of single tasks."""
    k_inputs, k_labels, k_genome, k_synapses = jax.random.split(jax.random.key(0), 4)
    shape = (num_tasks, _NUM_STEPS + 1, _BATCH_SIZE)  # the last batch is held out
    inputs = jax.random.normal(k_inputs, (*shape, widths[0]))
    targets = jax.nn.one_hot(jax.random.randint(k_labels, shape, 0, widths[-1]), widths[-1])
    genome = blur.random_genome(k_genome, num_states, synapse_update=-1e-4)
    init = partial(blur.network.init, input_dim=widths[0], sizes=widths[1:], num_states=num_states, rule=_RULE)
    synapses = jax.vmap(init)(jax.random.split(k_synapses, num_tasks))
    squares = jax.vmap(_squares)(synapses)
    unroll, forward = partial(blur.unroll, rule=_RULE), partial(blur.network.forward, rule=_RULE)
    tasks = inputs, targets
    map_tasks = partial(blur.map_tasks, sequential=widths == _LARGE and not native.available)
    ours = build(map_tasks, unroll, lambda *args: forward(*args)[-1][0], genome, (synapses, *tasks))
    plain = partial(_plain_unroll, widths), partial(_plain_logits, widths)
    baseline = build(partial(blur.map_tasks, sequential=False), *plain, genome, (squares, *tasks))
    chex.assert_trees_all_close(ours.step(ours.state), baseline.step(baseline.state), rtol=1e-3, atol=1e-4)
    return Comparison(ours, baseline, *_floor(widths, num_states, learns_genome=build is _meta))


def _inner(map_tasks: Callable, unroll: Callable, logits: Callable, genome, tasks) -> Program:
    """The state is the logits of all batches except the held-out ones."""
    del logits
    *_, targets = tasks

    @jax.jit
    def run(genome, synapses, inputs, targets):
        return map_tasks(lambda *task: unroll(genome, *task)[1], (synapses, inputs[:, :-1], targets[:, :-1]))

    return Program(lambda _: run(genome, *tasks), jnp.zeros_like(targets[:, :-1]), len(targets) * _NUM_STEPS)


def _meta(map_tasks: Callable, unroll: Callable, logits: Callable, genome, tasks) -> Program:
    """The state is the genome, Adam's state, the loss and its gradient, means over tasks."""
    tx = optax.adam(5e-4)

    def loss(genome, synapses, inputs, targets):
        synapses, _ = unroll(genome, synapses, inputs[:-1], targets[:-1])
        return optax.softmax_cross_entropy(logits(genome, synapses, inputs[-1]), targets[-1]).mean()

    @jax.jit
    def step(genome, optimizer, *tasks):
        of_tasks = map_tasks(lambda *task: jax.value_and_grad(loss)(genome, *task), tasks)
        value, gradient = jax.tree.map(lambda leaf: leaf.mean(0), of_tasks)
        updates, optimizer = tx.update(gradient, optimizer)
        return optax.apply_updates(genome, updates), optimizer, value, gradient

    start = genome, tx.init(genome), jnp.zeros(()), genome
    return Program(lambda state: step(*state[:2], *tasks), start, len(tasks[-1]) * _NUM_STEPS)


def _floor(widths: tuple[int, ...], num_states: int, *, learns_genome: bool) -> tuple[float, float]:
    """The least operations and bytes of a step of one task."""
    lowest, *others = [(n + 1) * m for n, m in itertools.pairwise(widths)]
    others = sum(others) + sum(n * m for n, m in itertools.pairwise(widths[1:]))  # forward and backward synapses
    products = 2 * (lowest + others)
    if learns_genome:
        products += 2 * lowest + 4 * others - (lowest + others) / _NUM_STEPS
        above = sum((n + 1) * m for n, m in itertools.pairwise(widths[1:]))
        products += (2 * lowest + 3 * above) / _NUM_STEPS  # of the held-out batch
    traffic = 2 * num_states * (lowest + others) + _BATCH_SIZE * (widths[0] + widths[-1])
    return 2 * _BATCH_SIZE * num_states * products, 4 * traffic * (3 if learns_genome else 1)


def _squares(synapses: tuple[blur.network.Synapses, ...]) -> list[jax.Array]:
    """An array [N + 1 + M, N + 1 + M, K] for each layer, 0 where the network has no synapses."""
    squares = []
    for up, down in synapses:
        _, rows, columns = up.shape
        square = jnp.zeros((rows + columns, rows + columns, len(up))).at[:rows, rows:].set(jnp.moveaxis(up, 0, -1))
        if down is not None:
            square = square.at[rows:, : rows - 1].set(jnp.moveaxis(down, 0, -1))
        squares.append(square)
    return squares


def _plain_forward(widths, genome, squares, inputs):
    """inputs [B, D] -> neurons [B, N, K] of each layer."""
    num_states = len(genome.neuron.forward)
    neurons = [jnp.concatenate([inputs[..., None], jnp.zeros((*inputs.shape, num_states - 1))], axis=-1)]
    for n, square in zip(widths[:-1], squares, strict=True):
        up = square[: n + 1, n + 1 :]
        drive = jnp.einsum("bid,cd,ijc->bjc", _with_bias(neurons[-1]), genome.neuron.forward, up)
        neurons.append(jnp.tanh(genome.neuron.update * drive))
    return neurons


def _plain_logits(widths, genome, squares, inputs):
    return _plain_forward(widths, genome, squares, inputs)[-1][..., 0]


def _plain_unroll(widths, genome, squares, inputs, targets):
    """inputs [S, B, D], targets [S, B, M] -> squares, logits [S, B, M]."""
    neuron, synapse, _ = genome

    def step(squares, batch):
        x, y = batch
        neurons = _plain_forward(widths, genome, squares, x)
        logits, zeros = neurons[-1][..., :1], jnp.zeros_like(neurons[-1][..., 2:])
        neurons[-1] = jnp.concatenate([logits, 2 * y[..., None] - 1, zeros], axis=-1)
        for i in reversed(range(1, len(squares))):
            down = squares[i][widths[i] + 1 :, : widths[i]]
            drive = jnp.einsum("bjd,cd,jic->bic", neurons[i + 1], neuron.backward, down)
            neurons[i] = jnp.tanh(neuron.keep * neurons[i] + neuron.update * drive)
        learned = []
        for square, below, above in zip(squares, neurons[:-1], neurons[1:], strict=True):
            states = jnp.concatenate([_with_bias(below), above], axis=1)
            change = jnp.einsum("bie,ec,cd,bjd->ijc", states, synapse.pre, synapse.post, states)
            learned.append(synapse.keep * square + synapse.update * change)
        return learned, logits[..., 0]

    return jax.lax.scan(step, squares, (inputs, targets))


def _with_bias(states):
    return jnp.concatenate([states, jnp.ones_like(states[:, :1])], axis=1)
