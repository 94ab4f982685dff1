"""One net in the styles of Linen, NNX, bare functions and pytree classes, in all four learners."""

from functools import partial
from typing import NamedTuple

import chex
import flax.linen as nn
import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest
from flax import nnx

import bootstrap
from bootstrap import Net, bandits, ewc, nets, regression, sgd

D, WIDTH, K = 6, 16, 3
RNG = np.random.default_rng(0)
X = jnp.array(RNG.normal(size=(32, D)), jnp.float32)
Y = jnp.array(RNG.normal(size=(D, K)), jnp.float32)
TARGETS = jnp.tanh(X @ Y)
LABELS, ARMS = TARGETS.argmax(1), jnp.arange(32) % K


class NNX(nnx.Module):
    def __init__(self, *, rngs):
        self.hidden, self.output = nnx.Linear(D, WIDTH, rngs=rngs), nnx.Linear(WIDTH, K, rngs=rngs)

    def __call__(self, x):
        return self.output(nnx.relu(self.hidden(x)))


def dense(key, num_inputs, num_outputs):
    kernel = jax.random.normal(key, (num_inputs, num_outputs)) / num_inputs**0.5
    return {"kernel": kernel, "bias": jnp.zeros(num_outputs)}


def init(key, x):
    k_hidden, k_output = jax.random.split(key)
    return {"Dense_0": dense(k_hidden, x.shape[1], WIDTH), "Dense_1": dense(k_output, WIDTH, K)}


def affine(layer, x):
    return x @ layer["kernel"] + layer["bias"][None]


def apply(params, x):
    return affine(params["Dense_1"], jax.nn.relu(affine(params["Dense_0"], x)))


@jax.tree_util.register_pytree_node_class
class Tree:
    """A net whose instances are pytrees, called with one input."""

    def __init__(self, *weights):
        self.weights = weights

    def __call__(self, x):
        *hidden, output = self.weights
        for matrix in hidden:
            x = jax.nn.relu(x @ matrix)
        return x @ output

    def tree_flatten(self):
        return self.weights, None

    @classmethod
    def tree_unflatten(cls, _, weights):
        return cls(*weights)


class Transformed(NamedTuple):
    """Not a `Net`, but with its functions, in another order."""

    apply: object
    init: object


def init_tree(key, x):
    shapes = (x.shape[1], WIDTH), (WIDTH, K)
    keys = jax.random.split(key)
    return Tree(*(jax.random.normal(k, shape) / shape[0] ** 0.5 for k, shape in zip(keys, shapes, strict=True)))


LINEN, FUNCTIONS = nets.MLP((WIDTH,), K), Net(init, apply)
STYLES = {
    "linen": LINEN,
    "nnx": nnx.bridge.to_linen(NNX),
    "functions": FUNCTIONS,
    "pair": (init, apply),
    "tree": Transformed(lambda tree, x: jax.vmap(tree)(x), init_tree),
}
TX = optax.adam(0.03)
LEARNERS = {  # net -> learner; a batch; what falls
    "sgd": (partial(sgd.learner, tx=TX), (X, LABELS), "loss"),
    "ewc": (partial(ewc.learner, tx=TX, strength=0.1, consolidate_every=50), (X, LABELS), "loss"),
    "regression": (partial(regression.learner, tx=TX), (X, TARGETS), "mse"),
    "neural": (partial(bandits.neural, tx=TX, epsilon=0.0), (X, ARMS, TARGETS[jnp.arange(32), ARMS]), "squared_error"),
}


def learn(learner, batch, num_steps, state=None):
    """-> the state after updates on one batch, and their metrics, each [num_steps]."""
    init, update, _ = learner

    @jax.jit
    def program(key, state, batch):
        keys = jax.vmap(partial(jax.random.fold_in, key))(jnp.arange(num_steps))
        return jax.lax.scan(lambda state, key: update(key, state, batch), state, keys)

    return program(jax.random.key(1), init(jax.random.key(0), batch) if state is None else state, batch)


@pytest.mark.parametrize("name", LEARNERS)
@pytest.mark.parametrize("style", STYLES)
def test_every_style_learns_in_every_learner(style, name):
    make, batch, metric = LEARNERS[name]
    learner = make(STYLES[style])
    state, metrics = learn(learner, batch, 100)
    assert metrics[metric][-1] < 0.2 * metrics[metric][0]
    assert all(isinstance(leaf, jax.Array) for leaf in jax.tree.leaves(state))
    outputs = learner[2](state, X)
    chex.assert_tree_all_finite(outputs)
    assert {leaf.shape for leaf in jax.tree.leaves(outputs)} == {(32, K)}


@pytest.mark.parametrize("name", LEARNERS)
def test_functions_learn_as_linen_does(name):
    """From equal parameters, equal losses."""
    make, batch, metric = LEARNERS[name]
    of_linen, of_functions = make(LINEN), make(FUNCTIONS)
    start = of_linen[0](jax.random.key(0), batch)
    chex.assert_trees_all_equal_shapes_and_dtypes(of_functions[0](jax.random.key(0), batch), start)
    (state, metrics), (same, of_same) = (learn(one, batch, 30, start) for one in (of_linen, of_functions))
    np.testing.assert_allclose(metrics[metric], of_same[metric], rtol=1e-5)
    chex.assert_trees_all_close(state, same, rtol=1e-3, atol=1e-4)


