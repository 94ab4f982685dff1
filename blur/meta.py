"""The meta-learner: genomes learn by gradient descent through the learning of networks (Sandler 2021, §3.3).

Letters: B batch, D inputs, M classes, P population, S batches of a task, T tasks.
"""

from collections.abc import Callable, Sequence
from functools import partial
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import optax

from blur import network
from blur.genome import Genome
from blur.rule import Rule
from blur.unroll import each, unroll


class State(NamedTuple):
    """All that has been meta-learned."""

    count: jax.Array  # [] int32, meta-steps taken
    genomes: Any  # a leading axis P on every leaf
    optimizer: optax.OptState  # likewise
    scores: jax.Array  # [P], running mean of the loss in nats, where a genome that diverges counts as one that guesses
    num_bad: jax.Array  # [P] int32, meta-steps in a row that a genome has diverged
    num_skipped: jax.Array  # [] int32, steps of single genomes that were not taken
    num_reset: jax.Array  # [] int32, genomes that were replaced


def adapt(
    key: jax.Array,
    genome: Any,
    inputs: jax.Array,
    labels: jax.Array,
    sizes: Sequence[int],
    *,
    rule: Rule,
    scale: float = 1.0,
) -> jax.Array:
    """A fresh network learns one task by the genome. The key, of its synapses, is consumed.

    inputs [S, B, D], labels [S, B] -> logits [S, B, M] of each batch before it is learned; the last one never is.
    """
    num_states = len((genome if isinstance(genome, Genome) else genome[0]).neuron.forward)
    synapses = network.init(key, inputs.shape[-1], sizes, num_states, rule=rule, scale=scale)
    targets = jax.nn.one_hot(labels[:-1], sizes[-1])
    synapses, logits = unroll(genome, synapses, inputs[:-1], targets, rule=rule)
    held_out = network.forward(genome, synapses, inputs[-1], rule=rule)[-1][0]
    return jnp.concatenate([logits, held_out[None]])


