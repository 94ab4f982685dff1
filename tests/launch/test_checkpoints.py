"""What is saved of a run comes back, whatever its arrays."""

import jax
import jax.numpy as jnp
import numpy as np

from launch import checkpoints


def test_arrays_without_elements_come_back(tmp_path):
    run = {"memory": jnp.zeros((3, 2, 0)), "step": jnp.array([1, 2], jnp.int32), "none": jnp.zeros((0,), bool)}
    with checkpoints.open_folder(tmp_path / "checkpoints") as manager:
        checkpoints.save(manager, 4, run, {"note": 5})
    like = jax.tree.map(lambda leaf: jax.ShapeDtypeStruct(leaf.shape, leaf.dtype, sharding=leaf.sharding), run)
    with checkpoints.open_folder(tmp_path / "checkpoints") as manager:
        restored, notes = checkpoints.newest(manager, like, lambda step: True)
    jax.tree.map(lambda leaf, other: np.testing.assert_array_equal(leaf, other, strict=True), restored, run)
    assert notes["note"] == 5
