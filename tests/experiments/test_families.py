"""Families of tasks from distributions: a task is one law, and its samples are that law's."""

from functools import partial

import jax
import jax.numpy as jnp
import numpy as np
import pytest

import bootstrap
from experiments import registry

SIZES = {"num_inputs": 3, "num_classes": 4}
SETTINGS = {
    "gaussians": SIZES | {"separation": 3.0, "num_components": 2},
    "teacher": SIZES | {"features": (5,)},
}


@pytest.mark.parametrize("name", SETTINGS)
def test_a_task_is_a_law_of_its_own(name):
    """By one sample after the other, of the law whose seed the key draws."""
    (family,) = registry.build_all("families", {name: SETTINGS[name]}).values()
    draw = jax.jit(partial(family, data=(), num_samples=50))
    inputs, labels = draw(jax.random.key(1))
    assert (inputs.shape, labels.shape, labels.dtype) == ((50, 3), (50,), np.int32)
    k_law, k_samples = jax.random.split(jax.random.key(1))
    law = getattr(bootstrap.distributions, name)(seed=int(jax.random.bits(k_law, dtype=jnp.uint32)), **SETTINGS[name])
    for i, key in enumerate(jax.random.split(k_samples, 50)[:3]):
        x, y = law.sampler(key, law.arrays)
        np.testing.assert_allclose(inputs[i], x, rtol=1e-5)
        assert labels[i] == y
    assert (draw(jax.random.key(2))[1] != labels).any()
