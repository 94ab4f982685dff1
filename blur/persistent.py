"""Persistent evolution strategies: a genome from long runs, of which every update learns a part (not in Sandler 2021).

`evolution` learns its tasks whole before it moves. Here the networks stay, and an update goes on with them; what a
genome of the population has been moved by since the run began counts for the loss of this part, so the estimate of the
gradient is that of the whole run (Vicol, Metz & Sohl-Dickstein 2021, arXiv 2112.13835).

Letters: B batch, G genes that vary, M classes, P population, S batches of a part, T tasks.
"""

from collections.abc import Callable, Mapping, Sequence
from functools import partial
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
import optax

from blur import genes, network
from blur import rule as rules
from blur.genome import check_genomes
from blur.inner_run import undivided, unroll
from blur.rule import Rule
from blur.settings import check_counts, check_labels, check_numbers, check_sizes, loud
from blur.strategies import Strategy, persistent


class State(NamedTuple):
    """A genome, and the networks in which its perturbations learn."""

    count: jax.Array  # [] int32, updates
    strategy: Any  # evosax's: mean and Adam's means of G genes, each in units of its std and from where it began
    mean: Any  # the mean, as a genome
    start: Any  # the first mean
    networks: Any  # synapses, with leading axes P and T on every leaf


class _Settings(NamedTuple):
    """The arguments of `learner`, with the strategy built."""

    init_genome: Callable
    sizes: Sequence[int]
    rule: Rule
    strategy: Strategy
    std: np.ndarray
    population: int
    num_parts: int
    scale: float
    divide: Callable


def learner(
    init_genome: Callable,
    sizes: Sequence[int],
    *,
    rule: Rule = Rule(),  # noqa: B008
    population: int = 16,
    std: float | Mapping = 0.1,
    learning_rate: float = 0.1,
    num_parts: int,
    scale: float = 1.0,
    divide: Callable = undivided,
) -> tuple[Callable, Callable, Callable]:
    """A genome that descends on the loss of long runs: (init, update, predict) of a Learner. One part an update.

    The loss is the mean cross-entropy of the batches of all tasks, each before it is learned; that of guessing for a
    genome that diverges. All genomes learn the same batches from the same first synapses. Half of the population is
    moved by noise, half by its opposite.

    num_parts: of a run, as of the World; after so many updates all networks begin again.
    std: of the noise, as of `evolution.learner`. learning_rate: of Adam, in units of std.
    init_genome, sizes, rule, population, scale, divide: as of `evolution.learner`; one network, and no kept neurons.
    Metrics: loss and accuracy, means over the population; num_diverged, genomes.
    """
    check_sizes(sizes)
    check_counts(2, population=population)
    check_counts(num_parts=num_parts)
    check_numbers(above=0.0, scale=scale, learning_rate=learning_rate)
    rules.check(rule)
    if population % 2:
        raise ValueError(f"population must be even, each genome has its opposite; got {population}")
    if rule.keep_neurons:
        raise ValueError(
            "neurons are not kept from one part to the next: a rule with keep_neurons cannot be learned so"
        )
    shapes = jax.eval_shape(init_genome, jax.random.key(0))
    check_genomes(shapes, len(sizes))
    of_genes = genes.spread(shapes, std)
    strategy = persistent(int((of_genes > 0).sum()), population, learning_rate, num_parts)
    settings = _Settings(init_genome, sizes, rule, strategy, of_genes, population, num_parts, scale, divide)
    return partial(_init, settings), partial(_update, settings), partial(_predict, settings)


def _init(settings, key, example):
    k_genome, k_strategy, k_networks = jax.random.split(key, 3)
    start = settings.init_genome(k_genome)
    begun = settings.strategy.init(k_strategy, jnp.zeros((settings.std > 0).sum(), jnp.float32))
    genomes = jax.tree.map(lambda gene: jnp.broadcast_to(gene, (settings.population, *gene.shape)), start)
    networks = _fresh(settings, k_networks, genomes, example)
    return State(jnp.zeros((), jnp.int32), begun, start, start, networks)


def _fresh(settings, key, genomes, tasks):
    """First synapses, [P, T, ..]: the same for all genomes, but for a gene of their scale. The key is consumed."""
    keys, dim = jax.random.split(key, len(tasks.labels)), tasks.inputs.shape[-1]
    begin = partial(network.begin, rule=settings.rule, scale=settings.scale)
    return jax.vmap(lambda genome: jax.vmap(lambda key: begin(key, genome, dim, settings.sizes))(keys))(genomes)


def _update(settings, key, state, batch):
    """One part."""
    k_ask, k_tell, k_networks = jax.random.split(key, 3)
    drawn, asked = settings.strategy.ask(k_ask, settings.divide(state.strategy, None))
    genomes = jax.vmap(partial(genes.moved, state.start, settings.std))(drawn)
    begins = state.count % settings.num_parts == 0
    fresh = _fresh(settings, k_networks, genomes, batch)
    networks = jax.tree.map(partial(jnp.where, begins), fresh, state.networks)
    each = settings.divide((genomes, networks), "population")
    networks, losses, accuracies = jax.vmap(partial(_learned, settings, settings.divide(batch, "tasks")))(*each)
    losses, accuracies = settings.divide((losses, accuracies), None)
    is_well = jnp.isfinite(losses)
    losses = jnp.where(is_well, losses, jnp.log(settings.sizes[-1]))
    told = settings.strategy.tell(k_tell, asked, drawn, losses)
    metrics = {
        "loss": losses.mean(),
        "accuracy": accuracies.mean(),
        "num_diverged": (~is_well).sum().astype(jnp.float32),
    }
    mean = genes.moved(state.start, settings.std, settings.strategy.mean(told))
    are_classes = check_labels(batch.labels, settings.sizes[-1])
    return State(state.count + 1, told, mean, state.start, networks), loud(are_classes, metrics)


def _learned(settings, tasks, genome, networks):
    """A genome's networks after a part, and loss and accuracy of its batches before each is learned.

    The last batch of `tasks` is the first of the next part.
    """
    targets = jax.nn.one_hot(tasks.labels[:, :-1], settings.sizes[-1], dtype=jnp.float32)
    learn = partial(unroll, genome, rule=settings.rule)
    networks, logits = jax.vmap(learn)(networks, tasks.inputs[:, :-1], targets)
    loss = optax.softmax_cross_entropy(logits, targets).mean()
    return networks, loss, (logits.argmax(-1) == tasks.labels[:, :-1]).mean(dtype=jnp.float32)


def _predict(settings, state, tasks):
    """Tasks -> log-probabilities [T, B, M] of the last batches, by the mean genome, from fixed synapses."""
    mean = jax.tree.map(lambda gene: gene[None], state.mean)
    networks = jax.tree.map(lambda leaf: leaf[0], _fresh(settings, jax.random.key(0), mean, tasks))
    learned, _, _ = _learned(settings, tasks, state.mean, networks)

    def predict(synapses, x):
        return jax.nn.log_softmax(network.forward(state.mean, synapses, x, rule=settings.rule)[-1][0])

    return jax.vmap(predict)(learned, tasks.inputs[:, -1])
