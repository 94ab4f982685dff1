"""How cost grows: each line compares a size with the least one, in work a second, so 1 means as fast for its work.

  glns/width/W        one GLN of ten classes, [W, W, 1] neurons with four half-spaces, 784 inputs: weights learned
  glns/half_spaces/C  the same of [64, 64, 1] with C half-spaces: examples; a table has 2**C rows, of which one is used
  glns/members/M      M seeds of a GLN of digits, [16, 16, 1], as one program: examples of all
  blur/unroll/S       the gradient of a genome through S steps of 100-256-128-10: steps
  blur/states/K       the same of K states through 10 steps: steps times states
  self_play/games/B   one block in B games: physics steps
  bootstrap/members/M M seeds of an SGD network, 64-32-10, as one program: samples of all

Floor: the operations of products alone, and no bytes; of physics, as in the suite self_play.
"""

from collections.abc import Callable, Iterator
from functools import partial
from typing import NamedTuple

import jax
import optax
from mujoco import MjModel  # pyrefly: ignore

import blur
import bootstrap
import glns
from launch import devices
from launch.suites.benchmark import NUM_CLASSES, Benchmark, Comparison, Program, stream
from launch.suites.self_play import bare_tables, floor, states_and_actions, table_of

_BATCH_SIZE = 64


class _Sized(NamedTuple):
    """A program of some size."""

    program: Program
    operations: float  # of one of its units, at least


def benchmarks() -> Iterator[Benchmark]:
    """A line for every size but the least."""
    devices.schedule_in_order()
    for name, (build, unit, sizes) in _SIZES.items():
        for size in sizes[1:]:
            yield Benchmark(f"scaling/{name}/{size}", unit, partial(_compared, build, size, sizes[0]))


def _compared(build: Callable[[int], _Sized], size: int, least: int) -> Comparison:
    ours = build(size)
    return Comparison(ours.program, build(least).program, ours.operations, 0.0)


def _gln(size: int, *, of: str) -> _Sized:
    width, num_half_spaces = (size, 4) if of == "width" else (64, size)
    sizes, dim, num_batches = (width, width, 1), 784, 4
    x, y = stream(1024, dim)
    learner = bootstrap.Learner(*glns.learner(NUM_CLASSES, sizes, num_half_spaces))
    weights = NUM_CLASSES * sum(
        fan * number for fan, number in zip((dim + 1, *(size + 1 for size in sizes)), sizes, strict=False)
    )
    units = weights if of == "width" else 1  # an example's work is its weights
    world = bootstrap.real(x, y, batch_size=_BATCH_SIZE)
    return _Sized(_many(learner, world, 1, num_batches, _BATCH_SIZE * units), 4 * weights / units)


def _members(num_members: int, *, of: str) -> _Sized:
    x, y = stream(1024, 64)
    if of == "glns":
        learner, fans = bootstrap.Learner(*glns.learner(NUM_CLASSES, (16, 16, 1), 4)), (65 * 16, 17 * 16, 17)
        operations = 4 * NUM_CLASSES * sum(fans)
    else:
        net = bootstrap.nets.MLP((32,), NUM_CLASSES)
        learner = bootstrap.Learner(*bootstrap.sgd.learner(net, optax.sgd(0.1)))
        operations = 2 * (2 * 64 * 32 + 3 * 32 * NUM_CLASSES)
    world = bootstrap.real(x, y, batch_size=_BATCH_SIZE)
    return _Sized(_many(learner, world, num_members, 10, _BATCH_SIZE), operations)


def _many(learner: bootstrap.Learner, world: bootstrap.World, number: int, num_steps: int, units: float) -> Program:
    """Seeds of a learner in its world side by side. units: of one batch."""
    keys = jax.random.split(jax.random.key(1), number)

    @partial(jax.jit, donate_argnums=2)
    def advance(data, keys, runs):
        here = world._replace(data=data)
        return jax.vmap(lambda key, run: bootstrap.advance(key, learner, here, run, num_steps)[0])(keys, runs)

    runs = jax.jit(jax.vmap(lambda key: bootstrap.begin(key, learner, world)))(keys)
    return Program(partial(advance, world.data, keys), runs, int(number * num_steps * units))


def _genome(size: int, *, of: str) -> _Sized:
    num_steps, num_states = (size, 2) if of == "unroll" else (10, size)
    rule, sizes, batch_size = blur.Rule(), (256, 128, 10), 128
    k_inputs, k_labels, k_genome, k_synapses = jax.random.split(jax.random.key(0), 4)
    inputs = jax.random.normal(k_inputs, (num_steps, batch_size, 100))
    targets = jax.nn.one_hot(jax.random.randint(k_labels, inputs.shape[:2], 0, 10), 10)
    synapses = blur.network.init(k_synapses, input_dim=100, sizes=sizes, num_states=num_states, rule=rule)

    def loss(genome, synapses, inputs, targets):
        _, logits = blur.unroll(genome, synapses, inputs, targets, rule=rule)
        return optax.softmax_cross_entropy(logits[-1], targets[-1]).mean()

    gradient = jax.jit(jax.grad(loss))
    genome = blur.random_genome(k_genome, num_states, synapse_update=-1e-4)
    units = num_states if of == "states" else 1  # a step's work is its states
    program = Program(lambda _: gradient(genome, synapses, inputs, targets), genome, num_steps * units)
    weights = 100 * 256 + 2 * (256 * 128 + 128 * 10)  # forward, and those backward that are used
    return _Sized(program, 3 * 2 * 2 * batch_size * num_states * weights / units)


def _games(num_games: int) -> _Sized:
    table = table_of("blocks1")
    states, actions = states_and_actions(table, num_games)
    count = len(actions) * num_games * table.scene.substeps
    operations, _ = floor(MjModel.from_xml_string(table.scene.mjcf))
    return _Sized(bare_tables(table, states, actions, count), operations)


_SIZES: dict[str, tuple[Callable[[int], _Sized], str, tuple[int, ...]]] = {
    "glns/width": (partial(_gln, of="width"), "weights/s", (32, 64, 128, 256)),
    "glns/half_spaces": (partial(_gln, of="half_spaces"), "examples/s", (1, 4, 8, 10)),
    "glns/members": (partial(_members, of="glns"), "examples/s", (1, 4, 16, 64)),
    "bootstrap/members": (partial(_members, of="sgd"), "samples/s", (1, 4, 16, 64)),
    "blur/unroll": (partial(_genome, of="unroll"), "steps/s", (5, 20, 80)),
    "blur/states": (partial(_genome, of="states"), "states/s", (2, 4, 8)),
    "self_play/games": (_games, "steps/s", (32, 256, 2048)),
}
