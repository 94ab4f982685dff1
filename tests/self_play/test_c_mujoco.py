"""C MuJoCo in a compiled program: against a loop over `mj_step`, against MJX, in any batch, and with broken games."""

import functools
import os
import subprocess
import sys
from typing import Any

import jax
import jax.numpy as jnp
import mujoco
import numpy as np
import pytest

import self_play
from self_play import c_mujoco, mjx_warp, tabletop

pytestmark = pytest.mark.skipif(not c_mujoco.available(), reason="the kernel of C MuJoCo is not built")
NUM_GAMES = 35  # several tasks of the kernel's, the last one not full


@functools.cache
def table(physics="c"):
    return tabletop.build(self_play.scene_of("blocks", num_objects=1, physics=physics))


@functools.cache
def games():
    """Games whose gripper is around the block, so that there is contact, and 10 control steps for them."""
    here = table()
    states = jax.vmap(here.reset)(jax.random.split(jax.random.key(0), NUM_GAMES))
    place = jnp.concatenate([states.q[:, 6:8], jnp.tile(jnp.array([0.075, 0.0, 0.04]), (NUM_GAMES, 1))], axis=1)
    states = jax.vmap(here.place)(place, jax.vmap(here.poses)(states), states.mask)
    actions = jax.random.randint(jax.random.key(1), (10, NUM_GAMES, 5), 0, 11, jnp.int32)
    return states, actions.at[:, :, 4].set(0)  # the fingers close


def roll(here, states, actions, over=jax.vmap):
    """States [T, ..] under actions [T, ..]."""

    def one(states, action):
        states = over(here.step)(states, action)
        return states, states

    return jax.jit(functools.partial(jax.lax.scan, one))(states, actions)[1]


@functools.cache
def varied(physics):
    return tabletop.build(
        self_play.scene_of("blocks", physics=physics, mass_range=(0.5, 2.0), friction_range=(0.5, 2.0))
    )


@functools.cache
def played():
    return roll(table(), *games())


def assert_same(a, b):
    for x, y in zip(jax.tree.leaves(a), jax.tree.leaves(b), strict=True):
        np.testing.assert_array_equal(x, y)


def test_a_step_is_a_loop_over_mj_step():
    """To the bit, touch too, from and to numbers of 32 bits."""
    here, (states, _), after = table(), games(), played()
    model: Any = mujoco.MjModel.from_xml_string(here.scene.mjcf)
    data: Any = mujoco.MjData(model)
    block, fingers = model.body("object0").id, [model.body(name).id for name in here.scene.robot.touching]
    before = jax.tree.map(lambda first, later: np.concatenate([first[None], later[:-1]]), states, after)
    touched = 0
    for t, game in np.ndindex(10, NUM_GAMES):
        data.qpos, data.qvel = before.q[t, game], before.qd[t, game]
        data.qacc_warmstart, data.ctrl = (
            before.solver_state[t, game],
            np.asarray(after.target)[t, game, list(here.scene.drive.controls)],
        )
        mujoco.mj_step(model, data, here.scene.substeps)
        for ours, theirs in ((after.q, data.qpos), (after.qd, data.qvel), (after.solver_state, data.qacc_warmstart)):
            np.testing.assert_array_equal(ours[t, game], theirs.astype(np.float32))
        pairs = [{*map(int, model.geom_bodyid[contact.geom])} for contact in data.contact if contact.dist < 0]
        touch = [{block, finger} in pairs for finger in fingers]
        np.testing.assert_array_equal(after.touch[t, game, 0], touch)
        touched += sum(touch)
    assert touched > 100


def test_no_game_depends_on_the_others():
    """Alone, in another order, and under two vmaps, to the bit; and from the middle of a game."""
    states, actions = games()
    some = lambda tree, of: jax.tree.map(lambda leaf: leaf[of], tree)  # noqa: E731
    alone = roll(table(), some(states, slice(3, 4)), actions[:, 3:4])
    assert_same(alone, jax.tree.map(lambda leaf: leaf[:, 3:4], played()))
    order = np.random.default_rng(0).permutation(NUM_GAMES)[:28]
    grid = jax.tree.map(lambda leaf: leaf[order].reshape(4, 7, *leaf.shape[1:]), states)
    two = roll(table(), grid, actions[:, order].reshape(10, 4, 7, 5), lambda step: jax.vmap(jax.vmap(step)))
    assert_same(jax.tree.map(lambda leaf: leaf.reshape(10, 28, *leaf.shape[3:]), two), some(played(), np.s_[:, order]))
    later = roll(table(), some(played(), 4), actions[5:])
    assert_same(later, some(played(), slice(5, None)))


