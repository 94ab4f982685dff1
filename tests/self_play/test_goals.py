"""Goals: rotation distances, thresholds, validity in the paper's order, and every row of its table of rewards."""

import itertools

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from self_play import goals

TABLE, AREA = (0.6, 0.7), ((-0.3, -0.29, 0.0), (0.3, 0.29, 0.26))


def test_rotation_distance_of_the_reference(reference):
    ref = reference("self_play", "rot_")
    turn = jax.vmap(goals.rotation_to, in_axes=(0, 0, None))
    angles = jnp.linalg.norm(turn(jnp.float32(ref["q1"]), jnp.float32(ref["q2"]), goals.symmetries_of("none")), axis=-1)
    np.testing.assert_allclose(angles, ref["angle_full"], atol=2e-6)


def test_the_cube_has_the_24_symmetries_of_the_reference(reference):
    theirs = reference("self_play", "rot_")["cube_quats"]
    same = np.abs(goals.SYMMETRIES["cube"] @ theirs.T) > 1 - 1e-9  # q and -q are one rotation
    np.testing.assert_array_equal(same.sum(0), 1)
    np.testing.assert_array_equal(same.sum(1), 1)


def matrix(q):
    w, x, y, z = q
    return np.array(
        [
            [1 - 2 * (y * y + z * z), 2 * (x * y - w * z), 2 * (x * z + w * y)],
            [2 * (x * y + w * z), 1 - 2 * (x * x + z * z), 2 * (y * z - w * x)],
            [2 * (x * z - w * y), 2 * (y * z + w * x), 1 - 2 * (x * x + y * y)],
        ]
    )


def test_rotation_vectors_against_matrices(reference):
    """The oracle: R(turn) R(start) is the goal's matrix with its axes renamed, and no renaming is nearer."""
    ref = reference("self_play", "rot_")
    for start, goal in zip(ref["q1"], ref["q2"], strict=True):
        turn = np.float64(goals.rotation_to(jnp.float32(start), jnp.float32(goal), goals.symmetries_of("cube")))
        angle = np.linalg.norm(turn)
        rotated = matrix(np.append(np.cos(angle / 2), np.sin(angle / 2) * turn / angle)) @ matrix(start)
        renamed = [matrix(goal) @ matrix(symmetry) for symmetry in ref["cube_quats"]]
        assert min(np.abs(rotated - other).max() for other in renamed) < 1e-6
        cosine = max((np.trace(other @ matrix(start).T) - 1) / 2 for other in renamed)
        np.testing.assert_allclose(angle, np.arccos(min(cosine, 1.0)), atol=1e-5)


def poses(*xyz, rotation=None):
    position = jnp.array(xyz, jnp.float32)
    identity = jnp.tile(jnp.array([1.0, 0.0, 0.0, 0.0]), (len(xyz), 1))
    return goals.Poses(position, identity if rotation is None else jnp.array(rotation, jnp.float32))


def about_z(angle):
    return [np.cos(angle / 2), 0.0, 0.0, np.sin(angle / 2)]


def judge(start, goal, mask=None, symmetry="cube"):
    mask = jnp.ones(len(start.position), bool) if mask is None else jnp.array(mask)
    return goals.judge(start, goal, mask, goals.symmetries_of(symmetry), table=TABLE, area=AREA)


@pytest.mark.parametrize(
    ("distance", "angle", "symmetry", "moved"),
    [
        (0.0, 0.0, "cube", False),
        (0.039, 0.0, "cube", False),
        (0.041, 0.0, "cube", True),
        (0.0, 0.19, "cube", False),
        (0.0, 0.21, "cube", True),
        (0.0, np.pi / 2 + 0.19, "cube", False),
        (0.0, np.pi / 2, "none", True),
        (0.0, 2 * np.pi, "none", False),  # the quaternion -1
    ],
)
def test_thresholds(distance, angle, symmetry, moved):
    start = poses([0.1, 0.1, 0.02], [0.2, 0.2, 0.02])
    goal = poses([0.1, 0.1, 0.02], [0.2 - distance, 0.2, 0.02], rotation=[about_z(0.0), about_z(angle)])
    assert bool(judge(start, goal, symmetry=symmetry).valid) is moved
    reached = goals.reached(start, goal, jnp.ones(2, bool), goals.symmetries_of(symmetry))
    np.testing.assert_array_equal(reached, [True, not moved])


