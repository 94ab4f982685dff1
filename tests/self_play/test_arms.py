"""An arm of one's own: its actuators, its tool, its files, and what is refused."""

import functools

import jax
import jax.numpy as jnp
import mujoco
import numpy as np
import pytest

import self_play
from self_play import objects, robots, scene, tabletop

ARM = """<mujoco model="arm">
  <compiler angle="radian" meshdir="parts"/>
  <default><joint damping="1" armature="0.02"/></default>
  <worldbody>
    <body name="base" pos="-0.35 0 0.02" quat="0.96 0 0 0.28">
      <joint name="turn" axis="0 0 1" range="-2 2"/>
      <geom type="cylinder" size="0.03 0.02" mass="1"/>
      <body name="upper" pos="0 0 0.05">
        <joint name="shoulder" axis="0 1 0" pos="0 0.01 0" range="-1 2"/>
        <geom type="capsule" fromto="0 0 0 0.05 0 0.25" size="0.02" mass="0.5"/>
        <body name="lower" pos="0.05 0 0.25" quat="0.9 0 0.1 0">
          <joint name="elbow" axis="0 1 0" range="-1 3" ref="0.2"/>
          <joint name="out" type="slide" axis="1 0 0.2" range="0 0.1"/>
          <geom type="capsule" fromto="0 0 0 0.25 0 0" size="0.015" mass="0.3"/>
          <site name="tip" pos="0.26 0 0.01" quat="0.8 0.6 0 0"/>
        </body>
      </body>
    </body>
  </worldbody>
  <actuator>
    <position joint="shoulder" kp="80"/>
    <position joint="turn" kp="80"/>
    <position joint="elbow" kp="80"/>
    <position joint="out" kp="200"/>
  </actuator>
</mujoco>
"""
MOVES = ("turn", "shoulder", "elbow", "out")


def arm(folder, text=ARM, **settings):
    (folder / "arm.xml").write_text(text)
    defaults = {"moves": MOVES, "start": (0.1, -0.3, 0.4, 0.05), "tool": "tip", "touching": ("lower",), "scale": 0.05}
    return robots.arm(str(folder / "arm.xml"), **{**defaults, **settings})


def test_an_arm_of_ones_own(tmp_path):
    """Its actuators, in whatever order, go where its dimensions say; its tool is where MuJoCo has it; it is decoded."""
    table = tabletop.build(scene.compose(arm(tmp_path), [objects.cube(), objects.cylinder()]))
    built, model = table.scene, mujoco.MjModel.from_xml_string(table.scene.mjcf)

    @jax.jit
    def play(key):
        def one(state, _):
            state = table.step(state, jnp.array([10, 5, 5, 0], jnp.int32))
            return state, (state, table.observe(state))

        return jax.lax.scan(one, table.reset(key), length=10)[1]

    states, seen = jax.tree.map(np.array, play(jax.random.key(0)))
    assert seen.gripper.shape == (10, 3 + 6 + 4 * 4)
    moved = states.q[-1, :4] - np.array(built.robot.start, np.float32)
    assert moved[0] > 0.1
    assert np.abs(moved[1:3]).max() < 0.1
    assert states.target[-1, 3] == 0.0  # the joint's own bound
    data = mujoco.MjData(model)
    for q, gripper, of_object in zip(states.q, seen.gripper, seen.objects, strict=True):
        data.qpos[:] = q
        mujoco.mj_kinematics(model, data)
        np.testing.assert_allclose(gripper[:3], data.site("tip").xpos, atol=1e-6)
        np.testing.assert_allclose(gripper[3:9].reshape(3, 2), data.site("tip").xmat.reshape(3, 3)[:, :2], atol=1e-6)
        np.testing.assert_allclose(of_object[:, 15:18], of_object[:, :3] - gripper[:3], atol=1e-6)
    poses = jax.vmap(table.poses)(states)
    again = jax.vmap(functools.partial(self_play.observations.positions, built))(seen.gripper, poses)
    np.testing.assert_allclose(again, states.q, atol=1e-6)