def test_it_agrees_with_mjx():
    """A block that comes to rest and a gripper that moves in the air; where bodies are pushed, contact is chaotic."""
    few = jax.vmap(table().reset)(jax.random.split(jax.random.key(0), 4))
    in_c, in_mjx = (np.asarray(roll(table(name), few, games()[1][:, :4]).q) for name in ("c", "mjx"))
    np.testing.assert_allclose(in_c, in_mjx, atol=5e-4)
    np.testing.assert_allclose(in_c[-1], in_mjx[-1], atol=5e-6)


def test_batches_have_the_same_bits():
    """MuJoCo's own, which step where the kernel was not built; with masses and frictions that were drawn."""
    (states, actions), draw = games(), varied("c").reset
    states = states._replace(domain=jax.vmap(draw)(jax.random.split(jax.random.key(2), NUM_GAMES)).domain)
    in_c, in_batches = (roll(varied(name), states, actions) for name in ("c", "batch"))
    assert_same(in_c, in_batches)
    assert np.asarray(in_c.touch).sum() > 100
    assert not np.array_equal(in_c.q, played().q)


def test_sensors_of_a_robots_own_do_not_count():
    gripper = self_play.robots.GRIPPER
    sensors = '<sensor><jointpos joint="x"/><framepos objtype="body" objname="hand"/></sensor></mujoco>'
    robot = gripper._replace(mjcf=gripper.mjcf.replace("</mujoco>", sensors))
    here = tabletop.build(self_play.scene.blocks(robot=robot)._replace(physics="batch"))
    after = roll(here, *games())
    assert_same(after, played())


@pytest.mark.parametrize("physics", ["c", "batch"])
def test_broken_games_are_seen_and_disturb_nobody(physics, tmp_path, monkeypatch):
    """Not finite before the step, or by it; nothing is printed into a file."""
    monkeypatch.chdir(tmp_path)
    states, actions = games()
    bad = states._replace(q=states.q.at[1, 2].set(jnp.nan), qd=states.qd.at[5, 0].set(1e9).at[7, 3].set(jnp.inf))
    after, well = np.array(roll(table(physics), bad, actions).q), np.array(played().q)
    others = ~np.isin(np.arange(NUM_GAMES), (1, 5, 7))
    np.testing.assert_array_equal(after[:, others], well[:, others])
    assert np.isnan(after[:, [1, 7]]).all()
    assert not np.isfinite(after[-1, 5]).all() or np.abs(after[-1, 5]).max() > 1e3
    assert not list(tmp_path.iterdir())


ON_TWO_DEVICES = """
import jax, self_play
table = self_play.tabletop.build(self_play.scene_of("blocks", physics="c"))
states = jax.jit(jax.vmap(table.reset))(jax.random.split(jax.random.key(0), 8))
action = jax.numpy.zeros((8, 5), jax.numpy.int32)
mesh = jax.make_mesh((2,), ("games",), axis_types=(jax.sharding.AxisType.Auto,))
spread = jax.device_put((states, action), jax.sharding.NamedSharding(mesh, jax.sharding.PartitionSpec("games")))
program = jax.jit(jax.vmap(table.step)).lower(*spread).compile()
assert "self_play_advance" in program.as_text() and "all-gather" not in program.as_text()
together, alone = program(*spread).q, jax.jit(jax.vmap(table.step))(states, action).q
assert len(together.sharding.device_set) == 2 and jax.numpy.array_equal(together, alone)
"""


def test_devices_share_the_games_without_a_word():
    flags = f"{os.environ['XLA_FLAGS']} --xla_force_host_platform_device_count=2"
    command = [sys.executable, "-c", ON_TWO_DEVICES]
    subprocess.run(command, env=os.environ | {"XLA_FLAGS": flags}, check=True)


def test_the_rule_of_the_physics(quick_physics, monkeypatch):
    of = lambda mode, **settings: quick_physics(self_play.scene_of(mode, **settings))  # noqa: E731
    assert (of("pucks"), of("blocks"), of("blocks", physics="mjx")) == ("mjx", "c", "mjx")
    assert of("pucks", physics="c") == "c"
    monkeypatch.setattr(c_mujoco, "available", lambda: False)
    assert (of("blocks"), of("pucks")) == ("batch", "mjx")
    with pytest.raises(
        ValueError, match=r"physics='c' was not built: install a C\+\+ compiler .* or set physics='batch'"
    ):
        of("blocks", physics="c")
    with pytest.raises(ValueError, match="physics must be one of auto, mjx, c, batch, warp, got 'brax'"):
        of("blocks", physics="brax")
    monkeypatch.setattr(mjx_warp, "available", lambda: False)
    with pytest.raises(
        ValueError, match=r"physics='warp' needs warp-lang: pip install 'mujoco-mjx\[warp\]'; or set physics='mjx'"
    ):
        of("blocks", physics="warp")
    monkeypatch.setattr(jax, "default_backend", lambda: "gpu")
    assert of("blocks") == "mjx"
    with pytest.raises(ValueError, match="physics='batch' is for CPUs; set physics='mjx'"):
        of("blocks", physics="batch")
