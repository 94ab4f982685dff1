"""The meta-learner: genomes learn by gradient descent through the learning of networks (Sandler 2021, §3.3).

Letters: B batch, D inputs, M classes, P population, S batches of a task, T tasks.
"""

from collections.abc import Callable, Sequence
from functools import partial
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import optax

from blur import mixture as mixtures
from blur import rule as rules
from blur.inner_run import adapt, map_tasks, undivided
from blur.mixture import Mixture
from blur.rule import Rule
from blur.settings import check_counts, check_labels, check_numbers, loud

_SCORE_DECAY = 0.99  # of the running mean of a genome's loss, for each meta-step; the paper gives none


class State(NamedTuple):
    """A population of genomes, and what is known of each."""

    count: jax.Array  # [] int32, meta-steps taken
    genomes: Any  # a leading axis P on every leaf
    optimizer: optax.OptState  # a leading axis P on every leaf
    scores: jax.Array  # [P], running mean of the loss in nats; a genome that diverges counts as one that guesses
    num_diverged: jax.Array  # [P] int32, the last meta-steps, in a row, in which a genome has diverged
    num_skipped: jax.Array  # [] int32, steps of single genomes that were not taken
    num_reset: jax.Array  # [] int32, genomes that were replaced


class _Settings(NamedTuple):
    """The arguments of `meta_learner`, with the optimiser built."""

    init_genome: Callable
    mixture: Mixture
    rule: Rule
    population: int
    scale: float
    tx: optax.GradientTransformation
    num_scored: int
    synchronise_every: int | None
    reset_after: int
    sequential: bool
    divide: Callable


def meta_learner(
    init_genome: Callable,
    sizes: Sequence[int] | Sequence[Sequence[int]],
    *,
    rule: Rule = Rule(),  # noqa: B008
    population: int = 8,
    scale: float = 1.0,
    batch_sizes: Sequence[int] | None = None,
    shortest: int | None = None,
    oldest: int | None = None,
    learning_rate: float | optax.Schedule = 5e-4,
    clip: float = 10.0,
    num_scored: int = 1,
    synchronise_every: int | None = None,
    reset_after: int = 10,
    sequential: bool = False,
    divide: Callable = undivided,
) -> tuple[Callable, Callable, Callable]:
    """A population of genomes that learns from `Tasks`: (init, update, predict) of a Learner.

    A meta-step unrolls every genome on every task, from fresh synapses, and descends on the cross-entropy of the
    held-out batch. Constants of Adam, global norm clipping and population are the paper's (App. C.1, C.4).

    init_genome: key -> genome, or a tuple of genomes, one for each layer. sizes: neurons in each layer, the last M; of
      several networks each meta-step draws one, and predictions are by the first. batch_sizes: of each network; it
      learns the first so many examples of a batch. None: all.
    shortest: then a meta-step learns only so many batches or more, their number drawn log-uniformly. None: all.
    oldest: then its networks begin at an age of 0 to so many steps, drawn log-uniformly. None: at 0.
    scale: of the synapses, see `network.init`. learning_rate: of Adam; a schedule counts the steps of the genome.
    num_scored: the loss is the mean over the last num_scored predictions of a task. The paper's 1, the held-out batch,
      rewards the end of the run; more reward speed.
    synchronise_every: meta-steps after which all genomes become the best one (App. C.4).
    reset_after: a genome whose loss or gradient is not finite skips the step. After this many in a row it becomes the
      best genome, or a fresh one if all have diverged.
    sequential: genomes and tasks one after another, see `map_tasks`; on several devices, side by side.
    divide: see `inner_run.undivided`. The axes are "population" and "tasks".
    Labels that are no classes: ValueError, or under jit metrics of NaN.
    Metrics: loss in nats and accuracy of the genome that was best before the step, mean loss of all genomes, and the
    numbers of skipped steps and of replaced genomes so far.
    """
    check_counts(population=population, num_scored=num_scored, reset_after=reset_after)
    if synchronise_every is not None:
        check_counts(synchronise_every=synchronise_every)
    check_numbers(above=0.0, scale=scale, clip=clip)
    if not callable(learning_rate):
        check_numbers(0.0, learning_rate=learning_rate)
    rules.check(rule)
    mixture = mixtures.mixture(
        sizes, batch_sizes, shortest, oldest, lambda: jax.eval_shape(init_genome, jax.random.key(0))
    )
    tx = optax.chain(optax.clip_by_global_norm(clip), optax.adam(learning_rate))
    sequential = sequential and divide is undivided
    settings = _Settings(
        init_genome,
        mixture,
        rule,
        population,
        scale,
        tx,
        num_scored,
        synchronise_every,
        reset_after,
        sequential,
        divide,
    )
    return partial(_init, settings), partial(_update, settings), partial(_predict, settings)


