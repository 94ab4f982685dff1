"""Evolution: a genome by CMA-ES, from what accuracy it reaches and no gradient at all (Sandler 2021, §4.4).

The strategy is evosax's, after Hansen 2016 (arXiv 1604.00772). Letters: as `meta`.
"""

from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp

from blur import network
from blur.rule import Rule
from blur.unroll import unroll


class State(NamedTuple):
    """All that has been evolved."""

    strategy: Any  # evosax's: mean, step size and covariance of the genes, and the paths of both
    mean: Any  # the mean as a genome: the strategy's present opinion, less lucky than the best it ever drew


def learner(
    begin_genome: Callable,
    sizes: Sequence[int],
    *,
    rule: Rule = Rule(),  # noqa: B008
    population: int = 80,
    num_held_out: int = 20,
    deviation: float = 0.1,
    scale: float = 1.0,
) -> tuple[Callable, Callable, Callable]:
    """A distribution of genomes that adapts to `Tasks`: (init, update, predict) of a Learner, a generation an update.

    begin_genome: key -> genome, or a tuple of genomes, one a layer: the first mean. sizes: neurons a layer, the last
      the classes, M. deviation: of every gene, in the first generation (the paper gives none).
    num_held_out: so many of the last batches of a task are predicted, the others are learned. The paper has 15 learned,
      20 held out, of 128 each, and a population of 80.

    Fitness is the mean accuracy on the held-out batches. The whole population learns the same batches from the same
    first synapses; a genome that diverges on any task has fitness 0.
    """
    # Not above: to import it starts JAX's backends, and then no process can join others.
    from evosax.algorithms.distribution_based.cma_es import CMA_ES

    _check(sizes, population, num_held_out)
    shapes = jax.eval_shape(begin_genome, jax.random.key(0))
    strategy = CMA_ES(population, jax.tree.map(lambda leaf: jnp.zeros(leaf.shape, leaf.dtype), shapes))
    params = strategy.default_params.replace(std_init=jnp.asarray(deviation, jnp.float32))

    def init(key, example):
        if example.labels.shape[1] <= num_held_out:
            raise ValueError(f"num_held_out={num_held_out} of {example.labels.shape[1]} batches leaves none to learn")
        k_genome, k_strategy = jax.random.split(key)
        mean = begin_genome(k_genome)
        state = strategy.init(k_strategy, mean, params)
        state = state.replace(best_solution=state.mean)  # it begins as NaN
        strong = jax.tree.map(lambda leaf: jax.lax.convert_element_type(leaf, jnp.result_type(leaf)), state)
        return State(strong, mean)

    def ask(key, state):
        """A generation of genomes, and the strategy with its covariance decomposed. The key is consumed.

        evosax's noise is turned by eigenvectors that rounding decides, as those of the first covariance, the identity;
        here it is not, by the symmetric root B D B': the same distribution, but the same draw on any machine.
        """
        k_unused, k_noise = jax.random.split(key)
        with jax.numpy_rank_promotion("allow"):  # evosax broadcasts [N] with [P, N]
            _, state = strategy.ask(k_unused, state, params)
        noise = jax.random.normal(k_noise, (population, len(state.mean)))
        genes = state.mean[None] + state.std * noise @ (state.B * state.D[None]) @ state.B.T
        return jax.vmap(strategy._unravel_solution)(genes), state

    def held_out(key, genome, inputs, labels):
        """One task. inputs [S, B, D], labels [S, B] -> logits [num_held_out, B, M]."""
        num_states = jax.tree.leaves(genome)[0].shape[-1]
        synapses = network.init(key, inputs.shape[-1], sizes, num_states, rule=rule, scale=scale)
        targets = jax.nn.one_hot(labels[:-num_held_out], sizes[-1])
        synapses, _ = unroll(genome, synapses, inputs[:-num_held_out], targets, rule=rule)
        return jax.vmap(lambda x: network.forward(genome, synapses, x, rule=rule)[-1][0])(inputs[-num_held_out:])

    def fitness(keys, tasks, genome):
        logits = jax.vmap(held_out, (0, None, 0, 0))(keys, genome, tasks.inputs, tasks.labels)
        accuracy = (logits.argmax(-1) == tasks.labels[:, -num_held_out:]).mean()
        good = jnp.isfinite(logits).all()
        return jnp.where(good, accuracy, 0.0), good

    def update(key, state, batch):
        k_ask, k_tell, k_synapses = jax.random.split(key, 3)
        keys = jax.random.split(k_synapses, len(batch.labels))
        genomes, asked = ask(k_ask, state.strategy)
        accuracies, good = jax.vmap(lambda genome: fitness(keys, batch, genome))(genomes)
        with jax.numpy_rank_promotion("allow"):
            told, _ = strategy.tell(k_tell, genomes, -accuracies, asked, params)
        metrics = {
            "accuracy": accuracies.mean(),
            "best_accuracy": accuracies.max(),
            "num_diverged": (~good).sum().astype(jnp.float32),
            "deviation": told.std,
        }
        told = told.replace(B=state.strategy.B, D=state.strategy.D)  # of no further use, and decided by rounding
        return State(told, strategy.get_mean(told)), metrics

    def predict(state, tasks):
        """Tasks -> log-probabilities [T, B, M] of the last batches, by the mean genome, from fixed synapses."""
        keys = jax.random.split(jax.random.key(0), len(tasks.labels))
        logits = jax.vmap(held_out, (0, None, 0, 0))(keys, state.mean, tasks.inputs, tasks.labels)
        return jax.nn.log_softmax(logits[:, -1])

    return init, update, predict


def _check(sizes, population, num_held_out):
    if not sizes or min(sizes) < 1 or sizes[-1] < 2:
        raise ValueError(f"sizes must be positive and end in the number of classes, at least 2; got {tuple(sizes)}")
    if population < 4 or num_held_out < 1:
        raise ValueError(
            f"population must be at least 4 and num_held_out at least 1, got {population} and {num_held_out}"
        )
