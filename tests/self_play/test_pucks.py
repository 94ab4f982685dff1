"""The tabletop of pucks: replay, random steps, slots, and what is seen."""

import functools
from typing import Any

import jax
import jax.numpy as jnp
import mujoco
import numpy as np

import self_play
from self_play import scene, tabletop
from self_play.goals import Poses


@functools.cache
def puck_games():
    """-> (Tabletop, reset, roll): 64 games of two pucks; roll (states, actions [T, 64, 2]) -> states [T, 64, ..]."""
    table = tabletop.build(scene.pucks(2, min_objects=1, num_slots=3))

    @jax.jit
    def roll(states, actions):
        def one(states, action):
            states = jax.vmap(table.step)(states, action)
            return states, states

        return jax.lax.scan(one, states, actions)[1]

    return table, jax.jit(jax.vmap(table.reset)), roll


def begin(seed=0):
    return puck_games()[1](jax.random.split(jax.random.key(seed), 64))


def actions(steps, seed=1):
    return jax.random.randint(jax.random.key(seed), (steps, 64, 2), 0, 11, jnp.int32)


def same(a, b):
    return all(bool(jnp.array_equal(x, y)) for x, y in zip(jax.tree.leaves(a), jax.tree.leaves(b), strict=True))


def test_replay_is_exact():
    """From a stored state, and from one in the middle of a game, the same actions lead to the same states."""
    roll = puck_games()[2]
    way = actions(40)
    whole = roll(begin(), way)
    assert same(whole, roll(begin(), way))
    stored = jax.tree.map(lambda leaf: jnp.array(np.array(leaf[19])), whole)
    later = roll(stored, jnp.concatenate([way[20:], way[:20]]))  # of the same length: one compiled program
    assert same(jax.tree.map(lambda leaf: leaf[20:], whole), jax.tree.map(lambda leaf: leaf[:20], later))


def test_the_warm_start_is_part_of_the_state():
    roll = puck_games()[2]
    states = jax.tree.map(lambda leaf: leaf[-1], roll(begin(), actions(40)))
    assert bool(jnp.any(states.solver_state != 0))


def test_games_do_not_know_their_place():
    roll = puck_games()[2]
    order = jax.random.permutation(jax.random.key(3), 64)
    whole = roll(begin(), actions(40))
    shuffled = roll(jax.tree.map(lambda leaf: leaf[order], begin()), actions(40)[:, order])
    assert same(jax.tree.map(lambda leaf: leaf[:, order], whole), shuffled)


def test_a_million_random_steps():
    """64 games, 4000 control steps of 4 physics steps."""
    roll = puck_games()[2]
    states = begin()
    for i in range(100):
        states = jax.tree.map(lambda leaf: leaf[-1], roll(states, actions(40, seed=i)))
    assert all(bool(jnp.all(jnp.isfinite(leaf))) for leaf in jax.tree.leaves(states))
    assert bool(jnp.all(jnp.abs(states.q[:, :2]) < 0.33))  # the pusher keeps to its square


def test_a_puck_is_pushed():
    """The pusher goes to one side of the puck and through where it stood."""
    table, _, roll = puck_games()
    mask = jnp.array([True, False, False])
    poses = Poses(jnp.array([[0.1, 0.05, 0.03], [0.0, 0.0, 0.03]]), jnp.tile(jnp.array([1.0, 0.0, 0.0, 0.0]), (2, 1)))
    start = table.place(jnp.array([0.0, 0.05]), poses, mask)
    games = jax.tree.map(lambda leaf: jnp.tile(leaf[None], (64, *[1] * leaf.ndim)), start)
    states = roll(games, jnp.tile(jnp.array([8, 5], jnp.int32), (40, 64, 1)))
    goal = jax.vmap(table.poses)(jax.tree.map(lambda leaf: leaf[-1], states))
    x, y, _ = np.array(goal.position)[0, 0]
    assert x > 0.3
    assert abs(y - 0.05) < 1e-3
    touched = np.array(states.touch)[:, 0, :, 0]
    assert touched[:, 0].any()
    assert not touched[:, 1:].any()
    assert bool(table.judge(table.poses(start), jax.tree.map(lambda leaf: leaf[0], goal), mask).valid)


def test_absent_objects_are_not_seen():
    table, _, _ = puck_games()
    states = begin()
    number = np.array(states.mask).sum(1)
    assert set(number) == {1, 2}
    seen = jax.vmap(table.observe)(states)
    assert seen.objects.shape == (64, 3, 9)
    assert not np.any(np.array(seen.objects)[~np.array(states.mask)])
    np.testing.assert_array_equal(seen.objects[..., 6:8], np.clip(seen.objects[..., 4:6], -0.04, 0.04))
    goal = jax.vmap(table.observe_goal)(*(jax.vmap(table.poses)(begin(seed)) for seed in (0, 5)), states.mask)
    assert goal.shape == (64, 3, 6)
    assert not np.any(np.array(goal)[~np.array(states.mask)])
    np.testing.assert_array_equal(goal[..., 4:], np.clip(goal[..., 2:4], -0.04, 0.04))