def _init(settings, key, example):
    if settings.num_scored > (num_batches := example.labels.shape[1]):
        raise ValueError(f"num_scored must be at most the batches of a task, {num_batches}; got {settings.num_scored}")
    mixtures.check_example(settings.mixture, example.labels, num_batches - 1)
    zero = jnp.zeros((), jnp.int32)
    return State(zero, *_fresh(settings, key), zero, zero)


def _fresh(settings, key):
    """Fresh (genomes, optimizer, scores, num_diverged). The scores are those of guessing."""
    population = settings.population
    genomes = jax.vmap(settings.init_genome)(jax.random.split(key, population))
    scores = jnp.full((population,), jnp.log(_num_classes(settings)), jnp.float32)
    return genomes, jax.vmap(settings.tx.init)(genomes), scores, jnp.zeros((population,), jnp.int32)


def _update(settings, key, state, batch):
    """One meta-step."""
    state = settings.divide(state, None)
    are_classes = check_labels(batch.labels, _num_classes(settings))
    k_synapses, k_fresh = jax.random.split(key)
    keys = jax.random.split(k_synapses, settings.population)
    each = settings.divide((keys, state.genomes, state.optimizer), "population")
    k_shared = jax.random.fold_in(k_synapses, settings.population)  # a child beside those of the genomes
    shared = mixtures.draw(k_shared, settings.mixture, batch.labels.shape[1] - 1)
    descend = partial(_descend, settings, settings.divide(batch, "tasks"), shared)
    descended = map_tasks(descend, each, sequential=settings.sequential)
    after, losses, accuracies, is_well = settings.divide(descended, None)
    best = _best(state.scores, state.num_diverged)
    scores = _SCORE_DECAY * state.scores + (1 - _SCORE_DECAY) * losses
    num_diverged = jnp.where(is_well, 0, state.num_diverged + 1)
    num_skipped = state.num_skipped + (~is_well).sum(dtype=jnp.int32)
    num_reset = state.num_reset + (num_diverged >= settings.reset_after).sum(dtype=jnp.int32)
    metrics = {
        "loss": losses[best],
        "accuracy": accuracies[best],
        "population_loss": losses.mean(),
        "num_skipped": num_skipped.astype(jnp.float32),
        "num_reset": num_reset.astype(jnp.float32),
    }
    (genomes, optimizer), count = after, state.count + 1
    state = State(count, genomes, optimizer, scores, num_diverged, num_skipped, num_reset)
    state = settings.divide(_begin_again(settings, k_fresh, _copy_best(settings, state)), None)
    return state, loud(are_classes, metrics)


def _descend(settings, tasks, shared, key, genome, optimizer):
    """One genome's step -> ((genome, optimizer) after it, held-out loss and accuracy, whether all of it is finite).

    If not, genome and optimizer stay as they are, and loss and accuracy are those of guessing.
    """
    before, keys = (genome, optimizer), settings.divide(jax.random.split(key, len(tasks.labels)), "tasks")
    one = partial(jax.value_and_grad(partial(_loss, settings, shared), has_aux=True), genome)
    of_tasks = map_tasks(one, (keys, tasks.inputs, tasks.labels), sequential=settings.sequential)
    (value, accuracy), gradient = jax.tree.map(lambda leaf: leaf.mean(axis=0), of_tasks)
    is_well = jnp.isfinite(value) & jnp.isfinite(optax.tree.norm(gradient))
    updates, moved = settings.tx.update(gradient, optimizer, genome)
    after = optax.apply_updates(genome, updates), moved
    value = jnp.where(is_well, value, jnp.log(_num_classes(settings)))
    accuracy = jnp.where(is_well, accuracy, 1 / _num_classes(settings))
    return _select(is_well, after, before), value, accuracy, is_well


