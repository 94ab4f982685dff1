"""The tabletop under scripted hands: blocks rest, are pushed, tipped, grasped, lifted, stacked; pucks are pushed.

Every script is one game of one compiled program. C MuJoCo, on the states that were visited, says how deep bodies sank.
"""

import functools

import jax
import jax.numpy as jnp
import mujoco
import numpy as np
import pytest

import self_play
from self_play import scene
from self_play.goals import Poses

HOLD = 25  # control steps for each of a script's places
HALF = scene.HALF_SIZE
ON = [HALF, 3 * HALF, 5 * HALF]  # heights of the blocks of a stack
LOW = 0.075  # of the gripper, around a block on the table; 2 * HALF + this, around one on a block
AIR = (-0.25, -0.2, 0.3, 0.0, 0.0)
AWAY = ((-0.25, 0.15, HALF), (-0.25, 0.25, HALF))
OPEN, SHUT = 0.04, 0.0


def pick(x, y, top):
    """Takes what stands at (x, y) up to `top`."""
    return [(x, y, 0.22, 0.0, OPEN), (x, y, LOW, 0.0, OPEN), (x, y, LOW, 0.0, SHUT), (x, y, top, 0.0, SHUT)]


def put(x, y, level, top):
    """Puts what is held at (x, y) on `level` blocks, from above `top`."""
    height = LOW + 2 * HALF * level + 0.002
    return [(x, y, top, 0.0, SHUT), (x, y, height, 0.0, SHUT), (x, y, height, 0.0, OPEN), (x, y, top, 0.0, OPEN)]


SCRIPTS = {  # name: (where the blocks are, where the gripper goes)
    "rest": (((0.1, 0.0, ON[0]), *AWAY), [AIR]),
    "stand": (((0.1, 0.0, ON[0]), (0.12, 0.0, ON[1]), (0.11, 0.01, ON[2])), [AIR]),
    "push": (((0.1, 0.0, ON[0]), *AWAY), [(0.0, 0.0, 0.2, 0, 0), (0.0, 0.0, 0.065, 0, 0), (0.15, 0, 0.065, 0, 0), AIR]),
    "tip": (
        ((0.1, 0.0, ON[0]), *AWAY),
        [(0, 0, 0.2, 0, 0), (0, 0, 0.104, 0, 0), (0.15, 0, 0.104, 0, 0), (0.2, 0, 0.1, 0, 0), AIR],
    ),
    "lift": (((0.1, 0.0, ON[0]), *AWAY), [*pick(0.1, 0.0, 0.25), *[(-0.1, 0.1, 0.25, 1.0, SHUT)] * 4]),
    "press": (((0.1, 0.0, ON[0]), *AWAY), [(0.1, 0.0, 0.2, 0, 0), (0.1, 0.0, 0.065, 0, 0)]),
    "stack": (
        ((0.1, 0.0, ON[0]), (-0.1, 0.0, ON[0]), (0.0, 0.2, ON[0])),
        [*pick(0.1, 0, 0.25), *put(-0.1, 0, 1, 0.25), *pick(0, 0.2, 0.3), *put(-0.1, 0, 2, 0.3), AIR],
    ),
}


@functools.cache
def played():
    """-> (Tabletop, states of every control step, by script): [T, ..], T as many steps as the longest script."""
    table = self_play.tabletop(scene.blocks(3))
    scale = jnp.array(table.scene.scale)
    steps = max(len(places) for _, places in SCRIPTS.values())
    places = np.array([[*places, *[places[-1]] * (steps - len(places))] for _, places in SCRIPTS.values()])

    def follow(position, places):
        poses = Poses(position, jnp.tile(jnp.array([1.0, 0.0, 0.0, 0.0]), (3, 1)))
        start = table.place(jnp.array([-0.2, -0.2, 0.25, 0.0, OPEN]), poses, jnp.ones(3, bool))

        def one(state, place):
            way = jnp.clip(0.4 * (place - state.target) / scale, -1, 1)
            state = table.step(state, jnp.round(5 * way).astype(jnp.int32) + 5)
            return state, state

        return jax.lax.scan(one, start, jnp.repeat(places, HOLD, axis=0))[1]

    starts = jnp.array([blocks for blocks, _ in SCRIPTS.values()])
    states = jax.jit(jax.vmap(follow))(starts, jnp.asarray(places, jnp.float32))
    by_script = {name: jax.tree.map(lambda leaf, i=i: leaf[i], states) for i, name in enumerate(SCRIPTS)}
    return table, by_script


def positions(name):
    table, states = played()
    return np.array(jax.vmap(table.poses)(states[name]).position)


def test_a_block_rests():
    where = positions("rest")
    assert len(where) * 0.04 > 10
    assert np.abs(where[:] - where[0]).max() < 1e-3


def test_three_blocks_stand():
    where = positions("stand")
    assert np.abs(where - np.array([[0.1, 0.0, ON[0]], [0.12, 0.0, ON[1]], [0.11, 0.01, ON[2]]])).max() < 5e-3


