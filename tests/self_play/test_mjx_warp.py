"""MJX-Warp: on a CPU, where warp-lang is installed."""

import functools

import jax
import jax.numpy as jnp
import mujoco
import numpy as np
import pytest

import self_play
from self_play import c_mujoco, mjx_warp, tabletop


@pytest.mark.parametrize(
    ("mode", "settings", "num_parts", "room"),
    [
        ("pucks", {"num_objects": 2}, 2, (24, 40 + 6 + 6)),
        ("blocks", {"num_objects": 1}, 1, (20, 4 * 32 + 7 + 12)),
        ("blocks", {"shapes": ("cross",), "num_shapes": 2}, 10, (56, 4 * 104 + 8 + 18)),
    ],
)
def test_the_room_grows_with_the_parts_of_objects(mode, settings, num_parts, room):
    """Contacts, and rows: of contacts, with friction or without it, of joints and of their dimensions."""
    scene = self_play.scene_of(mode, **settings)
    assert sum(len(one.parts) for one in scene.objects) == num_parts
    assert mjx_warp.room(mujoco.MjModel.from_xml_string(scene.mjcf), num_parts) == room


def test_it_agrees_with_c():
    """A block that the gripper closes on, in two games; it settles in the first steps, as in MJX."""
    pytest.importorskip("warp")
    if not c_mujoco.available():
        pytest.skip("the kernel of C MuJoCo is not built")

    def roll(physics):
        here = tabletop.build(self_play.scene_of("blocks", physics=physics))
        states = jax.vmap(here.reset)(jax.random.split(jax.random.key(0), 2))
        place = jnp.concatenate([states.q[:, 6:8], jnp.tile(jnp.array([0.075, 0.0, 0.04]), (2, 1))], axis=1)
        states = jax.vmap(here.place)(place, jax.vmap(here.poses)(states), states.mask)
        action = jnp.tile(jnp.array([5, 5, 5, 5, 0], jnp.int32), (2, 1))

        def step(states, _):
            states = jax.vmap(here.step)(states, action)
            return states, states

        return jax.jit(functools.partial(jax.lax.scan, step, length=5))(states)[1]

    in_c, in_warp = roll("c"), roll("warp")
    np.testing.assert_allclose(in_c.q, in_warp.q, atol=6e-4)
    np.testing.assert_allclose(in_c.q[2:], in_warp.q[2:], atol=2e-4)
    np.testing.assert_array_equal(in_c.touch, in_warp.touch)
    assert np.asarray(in_c.touch).any()
