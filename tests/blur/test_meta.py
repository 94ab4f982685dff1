"""The meta-learner: a meta-step against NumPy in float64, what it survives, and that it learns to learn."""

from functools import partial

import chex
import jax
import jax.numpy as jnp
import numpy as np
import pytest

import blur
import bootstrap
from blur import network

SIZES, M, T, UNROLL, B = (4, 3), 3, 2, 2, 6
CLIP, RATE = 0.05, 0.01


def make(**others):
    begin = partial(blur.random_genome, num_states=2, synapse_update=-0.005)
    settings = {"population": 3, "clip": CLIP, "learning_rate": RATE, "synchronise_every": 5, "reset_after": 2}
    return bootstrap.Learner(*blur.meta_learner(begin, SIZES, **settings, **others))


@pytest.fixture(scope="module")
def tasks():
    rng = np.random.default_rng(0)
    inputs = jnp.array(rng.normal(size=(T, UNROLL + 1, B, 2)), jnp.float32)
    return blur.Tasks(inputs, jnp.array(rng.integers(0, M, (T, UNROLL + 1, B)), jnp.int32))


@pytest.fixture(scope="module")
def update():
    """One meta-step of three genomes, compiled once."""
    return jax.jit(make().update)


@pytest.fixture(scope="module")
def first(tasks):
    return make().init(jax.random.key(0), tasks)


def numpy_adapt(genome, synapses, inputs, labels):
    """The held-out logits of one task under the default rule, eq. 5 to 7. Genes and synapses are float64."""
    (nu, mu, keep, update, *_), (pre, post, f, eta, *_), _ = genome
    synapses = [[up.copy(), None if down is None else down.copy()] for up, down in synapses]

    def forward(x):
        layers = [np.stack([x, 0 * x])]
        for up, _ in synapses:
            sources = np.concatenate([layers[-1], np.ones((2, len(x), 1))], axis=2)
            drive = [sum(nu[c, d] * sources[d] for d in range(2)) @ up[c] for c in range(2)]
            layers.append(np.tanh(update * np.stack(drive)))
        return layers

    def learn(weights, sources, destinations):
        for c in range(2):
            change = sum(pre[e, c] * post[c, d] * sources[e].T @ destinations[d] for e in range(2) for d in range(2))
            weights[c] = f * weights[c] + eta * change

    for x, y in zip(inputs[:-1], labels[:-1], strict=True):
        (below, hidden, last) = forward(x)
        last = np.stack([last[0], 2.0 * np.eye(M)[y] - 1])
        drive = [sum(mu[c, d] * last[d] for d in range(2)) @ synapses[1][1][c] for c in range(2)]
        hidden = np.tanh(keep * hidden + update * np.stack(drive))
        for (up, down), lower, upper in zip(synapses, (below, hidden), (hidden, last), strict=True):
            learn(up, np.concatenate([lower, np.ones((2, len(x), 1))], axis=2), upper)
            if down is not None:
                learn(down, upper, lower)
    return forward(inputs[-1])[-1][0]


def numpy_loss(genome, synapses, tasks):
    """Mean softmax cross-entropy of the held-out batches, and the accuracy on them."""
    losses, right = [], []
    for of_task, inputs, labels in zip(synapses, np.float64(tasks.inputs), np.array(tasks.labels), strict=True):
        logits = numpy_adapt(genome, of_task, inputs, labels)
        log_p = logits - np.log(np.exp(logits).sum(axis=1, keepdims=True))
        losses.append(-log_p[np.arange(B), labels[-1]].mean())
        right.append((logits.argmax(1) == labels[-1]).mean())
    return np.mean(losses), np.mean(right)


def first_synapses(key, member, population):
    """Those that a meta-step draws for the tasks of one genome."""
    k_synapses, _ = jax.random.split(key)
    keys = jax.random.split(jax.random.split(k_synapses, population)[member], T)
    drawn = [network.init(keys[t], 2, SIZES, 2, rule=blur.Rule()) for t in range(T)]
    return jax.tree.map(lambda leaf: np.float64(leaf), drawn)


