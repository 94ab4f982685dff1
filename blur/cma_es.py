"""CMA-ES (Hansen 2016, arXiv 1604.00772) over any tree of arrays: evosax's, made portable and fit for checkpoints.

Letters: G genes, P population.
"""

import contextlib
from collections.abc import Callable
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
from jax.flatten_util import ravel_pytree


class Strategy(NamedTuple):
    """A distribution of genomes that moves towards the fittest, as pure functions."""

    init: Callable  # (key, mean) -> state
    ask: Callable  # (key, state) -> (genomes with a leading axis P, state)
    tell: Callable  # (key, state of `ask`, genomes, fitness [P]) -> state
    mean: Callable  # state -> genome


def strategy(like: Any, population: int, std: float) -> Strategy:
    """The strategy for genomes like this one, a tree of arrays or of their shapes. std: of all genes, at the start."""
    # Not imported above: the import starts JAX's backends, after which a process cannot join others.
    from evosax.algorithms.distribution_based.cma_es import CMA_ES

    with _of_evosax():
        zeros = jax.tree.map(lambda leaf: jnp.zeros(leaf.shape, leaf.dtype), like)
        engine, unravel = CMA_ES(population, zeros), ravel_pytree(zeros)[1]
        params = engine.default_params.replace(std_init=jnp.asarray(std, jnp.float32))

    @_of_evosax()
    def init(key, mean):
        state = engine.init(key, mean, params)
        state = state.replace(best_solution=state.mean)  # in place of NaN
        return jax.tree.map(lambda leaf: jax.lax.convert_element_type(leaf, jnp.result_type(leaf)), state)

    @_of_evosax()
    def ask(key, state):
        """Genomes, and the state with its covariance decomposed: C = B D² B'. The key is consumed.

        evosax turns its noise by B alone. Rounding decides B, for instance that of the first covariance, the identity.
        Here the symmetric root B D B' turns it: the same distribution, but the same draw on any machine.
        """
        k_engine, k_noise = jax.random.split(key)
        _, state = engine.ask(k_engine, state, params)
        noise = jax.random.normal(k_noise, (population, len(state.mean)))
        genes = state.mean[None] + state.std * noise @ (state.B * state.D[None]) @ state.B.T
        return jax.vmap(unravel)(genes), state

    @_of_evosax()
    def tell(key, state, genomes, fitness):
        state, _ = engine.tell(key, genomes, -fitness, state, params)
        size = len(state.mean)
        return state.replace(B=jnp.eye(size), D=jnp.ones(size))  # as at the start: rounding would decide them

    return Strategy(init, ask, tell, engine.get_mean)


@contextlib.contextmanager
def _of_evosax():
    """evosax broadcasts [G] with [P, G]; and its default types are to be those of 32 bits, whatever the caller's."""
    with jax.numpy_rank_promotion("allow"), jax.enable_x64(False):
        yield
