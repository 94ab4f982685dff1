"""Evolution: a genome by CMA-ES, from the accuracy that it reaches and without any gradient (Sandler 2021, §4.4).

The paper evolves for one network, a fixed number of batches, and the accuracy after them. Several networks, horizons
that differ and the accuracy along the whole way are ours.

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
    units: Any = None  # the units in which the strategy counts each gene; None: 1


class _Settings(NamedTuple):
    """The arguments of `learner`, with the strategy built."""

    init_genome: Callable
    networks: tuple[Sequence[int], ...]  # the sizes of each
    rule: Rule
    strategy: Strategy
    num_held_out: int
    relative: bool
    scale: float
    shortest: int | None
    along: bool
    divide: Callable


def learner(
    init_genome: Callable,
    sizes: Sequence[int] | Sequence[Sequence[int]],
    *,
    rule: Rule = Rule(),  # noqa: B008
    population: int = 80,
    num_held_out: int = 20,
    std: float = 0.1,
    relative: bool = False,
    scale: float = 1.0,
    shortest: int | None = None,
    along: bool = False,
    divide: Callable = undivided,
) -> tuple[Callable, Callable, Callable]:
    """A distribution of genomes that adapts to `Tasks`: (init, update, predict) of a Learner. One generation an update.

    Fitness is the mean accuracy on the held-out batches; 0 if the genome diverges on any task. The whole population
    learns the same batches from the same first synapses. Labels that are no classes: ValueError, or under jit
    metrics of NaN.

    init_genome: key -> genome, or a tuple of genomes, one for each layer: the first mean. sizes: neurons in each layer,
      the last the number of classes M; of several networks each generation draws one.
    std: of every gene in the first generation; the paper gives none. relative: in units of the gene's first absolute
      value, or of 0.1 where that is less, so that rates and transforms move alike.
    num_held_out: the last num_held_out batches of a task are predicted, the others learned. In the paper 20 are held
      out and 15 learned, of 128 examples each, and the population is 80.
    scale: of the synapses, see `network.init`.
    shortest: then a generation learns only so many batches or more, their number drawn log-uniformly. None: all.
    along: fitness is the mean accuracy on the batches as they are learned and on the held-out ones, where that after t
      steps counts 1 / (t + 10): the first steps as much as the next ten times as many.
    divide: see `inner_run.undivided`. The axes are "population" and "tasks".
    Metrics: accuracy, the mean fitness; best_accuracy; num_diverged, genomes; std, the step size of CMA-ES.
    """
    networks: tuple = tuple(sizes) if sizes and isinstance(sizes[0], Sequence) else (sizes,)
    for each in networks:
        check_sizes(each)
    check_counts(4, population=population)
    check_counts(num_held_out=num_held_out)
    check_numbers(above=0.0, std=std, scale=scale)
    rules.check(rule)
    shapes = jax.eval_shape(init_genome, jax.random.key(0))
    for each in networks:
        check_genomes(shapes, len(each))
    if shortest is not None:
        check_counts(shortest=shortest)
    of_genes = strategy(shapes, population, std)
    settings = _Settings(init_genome, networks, rule, of_genes, num_held_out, relative, scale, shortest, along, divide)
    return partial(_init, settings), partial(_update, settings), partial(_predict, settings)


def _init(settings, key, example):
    num_held_out, num_batches = settings.num_held_out, example.labels.shape[1]
    if num_batches <= num_held_out:
        raise ValueError(f"num_held_out={num_held_out} of {num_batches} batches leaves none to learn")
    if settings.shortest is not None and settings.shortest > num_batches - num_held_out:
        raise ValueError(f"shortest must be at most the {num_batches - num_held_out} batches that are learned")
    k_genome, k_strategy = jax.random.split(key)
    mean = settings.init_genome(k_genome)
    if not settings.relative:
        return State(settings.strategy.init(k_strategy, mean), mean)
    units = jax.tree.map(lambda gene: jnp.maximum(jnp.abs(gene), 0.1), mean)
    counted = jax.tree.map(jnp.divide, mean, units)
    return State(settings.strategy.init(k_strategy, counted), mean, units)


def _update(settings, key, state, batch):
    """One generation."""
    _, ask, tell, mean = settings.strategy
    k_ask, k_tell, k_synapses = jax.random.split(key, 3)
    k_shared = jax.random.fold_in(k_synapses, len(batch.labels))  # a child beside the tasks' own
    genomes, asked = ask(k_ask, settings.divide(state.strategy, None))
    each = settings.divide(jax.vmap(_in_units, (0, None))(genomes, state.units), "population")
    keys, tasks = settings.divide((jax.random.split(k_synapses, len(batch.labels)), batch), "tasks")
    shared = _shared(settings, k_shared, batch)
    fitness = jax.vmap(partial(_fitness, settings, keys, tasks, shared))(each)
    accuracies, is_well = settings.divide(fitness, None)
    told = tell(k_tell, asked, genomes, accuracies)
    metrics = {
        "accuracy": accuracies.mean(),
        "best_accuracy": accuracies.max(),
        "num_diverged": (~is_well).sum().astype(jnp.float32),
        "std": told.std,
    }
    are_classes = check_labels(batch.labels, settings.networks[0][-1])
    return State(told, _in_units(mean(told), state.units), state.units), loud(are_classes, metrics)


def _in_units(genome, units):
    """The genome whose genes are counted in these units."""
    return genome if units is None else jax.tree.map(lambda gene, unit: gene * unit, genome, units)


def _shared(settings, key, batch):
    """What all genomes of a generation share: which network, and how many batches they learn. The key is consumed."""
    k_network, k_horizon = jax.random.split(key)
    longest = batch.labels.shape[1] - settings.num_held_out
    which = jax.random.randint(k_network, (), 0, len(settings.networks), jnp.int32)
    if settings.shortest is None:
        return which, None
    low, high = (jnp.log(jnp.float32(steps)) for steps in (settings.shortest, longest + 1))
    horizon = jnp.exp(jax.random.uniform(k_horizon, (), jnp.float32, low, high))
    return which, jnp.minimum(horizon.astype(jnp.int32), longest)


def _fitness(settings, keys, tasks, shared, genome):
    """The accuracy of a genome, see `learner`, 0 if it diverges, and whether it does not."""
    logits, held_out = _learned(settings, keys, tasks, shared, genome)
    first, last = logits.shape[1], logits.shape[1] if shared[1] is None else shared[1]
    right = held_out.argmax(-1) == tasks.labels[:, first:]
    accuracy, is_well = right.mean(dtype=jnp.float32), jnp.isfinite(held_out).all()
    if settings.along:
        steps = jnp.arange(first + 1, dtype=jnp.float32)
        way = (logits.argmax(-1) == tasks.labels[:, :first]).mean(axis=(0, 2), dtype=jnp.float32)
        of_steps = jnp.where(steps < last, jnp.append(way, 0), accuracy)
        accuracy = jnp.average(of_steps, weights=jnp.where(steps <= last, 1 / (steps + 10), 0))
    return jnp.where(is_well, accuracy, 0.0), is_well


def _learned(settings, keys, tasks, shared, genome):
    """-> logits of the batches before they are learned, and of those held out, [T, S - H, B, M] and [T, H, B, M]."""
    which, horizon = shared
    first, rule = tasks.labels.shape[1] - settings.num_held_out, settings.rule

    def in_network(sizes):
        learn = partial(learn_task, sizes=sizes, rule=rule, scale=settings.scale, horizon=horizon)

        def one(key, inputs, labels):
            synapses, logits = learn(key, genome, inputs[:first], labels[:first])
            return logits, jax.vmap(lambda x: network.forward(genome, synapses, x, rule=rule)[-1][0])(inputs[first:])

        return jax.vmap(one)(keys, tasks.inputs, tasks.labels)

    if len(settings.networks) == 1:
        return in_network(settings.networks[0])
    return jax.lax.switch(which, [partial(in_network, sizes) for sizes in settings.networks])


def _predict(settings, state, tasks):
    """Tasks -> log-probabilities [T, B, M] of the last batches, by the mean genome, from fixed synapses.

    Of several networks it is the first one. It learns all batches but the held-out ones.
    """
    keys = jax.random.split(jax.random.key(0), len(tasks.labels))
    return jax.nn.log_softmax(_learned(settings, keys, tasks, (0, None), state.mean)[1][:, -1])
