"""Domain randomisation: what is drawn, that physics obeys it, and that nothing changes where nothing is drawn."""

import functools
from typing import Any

import jax
import jax.numpy as jnp
import mujoco
import numpy as np
import pytest

from self_play import c_mujoco, scene, starts, tabletop

needs_c = pytest.mark.skipif(not c_mujoco.available(), reason="the kernel of C MuJoCo is not built")
RANGES = {"mass_range": (0.5, 8.0), "friction_range": (0.25, 2.0), "max_delay": 2}


@functools.cache
def table(mode, **ranges):
    return tabletop.build(scene.scene_of(mode, **ranges))


def begin(mode, num_games, **ranges):
    return jax.jit(jax.vmap(table(mode, **ranges).reset))(jax.random.split(jax.random.key(0), num_games))


def varied(states, mass=1.0, friction=1.0, delay=0):
    """The same games with these factors, and delays: of all games, or of each."""

    def each(value, like):
        return jnp.broadcast_to(jnp.asarray(value, like.dtype).reshape(-1, *[1] * (like.ndim - 1)), like.shape)

    of = states.domain
    changed = {"mass": each(mass, of.mass), "friction": each(friction, of.friction), "delay": each(delay, of.delay)}
    return states._replace(domain=of._replace(**changed))


def roll(mode, states, actions, **ranges):
    """States [T, B, ..] under actions [T, A], the same in all games."""
    step = jax.vmap(table(mode, **ranges).step, in_axes=(0, None))

    def one(states, action):
        states = step(states, action)
        return states, states

    return jax.jit(functools.partial(jax.lax.scan, one))(states, jnp.asarray(actions, jnp.int32))[1]


def test_what_is_drawn():
    """Within its ranges, of every game and object by itself; a start on the path has it too, and no delay's past."""
    here = table("blocks", **RANGES)

    def one(key, k_path):
        state = here.reset(key)
        return state, starts.on_the_way(here, k_path, state, jnp.float32(0.1))

    drawn, moved = jax.jit(jax.vmap(one))(*jax.random.split(jax.random.key(0), (2, 200)))
    for factors, (low, high) in ((drawn.domain.mass, (0.5, 8.0)), (drawn.domain.friction, (0.25, 2.0))):
        assert low <= factors.min() < 1.2 * low
        assert high / 1.2 < factors.max() <= high
        assert abs(np.mean(np.log(factors)) - np.log(low * high) / 2) < 0.2
    assert set(np.array(drawn.domain.delay)) == {0, 1, 2}
    jax.tree.map(np.testing.assert_array_equal, moved.domain[:3], drawn.domain[:3])
    np.testing.assert_array_equal(moved.domain.sent, np.repeat(moved.q[:, None, :5], 2, axis=1))
    assert begin("blocks", 2, mass_range=(1.0, 1.0)).domain is None


@needs_c
def test_factors_of_1_change_no_bit():
    states = begin("blocks", 4, **RANGES)
    actions = np.random.default_rng(0).integers(0, 11, (20, 5))
    with_ones = roll("blocks", varied(states), actions, **RANGES)
    without = roll("blocks", states._replace(domain=None), actions)
    for one, other in zip(jax.tree.leaves(with_ones._replace(domain=None)), jax.tree.leaves(without), strict=True):
        np.testing.assert_array_equal(one, other)


@needs_c
def test_physics_is_that_of_a_model_with_these_masses_and_frictions():
    """Blocks that are thrown tumble and slide as MuJoCo's own compiled model says; each game by itself."""
    states = begin("blocks", 3, num_objects=2, **RANGES)
    states = states._replace(qd=states.qd.at[:, 6:9].set(jnp.array([0.5, 0.3, 0.8])).at[:, 10].set(3.0))
    mass, friction = np.array([[1.0, 0.5], [4.0, 2.0], [0.5, 8.0]]), np.array([0.5, 2.0, 1.0])
    states = states._replace(domain=states.domain._replace(mass=jnp.float32(mass), friction=jnp.float32(friction)))
    states = states._replace(domain=states.domain._replace(delay=jnp.zeros(3, jnp.int32)))
    ours = roll("blocks", states, np.full((15, 5), 5), num_objects=2, **RANGES)
    for game in range(3):
        spec = mujoco.MjSpec.from_string(table("blocks", num_objects=2, **RANGES).scene.mjcf)
        for i in range(2):
            geom = spec.body(f"object{i}").geoms[0]
            geom.mass = mass[game, i] * 1000 * 8 * np.prod(geom.size)
        for geom in spec.geoms:
            geom.friction[0] *= friction[game]
        model: Any = spec.compile()
        data = mujoco.MjData(model)
        data.qpos, data.qvel = states.q[game], states.qd[game]
        for t in range(15):
            data.ctrl = np.asarray(ours.target)[t, game, [0, 1, 2, 3, 4, 4]]
            mujoco.mj_step(model, data, 4)
            np.testing.assert_allclose(ours.q[t, game], data.qpos, atol=2e-5)


