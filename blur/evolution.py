"""Evolution: a genome by CMA-ES, from the accuracy that it reaches and without any gradient (Sandler 2021, §4.4).

The paper evolves all genes alike, for one network, a fixed number of batches, and the accuracy after them. Several
networks, horizons that differ, ranks along the whole way, a std for each gene and the comparison with the start are
ours.

Letters: B batch, G genes that vary, H held-out batches, M classes, P population, S batches of a task, T tasks,
W windows of steps.
"""

from collections.abc import Callable, Mapping, Sequence
from functools import partial
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np

from blur import genes, network
from blur import mixture as mixtures
from blur import rule as rules
from blur.inner_run import learn_task, undivided
from blur.mixture import Mixture
from blur.rule import Rule
from blur.settings import check_counts, check_labels, check_numbers, loud
from blur.strategies import Strategy, cma_es
from blur.task_world import Tasks


class State(NamedTuple):
    """A distribution of genomes, its mean, and where it began."""

    strategy: Any  # of `strategies`, over the G genes that vary, each in units of its std and from where it began
    mean: Any  # the mean, as a genome: the present estimate; the best genome ever drawn may just have been lucky
    start: Any  # the first mean
    lead: jax.Array | None  # [] by how much the mean has lately been more accurate than the start; None: not compared


class _Settings(NamedTuple):
    """The arguments of `learner`, with the strategy built."""

    init_genome: Callable
    mixture: Mixture
    rule: Rule
    strategy: Strategy
    std: np.ndarray  # of all genes of a genome; 0 where it stays as it began
    num_held_out: int
    scale: float
    along: bool
    keep_start: bool
    divide: Callable


def learner(
    init_genome: Callable,
    sizes: Sequence[int] | Sequence[Sequence[int]],
    *,
    rule: Rule = Rule(),  # noqa: B008
    population: int = 80,
    num_held_out: int = 20,
    std: float | Mapping = 0.1,
    scale: float = 1.0,
    batch_sizes: Sequence[int] | None = None,
    shortest: int | None = None,
    oldest: int | None = None,
    along: bool = False,
    keep_start: bool = False,
    divide: Callable = undivided,
) -> tuple[Callable, Callable, Callable]:
    """A distribution of genomes that adapts to `Tasks`: (init, update, predict) of a Learner. One generation an update.

    Fitness is the mean accuracy on the held-out batches; 0 if the genome diverges on any task. The whole population
    learns the same batches from the same first synapses. Labels that are no classes: ValueError, or under jit
    metrics of NaN.

    init_genome: key -> genome, or a tuple of genomes, one for each layer: the first mean. sizes: neurons in each layer,
      the last the number of classes M; of several networks each generation draws one.
    std: of every gene in the first generation; the paper gives none. By names of genes (see `genes.spread`): of those,
      and no other gene changes.
    num_held_out: the last num_held_out batches of a task are predicted, the others learned. In the paper 20 are held
      out and 15 learned, of 128 examples each, and the population is 80.
    scale: of the synapses, see `network.init`.
    batch_sizes: of each network; it learns the first so many examples of a batch. None: all.
    shortest: then a generation learns only so many batches or more, their number drawn log-uniformly. None: all.
    oldest: then its networks begin at an age of 0 to so many steps, drawn log-uniformly. None: at 0.
    along: the accuracy on the batches as they are learned counts as well. In windows of steps, 0 to 9, 10 to 19, 20 to
      39 and on, each twice as long, genomes are ranked by their mean accuracy, and fitness is the mean rank. So .01 in
      ten early steps counts no more than .001 in a hundred late ones, where as few genomes differ by more.
    keep_start: each generation's tasks are also learned by the mean and by the first mean, and as long as the mean is
      not the more accurate, `learned_genome` and predictions are of the first. For a start that is good already.
    divide: see `inner_run.undivided`. The axes are "population" and "tasks".
    Metrics: accuracy, its mean over the population; best_accuracy; num_diverged, genomes; std, the step size of CMA-ES
    in units of `std`; with keep_start, lead.
    """
    check_counts(4, population=population)
    check_counts(num_held_out=num_held_out)
    check_numbers(above=0.0, scale=scale)
    rules.check(rule)
    shapes = jax.eval_shape(init_genome, jax.random.key(0))
    mixture = mixtures.mixture(sizes, batch_sizes, shortest, oldest, lambda: shapes)
    of_genes = genes.spread(shapes, std)
    evolved = cma_es(jnp.zeros((of_genes > 0).sum(), jnp.float32), population, 1.0)
    settings = _Settings(init_genome, mixture, rule, evolved, of_genes, num_held_out, scale, along, keep_start, divide)
    return partial(_init, settings), partial(_update, settings), partial(_predict, settings)


def _init(settings, key, example):
    num_held_out, num_batches = settings.num_held_out, example.labels.shape[1]
    if num_batches <= num_held_out:
        raise ValueError(f"num_held_out={num_held_out} of {num_batches} batches leaves none to learn")
    mixtures.check_example(settings.mixture, example.labels, num_batches - num_held_out)
    k_genome, k_strategy = jax.random.split(key)
    start = settings.init_genome(k_genome)
    begun = settings.strategy.init(k_strategy, jnp.zeros((settings.std > 0).sum(), jnp.float32))
    return State(begun, start, start, jnp.zeros((), jnp.float32) if settings.keep_start else None)


