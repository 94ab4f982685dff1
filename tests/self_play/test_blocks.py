"""The tabletop under scripted hands: blocks rest, are pushed, tipped, grasped, lifted, stacked.

Every script is one game of one compiled program. C MuJoCo, on the states that were visited, says how deep bodies sank.
"""

import functools

import jax
import jax.numpy as jnp
import mujoco
import numpy as np
import pytest
from jax.extend.core import jaxprs_in_params

import self_play
from self_play import objects, robots, scene, tabletop
from self_play.goals import Poses

HOLD = 25  # control steps for each of a script's places
HALF = objects.HALF_SIZE
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
def game():
    """-> (Tabletop, follow): follow (states [7, ..], places [7, T, 5]) -> states [7, T, ..], one game a script."""
    table = tabletop.build(scene.blocks(3, step=0.02, leash=0.05, finger_step=0.01))  # careful, as tipping needs
    scale = jnp.array(table.scene.robot.scale)

    def follow(start, places):
        def one(state, place):
            way = jnp.clip(0.4 * (place - state.target) / scale, -1, 1)
            state = table.step(state, jnp.round(5 * way).astype(jnp.int32) + 5)
            return state, state

        return jax.lax.scan(one, start, places)[1]

    return table, jax.jit(jax.vmap(follow))


@functools.cache
def places():
    """[7, T, 5]: where each script's gripper goes, T as many control steps as the longest has."""
    longest = max(len(way) for _, way in SCRIPTS.values())
    ways = np.array([[*way, *[way[-1]] * (longest - len(way))] for _, way in SCRIPTS.values()])
    return jnp.asarray(np.repeat(ways, HOLD, axis=1), jnp.float32)


@functools.cache
def played():
    """-> (Tabletop, states of every control step, by script [T, ..])."""
    table, follow = game()

    def begin(position):
        poses = Poses(position, jnp.tile(jnp.array([1.0, 0.0, 0.0, 0.0]), (3, 1)))
        return table.place(jnp.array([-0.2, -0.2, 0.25, 0.0, OPEN]), poses, jnp.ones(3, bool))

    starts = jnp.array([blocks for blocks, _ in SCRIPTS.values()])
    states = follow(jax.jit(jax.vmap(begin))(starts), places())
    return table, {name: jax.tree.map(lambda leaf, i=i: leaf[i], states) for i, name in enumerate(SCRIPTS)}


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


def test_replay_is_exact_and_needs_the_warm_start():
    """From states stored in the middle of all scripts the same actions lead to the same states, to the bit."""
    _, follow = game()
    whole = [jax.tree.map(np.array, states) for states in played()[1].values()]
    whole = jax.tree.map(lambda *leaves: np.stack(leaves), *whole)
    cut = 4 * HOLD + 7
    stored = jax.tree.map(lambda leaf: jnp.array(leaf[:, cut - 1]), whole)
    way = jnp.roll(places(), -cut, axis=1)  # of the same length: one compiled program
    again = jax.tree.map(lambda leaf: np.array(leaf)[:, :-cut], follow(stored, way))
    for a, b in zip(jax.tree.leaves(again), jax.tree.leaves(whole), strict=True):
        np.testing.assert_array_equal(a, b[:, cut:])
    cold = follow(stored._replace(solver_state=jnp.zeros_like(stored.solver_state)), way)
    assert np.any(np.array(cold.q)[:, :-cut] != whole.q[:, cut:])


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
    assert held.objects.shape == (3, 23)
    np.testing.assert_allclose(held.gripper[:3], [-0.1, 0.1, 0.25], atol=0.01)
    np.testing.assert_allclose(np.arctan2(held.gripper[4], held.gripper[3]), 1.0, atol=0.05)
    np.testing.assert_allclose(held.objects[0, :3], positions("lift")[7 * HOLD, 0])
    np.testing.assert_allclose(held.objects[0, 15:18], 0.0, atol=0.02)  # it is between the fingers
    np.testing.assert_array_equal(held.objects[:, 18:21], np.clip(held.objects[:, 15:18], -0.04, 0.04))
    assert np.abs(held.objects[1:, 15:18]).max() > 0.1
    np.testing.assert_array_equal(held.objects[:, 21:], [[1, 1], [0, 0], [0, 0]])
    np.testing.assert_allclose(np.array(seen.objects)[-1, 1:, 9:15], 0.0, atol=1e-3)
    here = jax.vmap(table.poses)(states["lift"])
    now, then = (jax.tree.map(lambda leaf, i=i: leaf[i], here) for i in (0, 7 * HOLD))
    goal = np.array(table.observe_goal(now, then, states["lift"].mask[0]))
    np.testing.assert_array_equal(goal[:, 9:12], np.array(then.position - now.position))
    np.testing.assert_array_equal(goal[:, 15:], np.clip(goal[:, 9:12], -0.04, 0.04))
    assert np.abs(goal[0, 9:12]).max() > 0.1
    # It tells the whole place of the gripper, but for the second finger, which follows the first.
    decode = jax.vmap(functools.partial(self_play.observations.positions, table.scene))
    q = decode(seen.gripper, jax.vmap(table.poses)(states["lift"]))
    np.testing.assert_allclose(np.delete(q, 5, 1), np.delete(states["lift"].q, 5, 1), atol=1e-6)


@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        (lambda: scene.pucks(0), "num_objects must be a whole number of at least 1, got 0"),
        (lambda: scene.blocks(9), "num_objects must be 1 to 8, got 9"),
        (lambda: scene.blocks(3, num_slots=2), "num_slots must be at least the number of objects, 3; got 2"),
        (lambda: scene.blocks(2, min_objects=3), r"min_objects must be 1 to max_objects, 2; got 3"),
        (lambda: scene.compose(robots.GRIPPER, [objects.cube()], max_objects=2), "max_objects .* of objects, 1; got 2"),
        (
            lambda: scene.blocks(table=scene.Table(top=(0.15, 0.6))),
            r"objects begin up to 0.202 m from the table's centre, and its top is \(0.15, 0.6\)",
        ),
        (lambda: scene.blocks(half_size=-0.02), "half_size must be 0.01 to 0.04 m, got -0.02"),
        (lambda: scene.pucks(radius=0.0), "radius must be 0.01 to 0.04 m, got 0.0"),
        (lambda: scene.pucks(substeps=0), "substeps must be a whole number of at least 1, got 0"),
        (lambda: scene.blocks(timestep=-0.01), "timestep must be a finite number, above 0.0, got -0.01"),
        (lambda: scene.blocks(contact_slots=0), "contact_slots must be a whole number of at least 1, got 0"),
        (lambda: scene.scene_of("pins"), "mode must be one of pucks, blocks, got 'pins'"),
    ],
)
def test_bad_settings_are_refused(wrong, message):
    with pytest.raises(ValueError, match=message):
        wrong()


def products(jaxpr):
    """The precision of every product of matrices in it."""
    for equation in jaxpr.eqns:
        if equation.primitive.name == "dot_general":
            yield equation.params["precision"]
        for inner in jaxprs_in_params(equation.params):
            yield from products(inner)


def test_no_product_of_the_physics_has_less_than_high_precision():
    table = tabletop.build(self_play.scene_of("blocks", num_objects=1, physics="mjx"))
    state = jax.eval_shape(table.reset, jax.random.key(0))
    found = list(products(jax.make_jaxpr(table.step)(state, jnp.zeros(len(table.scene.robot.scale), jnp.int32))))
    assert len(found) > 50
    high = (jax.lax.Precision.HIGH, jax.lax.Precision.HIGHEST)
    assert all(precision is not None and precision[0] in high for precision in found)
