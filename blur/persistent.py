"""Persistent evolution strategies: a genome from long runs, of which every update learns a part (not in Sandler 2021).

`evolution` learns its tasks whole before it moves. Here the networks stay, and an update goes on with them; what a
genome of the population has been moved by since the run began counts for the loss of this part, so the estimate of the
gradient is that of the whole run (Vicol, Metz & Sohl-Dickstein 2021, arXiv 2112.13835).

As in `evolution`, runs may differ: in their network, batch size, length and age at the start.

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
from blur import mixture as mixtures
from blur import rule as rules
from blur.inner_run import undivided, unroll
from blur.mixture import Mixture
from blur.rule import Rule
from blur.settings import check_counts, check_labels, check_numbers, loud
from blur.strategies import Strategy, persistent
from blur.task_world import Tasks


class State(NamedTuple):
    """A genome, and the networks in which its perturbations learn."""

    count: jax.Array  # [] int32, updates
    strategy: Any  # evosax's: mean and Adam's means of G genes, each in units of its std and from where it began
    mean: Any  # the mean, as a genome
    start: Any  # the first mean
    networks: tuple  # of each network there is, its synapses, with leading axes P and T on every leaf
    which: jax.Array  # [] int32, the network of the present run; the others rest
    num_left: jax.Array  # [] int32, parts of the present run; 0: the next update begins one


class _Settings(NamedTuple):
    """The arguments of `learner`, with the strategy built."""

    init_genome: Callable
    mixture: Mixture
    rule: Rule
    strategy: Strategy
    std: np.ndarray
    population: int
    num_parts: int
    scale: float
    divide: Callable


def learner(
    init_genome: Callable,
    sizes: Sequence[int] | Sequence[Sequence[int]],
    *,
    rule: Rule = Rule(),  # noqa: B008
    population: int = 16,
    std: float | Mapping = 0.1,
    learning_rate: float = 0.1,
    num_parts: int,
    scale: float = 1.0,
    batch_sizes: Sequence[int] | None = None,
    shortest: int | None = None,
    oldest: int | None = None,
    divide: Callable = undivided,
) -> tuple[Callable, Callable, Callable]:
    """A genome that descends on the loss of long runs: (init, update, predict) of a Learner. One part an update.

    The loss is the mean cross-entropy of the batches of all tasks, each before it is learned; that of guessing for a
    genome that diverges. All genomes learn the same batches from the same first synapses. Half of the population is
    moved by noise, half by its opposite.

    num_parts: of a task, as of the World; a run ends with it at the latest, and then all networks begin again.
    shortest: then a run has only so many parts or more, their number drawn log-uniformly, as far as the task has them.
      None: all of the task's.
    std: of the noise, as of `evolution.learner`. learning_rate: of Adam, in units of std.
    init_genome, sizes, rule, population, scale, batch_sizes, oldest, divide: as of `evolution.learner`, for a run where
      that has a generation; no kept neurons.
    Metrics: loss and accuracy, means over the population; num_diverged, genomes.
    """
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
    mixture = mixtures.mixture(sizes, batch_sizes, shortest, oldest, lambda: shapes)
    of_genes = genes.spread(shapes, std)
    strategy = persistent(int((of_genes > 0).sum()), population, learning_rate)
    settings = _Settings(init_genome, mixture, rule, strategy, of_genes, population, num_parts, scale, divide)
    return partial(_init, settings), partial(_update, settings), partial(_predict, settings)


def _init(settings, key, example):
    mixtures.check_example(settings.mixture, example.labels, settings.num_parts, "parts")
    k_genome, k_strategy, k_networks = jax.random.split(key, 3)
    start = settings.init_genome(k_genome)
    begun = settings.strategy.init(k_strategy, jnp.zeros((settings.std > 0).sum(), jnp.float32))
    genomes = jax.tree.map(lambda gene: jnp.broadcast_to(gene, (settings.population, *jnp.shape(gene))), start)
    keys = jax.random.split(k_networks, (len(settings.mixture.networks), len(example.labels)))
    networks = tuple(
        _fresh(settings, of_network, sizes, genomes, example.inputs)
        for of_network, sizes in zip(keys, settings.mixture.networks, strict=True)
    )
    zero = jnp.zeros((), jnp.int32)
    return State(zero, begun, start, start, networks, zero, zero)


def _fresh(settings, keys, sizes, genomes, inputs, age=0):
    """First synapses, [P, T, ..]: the same for all genomes, but for a gene of their scale. keys [T]."""

    def begin(genome, key):
        within = {"rule": settings.rule, "scale": settings.scale, "age": age}
        return network.begin(key, genome, inputs.shape[-1], sizes, **within)

    return jax.vmap(lambda genome: jax.vmap(partial(begin, genome))(keys))(genomes)


def _update(settings, key, state, batch):
    """One part."""
    are_classes = check_labels(batch.labels, _num_classes(settings))
    k_ask, k_tell, k_networks = jax.random.split(key, 3)
    drawn, asked = settings.strategy.ask(k_ask, settings.divide(state.strategy, None))
    genomes = jax.vmap(partial(genes.moved, state.start, settings.std))(drawn)
    k_run = jax.random.fold_in(k_networks, len(batch.labels))  # a child beside the tasks' own
    longest = settings.num_parts - state.count % settings.num_parts
    run = mixtures.draw(k_run, settings.mixture, longest)
    begins, length = state.num_left == 0, longest if run.horizon is None else run.horizon
    run = run._replace(which=jnp.where(begins, run.which, state.which))
    num_left = jnp.where(begins, length, state.num_left) - 1
    each = settings.divide((genomes, state.networks), "population")
    keys, tasks = settings.divide((jax.random.split(k_networks, len(batch.labels)), batch), "tasks")
    networks, losses, accuracies = settings.divide(_learn_part(settings, keys, begins, run, tasks, *each), None)
    is_well = jnp.isfinite(losses)
    losses = jnp.where(is_well, losses, jnp.log(_num_classes(settings)))
    told = settings.strategy.tell(k_tell, asked, drawn, losses, num_left == 0)
    metrics = {
        "loss": losses.mean(),
        "accuracy": accuracies.mean(),
        "num_diverged": (~is_well).sum().astype(jnp.float32),
    }
    mean = genes.moved(state.start, settings.std, settings.strategy.mean(told))
    return State(state.count + 1, told, mean, state.start, networks, run.which, num_left), loud(are_classes, metrics)


def _learn_part(settings, keys, begins, run, tasks, genomes, networks):
    """`_learned` by every genome, in the network of this run, begun afresh where the run begins. The others rest."""

    def learn(sizes, inputs, labels):
        i = settings.mixture.networks.index(sizes)
        fresh = _fresh(settings, keys, sizes, genomes, inputs, run.age)
        here = jax.tree.map(partial(jnp.where, begins), fresh, networks[i])
        learned, *scores = jax.vmap(partial(_learned, settings, Tasks(inputs, labels)))(genomes, here)
        return (*networks[:i], learned, *networks[i + 1 :]), *scores

    return mixtures.in_network(settings.mixture, run, learn, *tasks)


def _num_classes(settings):
    return settings.mixture.networks[0][-1]


def _learned(settings, tasks, genome, networks):
    """A genome's networks after a part, and loss and accuracy of its batches before each is learned.

    The last batch of `tasks` is the first of the next part.
    """
    targets = jax.nn.one_hot(tasks.labels[:, :-1], _num_classes(settings), dtype=jnp.float32)
    learn = partial(unroll, genome, rule=settings.rule)
    networks, logits = jax.vmap(learn)(networks, tasks.inputs[:, :-1], targets)
    loss = optax.softmax_cross_entropy(logits, targets).mean()
    return networks, loss, (logits.argmax(-1) == tasks.labels[:, :-1]).mean(dtype=jnp.float32)


def _predict(settings, state, tasks):
    """Tasks -> log-probabilities [T, B, M] of the last batches, by the mean genome, from fixed synapses.

    Of several networks it is the first one.
    """
    mean = jax.tree.map(lambda gene: gene[None], state.mean)
    keys, sizes = jax.random.split(jax.random.key(0), len(tasks.labels)), settings.mixture.networks[0]
    networks = jax.tree.map(lambda leaf: leaf[0], _fresh(settings, keys, sizes, mean, tasks.inputs))
    learned, _, _ = _learned(settings, tasks, state.mean, networks)

    def predict(synapses, x):
        return jax.nn.log_softmax(network.forward(state.mean, synapses, x, rule=settings.rule)[-1][0])

    return jax.vmap(predict)(learned, tasks.inputs[:, -1])