def test_a_block_is_pushed():
    x, y, z = positions("push")[-1, 0]
    assert x > 0.15 + HALF
    assert abs(y) < 0.02
    assert abs(z - HALF) < 1e-3


def test_a_block_is_tipped():
    """Its upright axis passes the level, and it ends flat, on whichever of its sides it rolls to."""
    table, states = played()
    rotation = np.array(jax.vmap(table.poses)(states["tip"]).rotation)[:, 0]
    assert np.min(1 - 2 * (rotation[:, 1] ** 2 + rotation[:, 2] ** 2)) < 0.1
    assert abs(positions("tip")[-1, 0, 2] - HALF) < 1e-3


def test_a_block_is_grasped_lifted_and_held():
    where = positions("lift")[:, 0]
    held = where[6 * HOLD : 8 * HOLD]
    assert held[:, 2].min() > 0.18
    assert np.abs(held[:, :2] - [-0.1, 0.1]).max() < 0.02
    assert np.ptp(held[:, 2]) < 0.01  # it slides down by some 2 mm a second
    assert np.array(played()[1]["lift"].touch)[6 * HOLD : 8 * HOLD, 0].all()


def test_the_gripper_builds_a_stack_of_three():
    where = positions("stack")[-1]
    np.testing.assert_allclose(where[[1, 0, 2], 2], ON, atol=2e-3)
    assert np.abs(where[:, :2] - [-0.1, 0.0]).max() < 0.02


def test_bodies_sink_by_millimetres():
    table, states = played()
    model = mujoco.MjModel.from_xml_string(table.scene.mjcf)
    data = mujoco.MjData(model)
    deepest = {}
    for name, visited in states.items():
        depth = []
        for q in np.array(visited.q)[::5]:
            data.qpos[:] = q
            mujoco.mj_fwdPosition(model, data)
            depth.append(max([0.0, *(-data.contact.dist)]))
        deepest[name] = max(depth)
    assert deepest["rest"] < 1e-3
    assert deepest["stand"] < 4e-3
    assert max(deepest.values()) < 0.012, deepest


def test_what_the_players_see():
    """Positions in m, the touch of two fingers, and that nothing moves in a game at rest."""
    table, states = played()
    seen = jax.vmap(table.observe)(states["lift"])
    held = jax.tree.map(lambda leaf: np.array(leaf)[7 * HOLD], seen)
    assert held.gripper.shape == (21,)
    assert held.objects.shape == (3, 20)
    np.testing.assert_allclose(held.gripper[:3], [-0.1, 0.1, 0.25], atol=0.01)
    np.testing.assert_allclose(np.arctan2(held.gripper[4], held.gripper[3]), 1.0, atol=0.05)
    np.testing.assert_allclose(held.objects[0, :3], positions("lift")[7 * HOLD, 0])
    np.testing.assert_allclose(held.objects[0, 15:18], 0.0, atol=0.02)  # it is between the fingers
    np.testing.assert_array_equal(held.objects[:, 18:], [[1, 1], [0, 0], [0, 0]])
    np.testing.assert_allclose(np.array(seen.objects)[-1, 1:, 9:15], 0.0, atol=1e-3)


@functools.cache
def puck_games():
    """-> (Tabletop, reset, roll): 64 games of two pucks; roll (states, actions [T, 64, 2]) -> states [T, 64, ..]."""
    table = self_play.tabletop(scene.pucks(2, min_objects=1, num_slots=3))

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
    assert bool(jnp.any(states.memory != 0))


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
    assert seen.objects.shape == (64, 3, 7)
    assert not np.any(np.array(seen.objects)[~np.array(states.mask)])
    goal = jax.vmap(table.observe_goal)(*(jax.vmap(table.poses)(begin(seed)) for seed in (0, 5)), states.mask)
    assert goal.shape == (64, 3, 4)
    assert not np.any(np.array(goal)[~np.array(states.mask)])


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


@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        (lambda: scene.pucks(0), "num_objects must be 1 to 8, got 0"),
        (lambda: scene.blocks(9), "num_objects must be 1 to 8, got 9"),
        (lambda: scene.blocks(3, num_slots=2), "more objects than slots: num_objects is 3, num_slots 2"),
        (lambda: scene.blocks(2, min_objects=3), r"min_objects must be 1 to num_objects \(2\), got 3"),
        (lambda: scene.blocks(half_size=-0.02), "half_size must be 0.01 to 0.04 m, got -0.02"),
        (lambda: scene.pucks(radius=0.0), "radius must be 0.01 to 0.04 m, got 0.0"),
        (lambda: scene.pucks(substeps=0), "substeps and timestep must be positive, got 0 and 0.02"),
        (lambda: scene.blocks(timestep=-0.01), "substeps and timestep must be positive, got 4 and -0.01"),
        (lambda: scene.blocks(contact_slots=0), "contact_slots must be positive, got 0"),
        (lambda: self_play.tabletop(scene.pucks(), pipeline="mujoco"), "pipeline must be one of mjx, .*, got 'mujoco'"),
    ],
)
def test_bad_settings_are_refused(wrong, message):
    with pytest.raises(ValueError, match=message):
        wrong()