def _loss(settings, shared, genome, key, inputs, labels):
    """One task: the mean cross-entropy of the scored batches, and the accuracy on the held-out one."""

    def measure(sizes, inputs, labels):
        within = {"rule": settings.rule, "scale": settings.scale, "horizon": shared.horizon, "age": shared.age}
        logits = adapt(key, genome, inputs, labels, sizes, **within)
        losses = optax.softmax_cross_entropy_with_integer_labels(logits, labels).mean(axis=1)
        accuracy = (logits[-1].argmax(-1) == labels[-1]).mean(dtype=jnp.float32)
        return jnp.average(losses, weights=_scored(settings, len(losses), shared.horizon)), accuracy

    return mixtures.in_network(settings.mixture, shared, measure, inputs, labels)


def _scored(settings, num_batches, horizon):
    """Which predictions of a task count: the held-out one and those before it, as far as they were learned. [S]."""
    steps = jnp.arange(num_batches, dtype=jnp.int32)
    last = num_batches - 1 if horizon is None else horizon
    before = (steps < last) & (steps > last - settings.num_scored)
    return (before | (steps == num_batches - 1)).astype(jnp.float32)


def _num_classes(settings):
    return settings.mixture.networks[0][-1]


def _copy_best(settings, state):
    """Lost genomes become the best of those that are well; so do all genomes, every synchronise_every meta-steps."""
    is_well, copies = state.num_diverged == 0, state.num_diverged >= settings.reset_after
    if settings.synchronise_every is not None:
        copies |= state.count % settings.synchronise_every == 0
    best = _best(state.scores, state.num_diverged)
    source = jnp.where(copies & is_well.any(), best, jnp.arange(settings.population))
    of_members = state.genomes, state.optimizer, state.scores, state.num_diverged
    genomes, optimizer, scores, num_diverged = jax.tree.map(lambda leaf: leaf[source], of_members)
    return State(state.count, genomes, optimizer, scores, num_diverged, state.num_skipped, state.num_reset)


def _begin_again(settings, key, state):
    """If all genomes have diverged, the lost ones become fresh ones. The key is consumed."""
    is_lost, is_well = state.num_diverged >= settings.reset_after, state.num_diverged == 0
    of_members = state.genomes, state.optimizer, state.scores, state.num_diverged
    selected = jax.vmap(_select)(is_lost & ~is_well.any(), _fresh(settings, key), of_members)
    genomes, optimizer, scores, num_diverged = selected
    return State(state.count, genomes, optimizer, scores, num_diverged, state.num_skipped, state.num_reset)


def _predict(settings, state, tasks):
    """Tasks -> log-probabilities [T, B, M] of the held-out batches, by the best genome, from fixed synapses."""
    sizes, rule, scale = settings.mixture.networks[0], settings.rule, settings.scale
    genome = best_genome(state)

    def one(key, inputs, labels):
        return jax.nn.log_softmax(adapt(key, genome, inputs, labels, sizes, rule=rule, scale=scale)[-1])

    return jax.vmap(one)(jax.random.split(jax.random.key(0), len(tasks.labels)), tasks.inputs, tasks.labels)


def best_genome(state: State) -> Any:
    """The genome of the lowest score among those that are well."""
    best = _best(state.scores, state.num_diverged)
    return jax.tree.map(lambda leaf: leaf[best], state.genomes)


def _best(scores: jax.Array, num_diverged: jax.Array) -> jax.Array:
    """The index of the lowest score among the genomes that are well."""
    return jnp.where(num_diverged == 0, scores, jnp.inf).argmin()


def _select(condition: jax.Array, one: Any, other: Any) -> Any:
    return jax.tree.map(lambda one, other: jnp.where(condition, one, other), one, other)
