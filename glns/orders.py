"""A density of images that is a mean of several, each of which reads them in another order.

What a model that goes from pixel to pixel says of an image depends on where it begins. The mean of the densities of
several orders has a log loss below the mean of theirs, the more the less they agree (Uria, Murray and Larochelle 2014).

Letters: B batch, H height, W width.
"""

from collections.abc import Callable

import jax
import jax.numpy as jnp

from glns import settings


def learner(learner: tuple[Callable, Callable, Callable], *, num_orders: int) -> tuple[Callable, Callable, Callable]:
    """A density by several, each of which learns all images in its order: (init, update, predict) of a Learner.

    A batch is (images [B, H, W], ..); predict gives log-likelihoods [B] in nats, the logarithm of the mean likelihood.
    Metrics are the means of those of each order, so nats among them is the log loss of one, not of the mean.

    learner: the Learner that reads each order, such as `shared_density.learner(..)`. num_orders: at most 8: by rows and
    by columns, both from the other end too, and all of these mirrored.
    """
    settings.check_counts(1, 8, num_orders=num_orders)
    init_one, update_one, predict_one = learner

    def turned(batch):
        return [(read(batch[0], order), *batch[1:]) for order in range(num_orders)]

    def init(key, example):
        return tuple(map(init_one, jax.random.split(key, num_orders), turned(example)))

    def update(key, states, batch):
        each = map(update_one, jax.random.split(key, num_orders), states, turned(batch))
        states, metrics = zip(*each, strict=True)
        return states, jax.tree.map(lambda *of_orders: jnp.mean(jnp.stack(of_orders), axis=0), *metrics)

    def predict(states, images):
        each = [predict_one(state, read(images, order)) for order, state in enumerate(states)]
        return jax.nn.logsumexp(jnp.stack(each), axis=0) - jnp.log(num_orders)

    return init, update, predict


def read(images: jax.Array, order: int) -> jax.Array:
    """Images [B, H, W] so turned that their rows, from the first pixel on, are in this order of 8."""
    if order & 4:
        images = images[:, :, ::-1]
    if order & 2:
        images = images[:, ::-1, ::-1]
    return images.swapaxes(1, 2) if order & 1 else images
