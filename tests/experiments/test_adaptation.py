"""The eval of adaptation: by two guessers whose accuracies are known."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

import blur
from experiments import evals
from experiments.evals import View

FAMILIES = {name: blur.toys.FAMILIES[name] for name in ("and", "xor", "or")}
GROUPS = {"learned_from": ("and", "xor"), "unseen": ("or", "and")}


def measure(predict):
    view = View(predict, test=(), train=None, world=None, learner=None)
    settings = {"families": FAMILIES, "groups": GROUPS, "unroll": 2, "batch_size": 500, "num_draws": 4}
    return {name: float(value) for name, value in jax.jit(lambda: evals.adaptation(view, **settings))().items()}


def test_adaptation():
    shapes = []

    def first_class(tasks):
        shapes.append((tasks.inputs.shape, tasks.labels.shape))
        return jnp.tile(jnp.log(jnp.array([[[0.7, 0.2, 0.1]]])), (12, 500, 1))

    accuracies = measure(first_class)
    assert shapes == [((12, 3, 500, 2), (12, 3, 500))]
    for name, share in {"and": 0.75, "xor": 0.5, "or": 0.25}.items():
        np.testing.assert_allclose(accuracies[f"{name}_accuracy"], share, atol=0.04)
    for group, families in GROUPS.items():
        expected = np.mean([accuracies[f"{name}_accuracy"] for name in families])
        np.testing.assert_allclose(accuracies[f"{group}_accuracy"], expected, rtol=1e-6)
    assert accuracies == measure(first_class)  # the same tasks in every eval
    assert set(measure(lambda tasks: jax.nn.one_hot(tasks.labels[:, -1], 3)).values()) == {1.0}


def test_a_group_of_no_such_family_is_named():
    view = View(lambda tasks: jnp.zeros((1, 4, 2)), (), None, None, None)
    settings = {"families": {"xor": FAMILIES["xor"]}, "unroll": 1, "batch_size": 4, "num_draws": 1}
    with pytest.raises(ValueError, match=r"groups\.few: no family 'nope'; there are xor"):
        evals.adaptation(view, groups={"few": ("nope",)}, **settings)
