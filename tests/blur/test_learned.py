"""The genome that a learner's state holds."""

from functools import partial

import chex
import jax
import jax.numpy as jnp
import numpy as np
import pytest

import blur

INIT = partial(blur.random_genome, num_states=2)
TASKS = blur.Tasks(jnp.zeros((1, 2, 3, 4)), jnp.zeros((1, 2, 3), jnp.int32))


def state_of(learner):
    return learner[0](jax.random.key(0), TASKS)


def test_of_a_population_it_is_the_best_that_is_well():
    state = state_of(blur.meta_learner(INIT, (3, 2), population=3))
    state = state._replace(scores=np.array([1.0, 0.2, 0.1]), num_diverged=np.array([0, 0, 1]))
    chex.assert_trees_all_equal(blur.learned_genome(state), jax.tree.map(lambda leaf: leaf[1], state.genomes))


def test_of_an_evolution_it_is_the_mean():
    state = state_of(blur.evolution.learner(INIT, (3, 2), population=4, num_held_out=1))
    chex.assert_trees_all_equal(blur.learned_genome(state), state.mean)


def two_layers(key):
    return tuple(INIT(k_layer) for k_layer in jax.random.split(key))


@pytest.mark.parametrize("begin", [INIT, two_layers], ids=["one", "of_layers"])
@pytest.mark.parametrize(
    "make", [blur.meta_learner, partial(blur.evolution.learner, num_held_out=1)], ids=["meta", "evolution"]
)
def test_of_an_abstract_state_it_has_the_form_of_the_first_genome(make, begin):
    init, _, _ = make(begin, (3, 2), population=4)
    state = jax.eval_shape(init, jax.random.key(0), TASKS)
    genome = jax.eval_shape(blur.learned_genome, state)
    chex.assert_trees_all_equal_structs(genome, jax.eval_shape(begin, jax.random.key(0)))
    chex.assert_trees_all_equal_shapes_and_dtypes(genome, jax.eval_shape(begin, jax.random.key(0)))


@pytest.mark.parametrize("state", [None, (), {"genomes": 1}], ids=str)
def test_of_anything_else_there_is_none(state):
    with pytest.raises(ValueError, match="this learner's state holds no genome: "):
        blur.learned_genome(state)


def test_of_a_network_that_learns_by_a_genome_there_is_none():
    init, _, _ = blur.learner(INIT(jax.random.key(0)), (2,))
    with pytest.raises(ValueError, match=r"holds no genome: it is of blur\.inner_learner\.State"):
        blur.learned_genome(init(jax.random.key(0), (TASKS.inputs[0, 0], TASKS.labels[0, 0])))