@pytest.mark.parametrize(
    ("goal", "moved", "on_table", "in_area"),
    [
        ([0.2, 0.0, 0.02], True, True, True),
        ([0.0, 0.0, 0.02], False, True, True),
        ([0.0, 0.0, 0.27], True, True, True),  # in the air, within the margin
        ([0.0, 0.0, 0.29], True, True, False),
        ([0.319, 0.0, 0.02], True, True, True),
        ([0.321, 0.0, 0.02], True, True, False),
        ([0.0, -0.5, 0.02], True, True, False),
        ([-0.61, 0.0, 0.02], True, False, False),
        ([0.0, 0.71, 0.02], True, False, False),
        ([0.0, 0.0, -0.2], True, False, False),
    ],
)
def test_validity(goal, moved, on_table, in_area):
    verdict = judge(poses([0.0, 0.0, 0.02]), poses(goal))
    assert [bool(value) for value in verdict] == [moved, on_table, in_area]
    assert bool(verdict.valid) is (moved and on_table)


def test_absent_objects_never_count():
    start = poses([0.0, 0.0, 0.02], [9.0, 9.0, 9.0])
    goal = poses([0.1, 0.0, 0.02], [9.0, 5.0, -9.0])
    assert [bool(value) for value in judge(start, goal, [True, False])] == [True, True, True]
    assert not judge(start, goal._replace(position=start.position.at[1].set(0.0)), [True, False]).moved
    mask = jnp.array([True, False])
    np.testing.assert_array_equal(goals.reached(goal, goal, mask, goals.symmetries_of("cube")), [True, False])
    reward, success = goals.bob_reward(jnp.array([False, False]), jnp.array([True, True]), mask)
    assert (reward, success) == (6.0, True)
    assert goals.bob_reward(jnp.array([False, False]), jnp.array([True, False]), mask)[1]
    assert not goals.bob_reward(jnp.zeros(2, bool), jnp.zeros(2, bool), jnp.zeros(2, bool))[1]


@pytest.mark.parametrize(
    ("moved", "on_table", "in_area", "success", "reward"),
    [  # Table 1
        (False, True, True, False, 0.0),
        (True, False, False, False, 0.0),
        (True, False, False, True, 0.0),
        (False, False, False, False, 0.0),
        (True, True, False, False, 3.0),
        (True, True, False, True, -2.0),
        (True, True, True, False, 6.0),
        (True, True, True, True, 1.0),
    ],
)
def test_alices_rewards(moved, on_table, in_area, success, reward):
    verdict = goals.Verdict(*(jnp.array(value) for value in (moved, on_table, in_area)))
    assert goals.alice_reward(verdict, jnp.array(success)) == reward


def test_bobs_rewards():
    """Comes, leaves, comes, two swap, nothing, the second comes too: +1 and +5."""
    at_goal = [(0, 0), (1, 0), (0, 0), (1, 0), (0, 1), (0, 1), (1, 1)]
    steps = [
        goals.bob_reward(jnp.array(before, bool), jnp.array(after, bool), jnp.ones(2, bool))
        for before, after in itertools.pairwise(at_goal)
    ]
    assert [float(reward) for reward, _ in steps] == [1.0, -1.0, 1.0, 0.0, 0.0, 6.0]
    assert [bool(success) for _, success in steps] == [False] * 5 + [True]


def test_an_unknown_symmetry_is_refused():
    with pytest.raises(ValueError, match=r"symmetry must be one of none, cube, square, .*, sphere, got 'egg'"):
        goals.symmetries_of("egg")