def meta_learner(
    begin_genome: Callable,
    sizes: Sequence[int],
    *,
    rule: Rule = Rule(),  # noqa: B008
    population: int = 8,
    scale: float = 1.0,
    learning_rate: float | optax.Schedule = 5e-4,
    clip: float = 10.0,
    num_scored: int = 1,
    synchronise_every: int | None = None,
    score_decay: float = 0.99,
    reset_after: int = 10,
    in_turn: bool = False,
) -> tuple[Callable, Callable, Callable]:
    """A population of genomes that learns from `Tasks`: (init, update, predict) of a Learner.

    A meta-step unrolls every genome on every task, from synapses drawn afresh (a fixed initialisation would be
    over-fitted), and descends on the cross-entropy of the held-out batch. The constants of Adam and of clipping by the
    global norm, and the population, are the paper's (App. C.1, C.4).

    begin_genome: key -> genome, or a tuple of genomes, one a layer. sizes: neurons a layer, the last the classes, M.
    learning_rate: of Adam; a schedule counts the steps that a genome has taken.
    num_scored: the loss is the mean over the predictions of so many batches of a task, the held-out one last, each
      before it is learned. The paper's 1 asks for the end; more ask for speed.
    synchronise_every: every so many meta-steps all genomes become the best, by the running mean of its loss (C.4).
    reset_after: a genome whose loss or gradient is not finite keeps its genes for that step; after so many such steps
      in a row it becomes the best of the genomes that are well, or a fresh draw where none is.
    in_turn: genomes and their tasks come one after another, not side by side: see `unroll.each`.
    Metrics: loss in nats and accuracy of the genome that was the best before the step, the mean loss of all, and how
      often since the beginning a genome skipped a step and was replaced.
    """
    _check(sizes, population, synchronise_every, reset_after)
    tx = optax.chain(optax.clip_by_global_norm(clip), optax.adam(learning_rate))

    def fresh(key):
        genomes = jax.vmap(begin_genome)(jax.random.split(key, population))
        return genomes, jax.vmap(tx.init)(genomes)

    def init(key, example):
        members = example.members
        if members is not None and len(members) != population:
            raise ValueError(f"the learner has population={population} but the tasks population={len(members)}")
        counts = jnp.zeros((population,), jnp.int32)
        zero = jnp.zeros((), jnp.int32)
        return State(zero, *fresh(key), jnp.full((population,), jnp.log(sizes[-1]), jnp.float32), counts, zero, zero)

    def loss(genome, key, inputs, labels):
        logits = adapt(key, genome, inputs, labels, sizes, rule=rule, scale=scale)
        losses = optax.softmax_cross_entropy_with_integer_labels(logits[-num_scored:], labels[-num_scored:])
        return losses.mean(), (logits[-1].argmax(-1) == labels[-1]).mean()

    def descend(tasks, key, genome, optimizer):
        """One genome's step: (genome, optimizer) after it, held-out loss and accuracy, whether all of it is finite."""
        before, keys = (genome, optimizer), jax.random.split(key, len(tasks.labels))
        one = partial(jax.value_and_grad(loss, has_aux=True), genome)
        of_tasks = each(one, (keys, tasks.inputs, tasks.labels), in_turn=in_turn)
        (value, accuracy), gradient = jax.tree.map(lambda leaf: leaf.mean(axis=0), of_tasks)
        good = jnp.isfinite(value) & jnp.isfinite(optax.tree.norm(gradient))
        updates, moved = tx.update(gradient, optimizer, genome)
        taken = optax.apply_updates(genome, updates), moved
        of_guessing = jnp.log(sizes[-1]), 1 / sizes[-1]
        value, accuracy = jnp.where(good, value, of_guessing[0]), jnp.where(good, accuracy, of_guessing[1])
        return _choose(good, taken, before), value, accuracy, good

    def update(key, state, batch):
        k_synapses, k_fresh = jax.random.split(key)
        keys = jax.random.split(k_synapses, population)
        before = state.genomes, state.optimizer
        if batch.members is not None:
            keys, before = jax.tree.map(lambda leaf: leaf[batch.members], (keys, before))
        after, losses, accuracies, good = each(partial(descend, batch), (keys, *before), in_turn=in_turn)
        best = _best(state.scores, state.num_bad)
        metrics = {"loss": losses[best], "accuracy": accuracies[best], "population_loss": losses.mean()}
        scores = score_decay * state.scores + (1 - score_decay) * losses
        num_bad = jnp.where(good, 0, state.num_bad + 1)
        is_lost = num_bad >= reset_after
        becomes_best = is_lost if synchronise_every is None else is_lost | ((state.count + 1) % synchronise_every == 0)
        source = jnp.where(becomes_best & good.any(), _best(scores, num_bad), jnp.arange(population))
        after, scores, num_bad = jax.tree.map(lambda leaf: leaf[source], (after, scores, num_bad))
        begins = is_lost & ~good.any()
        genomes, optimizer = jax.vmap(_choose)(begins, fresh(k_fresh), after)
        scores, num_bad = jnp.where(begins, jnp.log(sizes[-1]), scores), jnp.where(begins, 0, num_bad)
        num_skipped, num_reset = state.num_skipped + (~good).sum(), state.num_reset + is_lost.sum()
        metrics |= {"num_skipped": num_skipped.astype(jnp.float32), "num_reset": num_reset.astype(jnp.float32)}
        return State(state.count + 1, genomes, optimizer, scores, num_bad, num_skipped, num_reset), metrics

    def predict(state, tasks):
        """Tasks -> log-probabilities [T, B, M] of the held-out batches, by the best genome, from fixed synapses."""
        genome = best_genome(state)

        def one(key, inputs, labels):
            return jax.nn.log_softmax(adapt(key, genome, inputs, labels, sizes, rule=rule, scale=scale)[-1])

        return jax.vmap(one)(jax.random.split(jax.random.key(0), len(tasks.labels)), tasks.inputs, tasks.labels)

    return init, update, predict


def best_genome(state: State) -> Any:
    """The genome of the least score among those that are well."""
    best = _best(state.scores, state.num_bad)
    return jax.tree.map(lambda leaf: leaf[best], state.genomes)


def _best(scores: jax.Array, num_bad: jax.Array) -> jax.Array:
    return jnp.where(num_bad == 0, scores, jnp.inf).argmin()


def _choose(condition: jax.Array, one: Any, other: Any) -> Any:
    return jax.tree.map(lambda one, other: jnp.where(condition, one, other), one, other)


def _check(sizes, population, synchronise_every, reset_after):
    if not sizes or min(sizes) < 1 or sizes[-1] < 2:
        raise ValueError(f"sizes must be positive and end in the number of classes, at least 2; got {tuple(sizes)}")
    if population < 1 or reset_after < 1:
        raise ValueError(f"population and reset_after must be at least 1, got {population} and {reset_after}")
    if synchronise_every is not None and synchronise_every < 1:
        raise ValueError(f"synchronise_every must be at least 1, got {synchronise_every}")
