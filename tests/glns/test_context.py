"""Contexts: bits, ties, and the distribution of the half-spaces."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from glns import context


@pytest.mark.parametrize(
    ("side", "expected"), [((-1, -1), 0), ((1, -1), 1), ((-1, 1), 2), ((1, 1), 3), ((5, -1), 5), ((5, 5), 7)]
)
def test_bit_i_is_half_space_i(side, expected):
    spaces = context.HalfSpaces(jnp.array([[1.0, 0.0], [0.0, 1.0], [0.6, 0.8]]), jnp.array([0.0, 0.0, 2.0]))
    index = context.half_space_context(spaces, jnp.array(side, jnp.float32))
    assert index == expected
    assert index.dtype == jnp.int32


def test_a_point_on_the_boundary_is_outside():
    spaces = context.HalfSpaces(jnp.array([[1.0, 0.0]]), jnp.array([2.0]))
    assert context.half_space_context(spaces, jnp.array([2.0, 7.0])) == 0
    assert context.half_space_context(spaces, jnp.array([2.001, 7.0])) == 1


def test_without_half_spaces_there_is_one_context():
    spaces = context.init_half_spaces(jax.random.key(0), 5, num_half_spaces=0)
    assert context.half_space_context(spaces, jnp.ones(5)) == 0


def test_normals_are_uniform_on_the_sphere():
    normals = context.init_half_spaces(jax.random.key(0), 3, num_half_spaces=4000).normals
    np.testing.assert_allclose(jnp.linalg.norm(normals, axis=-1), 1, rtol=1e-6)
    # Archimedes: a coordinate of a uniform point on the sphere in 3 dimensions is uniform in [-1, 1].
    np.testing.assert_allclose(
        jnp.quantile(normals, jnp.array([0.1, 0.25, 0.5, 0.75, 0.9]), axis=0)[:, 0],
        [-0.8, -0.5, 0, 0.5, 0.8],
        atol=0.05,
    )


def test_axes_are_drawn_uniformly_with_the_offsets_of_the_normals():
    drawn, (normals, offsets) = (
        context.init_half_spaces(jax.random.key(0), 4, num_half_spaces=4000, offset_scale=0.5, axis_aligned=aligned)
        for aligned in (False, True)
    )
    np.testing.assert_array_equal(np.sort(normals, axis=-1), np.tile([0, 0, 0, 1], (4000, 1)))
    np.testing.assert_allclose(normals.mean(axis=0), 0.25, atol=0.03)
    np.testing.assert_array_equal(offsets, drawn.offsets)


@pytest.mark.parametrize("scale", [1.0, 0.05])
def test_offsets_are_normal_with_the_scale(scale):
    offsets = context.init_half_spaces(jax.random.key(0), 3, num_half_spaces=4000, offset_scale=scale).offsets
    np.testing.assert_allclose([offsets.mean() / scale, offsets.std() / scale], [0, 1], atol=0.05)


def test_reference(reference, tolerance):
    """The public implementation's contexts; cases 0 and 1 are exact ties."""
    cases = reference("glns", "x64/ctx/" if jax.config.jax_enable_x64 else "ctx/")
    spaces = context.HalfSpaces(jnp.array(cases["hyperplanes"]), jnp.array(cases["hyperplane_bias"]))
    index = jax.vmap(context.half_space_context)(spaces, jnp.array(cases["side"]))
    np.testing.assert_array_equal(index, cases["index"])
