"""Under x64 all that is carried keeps its 32 bits, and so its numbers."""

from functools import partial

import jax
import jax.numpy as jnp
import numpy as np
import pytest

import blur
import bootstrap
from blur.images import image_task

IMAGES = np.random.default_rng(0).uniform(size=(20, 5, 5)), np.arange(20) % 2  # float64, int64
FAMILIES = {
    "toys": [blur.toys.FAMILIES["xor"], blur.toys.two_moon, partial(blur.toys.blobs, num_classes=2)],
    "images": [partial(image_task, side=4, classes=(1, 0), permute=True, project=True, shuffle=2)],
}
RULE = blur.Rule(keep_neurons=True, synapse_norm="read")
GENOME = partial(blur.delta_genome, num_states=2, normalise="both", oja=0.1, saturation=0.2)
LEARNERS = {
    "meta": blur.meta_learner(GENOME, (4, 2), rule=RULE, population=2),
    "evolution": blur.evolution.learner(partial(blur.delta_genome, num_states=3), (4, 2), population=4, num_held_out=1),
    "networks": blur.evolution.learner(
        lambda key: blur.optimisers.lasting()[0],
        ((4, 2), (3, 2)),
        rule=blur.optimisers.lasting()[1],
        population=4,
        num_held_out=1,
        std={"synapse": {"update": 0.1, "age": 0.2}},
        shortest=1,
        along=True,
        keep_start=True,
    ),
    "persistent": blur.persistent.learner(partial(blur.delta_genome, num_states=2), (4, 2), population=2, num_parts=1),
}


def assert_the_same(learner, world, run):
    """run: what to do with a function of nothing: trace it, or compute it."""
    learner, world = bootstrap.Learner(*learner), bootstrap.World(*world)

    def two_steps():
        key = jax.random.key(0)
        return bootstrap.advance(key, learner, world, bootstrap.begin(key, learner, world), 2)

    results = []
    for x64 in (False, True):
        with jax.enable_x64(x64):
            results.append(run(two_steps))
    for a, b in zip(*map(jax.tree.leaves, results), strict=True):
        assert a.dtype == b.dtype
        if isinstance(a, jax.Array):
            np.testing.assert_allclose(a, b, rtol=1e-4, atol=1e-6)


@pytest.mark.parametrize("families", FAMILIES)
@pytest.mark.parametrize("name", LEARNERS)
def test_meta_learners_trace(name, families):
    data = IMAGES if families == "images" else ()
    world = blur.tasks(FAMILIES[families], data, unroll=2, batch_size=7)
    assert_the_same(LEARNERS[name], world, jax.eval_shape)


@pytest.mark.parametrize("settings", [{}, {"random_labels_after": 1, "supervised_every": 2, "rule": RULE}])
def test_a_genome_at_work_traces(settings):
    learner = blur.learner(GENOME(jax.random.key(0)), (4, 2), **settings)
    assert_the_same(learner, bootstrap.real(*map(jnp.array, IMAGES), batch_size=7), jax.eval_shape)


def test_a_genome_with_a_memory_traces():
    genome, rule = blur.optimisers.lasting()
    learner = blur.learner(genome, (4, 2), rule=rule)
    assert_the_same(learner, bootstrap.real(*map(jnp.array, IMAGES), batch_size=7), jax.eval_shape)


def test_evolution_has_the_same_numbers():
    """To rounding; all other learners' parts are plain float32 code."""
    world = blur.tasks(FAMILIES["toys"][:1], unroll=2, batch_size=7)
    assert_the_same(LEARNERS["evolution"], world, lambda two_steps: jax.jit(two_steps)())
