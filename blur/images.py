"""Tasks of images: the images of a set, cut and resized, of some of its classes, under other pixels and other labels.

A family draws ONE task, whose samples share what makes it: (key, data, num_samples) -> (inputs [n, D], labels [n]).
Letters: D inputs, H height, N classes, W width.
"""

from collections.abc import Callable, Sequence

import chex
import jax
import jax.numpy as jnp


def family(
    *,
    side: int,
    crop: int = 0,
    classes: Sequence[int] | None = None,
    permute: bool = False,
    project: bool = False,
    shuffle: int = 0,
) -> Callable:
    """The family whose data are the images [m, H, W] and labels [m] of a set. Inputs are [n, side²].

    crop: pixels cut from every edge, before the images are resized. The paper's 20 x 20 of 28 x 28 are a crop of 4.
    classes: only these, and labels are their places among them. The images are drawn with equal chances, and again.
    permute: each task has a random order of the pixels. project: and a random matrix before them, N(0, 1 / D).
    shuffle: the first so many labels are permuted at random in each task; 0, none are.

    The last three are not the paper's: one set of images becomes as many tasks as there are draws, and a rule cannot
    learn what the images or the classes are in place of how to learn them (as Kirsch & Schmidhuber 2021 have it). To
    networks whose synapses are drawn alike for all pixels and all classes only `project` makes a difference.
    """
    _check(side, crop, classes, shuffle)

    def task(key, data, num_samples):
        k_sample, k_permute, k_project, k_shuffle = jax.random.split(key, 4)
        images, labels = map(jnp.asarray, data)
        chex.assert_rank([images, labels], [3, 1])
        place = labels if classes is None else _places(labels, classes)
        count = jnp.cumsum(place >= 0)  # the k-th image of the classes is where k is reached
        chosen = jnp.searchsorted(count, jax.random.randint(k_sample, (num_samples,), 1, count[-1] + 1))
        inputs, labels = resized(images[chosen], side, crop).reshape(num_samples, -1), place[chosen]
        if permute:
            inputs = inputs[:, jax.random.permutation(k_permute, side**2)]
        if project:
            inputs = inputs @ (jax.random.normal(k_project, (side**2, side**2)) / side)
        if shuffle:
            permutation = jax.random.permutation(k_shuffle, shuffle)
            labels = jnp.where(labels < shuffle, permutation[labels], labels)
        return inputs, labels

    return task


def resized(images: jax.Array, side: int, crop: int = 0) -> jax.Array:
    """Cuts `crop` pixels from every edge and resizes the rest by weighted means. [n, H, W] -> [n, side, side]."""
    n, height, width = images.shape
    if 2 * crop >= min(height, width):
        raise ValueError(f"a crop of {crop} leaves nothing of images of {height} x {width} pixels")
    cut = images[:, crop : height - crop, crop : width - crop]
    return jax.image.resize(cut, (n, side, side), "bilinear")


def _places(labels, classes):
    """The place of each label among the classes, -1 where it is not there. [m] -> [m]."""
    of_class = labels[:, None] == jnp.array(classes)[None]
    return jnp.where(of_class.any(axis=1), of_class.argmax(axis=1), -1)


def _check(side, crop, classes, shuffle):
    if side < 1 or crop < 0:
        raise ValueError(f"side must be at least 1 and crop at least 0, got {side} and {crop}")
    if classes is not None and (len(classes) < 2 or len(set(classes)) < len(classes)):
        raise ValueError(f"classes must be at least two different labels, got {tuple(classes)}")
    if shuffle < 0:
        raise ValueError(f"shuffle must be at least 0, got {shuffle}")
