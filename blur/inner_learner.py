"""A genome as a Learner: it takes the place of backprop and of SGD alike (Sandler 2021, §3.3)."""

from collections.abc import Callable, Sequence
from typing import NamedTuple

import jax
import jax.numpy as jnp

from blur import network
from blur import rule as rules
from blur.genome import Genome


class State(NamedTuple):
    """All that a network has learned."""

    count: jax.Array  # [] int32, steps taken
    synapses: tuple[network.Synapses, ...]
    kept: tuple[jax.Array, ...] = ()  # [K, B, N] a layer, the neurons, if the rule keeps them


def learner(
    genome: Genome | Sequence[Genome],
    sizes: Sequence[int],
    *,
    rule: rules.Rule = rules.Rule(),  # noqa: B008
    scale: float = 1.0,
    supervised_every: int = 1,
    random_labels_after: int | None = None,
) -> tuple[Callable, Callable, Callable]:
    """A classifier that learns by the genome: (init, update, predict) of a Learner.

    genome: one for all layers, or one for each. sizes: neurons a layer, the last the number of classes N.
    scale: of the first synapses, see `network.init`. supervised_every: only every so many steps, from the first on, is
      there feedback; the others end after the forward pass.
    random_labels_after: from this step on, labels are drawn at random for the feedback (App. C.6); not for the metrics.
    Updates are sums over the batch, the paper's: a larger batch takes larger steps. Metrics describe the batch before
    it is learned. Where the genome normalises activations, a prediction depends on the others of its batch.
    Predictions are of neurons at 0, also where the rule keeps those of the examples that it learns from.
    """
    genomes = (genome,) if isinstance(genome, Genome) else tuple(genome)
    _check(genomes, sizes, rule, supervised_every)
    genes = genome if isinstance(genome, Genome) else genomes

    def init(key, example):
        x, _ = example
        num_states = len(genomes[0].neuron.forward)
        synapses = network.init(key, x[0].size, sizes, num_states, rule=rule, scale=scale)
        return State(jnp.zeros((), jnp.int32), synapses, network.rest(synapses, len(x), num_states, rule=rule))

    def update(key, state, batch):
        x, labels = batch
        taught = labels
        if random_labels_after is not None:
            random_labels = jax.random.randint(key, labels.shape, 0, sizes[-1])
            taught = jnp.where(state.count < random_labels_after, labels, random_labels)
        targets = jax.nn.one_hot(taught, sizes[-1])
        supervised = True if supervised_every == 1 else state.count % supervised_every == 0
        of_batch = x.reshape(len(x), -1), targets
        synapses, logits, kept = network.step(
            genes, state.synapses, *of_batch, rule=rule, supervised=supervised, kept=state.kept
        )
        return State(state.count + 1, synapses, kept), _metrics(jax.nn.log_softmax(logits), labels)

    def predict(state, x):
        """x [B, ...] -> log-probabilities [B, N]."""
        neurons = network.forward(genes, state.synapses, x.reshape(len(x), -1), rule=rule)
        return jax.nn.log_softmax(neurons[-1][0])

    return init, update, predict


def _metrics(log_probabilities: jax.Array, labels: jax.Array) -> dict[str, jax.Array]:
    """Means over the batch: log loss in nats, error, and soft error = 1 - p of the true label."""
    of_label = jnp.take_along_axis(log_probabilities, labels[:, None], axis=-1)[:, 0]
    return {
        "loss": -of_label.mean(),
        "error": (log_probabilities.argmax(-1) != labels).mean(),
        "soft_error": 1 - jnp.exp(of_label).mean(),
    }


def _check(genomes, sizes, rule, supervised_every):
    if not sizes or min(sizes) < 1 or sizes[-1] < 2:
        raise ValueError(f"sizes must be positive and end in the number of classes, at least 2; got {tuple(sizes)}")
    if len(genomes) not in (1, len(sizes)):
        raise ValueError(f"there must be 1 genome or {len(sizes)}, one a layer; got {len(genomes)}")
    if len({genes.neuron.forward.shape for genes in genomes}) > 1:
        raise ValueError("the genomes of all layers must have the same number of states")
    if len(genomes[0].neuron.forward) < 2:
        raise ValueError("a neuron needs at least 2 states: the label goes to the second")
    if supervised_every < 1:
        raise ValueError(f"supervised_every must be at least 1, got {supervised_every}")
    rules.check(rule)