def test_two_meta_steps(tasks, update, first):
    """Gradients by central differences, clipped by their norm, then Adam, twice, as only then clipping shows."""
    leaves, form = jax.tree.flatten(jax.tree.map(lambda leaf: np.float64(leaf[1]), first.genomes))
    begun, shapes = np.concatenate([leaf.ravel() for leaf in leaves]), [leaf.shape for leaf in leaves]

    def loss(genes, synapses, batch):
        parts = np.split(genes, np.cumsum([int(np.prod(shape)) for shape in shapes])[:-1])
        genome = [part.reshape(shape) for part, shape in zip(parts, shapes, strict=True)]
        return numpy_loss(jax.tree.unflatten(form, genome), synapses, batch)

    state, genes, mean, square = first, begun, 0.0, 0.0
    for step in (1, 2):
        batch, synapses = tasks._replace(inputs=tasks.inputs * step), first_synapses(jax.random.key(step), 1, 3)
        expected, accuracy = loss(genes, synapses, batch)
        differences = [
            loss(genes + h, synapses, batch)[0] - loss(genes - h, synapses, batch)[0] for h in 1e-5 * np.eye(len(genes))
        ]
        gradient = np.array(differences) / 2e-5
        assert np.linalg.norm(gradient) > CLIP
        gradient *= CLIP / np.linalg.norm(gradient)
        mean, square = 0.9 * mean + 0.1 * gradient, 0.999 * square + 0.001 * gradient**2
        genes = genes - RATE * mean / (1 - 0.9**step) / (np.sqrt(square / (1 - 0.999**step)) + 1e-8)
        state = state._replace(scores=jnp.array([1.0, 0.5, 1.0]))  # the metrics are of the second genome
        state, metrics = update(jax.random.key(step), state, batch)
        np.testing.assert_allclose([metrics["loss"], metrics["accuracy"]], [expected, accuracy], rtol=1e-5)
        np.testing.assert_allclose(state.scores[1], 0.99 * 0.5 + 0.01 * expected, rtol=1e-5)
    learned = np.concatenate([np.ravel(leaf[1]) for leaf in jax.tree.leaves(state.genomes)])
    np.testing.assert_allclose(learned, genes, atol=2e-5)
    assert np.abs(learned - begun).min() > RATE / 10


def test_sequential_is_all_at_once(tasks, update, first):
    one_by_one = jax.jit(make(sequential=True).update)
    sequential, all_at_once = (step(jax.random.key(1), first, tasks) for step in (one_by_one, update))
    chex.assert_trees_all_close(sequential, all_at_once, rtol=1e-4, atol=1e-6)


def test_synapses_are_fresh_in_every_meta_step(tasks, update, first):
    losses = [update(jax.random.key(seed), first, tasks)[1]["loss"] for seed in (1, 1, 2)]
    assert losses[0] == losses[1] != losses[2]


def test_predictions_are_of_the_best_genome_that_is_well(tasks, first):
    """From synapses that are the same in every prediction."""
    state = first._replace(scores=jnp.array([0.1, 0.3, 0.2]), num_diverged=jnp.array([1, 0, 0]))
    genome = of_member(2, state.genomes)
    chex.assert_trees_all_equal(blur.learned_genome(state), genome)
    keys = jax.random.split(jax.random.key(0), T)
    logits = [
        blur.adapt(keys[t], genome, tasks.inputs[t], tasks.labels[t], SIZES, rule=blur.Rule())[-1] for t in range(T)
    ]
    log_probabilities = make().predict(state, tasks)
    np.testing.assert_allclose(log_probabilities, jax.nn.log_softmax(jnp.stack(logits)), atol=1e-5)
    np.testing.assert_allclose(jnp.exp(log_probabilities).sum(-1), np.ones((T, B)), rtol=1e-5)


def of_member(member, tree):
    return jax.tree.map(lambda leaf: leaf[member], tree)


def diverging(state, *members):
    """These genomes give infinite synapses, so a loss that is not a number."""
    synapse = state.genomes.synapse
    update = synapse.update.at[jnp.array(members)].set(jnp.inf)
    return state._replace(genomes=state.genomes._replace(synapse=synapse._replace(update=update)))


def test_a_genome_that_diverges_is_skipped_then_becomes_the_best(tasks, update, first):
    first = diverging(first, 1)
    state, metrics = update(jax.random.key(1), first, tasks)
    assert (metrics["num_skipped"], metrics["num_reset"]) == (1, 0)
    moved = [bool(np.any(state.genomes.neuron.forward[p] != first.genomes.neuron.forward[p])) for p in range(3)]
    assert moved == [True, False, True]
    np.testing.assert_array_equal(state.num_diverged, [0, 1, 0])
    np.testing.assert_allclose(state.scores[1], np.log(M), rtol=1e-6)  # as one that guesses
    state, metrics = update(jax.random.key(2), state, tasks)
    assert (metrics["num_skipped"], metrics["num_reset"]) == (2, 1)
    best = int(np.argmin(state.scores[jnp.array([0, 2])])) * 2
    for tree in (state.genomes, state.optimizer, state.scores):
        chex.assert_trees_all_equal(of_member(1, tree), of_member(best, tree))
    state, metrics = update(jax.random.key(3), state, tasks)
    assert (metrics["num_skipped"], metrics["num_reset"]) == (2, 1)
    chex.assert_tree_all_finite((state, metrics))


@pytest.mark.parametrize("value", [np.nan, np.inf])
def test_a_task_that_diverges_reaches_no_genome(tasks, update, first, value):
    """Its gradient is a part of every genome's, so none of them moves, and each skipped step is counted."""
    state, metrics = update(jax.random.key(1), first, tasks._replace(inputs=tasks.inputs.at[0, 0, 0, 0].set(value)))
    chex.assert_trees_all_equal((state.genomes, state.optimizer), (first.genomes, first.optimizer))
    chex.assert_tree_all_finite((state, metrics))
    assert metrics["num_skipped"] == 3


