"""What a meta-step draws: networks, batch sizes, horizons; both meta-learners learn by what was drawn; refusals."""

import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest

import blur
from blur import mixture

GENOME = jax.eval_shape(lambda: blur.backprop_genome(0.1))


def test_draws():
    """Every network is drawn; horizons are log-uniform, as many of 4 to 7 as of 8 to 15."""
    of = mixture.mixture(((4, 2), (3, 3, 2)), None, 4, lambda: GENOME)
    drawn = jax.jit(jax.vmap(lambda key: mixture.draw(key, of, 15)))(jax.random.split(jax.random.key(0), 4000))
    assert np.bincount(drawn.which).min() > 1800
    assert (drawn.horizon.min(), drawn.horizon.max()) == (4, 15)
    assert 1800 < (drawn.horizon < 8).sum() < 2200
    assert mixture.draw(jax.random.key(0), mixture.mixture((4, 2), None, None, lambda: GENOME), 15).horizon is None


STEP = jax.jit(lambda *args: blur.network.step(*args, rule=RULE))
RULE = blur.Rule(symmetric=True)


def plain_logits(seed, genome, tasks, sizes, batch_size, horizon):
    """Of the batches up to the horizon, each before it is learned, and of the last one after that."""
    k_member = jax.random.split(jax.random.split(jax.random.key(seed))[0], 1)[0]
    synapses, logits = blur.network.init(jax.random.split(k_member, 1)[0], 2, sizes, 2, rule=RULE), []
    for i in (*range(horizon), len(tasks.labels[0]) - 1):
        x, y = tasks.inputs[0, i, :batch_size], tasks.labels[0, i, :batch_size]
        synapses, of_batch, _ = STEP(genome, synapses, x, jax.nn.one_hot(y, 3))
        logits.append(of_batch)
    return logits


def test_a_meta_step_learns_by_what_was_drawn():
    """The loss is of the last two predictions, the held-out one and that before it, of one of the possible draws."""
    networks, batch_sizes, num_batches = ((3,), (2, 3)), (6, 4), 4
    rng = np.random.default_rng(0)
    inputs = jnp.array(rng.normal(size=(1, num_batches, 6, 2)), jnp.float32)
    tasks = blur.Tasks(inputs, jnp.array(rng.integers(0, 3, (1, num_batches, 6)), jnp.int32))
    genome = blur.random_genome(jax.random.key(5), 2, synapse_update=-0.05)
    settings = {"rule": RULE, "population": 1, "num_scored": 2, "batch_sizes": batch_sizes, "shortest": 1}
    init, update, _ = blur.meta_learner(lambda key: genome, networks, **settings)
    state, update = init(jax.random.key(0), tasks), jax.jit(update)
    seen = set()
    for seed in range(8):
        _, metrics = update(jax.random.key(seed), state, tasks)
        matching = set()
        for sizes, batch_size in zip(networks, batch_sizes, strict=True):
            for horizon in (1, 2, 3):
                logits = plain_logits(seed, genome, tasks, sizes, batch_size, horizon)
                labels = [tasks.labels[0, i, :batch_size] for i in (horizon - 1, num_batches - 1)]
                losses = optax.softmax_cross_entropy_with_integer_labels(jnp.stack(logits[-2:]), jnp.stack(labels))
                if np.isclose(losses.mean(), metrics["loss"], rtol=1e-5):
                    matching.add((sizes, horizon))
                    np.testing.assert_allclose(metrics["accuracy"], (logits[-1].argmax(-1) == labels[-1]).mean())
        assert len(matching) == 1
        seen |= matching
    assert len({sizes for sizes, _ in seen}) == 2
    assert len({horizon for _, horizon in seen}) > 1


@pytest.mark.parametrize(
    ("sizes", "batch_sizes", "shortest", "message"),
    [
        (((4, 2), (4, 3)), None, None, "all networks must end in the same number of classes"),
        (((4, 2), (4, 2)), (3,), None, "batch_sizes must be one for each of 2 networks"),
        ((4, 2), (0,), None, "batch_sizes must be a whole number of at least 1, got 0"),
        ((4, 2), (7,), None, "batch_sizes must be at most the 6 of a batch"),
        ((4, 2), None, 0, "shortest must be a whole number of at least 1, got 0"),
        ((4, 2), None, 5, "shortest must be at most the 4 batches that are learned, got 5"),
    ],
)
def test_refusals(sizes, batch_sizes, shortest, message):
    with pytest.raises(ValueError, match=message):
        mixture.check_example(mixture.mixture(sizes, batch_sizes, shortest, lambda: GENOME), jnp.zeros((1, 5, 6)), 4)
