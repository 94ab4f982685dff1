"""The contract of the frame, kept by every learner in every world."""

import inspect

import chex
import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest

import bootstrap
import glns

X = jnp.array(np.random.default_rng(0).normal(size=(20, 3, 2)), jnp.float32)
LABELS = jnp.argmax(X.reshape(20, 6), axis=-1) % 3


def fresh(key, data):
    """One sample of the Ideal World: a real one and noise."""
    k_choice, k_noise = jax.random.split(key)
    x, labels = data
    choice = jax.random.randint(k_choice, (), 0, len(labels))
    return x[choice] + jax.random.normal(k_noise, x.shape[1:]), labels[choice]


LEARNERS = {
    "glns": bootstrap.Learner(*glns.learner(3, (4, 1), 2)),
    "sgd": bootstrap.Learner(*bootstrap.sgd.learner(bootstrap.nets.MLP((5,), 3), optax.adam(0.01))),
}
WORLDS = {
    "real": bootstrap.real(X, LABELS, batch_size=7),
    "ideal": bootstrap.ideal(fresh, (X, LABELS), batch_size=7),
}


@pytest.fixture(params=LEARNERS)
def learner(request):
    return LEARNERS[request.param]


@pytest.fixture(params=WORLDS)
def world(request):
    return WORLDS[request.param]


def compiled_advance(learner, world, num_steps):
    """`advance` as the launcher compiles it: the world's data are an argument."""

    @jax.jit
    def program(key, data, run):
        return bootstrap.advance(key, learner, world._replace(data=data), run, num_steps)

    return program


def first_arguments(function):
    return list(inspect.signature(function).parameters)


def test_a_learner_names_its_arguments(learner):
    assert first_arguments(learner.init) == ["key", "example"]
    assert first_arguments(learner.update) == ["key", "state", "batch"]
    assert first_arguments(learner.predict)[0] == "state"
    assert len(first_arguments(learner.predict)) == 2


def test_a_world_names_its_arguments(world):
    assert first_arguments(world.init) == ["key", "data"]
    assert first_arguments(world.draw) == ["key", "data", "state", "act"]


def test_states_are_named_tuples_of_arrays(learner, world):
    run = bootstrap.begin(jax.random.key(0), learner, world)
    for state in (run.learner, run.world):
        assert isinstance(state, tuple)
        assert state._fields
        assert all(isinstance(leaf, jax.Array) for leaf in jax.tree.leaves(state))
        assert not any(jnp.issubdtype(leaf.dtype, jax.dtypes.prng_key) for leaf in jax.tree.leaves(state))


def test_the_state_keeps_its_form_and_metrics_are_flat_floats(learner, world):
    first = bootstrap.begin(jax.random.key(0), learner, world)
    run, metrics = jax.eval_shape(lambda run: bootstrap.advance(jax.random.key(0), learner, world, run, 3), first)
    chex.assert_trees_all_equal_structs(run, first)
    chex.assert_trees_all_equal_shapes_and_dtypes(run, first)
    assert type(metrics) is dict
    assert metrics
    for name, metric in metrics.items():
        assert isinstance(name, str)
        assert (metric.shape, metric.dtype) == ((3,), jnp.float32), name


def test_the_example_does_not_count(learner):
    """Only its shapes and dtypes do."""
    states = [learner.init(jax.random.key(0), (scale * X, LABELS)) for scale in (0, 3)]
    chex.assert_trees_all_equal(*states)


def test_predictions_are_log_probabilities(learner):
    log_probabilities = learner.predict(learner.init(jax.random.key(0), (X, LABELS)), X)
    assert log_probabilities.shape == (20, 3)
    np.testing.assert_allclose(jnp.exp(log_probabilities).sum(-1), 1, rtol=1e-5)


def test_a_run_taken_up_again_is_the_same_run(learner, world):
    """Bit for bit; and one trace serves a run of any age."""
    key, first = jax.random.key(0), bootstrap.begin(jax.random.key(0), learner, world)
    whole, of_whole = compiled_advance(learner, world, 6)(key, world.data, first)
    three_steps = compiled_advance(learner, world, 3)
    half, of_first = three_steps(key, world.data, first)
    run, of_second = three_steps(key, world.data, half)
    chex.assert_trees_all_equal(run, whole)
    chex.assert_trees_all_equal(jax.tree.map(lambda *leaves: jnp.concatenate(leaves), of_first, of_second), of_whole)
    assert all(np.all(np.isfinite(metric)) for metric in of_whole.values())
    assert three_steps._cache_size() == 1


def test_seeds_are_a_vmap(learner, world):
    keys, advance = jax.random.split(jax.random.key(0), 3), compiled_advance(learner, world, 3)
    first = [bootstrap.begin(key, learner, world) for key in keys]
    alone = [advance(key, world.data, run) for key, run in zip(keys, first, strict=True)]
    together = jax.vmap(advance, in_axes=(0, None, 0))(keys, world.data, stack(first))
    chex.assert_trees_all_close(together, stack(alone), rtol=1e-4, atol=1e-5)
    assert len(np.unique(together[1]["loss"][:, -1])) == 3


def test_begin_is_a_vmap(learner, world):
    keys = jax.random.split(jax.random.key(0), 3)
    together = jax.vmap(lambda key: bootstrap.begin(key, learner, world))(keys)
    alone = [bootstrap.begin(key, learner, world) for key in keys]
    chex.assert_trees_all_close(together, stack(alone), rtol=1e-5, atol=1e-6)


def stack(trees):
    return jax.tree.map(lambda *leaves: jnp.stack(leaves), *trees)