def test_labels_that_are_no_classes_are_seen(tasks, update, first):
    _, metrics = update(jax.random.key(1), first, tasks._replace(labels=tasks.labels.at[0, 0, 0].set(M)))
    assert all(np.isnan(metric) for metric in metrics.values())


def test_where_none_is_well_all_begin_again(tasks, update, first):
    """Nor is there a best to become when the population would be synchronised."""
    before = diverging(first, 0, 1, 2)._replace(count=jnp.int32(4), scores=jnp.ones(3))
    state, metrics = update(jax.random.key(1), before, tasks)
    assert (metrics["num_skipped"], metrics["num_reset"]) == (3, 0)
    np.testing.assert_allclose(metrics["loss"], np.log(M), rtol=1e-6)
    chex.assert_trees_all_equal(state.genomes, before.genomes)
    state, metrics = update(jax.random.key(2), state, tasks)
    assert (metrics["num_skipped"], metrics["num_reset"]) == (6, 3)
    np.testing.assert_array_equal(state.genomes.synapse.update, np.full(3, -0.5, np.float32))
    assert np.all(state.genomes.neuron.forward != first.genomes.neuron.forward)
    assert len(np.unique(state.genomes.neuron.forward)) == 12
    np.testing.assert_allclose(state.scores, np.full(3, np.log(M)), rtol=1e-6)
    _, metrics = update(jax.random.key(3), state, tasks)
    assert metrics["num_skipped"] == 6


def test_synchronise_every(tasks, update, first):
    """After the fifth step all are the best; the sixth parts them again, by their synapses."""
    alone, _ = update(jax.random.key(2), first, tasks)
    together, metrics = update(jax.random.key(2), first._replace(count=jnp.int32(4)), tasks)
    best = int(alone.scores.argmin())
    for member in range(3):
        for name in ("genomes", "optimizer", "scores"):
            one, other = getattr(together, name), getattr(alone, name)
            chex.assert_trees_all_equal(of_member(member, one), of_member(best, other))
    assert metrics["num_reset"] == 0
    parted, _ = update(jax.random.key(3), together, tasks)
    assert len(np.unique(parted.scores)) == 3


def test_learns_to_learn():
    """From genomes near the delta rule: 0.64 to 0.35 nats when this was written."""
    families = [blur.toys.FAMILIES[name] for name in ("and", "or", "pieslice")]
    world = bootstrap.World(*blur.tasks(families, unroll=5, batch_size=32))
    rule = blur.Rule(last_activation="linear", symmetric=True, single_state=True)
    begin = partial(blur.delta_genome, num_states=2, normalise="none", synapse_update=0.1)
    learner = bootstrap.Learner(*blur.meta_learner(begin, (8, 2), rule=rule, population=2, learning_rate=0.01))
    key = jax.random.key(0)
    _, metrics = jax.jit(lambda run: bootstrap.advance(key, learner, world, run, 150))(
        bootstrap.begin(key, learner, world)
    )
    losses = np.array(metrics["population_loss"])
    assert losses[-10:].mean() < 0.75 * losses[:10].mean()


NARROW = blur.backprop_genome(0.1).neuron._replace(forward_norm=blur.genome.Norm(jnp.zeros(1), jnp.ones(1)))


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        (
            {
                "init_genome": lambda key: jax.tree.map(
                    lambda gene: gene[:1, :1] if gene.ndim else gene, blur.backprop_genome(0.1)
                )
            },
            "a neuron needs at least 2 states",
        ),
        ({"sizes": (4, 1)}, "sizes must be positive and end in the number of classes, at least 2; got \\(4, 1\\)"),
        ({"sizes": np.array([4, 3])}, "sizes must be positive and end in the number of classes"),
        (
            {"init_genome": lambda key: blur.genome.with_age(blur.random_genome(key, 2), 3.0)._replace(neuron=NARROW)},
            r"the gene neuron\.forward_norm\.mean must have the shape \(2,\)",
        ),
        (
            {"init_genome": lambda key: jax.tree.map(jnp.float16, blur.random_genome(key, 2))},
            "genes that are learned must be float32; init_genome returns float16",
        ),
        ({"population": 0}, "population must be a whole number of at least 1, got 0"),
        ({"synchronise_every": 0}, "synchronise_every must be a whole number of at least 1, got 0"),
        ({"learning_rate": np.nan}, "learning_rate must be a finite number, at least 0.0, got nan"),
        ({"clip": 0}, "clip must be a finite number, above 0.0, got 0"),
        ({"num_scored": 0}, "num_scored must be a whole number of at least 1, got 0"),
        ({"rule": blur.Rule(backward_update="plus")}, "backward_update must be one of additive, .*; got 'plus'"),
    ],
)
def test_refusals(settings, message):
    with pytest.raises(ValueError, match=message):
        blur.meta_learner(**({"init_genome": blur.random_genome, "sizes": SIZES} | settings))
