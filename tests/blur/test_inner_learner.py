"""A genome as a Learner: it learns digits by the backprop genome; supervision, random labels, refusals."""

import chex
import jax
import jax.numpy as jnp
import numpy as np
import pytest
from sklearn.datasets import load_digits
from sklearn.model_selection import train_test_split

import blur
import bootstrap
from blur.rule import Rule

SIZES, N = (6, 3), 3
GENOME = blur.random_genome(jax.random.key(0), 2)


@pytest.fixture
def batch():
    x = np.random.default_rng(0).normal(size=(10, 2, 2))
    return jnp.array(x, jnp.float32), jnp.array(x.reshape(10, 4)[:, :N].argmax(-1))


def make(**settings):
    return tuple(map(jax.jit, blur.learner(GENOME, SIZES, **settings)))


def test_learns_digits():
    """97.3 % when this was written."""
    x, labels = load_digits(return_X_y=True)
    x, x_test, labels, labels_test = train_test_split(x / 16, labels, test_size=0.25, random_state=0)
    world = bootstrap.real(jnp.array(x, jnp.float32), jnp.array(labels), batch_size=32)
    learner = bootstrap.Learner(*blur.learner(blur.backprop_genome(0.3), (64, 10), rule=blur.backprop_rule(jnp.tanh)))

    @jax.jit
    def train(key, data, x_test):
        here = bootstrap.World(data, world.init, world.draw)
        run, metrics = bootstrap.advance(key, learner, here, bootstrap.begin(key, learner, here), 1000)
        return learner.predict(run.learner, x_test), metrics

    outputs, metrics = train(jax.random.key(0), world.data, jnp.array(x_test, jnp.float32))
    assert np.mean(np.array(outputs.argmax(-1)) == labels_test) >= 0.96
    np.testing.assert_allclose(jnp.exp(outputs).sum(-1), 1, rtol=1e-5)
    assert metrics["error"][:5].mean() > 0.5  # a batch is described before it is learned


def test_metrics_are_those_of_predict(batch):
    init, update, predict = make()
    state = init(jax.random.key(1), batch)
    _, metrics = update(jax.random.key(2), state, batch)
    log_p = np.float64(predict(state, batch[0]))
    of_label = log_p[np.arange(10), batch[1]]
    expected = {
        "loss": -of_label.mean(),
        "error": np.mean(log_p.argmax(-1) != batch[1]),
        "soft_error": 1 - np.exp(of_label).mean(),
    }
    chex.assert_trees_all_close(metrics, expected, rtol=1e-5)


def test_supervised_every(batch):
    init, update, _ = make(supervised_every=3)
    state, moved = init(jax.random.key(1), batch), []
    for _ in range(7):
        before, (state, _) = state, update(jax.random.key(2), state, batch)
        moved.append(bool(np.any(before.synapses[0].forward != state.synapses[0].forward)))
    assert moved == [True, False, False, True, False, False, True]


def test_random_labels_after(batch):
    """Until then nothing changes; after, feedback has labels that the key draws, and the metrics keep the true ones."""
    init, always, _ = make()
    _, until, _ = make(random_labels_after=1)
    state = init(jax.random.key(1), batch)
    first, _ = always(jax.random.key(2), state, batch)
    chex.assert_trees_all_equal(until(jax.random.key(2), state, batch)[0], first)
    other, metrics = until(jax.random.key(3), first, batch)
    expected, of_truth = always(jax.random.key(3), first, batch)
    chex.assert_trees_all_equal(metrics, of_truth)
    assert np.any(other.synapses[1].forward != expected.synapses[1].forward)
    drawn = jax.random.randint(jax.random.key(3), (10,), 0, N)
    chex.assert_trees_all_equal(other, always(jax.random.key(3), first, (batch[0], drawn))[0])


def test_keeps_neurons(batch):
    """The second step finds the neurons of the first, so the same batch has other logits; a prediction does not."""
    init, update, predict = make(rule=Rule(keep_neurons=True))
    state, _ = update(jax.random.key(2), init(jax.random.key(1), batch), batch)
    chex.assert_shape(state.carry, [(1, 10, 4), (2, 10, 6), (2, 10, 3)])
    _, metrics = update(jax.random.key(2), state, batch)
    _, of_rest = update(jax.random.key(2), state._replace(carry=jax.tree.map(jnp.zeros_like, state.carry)), batch)
    assert jnp.abs(metrics["loss"] - of_rest["loss"]) > 1e-3
    log_p = predict(state, batch[0][:7])
    np.testing.assert_allclose(log_p, predict(state, batch[0])[:7], rtol=1e-5)
    expected = -jnp.take_along_axis(predict(state, batch[0]), batch[1][:, None], axis=-1).mean()
    np.testing.assert_allclose(of_rest["loss"], expected, rtol=1e-5)


def test_scale(batch):
    one, three = (make(scale=scale)[0](jax.random.key(1), batch).synapses for scale in (1.0, 3.0))
    chex.assert_trees_all_close(jax.tree.map(lambda leaf: 3 * leaf, one), three, rtol=1e-6, atol=1e-6)
    assert 0.9 * (6 / 10) ** 0.5 < np.abs(one[0].forward).max() <= (6 / 10) ** 0.5


