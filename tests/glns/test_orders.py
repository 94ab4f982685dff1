"""A density in several orders, against plain NumPy."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from glns import orders

# What is 1 in each order, of an image of 2 x 3, by the places of its pixels.
BY_PLACE = np.arange(6).reshape(2, 3)
READ = [
    BY_PLACE,
    BY_PLACE.T,
    BY_PLACE[::-1, ::-1],
    BY_PLACE[::-1, ::-1].T,
    BY_PLACE[:, ::-1],
    BY_PLACE[:, ::-1].T,
    BY_PLACE[::-1],
    BY_PLACE[::-1].T,
]


def init(key, example):
    """The weight of each pixel by its place in the order."""
    return jax.random.normal(key, example[0].shape[1:])


def update(key, weights, batch):
    return weights + batch[0].sum(axis=0), {"nats": batch[0][:, 0, 0].mean()}


def predict(weights, images):
    return (weights[None] * images).sum(axis=(1, 2))


@pytest.mark.parametrize("num_orders", [1, 8])
def test_likelihoods_are_means_over_the_orders(num_orders):
    begin, learn, score = orders.learner((init, update, predict), num_orders=num_orders)
    images = np.random.default_rng(0).integers(0, 2, (4, 2, 3)).astype(np.float32)
    states = begin(jax.random.key(0), (images, None))
    after, metrics = learn(jax.random.key(1), states, (jnp.asarray(images), None))
    turned = [images.reshape(4, 6)[:, places] for places in READ[:num_orders]]
    weights = [np.asarray(state) + x.sum(axis=0) for state, x in zip(states, turned, strict=True)]
    scores = [np.exp((w * x).sum(axis=(1, 2))) for w, x in zip(weights, turned, strict=True)]
    np.testing.assert_allclose(score(after, images), np.log(np.mean(scores, axis=0)), rtol=1e-5)
    np.testing.assert_allclose(metrics["nats"], np.mean([x[:, 0, 0].mean() for x in turned]), rtol=1e-6)


def test_there_are_eight_orders():
    with pytest.raises(ValueError, match="num_orders"):
        orders.learner((init, update, predict), num_orders=9)