@pytest.mark.parametrize("style", STYLES)
def test_a_run_resumed_from_its_arrays_is_the_same_run(style):
    learner, world = bootstrap.Learner(*sgd.learner(STYLES[style], TX)), bootstrap.real(X, LABELS, batch_size=8)
    key = jax.random.key(0)
    advance = jax.jit(lambda data, run: bootstrap.advance(key, learner, world._replace(data=data), run, 3)[0])
    start = bootstrap.begin(key, learner, world)
    half = advance(world.data, start)
    leaves = [np.array(leaf) for leaf in jax.tree.leaves(half)]  # what a checkpoint keeps
    resumed = jax.tree.unflatten(jax.tree.structure(start), map(jnp.array, leaves))
    chex.assert_trees_all_equal(advance(world.data, resumed), advance(world.data, half))


class Noisy(nn.Module):
    """Other in training: batch statistics and dropout."""

    @nn.compact
    def __call__(self, x, train):
        x = nn.BatchNorm(use_running_average=not train)(2 * x + 1)
        return nn.Dense(K)(nn.Dropout(0.5, deterministic=not train)(x))


class NoisyNNX(nnx.Module):
    """The same."""

    def __init__(self, *, rngs):
        self.norm, self.dropout = nnx.BatchNorm(D, rngs=rngs), nnx.Dropout(0.5, rngs=rngs)
        self.output = nnx.Linear(D, K, rngs=rngs)

    def __call__(self, x, train):
        x = self.norm(2 * x + 1, use_running_average=not train)
        return self.output(self.dropout(x, deterministic=not train))


def dropping(params, x, *, train, key):
    """Needs both arguments, and a key in training alone."""
    assert train == (key is not None)
    keep = jax.random.bernoulli(key, 0.5, x.shape) if train else 0.5
    return apply(params, x * keep)


NOISY = {"linen": Noisy(), "nnx": nnx.bridge.to_linen(NoisyNNX), "functions": Net(init, dropping)}


@pytest.mark.parametrize("name", LEARNERS)
@pytest.mark.parametrize("style", NOISY)
def test_training_is_told_from_prediction(style, name):
    """Dropout follows the key of update; batch statistics are learned; a prediction does not depend on its batch."""
    make, batch, metric = LEARNERS[name]
    init, update, predict = map(jax.jit, make(NOISY[style]))
    state = init(jax.random.key(0), batch)
    losses = [update(jax.random.key(seed), state, batch)[1][metric] for seed in (1, 1, 2)]
    assert losses[0] == losses[1]
    assert losses[0] != losses[2]
    learned, _ = update(jax.random.key(1), state, batch)
    assert len(jax.tree.leaves(state.collections)) == (0 if style == "functions" else 2)
    for before, after in zip(jax.tree.leaves(state.collections), jax.tree.leaves(learned.collections), strict=True):
        assert np.all(before != after)
    few, all_of_them = (jax.tree.map(np.array, predict(learned, x)) for x in (X[:4], X))
    chex.assert_trees_all_close(few, jax.tree.map(lambda leaf: leaf[:4], all_of_them), rtol=1e-4, atol=1e-5)


def test_an_argument_is_given_only_where_it_is_asked_for():
    seen = []

    def apply_with_train(params, x, train=None):
        seen.append(train)
        return apply(params, x)

    network = nets.body(Net(init, apply_with_train))
    params, collections = network.init(jax.random.key(0), X)
    network.train(params, collections, X, jax.random.key(1))
    network.predict(params, collections, X)
    assert seen == [True, False]


@pytest.mark.parametrize(
    ("net", "got"),
    [
        (nets.MLP, "the class MLP"),
        (apply, "a function"),
        ({"init": init, "apply": apply}, "a dict"),
        ((init, apply, apply), "a tuple"),
        ((init, 3), "a tuple"),
        (NNX(rngs=nnx.Rngs(0)), "a NNX"),
    ],
    ids=["class", "function", "dict", "triple", "number", "nnx"],
)
@pytest.mark.parametrize("name", LEARNERS)
def test_what_is_no_net_is_refused(name, net, got):
    message = f"^a net must be a flax Linen module or a pair of functions, init and apply; got {got}$"
    with pytest.raises(ValueError, match=message):
        LEARNERS[name][0](net)


@pytest.mark.parametrize(
    ("params", "got"), [({"w": 1.0}, "float"), (jnp.arange(3), "int32"), ([jnp.zeros(2), jax.nn.relu], "custom_jvp")]
)
def test_parameters_that_are_no_float_arrays_are_refused(params, got):
    init, _, _ = sgd.learner(Net(lambda key, x: params, apply), TX)
    with pytest.raises(ValueError, match=rf"pytree of float arrays; init returned a leaf of type {got}$"):
        init(jax.random.key(0), (X, LABELS))