@needs_c
def test_heavy_pucks_move_less_and_rough_ones_stop_sooner():
    """The pusher, which has 40 N, pushes pucks; pucks that are thrown glide v m / c, with mass m and drag c."""
    states = begin("pucks", 4, **RANGES)
    place = jnp.tile(jnp.array([[0.0, 0.0, 0.06, 0.0]]), (4, 1))
    pushed = varied(states._replace(q=place, target=place[:, :2]), mass=[40.0, 200.0, 1000.0, 5000.0])
    far = np.array(roll("pucks", pushed, np.full((10, 2), [8, 5]), **RANGES).q)[-1, :, 2] - 0.06
    assert np.all(far[:-1] > 1.05 * far[1:])
    thrown = states._replace(q=place.at[:, 2].set(0.2), qd=jnp.tile(jnp.array([[0.0, 0.0, 0.0, 0.4]]), (4, 1)))
    thrown = varied(thrown, mass=[1.0, 1.0, 2.0, 2.0], friction=[1.0, 2.0, 1.0, 4.0])
    glided = np.array(roll("pucks", thrown, np.full((60, 2), 5), **RANGES).q)[-1, :, 3]
    np.testing.assert_allclose(glided, [0.1, 0.05, 0.2, 0.05], rtol=0.03)


@needs_c
def test_a_delay_is_so_many_steps():
    """The pusher moves as without it, later; and a state in the middle of a game has all that is still to come."""
    states = begin("pucks", 3, **RANGES)
    apart = states.q.at[:, 2:].set(0.25)
    states = varied(states._replace(q=apart), delay=[0, 1, 2])
    states = jax.tree.map(lambda leaf: leaf.at[:].set(leaf[:1]), states)._replace(domain=states.domain)
    states = states._replace(domain=states.domain._replace(sent=jnp.repeat(states.target[:1, None], 2, 1).repeat(3, 0)))
    actions = np.random.default_rng(0).integers(3, 9, (12, 2))
    after = roll("pucks", states, actions, **RANGES)
    for delay in (1, 2):
        np.testing.assert_array_equal(after.q[delay:, delay, :2], after.q[:-delay, 0, :2])
    later = roll("pucks", jax.tree.map(lambda leaf: leaf[4], after), actions[5:], **RANGES)
    np.testing.assert_array_equal(later.q, after.q[5:])


@needs_c
@pytest.mark.parametrize("physics", ["mjx", "warp"])
def test_other_physics_obeys_as_c_does(physics):
    """The pusher runs into pucks of four masses, with four drags and two delays."""
    if physics == "warp":
        pytest.importorskip("warp")
    states = begin("pucks", 4, **RANGES)
    place = jnp.tile(jnp.array([[0.0, 0.0, 0.06, 0.005]]), (4, 1))
    states = states._replace(q=place, target=place[:, :2])
    in_c, in_other = (
        np.array(roll("pucks", states, np.full((15, 2), [8, 5]), physics=name, **RANGES).q) for name in ("c", physics)
    )
    assert np.ptp(in_c[-1, :, 2]) > 0.3
    np.testing.assert_allclose(in_other, in_c, atol=1e-5)


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"mass_range": 0.5}, r"mass_range must be \(low, high\), factors above 0; got 0.5"),
        ({"friction_range": (0.0, 1.0)}, r"friction_range must be \(low, high\), factors above 0; got \(0.0, 1.0\)"),
        ({"mass_range": (2.0, 1.0)}, "mass_range must be"),
        ({"max_delay": -1}, "max_delay must be a whole number of at least 0, got -1"),
    ],
)
def test_bad_ranges_are_refused(settings, message):
    with pytest.raises(ValueError, match=message):
        scene.scene_of("pucks", **settings)
