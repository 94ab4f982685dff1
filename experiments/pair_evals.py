"""Evals of two learners at once, as in the real world and in the ideal one: (view, view, *, settings) -> metrics."""

import jax
import jax.numpy as jnp
import optax

from experiments.evals import View, in_batches


def agreement(one: View, other: View, *, batch_size: int | None = None) -> dict[str, jax.Array]:
    """How far two classifiers agree on the test samples of the first, as in the real world and in the ideal one.

    agreement: the fraction of samples to which both give the same class. kl: the mean Kullback-Leibler divergence of
    the other's class probabilities from the first's, in nats. Both are NaN where a prediction is. Where the states of
    both have `params` of the same shapes, weight_distance: |other - first| / |first|.
    """
    x = one.test[0]
    p, q = (in_batches(view.predict, x, batch_size) for view in (one, other))
    kl = jnp.where(jnp.exp(p) > 0, jnp.exp(p) * (p - q), 0.0).sum(axis=-1)
    of_samples = {"agreement": p.argmax(-1) == q.argmax(-1), "kl": kl}
    lost = jnp.isnan(p + q).any(axis=-1)
    metrics = {name: jnp.where(lost, jnp.nan, values).mean() for name, values in of_samples.items()}
    params = [getattr(view.learner, "params", None) for view in (one, other)]
    shapes = [jax.tree.map(jnp.shape, of_one) for of_one in params]
    if None not in params and shapes[0] == shapes[1]:
        distance = optax.tree.norm(jax.tree.map(jnp.subtract, *params))
        metrics["weight_distance"] = distance / optax.tree.norm(params[0])
    return metrics


def cka(one: View, other: View, *, batch_size: int | None = None) -> dict[str, jax.Array]:
    """cka: how alike two functions are on the test samples of the first, by linear CKA (Kornblith et al. 2019, eq. 3).

    |Yᵀ X|² / (|Xᵀ X| |Yᵀ Y|) of their outputs X [B, K] and Y [B, L], centred: 1 where one is the other turned, scaled
    or moved, 0 where one is constant, NaN where an output is not finite. Kornblith has it of hidden layers; outputs are
    all that every learner has.
    """
    outputs = (in_batches(view.predict, one.test[0], batch_size) for view in (one, other))
    x, y = (output - output.mean(axis=0, keepdims=True) for output in outputs)
    squares = (y.T @ x, x.T @ x, y.T @ y)
    across, of_x, of_y = (jnp.linalg.norm(square) for square in squares)
    scale = of_x * of_y
    return {"cka": jnp.where(scale == 0, 0.0, across**2 / jnp.where(scale == 0, 1.0, scale))}


def forgetting(one: View, other: View, *, batch_size: int | None = None) -> dict[str, jax.Array]:
    """What becomes of each sample that the world of the first showed first, by who is right on it.

    Both learners saw these samples in the first epoch, where the worlds are one; then the first, in the real world, saw
    them again. forgotten: the fraction that the other has wrong and the first has right; unlearned: the reverse.
    test_forgotten and test_unlearned: the same of test samples, which neither saw.
    """
    if one.train is None:
        raise ValueError("the world of the first member does not tell what it showed first; 'paired' does")
    x, y, weights = one.train
    test_x, test_y = one.test
    metrics = {}
    for prefix, inputs, labels, weight in (("", x, y, weights), ("test_", test_x, test_y, jnp.ones(len(test_y)))):
        first, second = (in_batches(view.predict, inputs, batch_size).argmax(-1) == labels for view in (one, other))
        fraction = weight / weight.sum()
        metrics[f"{prefix}forgotten"] = (fraction * (first & ~second)).sum()
        metrics[f"{prefix}unlearned"] = (fraction * (second & ~first)).sum()
    return metrics
