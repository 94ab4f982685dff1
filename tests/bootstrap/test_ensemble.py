"""An ensemble is its members, each learning alone, with the mean of their probabilities."""

import jax
import jax.numpy as jnp
import numpy as np
import optax

from bootstrap import ensemble, nets, sgd

X = np.random.default_rng(0).normal(size=(12, 4)).astype(np.float32)
BATCH = X, np.arange(12) % 3
ONE = tuple(map(jax.jit, sgd.learner(nets.MLP((5,), 3, dropout=0.5), optax.sgd(0.1))))


def test_its_members_learn_alone_and_are_averaged():
    init, update, predict = map(jax.jit, ensemble.learner(ONE, num_members=3))

    def keys():
        return jax.random.split(jax.random.key(0))

    k_init, k_update = keys()
    state, metrics = update(k_update, init(k_init, BATCH), BATCH)
    of_members = zip(*(jax.random.split(key, 3) for key in keys()), strict=True)
    alone = [ONE[1](k_update, ONE[0](k_init, BATCH), BATCH) for k_init, k_update in of_members]
    probabilities = [np.exp(ONE[2](of_one, X)) for of_one, _ in alone]
    assert np.abs(probabilities[0] - probabilities[1]).max() > 0.1
    np.testing.assert_allclose(jnp.exp(predict(state, X)), np.mean(probabilities, axis=0), rtol=1e-5)
    for name, value in metrics.items():
        np.testing.assert_allclose(value, np.mean([of_one[name] for _, of_one in alone]), rtol=1e-5)