def _update(settings, key, state, batch):
    """One generation."""
    are_classes = check_labels(batch.labels, settings.mixture.networks[0][-1])
    _, ask, tell, mean = settings.strategy
    k_ask, k_tell, k_synapses = jax.random.split(key, 3)
    k_shared = jax.random.fold_in(k_synapses, len(batch.labels))  # a child beside the tasks' own
    drawn, asked = ask(k_ask, settings.divide(state.strategy, None))
    genomes = jax.vmap(partial(genes.moved, state.start, settings.std))(drawn)
    if settings.keep_start:
        genomes = jax.tree.map(
            lambda *rows: jnp.concatenate([rows[0], jnp.stack(rows[1:])]), genomes, state.mean, state.start
        )
    each = settings.divide(genomes, "population")
    keys, tasks = settings.divide((jax.random.split(k_synapses, len(batch.labels)), batch), "tasks")
    shared = mixtures.draw(k_shared, settings.mixture, batch.labels.shape[1] - settings.num_held_out)
    measure = partial(_in_network, settings, keys, tasks, shared)
    accuracies, is_well = settings.divide(jax.vmap(measure)(each), None)
    fitness, ranks = jnp.nanmean(accuracies, axis=1), _mean_ranks(accuracies[: len(drawn)])
    told = tell(k_tell, asked, drawn, ranks)
    population = fitness[: len(drawn)]
    metrics = {
        "accuracy": population.mean(),
        "best_accuracy": population.max(),
        "num_diverged": (~is_well[: len(drawn)]).sum().astype(jnp.float32),
        "std": told.std,
    }
    lead = state.lead
    if settings.keep_start:
        lead += _RECENT * (fitness[-2] - fitness[-1] - lead)
        metrics["lead"] = lead
    state = State(told, genes.moved(state.start, settings.std, mean(told)), state.start, lead)
    return state, loud(are_classes, metrics)


def kept(state: State) -> Any:
    """The mean, or the start where both are compared and the mean is not ahead."""
    if state.lead is None:
        return state.mean
    return jax.tree.map(partial(jnp.where, state.lead > 0), state.mean, state.start)


def _in_network(settings, keys, tasks, shared, genome):
    """`_accuracies` in the network that was drawn."""

    def measure(sizes, inputs, labels):
        return _accuracies(settings, genome, sizes, keys, Tasks(inputs, labels), shared)

    return mixtures.in_network(settings.mixture, shared, measure, *tasks)


def _accuracies(settings, genome, sizes, keys, tasks, shared):
    """The accuracy of a genome in every window, see `learner`, and whether it does not diverge. -> [W], [].

    0 if it diverges, NaN in windows beyond the horizon. The last step is predicted on all that is held out. W is 1
    unless `along`.
    """
    logits, held_out = _learned(settings, genome, sizes, keys, tasks, shared.horizon, shared.age)
    first, last = logits.shape[1], logits.shape[1] if shared.horizon is None else shared.horizon
    right = held_out.argmax(-1) == tasks.labels[:, first:]
    accuracy, is_well = right.mean(dtype=jnp.float32)[None], jnp.isfinite(held_out).all()
    if settings.along:
        steps = np.arange(first + 1)
        way = (logits.argmax(-1) == tasks.labels[:, :first]).mean(axis=(0, 2), dtype=jnp.float32)
        of_steps = jnp.where(steps < last, jnp.append(way, 0), accuracy)
        windows = jax.nn.one_hot(_window(steps), _window(first) + 1, axis=0, dtype=jnp.float32) * (steps <= last)[None]
        lengths = windows.sum(axis=1)
        accuracy = jnp.where(lengths > 0, (windows @ of_steps) / jnp.maximum(lengths, 1), jnp.nan)
    return jnp.where(is_well, accuracy, 0 * accuracy), is_well


def _window(steps):
    """Which window a step is in: 0 to 9, 10 to 19, 20 to 39, .."""
    return np.ceil(np.log2((steps + 1) / 10)).clip(0).astype(int)


def _mean_ranks(accuracies):
    """Of every genome, the mean rank over the windows that were reached, the greatest the best. [P, W] -> [P]."""
    reached = ~jnp.isnan(accuracies[0])
    ranks = jax.scipy.stats.rankdata(jnp.nan_to_num(accuracies), axis=0)
    return (ranks @ reached / reached.sum()).astype(jnp.float32)


def _learned(settings, genome, sizes, keys, tasks, horizon=None, age=0):
    """-> logits of the batches before they are learned, and of those held out, [T, S - H, B, M] and [T, H, B, M]."""
    first, rule = tasks.labels.shape[1] - settings.num_held_out, settings.rule
    learn = partial(learn_task, sizes=sizes, rule=rule, scale=settings.scale, horizon=horizon, age=age)

    def one(key, inputs, labels):
        synapses, logits = learn(key, genome, inputs[:first], labels[:first])
        return logits, jax.vmap(lambda x: network.forward(genome, synapses, x, rule=rule)[-1][0])(inputs[first:])

    return jax.vmap(one)(keys, tasks.inputs, tasks.labels)


def _predict(settings, state, tasks):
    """Tasks -> log-probabilities [T, B, M] of the last batches, by the genome that is kept, from fixed synapses.

    Of several networks it is the first one. It learns all batches but the held-out ones.
    """
    keys = jax.random.split(jax.random.key(0), len(tasks.labels))
    held_out = _learned(settings, kept(state), settings.mixture.networks[0], keys, tasks)[1]
    return jax.nn.log_softmax(held_out[:, -1])


_RECENT = 0.1  # how much of `State.lead` each generation makes up