CRANE = """<mujoco model="crane">
  <compiler angle="radian"/>
  <default><joint damping="20" armature="0.2"/></default>
  <worldbody>
    <body name="mast" pos="-0.4 0 0">
      <joint name="turn" axis="0 0 1" range="-2 2"/>
      <geom type="cylinder" size="0.03 0.02" mass="1" contype="4" conaffinity="0"/>
      <body name="boom">
        <joint name="lift" type="slide" axis="0 0 1" range="0.05 0.5"/>
        <joint name="out" type="slide" axis="1 0 0" range="0.1 0.7"/>
        <geom type="capsule" fromto="0 0 0 0.1 0 0" size="0.01" mass="0.2" contype="4" conaffinity="0"/>
        <body name="hand">
          <joint name="wrist" axis="0 0 1" range="-3 3"/>
          <geom type="box" size="0.02 0.02 0.01" mass="0.1" contype="4" conaffinity="0"/>
          <site name="tip" pos="0 0 -0.01" quat="0 1 0 0"/>
          <body name="finger" pos="0.02 0 0">
            <joint name="pinch" type="slide" axis="1 0 0" range="0 0.04"/>
            <geom type="box" size="0.005 0.01 0.02" mass="0.05" contype="4" conaffinity="0"/>
          </body>
        </body>
      </body>
    </body>
  </worldbody>
  <actuator>
    <position joint="pinch" kp="100"/>
    <position joint="turn" kp="2000"/>
    <position joint="lift" kp="4000"/>
    <position joint="out" kp="2000"/>
    <position joint="wrist" kp="200"/>
  </actuator>
</mujoco>
"""


@functools.cache
def crane():
    """-> (its table, play: (state, actions [5, 40, 5]) -> (states, what is seen) of five games from that state)."""
    settings = {
        "moves": ("turn", "pinch", "lift", "out", "wrist"),
        "start": (0.2, 0.02, 0.2, 0.4, -0.1),
        "tool": "tip",
        "touching": ("finger",),
        "scale": (0.02, 0.02, 0.02, 0.05, 0.002),
        "carried_by": ("turn", "lift", "out", "wrist"),
        "tool_turns": True,
    }
    table = tabletop.build(scene.compose(robots.arm(CRANE, **settings), [objects.cube()]))

    def one(state, action):
        state = table.step(state, action)
        return state, (state, table.observe(state))

    return table, jax.jit(jax.vmap(lambda *args: jax.lax.scan(one, *args)[1], in_axes=(None, 0)))


def test_an_arm_whose_tool_is_moved():
    """Its joints bring the tool where it is told, x, y, z and yaw apart, and a finger beside; it is decoded."""
    table, play = crane()
    assert table.scene.num_dimensions == 5
    actions = np.full((5, 40, 5), 5)
    for i in range(5):
        actions[i, :10, i] = 8  # then it stands still
    begun = table.reset(jax.random.key(0))
    states, seen = jax.tree.map(np.array, play(begun, actions))
    first = np.array(begun.target)
    np.testing.assert_allclose(first, [0.392 - 0.4, 0.0795, 0.19, 0.0, 0.02], atol=1e-3)
    now = np.array(jax.vmap(functools.partial(self_play.following.places, table.scene))(states.q[:, -1]))
    np.testing.assert_allclose(now, states.target[:, -1], atol=0.004)
    moved = states.target[:, -1] - first
    np.testing.assert_array_less([0.11, 0.11, 0.11, 0.28, 0.011], np.diag(moved))
    np.testing.assert_allclose(moved, np.diag(np.diag(moved)), atol=1e-6)
    again = jax.vmap(functools.partial(self_play.observations.positions, table.scene))(
        seen.gripper[:, -1], jax.vmap(table.poses)(jax.tree.map(lambda leaf: leaf[:, -1], states))
    )
    np.testing.assert_allclose(again, states.q[:, -1], atol=1e-6)


def test_a_tool_turns_by_more_than_half_a_turn():
    """From just before it to beyond it: the target goes on as it is told, and is never seen far from the tool."""
    table, play = crane()
    state = table.reset(jax.random.key(0))
    before = state.q.at[jnp.array([0, 3])].set(jnp.array([1.5, np.pi - 1.5]))  # the first yaw was 0.1
    state = state._replace(q=before, target=self_play.following.places(table.scene, before))
    actions = np.tile([5, 5, 5, 10, 5], (5, 40, 1))
    actions[:, 12:] = 5
    states, seen = jax.tree.map(lambda leaf: np.array(leaf[0, :12]), play(state, actions))
    yaw = states.q[:, 0] + states.q[:, 3] - 0.1
    assert yaw[-1] > np.pi + 0.1
    told = np.unwrap(np.append(np.pi - 0.1, states.target[:, 3]))
    np.testing.assert_allclose(np.diff(told), 0.05, atol=1e-5)
    np.testing.assert_allclose(seen.gripper[:, 9 + 2 * 5 + 3], told[1:] - yaw, atol=1e-5)