def test_other_types_of_arrays_give_the_same(batch):
    """Eagerly, as a float32 jnp array does, to the bit: bytes, float64 and whole numbers, in NumPy; one genome, any."""
    init, update, predict = blur.learner(GENOME, SIZES)
    x, labels = np.random.default_rng(0).integers(0, 256, (10, 2, 2)), np.array(batch[1])
    plain = jnp.array(x, jnp.float32), jnp.array(labels, jnp.int32)
    state = init(jax.random.key(1), plain)
    expected = update(jax.random.key(2), state, plain), predict(state, plain[0])
    for kind, of_labels in ((np.uint8, np.uint8), (np.float64, np.int64), (np.int32, np.int8)):
        other = x.astype(kind), labels.astype(of_labels)
        got = update(jax.random.key(2), state, other), predict(state, other[0])
        chex.assert_trees_all_equal(got, expected)
        chex.assert_trees_all_equal_dtypes(got, expected)


def with_gene(part, name, shape):
    """A genome in which one gene has another shape."""
    genome = blur.backprop_genome(0.1)
    return genome._replace(**{part: getattr(genome, part)._replace(**{name: jnp.ones(shape)})})


def test_labels_that_are_no_whole_numbers(batch):
    init, update, _ = make()
    with pytest.raises(ValueError, match="labels must be whole numbers, the indices of classes; got float32"):
        update(jax.random.key(2), init(jax.random.key(1), batch), (batch[0], batch[1].astype(jnp.float32)))


def test_labels_of_another_shape(batch):
    x, labels = batch
    init, update, _ = blur.learner(GENOME, SIZES)
    state = init(jax.random.key(1), batch)
    for wrong in (labels[:, None], labels[:-1], jax.nn.one_hot(labels, N, dtype=jnp.int32)):
        with pytest.raises(
            ValueError, match=rf"labels must be one number for each of {len(x)} examples; got the shape"
        ):
            update(jax.random.key(2), state, (x, wrong))


@pytest.mark.parametrize("label", [-1, N])
def test_labels_that_are_no_classes(batch, label):
    """Refused where they are known; under jit no metric is a number."""
    x, labels = batch[0], batch[1].at[3].set(label)
    init, update, _ = blur.learner(GENOME, SIZES)
    state = init(jax.random.key(1), batch)
    with pytest.raises(ValueError, match=r"labels must be 0 to 2, one of 3 classes; got "):
        update(jax.random.key(2), state, (x, labels))
    _, metrics = make()[1](jax.random.key(2), state, (x, labels))
    assert all(np.isnan(metric) for metric in metrics.values())


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"genome": {"neuron": 1}}, "a genome must be a blur.Genome, or a tuple of one for each layer; got dict"),
        ({"rule": Rule(activation="math:nope")}, "activation: no math:nope "),
        ({"rule": Rule(change_norm="math:sin")}, "change_norm must be one of none, .*; got 'math:sin'"),
        ({"sizes": ()}, "sizes must be positive and end in the number of classes, at least 2; got \\(\\)"),
        ({"sizes": (4, 1)}, "sizes must be positive and end in the number of classes"),
        ({"sizes": 3}, "sizes must be positive and end in the number of classes, at least 2; got 3"),
        ({"sizes": np.array([4, 3])}, "sizes must be positive and end in the number of classes"),
        ({"sizes": (True, 3)}, "sizes must be positive and end in the number of classes"),
        ({"genome": ()}, "a genome must be a blur.Genome, or a tuple of one for each layer; got tuple"),
        *(
            (
                {"genome": with_gene(part, name, shape)},
                rf"the gene {part}\.{name} must have the shape .* 2 states; got \(",
            )
            for part, name, shape in (
                ("synapse", "update", (2,)),
                ("neuron", "keep", (1,)),
                ("synapse", "pre", (3, 3)),
                ("neuron", "backward", (2, 3)),
            )
        ),
        ({"genome": (blur.backprop_genome(0.1),) * 3}, "there must be 1 genome or 2, one a layer; got 3"),
        ({"genome": jax.tree.map(lambda g: g[:1, :1] if g.ndim else g, GENOME)}, "a neuron needs at least 2 states"),
        (
            {"genome": [blur.random_genome(jax.random.key(0), k) for k in (2, 3)]},
            "the genomes of all layers must have the same number of states",
        ),
        ({"supervised_every": 0}, "supervised_every must be a whole number of at least 1, got 0"),
        (
            {"genome": jax.tree.map(lambda gene: gene * np.nan, GENOME)},
            r"genes must be finite, but genome.neuron.forward",
        ),
        ({"scale": np.inf}, "scale must be a finite number, above 0.0, got inf"),
        ({"random_labels_after": -1}, "random_labels_after must be a whole number of at least 0, got -1"),
        ({"rule": Rule(backward_update="plus")}, "backward_update must be one of additive, .*; got 'plus'"),
    ],
)
def test_refusals(settings, message):
    with pytest.raises(ValueError, match=message):
        blur.learner(**({"genome": blur.backprop_genome(0.1), "sizes": SIZES} | settings))
