"""Strategies of evolution: CMA-ES (Hansen 2016, arXiv 1604.00772) and persistent ones (Vicol et al. 2021, 2112.13835).

Both are evosax's, made portable and fit for checkpoints.

Letters: G genes, P population.
"""

import contextlib
from collections.abc import Callable
from functools import partial
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import optax
from jax.flatten_util import ravel_pytree


class Strategy(NamedTuple):
    """A distribution of genomes that moves towards the fittest, as pure functions."""

    init: Callable  # (key, mean) -> state
    ask: Callable  # (key, state) -> (genomes with a leading axis P, state)
    tell: Callable  # (key, state of `ask`, genomes, fitness [P]) -> state; `persistent` takes losses, and ends
    mean: Callable  # state -> genome


def cma_es(like: Any, population: int, std: float) -> Strategy:
    """CMA-ES for genomes like this one, a tree of arrays or of their shapes. std: of all genes, at the start."""
    # Not imported above: the import starts JAX's backends, after which a process cannot join others.
    from evosax.algorithms.distribution_based.cma_es import CMA_ES

    with _of_evosax():
        zeros = jax.tree.map(lambda leaf: jnp.zeros(leaf.shape, leaf.dtype), like)
        engine, unravel = CMA_ES(population, zeros), ravel_pytree(zeros)[1]
        params = engine.default_params.replace(std_init=jnp.asarray(std, jnp.float32))

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

    return Strategy(partial(_init, engine, params), ask, tell, engine.get_mean)


def persistent(num_genes: int, population: int, learning_rate: float) -> Strategy:
    """Persistent evolution strategies for vectors of genes, with noise N(0, 1), pairs of opposites, and Adam.

    What each of the population was moved by is summed up over the parts of a run, and forgotten where `tell` is told,
    ends [] bool, that the run ends.
    """
    from evosax.algorithms.distribution_based.persistent_es import PersistentES

    with _of_evosax():
        engine = PersistentES(population, jnp.zeros(num_genes, jnp.float32), optimizer=optax.adam(learning_rate))
        params = engine.default_params.replace(T=1)  # it forgets after T steps of a run, and counts K a part

    @_of_evosax()
    def ask(key, state):
        return engine.ask(key, state, params)

    @_of_evosax()
    def tell(key, state, genomes, losses, ends):
        state, _ = engine.tell(key, genomes, losses, state, params.replace(K=ends.astype(jnp.int32)))
        return _of_arrays(state)

    return Strategy(partial(_init, engine, params), ask, tell, engine.get_mean)


@contextlib.contextmanager
def _of_evosax():
    """evosax broadcasts [G] with [P, G]; and its default types are to be those of 32 bits, whatever the caller's.

    Its sums of opposite losses must cancel, on any device.
    """
    with jax.numpy_rank_promotion("allow"), jax.enable_x64(False), jax.default_matmul_precision("highest"):
        yield


@_of_evosax()
def _init(engine, params, key, mean):
    state = engine.init(key, mean, params)
    return _of_arrays(state.replace(best_solution=state.mean))  # in place of NaN


def _of_arrays(state):
    """The state with an array of a type of its own for every number."""
    return jax.tree.map(lambda leaf: jax.lax.convert_element_type(leaf, jnp.result_type(leaf)), state)
