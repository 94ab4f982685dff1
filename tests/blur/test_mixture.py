"""What a meta-step draws: networks, batch sizes, horizons, ages; meta-learners learn by what was drawn; refusals."""

import itertools

import jax
import jax.numpy as jnp
import numpy as np
import pytest
import scipy.special

import blur
from blur import mixture

GENOME = jax.eval_shape(lambda: blur.backprop_genome(0.1))
AGED = jax.eval_shape(lambda: blur.genome.with_age(blur.backprop_genome(0.1), 1.0))


def test_draws():
    """Every network is drawn; horizons are log-uniform, as many of 4 to 7 as of 8 to 15; ages as well, from 0 to 15."""
    of = mixture.mixture(((4, 2), (3, 3, 2)), None, 4, 15, lambda: AGED)
    drawn = jax.jit(jax.vmap(lambda key: mixture.draw(key, of, 15)))(jax.random.split(jax.random.key(0), 4000))
    assert np.bincount(drawn.which).min() > 1800
    assert (drawn.horizon.min(), drawn.horizon.max()) == (4, 15)
    assert 1800 < (drawn.horizon < 8).sum() < 2200
    assert (drawn.age.min(), drawn.age.max()) == (0, 15)
    assert 1800 < (drawn.age < 3).sum() < 2200  # log 4 of log 17
    plain = mixture.draw(jax.random.key(0), mixture.mixture((4, 2), None, None, None, lambda: GENOME), 15)
    assert (plain.horizon, plain.age) == (None, 0)


STEP = jax.jit(lambda *args: blur.network.step(*args, rule=RULE))
RULE = blur.Rule(symmetric=True)


def plain_logits(seed, genome, tasks, sizes, batch_size, age):
    """Of the batches, each before it is learned; and of the last one, after each step."""
    k_member = jax.random.split(jax.random.split(jax.random.key(seed))[0], 1)[0]
    synapses = blur.network.init(jax.random.split(k_member, 1)[0], 2, sizes, 2, rule=RULE)
    synapses, before, after = blur.network.with_memory(genome, synapses, rule=RULE, age=age), [], []
    x, targets = tasks.inputs[0, :, :batch_size], jax.nn.one_hot(tasks.labels[0, :, :batch_size], 3)
    for i in range(len(x) - 1):
        synapses, logits, _ = STEP(genome, synapses, x[i], targets[i])
        before, after = [*before, logits], [*after, STEP(genome, synapses, x[-1], targets[-1])[1]]
    return before, after


def test_a_meta_step_learns_by_what_was_drawn():
    """The loss is of the last two predictions, the held-out one and that before it, of one of the possible draws."""
    networks, batch_sizes, num_batches = ((3,), (2, 3)), (6, 4), 4
    rng = np.random.default_rng(0)
    inputs = jnp.array(rng.normal(size=(1, num_batches, 6, 2)), jnp.float32)
    tasks = blur.Tasks(inputs, jnp.array(rng.integers(0, 3, (1, num_batches, 6)), jnp.int32))
    genome = blur.genome.with_age(blur.random_genome(jax.random.key(5), 2, synapse_update=-0.05), 0.0)
    settings = {"rule": RULE, "population": 1, "num_scored": 2, "batch_sizes": batch_sizes, "shortest": 1, "oldest": 1}
    init, update, _ = blur.meta_learner(lambda key: genome, networks, **settings)
    state, update = init(jax.random.key(0), tasks), jax.jit(update)
    seen = set()
    for seed in range(8):
        _, metrics = update(jax.random.key(seed), state, tasks)
        matching = set()
        for (sizes, batch_size), age in itertools.product(zip(networks, batch_sizes, strict=True), (0, 1)):
            logits = plain_logits(seed, genome, tasks, sizes, batch_size, age)
            for horizon, pair in enumerate(zip(*logits, strict=True), 1):
                labels = np.array(tasks.labels[0, (horizon - 1, num_batches - 1), :batch_size])
                log_p = scipy.special.log_softmax(pair, axis=-1)
                if np.isclose(-np.take_along_axis(log_p, labels[..., None], -1).mean(), metrics["loss"], rtol=1e-5):
                    matching.add((sizes, horizon, age))
                    np.testing.assert_allclose(metrics["accuracy"], (log_p[1].argmax(-1) == labels[1]).mean())
        assert len(matching) == 1
        seen |= matching
    assert [len(set(drawn)) for drawn in zip(*seen, strict=True)] == [2, 3, 2]


@pytest.mark.parametrize(
    ("sizes", "batch_sizes", "shortest", "oldest", "message"),
    [
        (((4, 2), (4, 3)), None, None, None, "all networks must end in the same number of classes"),
        (((4, 2), (4, 2)), (3,), None, None, "batch_sizes must be one for each of 2 networks"),
        ((4, 2), (0,), None, None, "batch_sizes must be a whole number of at least 1, got 0"),
        ((4, 2), (7,), None, None, "batch_sizes must be at most the 6 of a batch"),
        ((4, 2), None, 0, None, "shortest must be a whole number of at least 1, got 0"),
        ((4, 2), None, 5, None, "shortest must be at most the 4 batches that are learned, got 5"),
        ((4, 2), None, None, 0, "oldest must be a whole number of at least 1, got 0"),
        ((4, 2), None, None, 9, "oldest=9, but the genome has no genes of age"),
    ],
)
def test_refusals(sizes, batch_sizes, shortest, oldest, message):
    def check():
        of = mixture.mixture(sizes, batch_sizes, shortest, oldest, lambda: GENOME)
        mixture.check_example(of, jnp.zeros((1, 5, 6)), 4)

    with pytest.raises(ValueError, match=message):
        check()
