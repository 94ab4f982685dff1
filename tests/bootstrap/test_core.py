"""The frame: its keys, its counting, what reaches whom, and what is compiled."""

import chex
import jax
import jax.numpy as jnp
import numpy as np
import pytest

from bootstrap import Learner, World, advance, begin, prefetch


@pytest.fixture
def toy():
    """A learner and a world that report what they are given. The learner's state counts its updates."""

    def update(key, state, batch):
        prediction, noise, k_draw = batch
        metrics = {"prediction": prediction, "noise": noise + jax.random.normal(key), "k_draw": k_draw}
        return state + 1, {**metrics, "k_update": jax.random.key_data(key)}

    def draw(key, data, state, act):
        prediction = data if act is None else act(data)
        return state + 1, (prediction, state + jax.random.normal(key), jax.random.key_data(key))

    learner = Learner(lambda key, example: example[0], update, lambda state, inputs: 10 * state + inputs)
    return learner, World(jnp.array(7.0), lambda key, data: 2 * data, draw)


def test_begin_starts_the_learner_on_an_example_of_zeros(toy):
    seen = []
    learner, world = toy
    learner = Learner(lambda key, example: seen.append(example) or 0.0, *learner[1:])
    run = begin(jax.random.key(0), learner, world)
    assert run.step == 0
    assert run.world == 14  # not drawn from yet
    chex.assert_trees_all_equal(seen[0], (jnp.zeros(()), jnp.zeros(()), jnp.zeros(2, jnp.uint32)))
    chex.assert_trees_all_equal_shapes_and_dtypes(seen[0], world.draw(jax.random.key(0), world.data, 0.0, None)[1])


def test_a_step_draws_then_updates_then_counts(toy):
    run, metrics = advance(jax.random.key(0), *toy, begin(jax.random.key(0), *toy), 3)
    assert (run.step, run.learner, run.world) == (3, 3, 17)
    assert {name: array.shape[0] for name, array in metrics.items()} == dict.fromkeys(metrics, 3)


def test_act_is_the_present_prediction(toy):
    # The state is 0, 1, 2 before the three updates, the input 7: predictions 10 * state + 7.
    _, metrics = advance(jax.random.key(0), *toy, begin(jax.random.key(0), *toy), 3)
    np.testing.assert_array_equal(metrics["prediction"], [7, 17, 27])


@pytest.mark.parametrize("parts", [(1, 9), (4, 3, 3), (1,) * 10])
def test_a_run_in_parts_is_the_same_run(toy, parts):
    key, first = jax.random.key(0), begin(jax.random.key(0), *toy)
    whole, of_whole = advance(key, *toy, first, 10)
    run, of_parts = first, []
    for num_steps in parts:
        run, metrics = advance(key, *toy, run, num_steps)
        of_parts.append(metrics)
    chex.assert_trees_all_equal(run, whole)
    chex.assert_trees_all_equal(jax.tree.map(lambda *leaves: jnp.concatenate(leaves), *of_parts), of_whole)


def test_no_two_keys_are_the_same(toy):
    """Those of begin, of every draw and of every update. The trap is that split(key)[i] == fold_in(key, i)."""
    learner, world = toy
    key = jax.random.key(0)
    of_begin = begin(
        key,
        Learner(lambda key, example: jax.random.key_data(key), *learner[1:]),
        World(world.data, lambda key, data: jax.random.key_data(key), lambda *_: (None, jnp.zeros(1))),
    )
    _, metrics = advance(key, *toy, begin(key, *toy), 100)
    steps = jax.random.key_data(jax.vmap(jax.random.fold_in, in_axes=(None, 0))(key, jnp.arange(100)))
    keys = [of_begin.learner[None], of_begin.world[None], steps, metrics["k_draw"], metrics["k_update"]]
    keys = np.concatenate([*keys, jax.random.key_data(key)[None]])
    assert len(np.unique(keys, axis=0)) == len(keys) == 303


def test_another_key_is_another_run(toy):
    noises = [advance(jax.random.key(seed), *toy, begin(jax.random.key(0), *toy), 5)[1]["noise"] for seed in (0, 1)]
    assert np.all(noises[0] != noises[1])


def test_data_is_an_argument(toy):
    """No array of the world is a constant of the compiled program, and other data are other batches."""
    learner, world = toy
    key, run, data = jax.random.key(0), begin(jax.random.key(0), *toy), jnp.arange(1000.0)
    world = World(data, world.init, lambda key, data, state, act: (state, (act(data[-1]), state, state)))
    learner = Learner(learner.init, lambda key, state, batch: (state + 1, {"prediction": batch[0]}), learner.predict)

    def program(key, data, run):
        return advance(key, learner, World(data, world.init, world.draw), run, 3)

    constants = jax.make_jaxpr(program)(key, data, run).consts
    assert sum(np.size(constant) for constant in constants) < 100
    np.testing.assert_array_equal(program(key, data, run)[1]["prediction"], [999, 1009, 1019])
    np.testing.assert_array_equal(program(key, data[:6], run)[1]["prediction"], [5, 15, 25])


def test_advance_is_traced_once(toy):
    learner, world = toy

    @jax.jit
    @chex.assert_max_traces(n=1)
    def program(key, data, run):
        return advance(key, learner, World(data, world.init, world.draw), run, 2)

    run = begin(jax.random.key(0), *toy)
    for seed in range(3):
        run, _ = program(jax.random.key(seed), world.data, run)
    assert run.step == 6


@pytest.fixture
def passive(toy):
    """The toy in a world that does not use `act`."""
    learner, world = toy
    return learner, World(world.data, world.init, lambda key, data, state, act: world.draw(key, data, state, None))


@pytest.mark.parametrize(("ahead", "unroll"), [(2, 1), (3, 1), (10, 1), (11, 1), (1, 10), (10, 10), (4, 2)])
def test_the_form_of_the_loop_changes_nothing(passive, ahead, unroll):
    key, first = jax.random.key(0), begin(jax.random.key(0), *passive)
    whole, of_whole = advance(key, *passive, first, 10)
    run, metrics = prefetch.advance(key, *passive, first, 10, prefetch=ahead, unroll=unroll)
    chex.assert_trees_all_equal(run, whole)
    chex.assert_trees_all_equal(metrics, of_whole)


def test_a_world_that_acts_cannot_be_drawn_ahead(toy):
    run = begin(jax.random.key(0), *toy)
    with pytest.raises(ValueError, match="prefetch must be 1 in a world in which the learner acts"):
        prefetch.advance(jax.random.key(0), *toy, run, 10, prefetch=2)
