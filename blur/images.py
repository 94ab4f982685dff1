"""Tasks of images: a set's images, cut and resized, of some of its classes, with other pixels or other labels.

Letters: D inputs, H height, W width, m images of the set, n samples of a task.
"""

from collections.abc import Sequence

import chex
import jax
import jax.numpy as jnp

from blur.settings import check_counts


def image_task(
    key: jax.Array,
    data: tuple[jax.Array, jax.Array],
    num_samples: int,
    *,
    side: int,
    crop: int = 0,
    classes: Sequence[int] | None = None,
    permute: bool = False,
    project: bool = False,
    shuffle: int = 0,
) -> tuple[jax.Array, jax.Array]:
    """Draws one task from a set, and n samples of it: inputs [n, side²], labels [n]. The key is consumed.

    data: images [m, H, W] and labels [m]. Images are drawn uniformly, with replacement.
    crop: pixels cut from every edge before the resizing. The paper's 20 x 20 of 28 x 28 is a crop of 4.
    classes: use only these; a label becomes its index among them.
    permute: each task has a random order of its pixels. project: each has a random matrix, N(0, 1 / D), applied last.
    shuffle: each task permutes the first `shuffle` labels at random.

    The paper has none of the last three. They turn one set into any number of tasks, so that a rule must learn to learn
    and cannot learn the images or the classes (Kirsch & Schmidhuber 2021). Only `project` matters to a network whose
    synapses are drawn alike for all pixels and classes.
    """
    _check(side, crop, classes, shuffle)
    k_sample, *k_variant = jax.random.split(key, 4)
    images, labels = jnp.asarray(data[0]), jnp.asarray(data[1], jnp.int32)
    chex.assert_rank([images, labels], [3, 1])
    index = labels if classes is None else _class_index(labels, classes)
    count = jnp.cumsum(index >= 0, dtype=jnp.int32)  # the k-th image of the classes is where the count reaches k
    chosen = jnp.searchsorted(count, jax.random.randint(k_sample, (num_samples,), 1, count[-1] + 1, jnp.int32))
    inputs, labels = resized(images[chosen], side, crop).reshape(num_samples, -1), index[chosen]
    return _variant(k_variant, inputs, labels, permute, project, shuffle)


def resized(images: jax.Array, side: int, crop: int = 0) -> jax.Array:
    """Cuts `crop` pixels from every edge, then resizes by weighted means. [n, H, W] -> [n, side, side].

    Raises ValueError if the crop leaves no pixel.
    """
    images = jnp.asarray(images, jnp.float32)
    n, height, width = images.shape
    if 2 * crop >= min(height, width):
        raise ValueError(f"a crop of {crop} leaves nothing of images of {height} x {width} pixels")
    cut = images[:, crop : height - crop, crop : width - crop]
    return jax.image.resize(cut, (n, side, side), "bilinear")


def _class_index(labels, classes):
    """The index of each label among the classes, -1 if it is not one of them. [m] -> [m]."""
    of_class = labels[:, None] == jnp.array(classes, jnp.int32)[None]
    return jnp.where(of_class.any(axis=1), of_class.argmax(axis=1), -1).astype(jnp.int32)


def _variant(keys, inputs, labels, permute, project, shuffle):
    """The same samples with other pixels or labels: see `image_task`. inputs [n, D], labels [n]."""
    k_permute, k_project, k_shuffle = keys
    dim = inputs.shape[1]
    if permute:
        inputs = inputs[:, jax.random.permutation(k_permute, dim)]
    if project:
        inputs = inputs @ (jax.random.normal(k_project, (dim, dim), jnp.float32) / dim**0.5)
    if shuffle:
        permutation = jax.random.permutation(k_shuffle, shuffle).astype(jnp.int32)
        labels = jnp.where(labels < shuffle, permutation[labels], labels)
    return inputs, labels


def _check(side, crop, classes, shuffle):
    check_counts(side=side)
    check_counts(0, crop=crop, shuffle=shuffle)
    if classes is not None and (len(classes) < 2 or len(set(classes)) < len(classes)):
        raise ValueError(f"classes must be at least two different labels, got {tuple(classes)}")
