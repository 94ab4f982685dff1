"""Evolution: a genome by CMA-ES, from the accuracy that it reaches and without any gradient (Sandler 2021, §4.4).

Letters: B batch, H held-out batches, M classes, P population, S batches of a task, T tasks.
"""

from collections.abc import Callable, Sequence
from functools import partial
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp

from blur import network
from blur import rule as rules
from blur.cma_es import Strategy, strategy
from blur.genome import check_genomes
from blur.inner_run import learn_task, undivided
from blur.rule import Rule
from blur.settings import check_counts, check_labels, check_numbers, check_sizes, loud


class State(NamedTuple):
    """A distribution of genomes, and its mean."""

    strategy: Any  # of `cma_es`: mean, step size and covariance of the genes, and the paths of both
    mean: Any  # the mean, as a genome: the present estimate; the best genome ever drawn may just have been lucky


class _Settings(NamedTuple):
    """The arguments of `learner`, with the strategy built."""

    init_genome: Callable
    sizes: Sequence[int]
    rule: Rule
    strategy: Strategy
    num_held_out: int
    scale: float
    divide: Callable


def learner(
    init_genome: Callable,
    sizes: Sequence[int],
    *,
    rule: Rule = Rule(),  # noqa: B008
    population: int = 80,
    num_held_out: int = 20,
    std: float = 0.1,
    scale: float = 1.0,
    divide: Callable = undivided,
) -> tuple[Callable, Callable, Callable]:
    """A distribution of genomes that adapts to `Tasks`: (init, update, predict) of a Learner. One generation an update.

    Fitness is the mean accuracy on the held-out batches; 0 if the genome diverges on any task. The whole population
    learns the same batches from the same first synapses. Labels that are no classes: ValueError, or under jit
    metrics of NaN.

    init_genome: key -> genome, or a tuple of genomes, one for each layer: the first mean. sizes: neurons in each layer,
      the last the number of classes M. std: of every gene in the first generation; the paper gives none.
    num_held_out: the last num_held_out batches of a task are predicted, the others learned. In the paper 20 are held
      out and 15 learned, of 128 examples each, and the population is 80.
    scale: of the synapses, see `network.init`.
    divide: see `inner_run.undivided`. The axes are "population" and "tasks".
    Metrics: accuracy, the mean fitness; best_accuracy; num_diverged, genomes; std, the step size of CMA-ES.
    """
    check_sizes(sizes)
    check_counts(4, population=population)
    check_counts(num_held_out=num_held_out)
    check_numbers(above=0.0, std=std, scale=scale)
    rules.check(rule)
    shapes = jax.eval_shape(init_genome, jax.random.key(0))
    check_genomes(shapes, len(sizes))
    settings = _Settings(init_genome, sizes, rule, strategy(shapes, population, std), num_held_out, scale, divide)
    return partial(_init, settings), partial(_update, settings), partial(_predict, settings)


def _init(settings, key, example):
    num_held_out, num_batches = settings.num_held_out, example.labels.shape[1]
    if num_batches <= num_held_out:
        raise ValueError(f"num_held_out={num_held_out} of {num_batches} batches leaves none to learn")
    k_genome, k_strategy = jax.random.split(key)
    mean = settings.init_genome(k_genome)
    return State(settings.strategy.init(k_strategy, mean), mean)


def _update(settings, key, state, batch):
    """One generation."""
    _, ask, tell, mean = settings.strategy
    k_ask, k_tell, k_synapses = jax.random.split(key, 3)
    genomes, asked = ask(k_ask, settings.divide(state.strategy, None))
    each = settings.divide(genomes, "population")
    keys, tasks = settings.divide((jax.random.split(k_synapses, len(batch.labels)), batch), "tasks")
    fitness = jax.vmap(partial(_fitness, settings, keys, tasks))(each)
    accuracies, is_well = settings.divide(fitness, None)
    told = tell(k_tell, asked, genomes, accuracies)
    metrics = {
        "accuracy": accuracies.mean(),
        "best_accuracy": accuracies.max(),
        "num_diverged": (~is_well).sum().astype(jnp.float32),
        "std": told.std,
    }
    are_classes = check_labels(batch.labels, settings.sizes[-1])
    return State(told, mean(told)), loud(are_classes, metrics)


def _fitness(settings, keys, tasks, genome):
    """The mean accuracy of a genome on the held-out batches, 0 if it diverges, and whether it does not."""
    logits = _held_out(settings, keys, tasks, genome)
    accuracy = (logits.argmax(-1) == tasks.labels[:, -settings.num_held_out :]).mean(dtype=jnp.float32)
    is_well = jnp.isfinite(logits).all()
    return jnp.where(is_well, accuracy, 0.0), is_well


def _held_out(settings, keys, tasks, genome):
    """-> logits [T, H, B, M]: a fresh network for each task, after it has learned the other batches."""
    _, sizes, rule, _, num_held_out, scale, _ = settings

    def one(key, inputs, labels):
        learned, held_out = inputs[:-num_held_out], inputs[-num_held_out:]
        synapses, _ = learn_task(key, genome, learned, labels[:-num_held_out], sizes, rule=rule, scale=scale)
        return jax.vmap(lambda x: network.forward(genome, synapses, x, rule=rule)[-1][0])(held_out)

    return jax.vmap(one)(keys, tasks.inputs, tasks.labels)


def _predict(settings, state, tasks):
    """Tasks -> log-probabilities [T, B, M] of the last batches, by the mean genome, from fixed synapses."""
    keys = jax.random.split(jax.random.key(0), len(tasks.labels))
    return jax.nn.log_softmax(_held_out(settings, keys, tasks, state.mean)[:, -1])
