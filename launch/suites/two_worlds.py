"""A whole experiment, the real world against the ideal one, and the published code's way to make it.

Ours is what `launch.train` does: one program for both worlds, evaluations evenly spaced in the logarithm of the step,
train scores of as many samples as the test set has. The published code (Nakkiran 2021) trains one world after the other
in a Python loop, with a loader that shuffles, gathers and scales in the host's memory. Every 64 steps, every 8 below
step 2048 and every 4 below step 1024, it scores the test set and, in the real world, the whole train set, batch by
batch. The baseline does the same in plain JAX, without worker processes and without transforms of single samples. Both
end with the same curves.
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
from experiments import Experiment, Plan, Stage, build, evals, evaluation, worlds
from experiments.data import Data, Part
from experiments.data.kinds import as_numbers
from launch.clock import Clock
from launch.programs import programs
from launch.suites.benchmark import NUM_CLASSES, Comparison, Program, stream
from launch.suites.plain_sgd import plain_step

_NUM_SAMPLES, _NUM_TEST, _DIM, _BATCH_SIZE, _NUM_STEPS = 4000, 2000, 784, 128, 1000
_SCHEDULE = ConfigDict({"log_every": 20, "evals_per_decade": 10})
_NET = nets.MLP((128, 128, 128), NUM_CLASSES)
_TX = optax.sgd(0.01, momentum=0.9)  # at 0.1 the loss jumps to 20, and what comes then is chance
_FORWARD: Callable = _NET.apply
_STEP = plain_step(_NET, _TX)


def two_worlds() -> Comparison:
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
    trained, scored = 2 * _NUM_STEPS * _BATCH_SIZE, 2 * 2 * _NUM_TEST * len(records)
    of_sample = 6 * num_weights - 2 * params["Dense_0"]["kernel"].size  # the images need no gradient
    operations = of_sample * trained + 2 * num_weights * scored
    plain = partial(_one_after_the_other, data, params)
    return Comparison(Program(lambda _: ours(), None, 1), Program(lambda _: plain(), None, 1), operations, 2 * x.nbytes)


def _in_one_program(data: Data) -> tuple[Callable, dict]:
    """-> a function () -> the records of the run; and the parameters from which both worlds start."""
    learner = bootstrap.Learner(*sgd.learner(_NET, _TX))

    def experiment(numbers, divide=None):
        del divide
        world = worlds.paired(data, batch_size=_BATCH_SIZE, num_samples=numbers.get("n", _NUM_SAMPLES))
        return Experiment(learner, world, partial(build.views, {"": learner}, world))

    cells = {"n": np.array([_NUM_SAMPLES, len(data.train.x)], np.int32)}
    measured = tuple(
        evaluation.Eval(measure.__name__, measure, None) for measure in (evals.classification, evals.training)
    )
    test = as_numbers(data.test.x), data.test.y
    plan = Plan(("real", "ideal"), (), (Stage(0, cells, experiment),), measured, test, per_seed=False)
    compiled = programs(plan, 0, 1, Clock(), "sequential", 20)

    def whole():
        run = compiled.begin()
        records = [compiled.evaluate(0, run)[0]]
        for step in range(0, _NUM_STEPS, _SCHEDULE.log_every):
            run, _, _ = compiled.advance(step, run, _SCHEDULE.log_every)
            if evaluation.is_due(_SCHEDULE, step + _SCHEDULE.log_every):
                records.append(compiled.evaluate(step, run)[0])
        return jax.device_get([*records, compiled.evaluate(_NUM_STEPS, run)[0]])

    return whole, jax.tree.map(lambda leaf: jnp.asarray(np.asarray(leaf)[0]), compiled.begin().learner.params)


def _one_after_the_other(data: Data, start: dict) -> dict[str, list[dict]]:
    """-> the test scores of each world at each evaluation. The real world's train scores are computed, not returned."""
    rng, curves = np.random.default_rng(0), {}
    for world, num_samples in {"real": _NUM_SAMPLES, "ideal": len(data.train.x)}.items():
        train = Part(data.train.x[:num_samples], data.train.y[:num_samples])
        params, optimizer, batches = start, _TX.init(start), _loader(train, rng, endless=True)
        curves[world] = []
        for step in range(_NUM_STEPS + 1):
            if step % 64 == 0 or (step < 2048 and step % 8 == 0) or (step < 1024 and step % 4 == 0):
                curves[world].append(_mean_scores(params, _loader(data.test, rng)))
                _ = _mean_scores(params, _loader(train, rng)) if world == "real" else None
            params, optimizer, _ = _STEP(params, optimizer, *next(batches))
    return curves


def _loader(part: Part, rng: np.random.Generator, *, endless: bool = False) -> Iterator[tuple[np.ndarray, np.ndarray]]:
    while True:
        order = rng.permutation(len(part.x))
        for first in range(0, len(order), _BATCH_SIZE):
            index = order[first : first + _BATCH_SIZE]
            yield worlds.as_numbers(part.x[index]), part.y[index]
        if not endless:
            return


def _mean_scores(params: dict, batches: Iterator) -> dict[str, float]:
    scored = [(len(y), _score(params, x, y)) for x, y in batches]
    total = sum(size for size, _ in scored)
    return {name: sum(size * float(scores[name]) for size, scores in scored) / total for name in scored[0][1]}


@jax.jit
def _score(params, x, y):
    return bootstrap.scores(jax.nn.log_softmax(_FORWARD({"params": params}, x)), y)
