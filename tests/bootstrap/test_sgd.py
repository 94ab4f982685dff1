"""SGD as a Learner: one step by hand, and bodies that keep more than parameters."""

import chex
import flax.linen as nn
import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest

from bootstrap import nets, sgd

LINEAR = nets.MLP((), 2)


class Noisy(nn.Module):
    """A body that behaves otherwise in training: batch statistics and dropout."""

    @nn.compact
    def __call__(self, x, train):
        x = nn.BatchNorm(use_running_average=not train)(x)
        return nn.Dense(3)(nn.Dropout(0.5, deterministic=not train)(x))


@pytest.fixture
def batch():
    x = np.random.default_rng(0).normal(size=(16, 8)) + 5
    return jnp.array(x, jnp.float32), jnp.array(x[:, :3].argmax(-1))


def linear_state(kernel, bias, tx):
    params = {"Dense_0": {"kernel": jnp.array(kernel), "bias": jnp.array(bias)}}
    return sgd.State(params, {}, tx.init(params))


def test_one_step_by_hand():
    # All weights 0: p = (0.5, 0.5). d loss / d logits = (p - onehot) / 2 = (-0.25, 0.25) for label 0, (0.25, -0.25)
    # for label 1; the kernel's gradient is x^T of it: rows (1, 3)·(-0.25, 0.25) = 0.5 and (2, 0)·(..) = -0.5.
    tx = optax.sgd(0.1)
    _, update, _ = map(jax.jit, sgd.learner(LINEAR, tx))
    batch = jnp.array([[1.0, 2.0], [3.0, 0.0]]), jnp.array([0, 1])
    state, _ = update(jax.random.key(0), linear_state(np.zeros((2, 2)), np.zeros(2), tx), batch)
    layer = state.params["Dense_0"]
    np.testing.assert_allclose(layer["kernel"], [[-0.05, 0.05], [0.05, -0.05]], rtol=1e-6)
    np.testing.assert_allclose(layer["bias"], [0, 0], atol=1e-6)


def test_metrics_and_prediction_by_hand():
    # Logits (ln 3, 0), (ln 4, 0), (0, 0): p = (0.75, 0.25), (0.8, 0.2), (0.5, 0.5). Labels 0, 1, 0; a tie is class 0.
    tx = optax.sgd(0.1)
    _, update, predict = map(jax.jit, sgd.learner(LINEAR, tx))
    x, state = jnp.eye(3, 2), linear_state([[np.log(3), 0], [np.log(4), 0]], [0.0, 0.0], tx)
    _, metrics = update(jax.random.key(0), state, (x, jnp.array([0, 1, 0])))
    expected = {"loss": -np.log(0.75 * 0.2 * 0.5) / 3, "error": 1 / 3, "soft_error": 1 - (0.75 + 0.2 + 0.5) / 3}
    chex.assert_trees_all_close(metrics, expected, rtol=1e-6)
    np.testing.assert_allclose(jnp.exp(predict(state, x)), [[0.75, 0.25], [0.8, 0.2], [0.5, 0.5]], rtol=1e-6)


def test_the_squared_error_by_hand():
    # Logits (3, 0) and (0.5, 0.25), labels 1 and 0: 9 + 1 and 0.25 + 0.0625; cut off they are (1, 0) and (0.5, 0.25).
    tx = optax.sgd(0.1)
    _, update, predict = map(jax.jit, sgd.learner(LINEAR, tx, loss="squared_error"))
    x, labels, state = jnp.eye(2), jnp.array([1, 0]), linear_state([[3.0, 0.0], [0.5, 0.25]], [0.0, 0.0], tx)
    learned, metrics = update(jax.random.key(0), state, (x, labels))
    expected = {"loss": (10 + 0.3125) / 2, "error": 0.5, "soft_error": (1 + 1 / 3) / 2}
    chex.assert_trees_all_close(metrics, expected, rtol=1e-4)
    np.testing.assert_allclose(jnp.exp(predict(state, x)), [[1, 0], [2 / 3, 1 / 3]], atol=2e-6)
    # The gradient of a logit is (logit - one-hot) of its example.
    np.testing.assert_allclose(learned.params["Dense_0"]["kernel"], [[2.7, 0.1], [0.55, 0.225]], rtol=1e-5)
    _, metrics = update(jax.random.key(0), state, (x, jnp.array([1, 7])))
    assert np.isnan(metrics["loss"])
    with pytest.raises(ValueError, match="loss must be one of cross_entropy, squared_error; got 'hinge'"):
        sgd.learner(LINEAR, tx, loss="hinge")