def test_slots_are_interchangeable():
    """The two pucks in each other's slots: the same rows, exchanged, and the same reward."""
    table, _, _ = puck_games()
    poses = Poses(jnp.array([[0.1, 0.05, 0.03], [-0.1, 0.0, 0.03]]), jnp.tile(jnp.array([1.0, 0.0, 0.0, 0.0]), (2, 1)))
    mask, joints = jnp.array([True, True, False]), jnp.array([0.2, 0.2])
    one = table.place(joints, poses, mask)
    other = table.place(joints, jax.tree.map(lambda leaf: leaf[::-1], poses), mask)
    swap = jnp.array([1, 0, 2])
    np.testing.assert_array_equal(table.observe(one).objects[swap], table.observe(other).objects)
    goal = Poses(jnp.pad(poses.position, ((0, 1), (0, 0))).at[0, 0].add(0.1), jnp.pad(poses.rotation, ((0, 1), (0, 0))))
    swapped = jax.tree.map(lambda leaf: leaf[swap], goal)
    np.testing.assert_array_equal(
        table.observe_goal(table.poses(one), goal, mask)[swap], table.observe_goal(table.poses(other), swapped, mask)
    )
    assert same(table.judge(table.poses(one), goal, mask), table.judge(table.poses(other), swapped, mask))
    np.testing.assert_array_equal(table.reached(table.poses(one), goal, mask), [False, True, False])
    np.testing.assert_array_equal(table.reached(table.poses(other), swapped, mask), [True, False, False])


def test_objects_begin_apart():
    states = begin(seed=7)
    q = np.array(states.q).reshape(64, 3, 2)
    apart = np.linalg.norm(q[:, :, None] - q[:, None], axis=-1)[:, *np.triu_indices(3, 1)]
    assert apart.min() > 0.06
    assert np.array_equal(q[:, 2, 0] > 1, ~np.array(states.mask[:, 1]))  # an absent puck lies beyond the table


def test_the_smoothed_action():
    """Unbiased: a constant action is followed from the first step; then the average keeps 0.3 in 0.08 s."""
    roll = puck_games()[2]
    way = jnp.full((40, 64, 2), 5, jnp.int32).at[0].set(10)
    states = roll(begin(), way)
    seen = np.array(states.average / states.weight[:, :, None])[:3, 0, 0]
    np.testing.assert_allclose(seen, [1.0, 0.7 * 0.3 / (1 - 0.3**2), 0.7 * 0.3**2 / (1 - 0.3**3)], rtol=1e-5)


def test_a_film():
    """Bodies stand where they are, ghosts at the goal, and under the table while there is none."""
    table, _, _ = puck_games()
    states = jax.tree.map(lambda leaf: leaf[:2], begin())
    seen, poses = jax.vmap(table.observe)(states), jax.vmap(table.poses)(states)
    q = jax.vmap(functools.partial(self_play.observations.positions, table.scene))(seen.gripper, poses)
    np.testing.assert_array_equal(q, states.q)
    goal = jax.tree.map(lambda leaf: leaf[::-1], poses)
    frames = self_play.render_frames(table.scene, q, goal, jnp.array([False, True]))
    assert list(frames["geoms"]) == ["world", "pusher", "object0", "object1", "ghost0", "ghost1"]
    places = np.array([of_frame["pos"] for of_frame in frames["states"]["x"]])
    np.testing.assert_allclose(places[:, 0, :2], q[:, :2], atol=1e-6)
    np.testing.assert_allclose(places[:, 1:3], poses.position[:, :2], atol=1e-6)
    np.testing.assert_allclose(places[1, 3:], goal.position[1, :2], atol=1e-6)
    assert (places[0, 3:, 2] < -0.9).all()
    assert "<html" in self_play.html_page(frames)


def test_contacts_are_solved_to_rounding():
    """After a control step pucks are where C MuJoCo puts them, whose solver goes on until nothing changes."""
    table, _, roll = puck_games()
    states = begin()
    model: Any = mujoco.MjModel.from_xml_string(table.scene.mjcf)
    model.opt.tolerance, model.opt.iterations = 0.0, 100
    data: Any = mujoco.MjData(model)
    pushed = 0
    for _ in range(12):
        towards = states.q[:, 2:4] - states.q[:, :2]
        towards /= jnp.linalg.norm(towards, axis=1, keepdims=True)
        after = jax.tree.map(lambda leaf: leaf[0], roll(states, jnp.round(5 * (towards + 1)).astype(jnp.int32)[None]))
        for q, qd, target, ends in zip(*map(np.array, (states.q, states.qd, after.target, after.q)), strict=True):
            mujoco.mj_resetData(model, data)
            data.qpos, data.qvel, data.ctrl = q, qd, target
            mujoco.mj_step(model, data, table.scene.substeps)
            np.testing.assert_allclose(ends, data.qpos, atol=2e-6)
            pushed += data.ncon
        states = after
    assert pushed > 100


def test_the_pusher_is_a_robot_as_others_are():
    built = scene.compose(self_play.robots.PUSHER, [self_play.objects.sphere(0.03)], planar=True)
    assert mujoco.MjModel.from_xml_string(built.mjcf).body("pusher").pos[2] == 0.03
    lower = mujoco.MjModel.from_xml_string(scene.pucks(radius=0.02).mjcf)
    assert lower.body("pusher").pos[2] == lower.body("object0").pos[2] == 0.02