def test_a_link_without_a_joint_has_a_sense_of_touch_in_mjx(tmp_path):
    hand = '<body name="hand" pos="0.26 0 0"><geom size="0.01"/></body>'
    text = ARM.replace('<site name="tip"', f'{hand}<site name="tip"')
    text = text.replace('"cylinder" size="0.03 0.02"', '"sphere" size="0.03"')
    built = scene.compose(arm(tmp_path, text, touching=("hand",)), [objects.cube()])._replace(physics="mjx")
    table = tabletop.build(built)
    state = table.reset(jax.random.key(0))
    assert jax.eval_shape(table.step, state, jnp.zeros(4, jnp.int32)).touch.shape == (1, 1)


def test_meshes_lie_beside_their_own_files(tmp_path, monkeypatch):
    """A robot's below the folder of its MJCF, an object's where Python runs; both by relative paths."""
    (tmp_path / "robot" / "parts").mkdir(parents=True)
    corners = "".join(f"v {x} {y} {z}\n" for x in (0, 0.03) for y in (0, 0.03) for z in (0, 0.03))
    sides = "124 143 578 586 156 162 348 387 137 175 268 284"
    faces = "".join(f"f {' '.join(side)}\n" for side in sides.split())
    for path in ("thing.obj", "robot/parts/hand.obj"):
        (tmp_path / path).write_text(corners + faces)
    text = ARM.replace("<worldbody>", '<asset><mesh name="hand" file="hand.obj"/></asset><worldbody>')
    text = text.replace('<site name="tip"', '<geom type="mesh" mesh="hand"/><site name="tip"')
    arm(tmp_path / "robot", text)
    monkeypatch.chdir(tmp_path)
    settings = {"moves": MOVES, "start": (0.1, -0.3, 0.4, 0.05), "tool": "tip", "touching": ("lower",)}
    for mjcf in ("robot/arm.xml", text.replace('"parts"', '"robot/parts"')):  # a text lies where Python runs
        built = scene.compose(robots.arm(mjcf, **settings), [objects.mesh("thing.obj"), objects.cube()])
        model = mujoco.MjModel.from_xml_string(built.mjcf)
        assert model.nmesh == 2
        np.testing.assert_allclose(built.objects[0].half, [0.015] * 3, atol=1e-4)


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"moves": ("turn", "shoulder", "elbow", "in")}, "moves: no joint 'in' in the robot's MJCF; there are turn, "),
        ({"moves": ("turn", "shoulder", "elbow"), "start": (0, 0, 0)}, "moves: no dimension drives joint 'out'"),
        ({"start": (0, 0)}, "start must have a number for each dimension, 4; got 2"),
        ({"leash": (0.1,)}, "leash must have a number for each dimension, 4; got 1"),
        ({"carried_by": ("hip",)}, "carried_by: no dimension of moves drives joint 'hip' alone"),
        (
            {"text": ARM.replace('<position joint="elbow" kp="80"/>', '<velocity joint="elbow" kv="80"/>')},
            "the actuator of joint 'elbow' is no position servo",
        ),
        (
            {"text": ARM.replace('<position joint="out" kp="200"/>', "")},
            "each joint of a robot needs one position actu",
        ),
        ({"text": "<mujoco><arm/></mujoco>"}, "MuJoCo cannot read the robot's MJCF: XML Error"),
        ({"tool": "top"}, "tool: no site 'top' in the robot's MJCF"),
        ({"touching": ("hand",)}, "touching: no body 'hand' in the robot's MJCF"),
    ],
)
def test_an_arm_that_cannot_be_driven_is_refused(tmp_path, settings, message):
    with pytest.raises(ValueError, match=message):
        scene.compose(arm(tmp_path, **settings), [objects.cube()])
