"""A whole comparison of the real and the ideal world, against the published code's way of making it.

Ours is what `launch.train` does: one program for both worlds, evaluations spaced by the logarithm of the step, the
train set scored on as many samples as the test set has. The published code (Nakkiran 2021) trains one world after the
other in a Python loop, with a loader that shuffles, gathers and scales in the host's memory; every 64 steps, every 8
below 2048 and every 4 below 1024, it scores the test set and, in the real world, the whole train set, batch by batch.
Here that is plain JAX, without its workers and its transforms of single samples. Both end with the same curves.
"""

from collections.abc import Callable, Iterator
from functools import partial

import chex
import jax
import jax.numpy as jnp
import numpy as np
import optax
from ml_collections import ConfigDict

import bootstrap
from bootstrap import nets, sgd
from experiments import Experiment, Plan, Stage, evals, worlds
from experiments.data import Data, Part
from launch import progress
from launch.clock import Clock
from launch.execution import Form
from launch.programs import programs
from launch.suites.match import NUM_CLASSES, Match, Side, stream

_NUM_SAMPLES, _NUM_TEST, _DIM, _BATCH_SIZE, _NUM_STEPS = 4000, 2000, 784, 128, 1000
_SCHEDULE = ConfigDict({"log_every": 20, "evals_per_decade": 10})
_NET, _TX = nets.MLP((128, 128, 128), NUM_CLASSES), optax.sgd(0.1, momentum=0.9)
_FORWARD: Callable = _NET.apply


def comparison() -> Match:
    """n = 4000, 1000 steps of 128 images of 784 bytes, the smaller MLP of the published sweep, 128-128-128."""
    x, y = map(np.array, stream(_NUM_STEPS * _BATCH_SIZE + _NUM_TEST, _DIM))
    x = (255 * x).astype(np.uint8)
    data = Data(Part(x[_NUM_TEST:], y[_NUM_TEST:]), Part(x[:_NUM_TEST], y[:_NUM_TEST]))
    ours, params = _in_one_program(data)
    records, curves = ours(), _one_after_the_other(data, params)
    for world, of_world in curves.items():
        for name in ("soft_error", "loss"):  # before the first step, then after the last
            key = f"eval/{world}/test_{name}"
            chex.assert_trees_all_close(records[0][key][0], of_world[0][name], rtol=1e-4)
            assert abs(records[-1][key][0] - of_world[-1][name]) < 0.1 * of_world[0][name]

    num_weights = sum(leaf.size for leaf in jax.tree.leaves(params))
    scored = 2 * 2 * _NUM_TEST * len(records)
    operations = num_weights * (6 * 2 * _NUM_STEPS * _BATCH_SIZE + 2 * scored)
    plain = partial(_one_after_the_other, data, params)
    return Match(Side(lambda _: ours(), None, 1), Side(lambda _: plain(), None, 1), operations, 2 * x.nbytes)


def _in_one_program(data: Data) -> tuple[Callable, dict]:
    """-> () -> the records of the run, and the parameters that both worlds start from."""
    learner = bootstrap.Learner(*sgd.learner(_NET, _TX))

    def build(numbers):
        settings = {"batch_size": _BATCH_SIZE, "num_samples": numbers.get("n", _NUM_SAMPLES)}

        def probe(run, arrays, test):
            predict = partial(learner.predict, run.learner)
            train = worlds.first_samples(data, settings, arrays, run.world, _NUM_TEST)
            return evals.classification(predict, test) | evals.training(predict, train)

        world = worlds.paired(data, **settings)
        test = worlds.as_numbers(data.test.x), data.test.y
        return Experiment(learner, world, probe, test, by_seed=False, feed=None)

    cells = {"n": np.array([_NUM_SAMPLES, len(data.train.x)], np.int32)}
    life = programs(Plan(("real", "ideal"), (Stage(0, cells, build),)), 0, 1, Clock(), Form("map", slab=20))

    def whole():
        run = life.begin()
        records = [life.probe(0, run)]
        for step in range(0, _NUM_STEPS, _SCHEDULE.log_every):
            run, _, _ = life.advance(step, run, _SCHEDULE.log_every)
            if progress.eval_is_due(_SCHEDULE, step + _SCHEDULE.log_every):
                records.append(life.probe(step, run))
        return jax.device_get([*records, life.probe(_NUM_STEPS, run)])

    return whole, jax.tree.map(lambda leaf: jnp.asarray(np.asarray(leaf)[0]), life.begin().learner.params)


def _one_after_the_other(data: Data, start: dict) -> dict[str, list[dict]]:
    """-> the test scores of each world at each evaluation. The real world's train scores are computed and left."""
    rng, curves = np.random.default_rng(0), {}
    for world, num_samples in {"real": _NUM_SAMPLES, "ideal": len(data.train.x)}.items():
        train = Part(data.train.x[:num_samples], data.train.y[:num_samples])
        params, optimizer, batches = start, _TX.init(start), _loader(train, rng, endless=True)
        curves[world] = []
        for step in range(_NUM_STEPS + 1):
            if step % 64 == 0 or (step < 2048 and step % 8 == 0) or (step < 1024 and step % 4 == 0):
                curves[world].append(_mean_scores(params, _loader(data.test, rng)))
                _ = _mean_scores(params, _loader(train, rng)) if world == "real" else None
            params, optimizer, _ = _step(params, optimizer, *next(batches))
    return curves


def _loader(part: Part, rng: np.random.Generator, *, endless: bool = False) -> Iterator[tuple[np.ndarray, np.ndarray]]:
    while True:
        order = rng.permutation(len(part.x))
        for first in range(0, len(order), _BATCH_SIZE):
            index = order[first : first + _BATCH_SIZE]
            yield part.x[index].astype(np.float32) / 127.5 - 1, part.y[index]
        if not endless:
            return


def _mean_scores(params: dict, batches: Iterator) -> dict[str, float]:
    scored = [(len(y), _score(params, x, y)) for x, y in batches]
    total = sum(size for size, _ in scored)
    return {name: sum(size * float(scores[name]) for size, scores in scored) / total for name in scored[0][1]}


@jax.jit
def _score(params, x, y):
    return bootstrap.scores(jax.nn.log_softmax(_FORWARD({"params": params}, x)), y)


@jax.jit
def _step(params, optimizer, x, y):
    def loss(params):
        logits = _FORWARD({"params": params}, x)
        mean = optax.softmax_cross_entropy_with_integer_labels(logits, y).mean()
        return mean, (logits.argmax(-1) == y).mean()

    gradients, metrics = jax.grad(loss, has_aux=True)(params)
    updates, optimizer = _TX.update(gradients, optimizer, params)
    return optax.apply_updates(params, updates), optimizer, metrics
