"""Evals of regressions: (view, *, settings) -> metrics. predict: inputs [B, D..] -> mean and variance, [B, d] each."""

from collections.abc import Mapping
from typing import Any

import jax
import jax.numpy as jnp

from bootstrap import distributions
from bootstrap import gradient_flow as closed_form
from experiments.evals import View


def regression(view: View) -> dict[str, jax.Array]:
    """The errors of Gaussian predictions of test samples, x [B, D..], y [B, d].

    rmse: over all targets, in their units. mse: in the variances of the targets, the mean over the targets. loss: the
    log loss of an example in nats, the sum over its targets.
    """
    x, y = view.test
    return _errors(view.predict(x), y, jnp.ones(len(y)), y)


def regression_fit(view: View) -> dict[str, jax.Array]:
    """test_ and the names of `regression`, and train_ and these: on the samples that the world showed first.

    train_mse is in the variances of the test samples as well, so both are in one unit.
    """
    if view.train is None:
        raise ValueError("this world does not tell what it showed first; 'paired' does")
    (test_x, test_y), (x, y, weights) = view.test, view.train
    test = _errors(view.predict(test_x), test_y, jnp.ones(len(test_y)), test_y)
    train = _errors(view.predict(x), y, weights, test_y)
    return {f"{part}_{name}": value for part, of in (("test", test), ("train", train)) for name, value in of.items()}


def _errors(output: Any, y: jax.Array, weights: jax.Array, spread: jax.Array) -> dict[str, jax.Array]:
    """Means over weighted samples. spread: the targets whose variances are the unit of mse."""
    if not hasattr(output, "variance"):
        raise ValueError("its learner must predict a mean and a variance, as 'glns_regressor' and 'sgd_regressor' do")
    if output.mean.shape != y.shape:
        raise ValueError(f"its learner predicts means {list(output.mean.shape)} of targets {list(y.shape)}")
    fraction = (weights / weights.sum())[:, None]
    square = (y - output.mean) ** 2
    loss = 0.5 * (jnp.log(2 * jnp.pi * output.variance) + square / output.variance)
    of_targets = (fraction * square).sum(axis=0)
    return {
        "rmse": jnp.sqrt(of_targets.mean()),
        "mse": (of_targets / spread.var(axis=0)).mean(),
        "loss": (fraction * loss).sum(),
    }


def gradient_flow(view: View, *, law: Mapping[str, Any], learning_rate: float, batch_size: int) -> dict[str, jax.Array]:
    """What theory says of a model that is linear in its features, of a real world and of its ideal one, at this step.

    theory_real_mse, theory_train_mse: test and train mse, as in `regression_fit`, of gradient flow on the n samples;
    theory_ideal_mse: of gradient flow on their law; and of it all test errors are (`bootstrap.gradient_flow`).
    law: the settings of the data set `linear`. learning_rate, batch_size: those of SGD on half the squared error in
    the real world, n at most the number of test samples. nets: linear, random_features of ReLUs.
    """
    if view.train is None or not hasattr(view.world, "count"):
        raise ValueError("theory is of the world 'paired'")
    x, y, weights = view.train
    arrays = distributions.linear(**law).arrays
    projections = view.learner.collections.get("frozen", {}).get("weights")
    features = closed_form.features(x, projections)
    samples, whole = closed_form.of_samples(features, y, weights), closed_form.of_law(arrays, projections)
    time = learning_rate * (view.world.count / batch_size)
    real, ideal = (closed_form.flow(moments, time) for moments in (samples, whole))
    return {
        "theory_real_mse": closed_form.risk(real, whole) / whole.targets,
        "theory_train_mse": closed_form.risk(real, samples) / whole.targets,
        "theory_ideal_mse": closed_form.risk(ideal, whole) / whole.targets,
    }