def test_mixup_by_hand(batch):
    """Of mixed samples λ of the loss is by the one's labels and 1 - λ by the others'; λ is drawn from Beta(α, α)."""
    x, labels = batch
    tx, key = optax.sgd(0.1), jax.random.key(3)
    keys = jnp.append(jax.random.fold_in(key, 1)[None], jax.random.split(jax.random.key(0), 1000))
    draws = jax.jit(jax.vmap(lambda key: sgd._mixed(key, x, labels, 0.4)))(keys)
    mixed, others, fraction = (np.asarray(of_all[0], np.float64) for of_all in draws)
    rest = (mixed - fraction * x) / (1 - fraction)
    distance = np.abs(rest[:, None] - x[None]).max(-1)
    np.testing.assert_allclose(distance.min(1), 0, atol=1e-4)
    assert sorted(distance.argmin(1)) == list(range(16))  # each is the other of one
    np.testing.assert_array_equal(labels[distance.argmin(1)], others)
    init, update, _ = sgd.learner(nets.MLP((), 3), tx, mixup=0.4)
    state = init(key, batch)
    logits = mixed @ np.asarray(state.params["Dense_0"]["kernel"], np.float64)
    nats, rows = np.log(np.exp(logits).sum(-1, keepdims=True)) - logits, np.arange(16)
    expected = fraction * nats[rows, labels].mean() + (1 - fraction) * nats[rows, others.astype(int)].mean()
    np.testing.assert_allclose(jax.jit(update)(key, state, batch)[1]["loss"], expected, rtol=1e-4)
    np.testing.assert_allclose(draws[2].mean(), 0.5, atol=0.05)
    np.testing.assert_allclose(draws[2].var(), 1 / (4 * 1.8), atol=0.015)  # of Beta(α, α): 1 / 4(2α + 1)


def test_mixup_must_be_positive():
    with pytest.raises(ValueError, match="mixup must be positive and finite, got 0"):
        sgd.learner(LINEAR, optax.sgd(0.1), mixup=0)


def test_weight_decay_of_descent_is_in_the_gradient():
    """Twice a gradient of 1 and 0.5 of the weight: 2 - 0.1 (1 + 1) = 1.8; then momentum 0.9 of 2, and 1 + 0.9."""
    tx, params = sgd.descent(0.1, momentum=0.9, weight_decay=0.5), jnp.array([2.0])
    state = tx.init(params)
    for expected in (1.8, 1.8 - 0.1 * (0.9 * 2 + 1 + 0.9)):
        updates, state = tx.update(jnp.array([1.0]), state, params)
        params = optax.apply_updates(params, updates)
        np.testing.assert_allclose(params, [expected], rtol=1e-6)


def test_the_optimizer_sees_the_parameters(batch):
    """Weight decay alone: at gradient 0 (one class) every weight shrinks by rate * decay."""
    net, tx = nets.MLP((), 1), optax.adamw(0.1, weight_decay=0.5)
    init, update, _ = map(jax.jit, sgd.learner(net, tx))
    state = init(jax.random.key(0), batch)
    learned, _ = update(jax.random.key(0), state, (batch[0], jnp.zeros(16, jnp.int32)))
    shrunk = jax.tree.map(lambda leaf: 0.95 * leaf, state.params)
    chex.assert_trees_all_close(learned.params, shrunk, rtol=1e-5)


def test_the_optimizer_remembers(batch):
    init, update, _ = map(jax.jit, sgd.learner(LINEAR, optax.sgd(0.1, momentum=0.9)))
    x, y = batch[0], batch[1] % 2
    states = [init(jax.random.key(0), (x, y))]
    for _ in range(2):
        states.append(update(jax.random.key(0), states[-1], (x, y))[0])
    first, second = (jax.tree.map(jnp.subtract, states[i + 1].params, states[i].params) for i in range(2))
    fresh, _ = update(jax.random.key(0), states[1]._replace(optimizer=states[0].optimizer), (x, y))
    gradient = jax.tree.map(jnp.subtract, fresh.params, states[1].params)
    chex.assert_trees_all_close(second, jax.tree.map(lambda g, m: g + 0.9 * m, gradient, first), atol=1e-5)


def test_batch_statistics_are_learned(batch):
    init, update, _ = map(jax.jit, sgd.learner(Noisy(), optax.sgd(0.1)))
    state = init(jax.random.key(0), batch)
    learned, _ = update(jax.random.key(1), state, batch)
    mean = learned.collections["batch_stats"]["BatchNorm_0"]["mean"]
    np.testing.assert_array_equal(state.collections["batch_stats"]["BatchNorm_0"]["mean"], 0)
    np.testing.assert_allclose(mean, 0.01 * batch[0].mean(0), rtol=1e-4)  # flax's momentum is 0.99


def test_dropout_follows_the_key_of_update(batch):
    init, update, _ = map(jax.jit, sgd.learner(Noisy(), optax.sgd(0.1)))
    state = init(jax.random.key(0), batch)
    losses = [update(jax.random.key(seed), state, batch)[1]["loss"] for seed in (1, 1, 2)]
    assert losses[0] == losses[1]
    assert losses[0] != losses[2]


def test_prediction_is_not_training(batch):
    """Running statistics and no dropout: a sample's prediction does not depend on the others of its batch."""
    init, update, predict = map(jax.jit, sgd.learner(Noisy(), optax.sgd(0.1)))
    state, _ = update(jax.random.key(1), init(jax.random.key(0), batch), batch)
    np.testing.assert_allclose(predict(state, batch[0])[:4], predict(state, batch[0][:4]), rtol=1e-5)


@pytest.mark.parametrize("net", [nets.MLP((32,), 3), Noisy()])
def test_learns_a_batch(net, batch):
    init, update, predict = map(jax.jit, sgd.learner(net, optax.adam(0.03)))
    state = init(jax.random.key(0), batch)
    for i in range(200):
        state, metrics = update(jax.random.fold_in(jax.random.key(1), i), state, batch)
    assert metrics["loss"] < 0.9
    assert np.mean(predict(state, batch[0]).argmax(-1) == batch[1]) >= 0.9
