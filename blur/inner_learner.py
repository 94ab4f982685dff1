"""A genome as a Learner, in place of both backpropagation and SGD (Sandler 2021, §3.3).

Letters: B batch, K states, M classes, N neurons of a layer.
"""

from collections.abc import Callable, Sequence
from functools import partial
from typing import NamedTuple

import jax
import jax.numpy as jnp

from blur import network
from blur import rule as rules
from blur.genome import Genome, check_genomes
from blur.rule import Rule
from blur.settings import check_counts, check_genes, check_labels, check_numbers, check_sizes, loud


class State(NamedTuple):
    """A network, and the number of its steps."""

    count: jax.Array  # [] int32, steps taken
    synapses: tuple[network.Synapses | network.Remembering, ...]
    carry: tuple[jax.Array, ...] = ()  # [K, B, N] for each layer, the neurons; () unless `Rule.keep_neurons`


class _Settings(NamedTuple):
    """The arguments of `learner`."""

    genomes: tuple[Genome, ...]  # one for each layer
    sizes: Sequence[int]
    rule: Rule
    scale: float
    supervised_every: int
    random_labels_after: int | None


def learner(
    genome: Genome | Sequence[Genome],
    sizes: Sequence[int],
    *,
    rule: Rule = Rule(),  # noqa: B008
    scale: float = 1.0,
    supervised_every: int = 1,
    random_labels_after: int | None = None,
) -> tuple[Callable, Callable, Callable]:
    """A classifier that learns by the genome: (init, update, predict) of a Learner.

    genome: one for all layers, or one for each. sizes: neurons in each layer, the last the number of classes M.
    scale: of the first synapses, see `network.init`.
    supervised_every: one step in this many has feedback, the first included; the others end after the forward pass.
    random_labels_after: from this step on, feedback takes random labels (App. C.6). Metrics keep the true labels.

    Updates are sums over the batch, as in the paper: a larger batch takes larger steps. Metrics are of the batch before
    it is learned. Predictions start from neurons at 0, even under `Rule.keep_neurons`. If the genome normalises, a
    prediction depends on the other examples of its batch. Raises ValueError for settings without a meaning.

    Labels are whole numbers from 0 to M - 1. Others are refused with a ValueError; under jit, where they are not known,
    the metrics of their batch are NaN.
    """
    check_sizes(sizes)
    genomes = check_genomes(genome, len(sizes))
    check_genes(genomes[0] if len(genomes) == 1 else genomes)
    check_numbers(above=0.0, scale=scale)
    check_counts(supervised_every=supervised_every)
    if random_labels_after is not None:
        check_counts(0, random_labels_after=random_labels_after)
    rules.check(rule)
    of_layers = genomes * len(sizes) if len(genomes) == 1 else genomes
    settings = _Settings(of_layers, sizes, rule, scale, supervised_every, random_labels_after)
    return partial(_init, settings), partial(_update, settings), partial(_predict, settings)


def _init(settings, key, example):
    """A network for examples like these: x [B, ..], labels [B]."""
    x, _ = example
    genomes, sizes, rule, scale, _, _ = settings
    num_states = len(genomes[0].neuron.forward)
    synapses = network.begin(key, genomes, x[0].size, sizes, rule=rule, scale=scale)
    return State(jnp.zeros((), jnp.int32), synapses, network.init_carry(synapses, len(x), num_states, rule=rule))


def _update(settings, key, state, batch):
    """One step. batch: x [B, ..], labels [B]."""
    x, labels = batch
    if jnp.shape(labels) != (len(x),):
        raise ValueError(f"labels must be one number for each of {len(x)} examples; got the shape {jnp.shape(labels)}")
    are_classes = check_labels(labels, settings.sizes[-1])
    genomes, sizes, rule, _, supervised_every, random_labels_after = settings
    taught = labels
    if random_labels_after is not None:
        random_labels = jax.random.randint(key, labels.shape, 0, sizes[-1], jnp.int32)
        taught = jnp.where(state.count < random_labels_after, labels, random_labels)
    synapses, logits, carry = network.step(
        genomes,
        state.synapses,
        x.reshape(len(x), -1),
        jax.nn.one_hot(taught, sizes[-1], dtype=jnp.float32),
        rule=rule,
        supervised=True if supervised_every == 1 else state.count % supervised_every == 0,
        carry=state.carry,
    )
    metrics = _metrics(jax.nn.log_softmax(logits), labels)
    return State(state.count + 1, synapses, carry), loud(are_classes, metrics)


def _predict(settings, state, x):
    """x [B, ..] -> log-probabilities [B, M]."""
    neurons = network.forward(settings.genomes, state.synapses, x.reshape(len(x), -1), rule=settings.rule)
    return jax.nn.log_softmax(neurons[-1][0])


def _metrics(log_p: jax.Array, labels: jax.Array) -> dict[str, jax.Array]:
    """Means over the batch: loss in nats, error, and soft error, 1 - p of the true label. log_p [B, M], labels [B]."""
    of_label = jnp.take_along_axis(log_p, labels[:, None], axis=-1)[:, 0]
    error = (log_p.argmax(-1) != labels).mean(dtype=jnp.float32)
    return {"loss": -of_label.mean(), "error": error, "soft_error": 1 - jnp.exp(of_label).mean()}
