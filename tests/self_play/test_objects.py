"""Objects of many shapes: they rest where they are said to, look the same after their symmetries, and are drawn."""

import itertools

import jax
import jax.numpy as jnp
import mujoco
import numpy as np
import pytest

import self_play
from self_play import goals, objects, scene, tabletop
from self_play.goals import Poses

ROLL = ("capsule", "ellipsoid", "sphere")
FLAT = tuple(shape for shape in objects.SHAPES if shape not in ROLL)  # they rest on a face


def turned(q, points):
    (w, *u), points = np.array(q) / np.linalg.norm(q), np.asarray(points)
    return points + 2 * np.cross(u, np.cross(u, points) + w * points)


def inside(one, points):
    """Which points [n, 3] are in an object."""
    found = np.zeros(len(points), bool)
    for part in one.parts:
        x = turned(part.rotation * np.array([1, -1, -1, -1]), points - np.array(part.position))
        r = part.size[0]
        along = np.abs(x[:, 2])
        found |= {
            "box": lambda x=x, size=part.size: np.all(np.abs(x) < size, axis=-1),
            "sphere": lambda x=x, r=r: np.linalg.norm(x, axis=-1) < r,
            "ellipsoid": lambda x=x, size=part.size: np.linalg.norm(x / size, axis=-1) < 1,
            "cylinder": lambda x=x, r=r, h=part.size[-1]: (np.hypot(x[:, 0], x[:, 1]) < r) & (np.abs(x[:, 2]) < h),
            "capsule": lambda x=x, r=r, h=part.size[-1], a=along: (
                np.hypot(np.hypot(x[:, 0], x[:, 1]), np.maximum(a - h, 0)) < r
            ),
        }[part.type]()
    return found


@jax.jit
def rotations_to(starts, symmetries):
    return jax.vmap(goals.rotation_to, in_axes=(0, None, None))(starts, jnp.array([1.0, 0.0, 0.0, 0.0]), symmetries)


SHAPES = {
    **objects.SHAPES,
    "beam": lambda: objects.box(0.04, 0.02, 0.02),
    "plate": lambda: objects.box(0.03, 0.015, 0.03),
}


@pytest.mark.parametrize("shape", SHAPES)
def test_a_shape_looks_the_same_after_its_symmetries_and_no_others(shape):
    """Points are in it if and only if the turned ones are; a turn of the cube's that is not listed moves some out."""
    one = SHAPES[shape]()
    points = np.random.default_rng(0).uniform(-0.06, 0.06, (4000, 3))
    here = inside(one, points)
    assert here.any()
    assert np.abs(points[here]).max(axis=0) == pytest.approx(one.half, rel=0.1)
    own = goals.symmetries_of(one.symmetry)
    spins = [] if own.axis is None else [np.append(0.8, 0.6 * np.array(own.axis))]
    spins = [np.array([0.5, 0.1, 0.7, 0.5])] if one.symmetry == "sphere" else spins
    for q in [*np.array(own.rotations), *spins]:
        assert np.mean(inside(one, turned(q, points)) != here) < 0.002
    turns = rotations_to(jnp.float32(goals.SYMMETRIES["cube"]), own)
    for q, turn in zip(goals.SYMMETRIES["cube"], turns, strict=True):
        differs = np.mean(inside(one, turned(q, points)) != here)
        assert (np.linalg.norm(turn) > 1e-3) == (differs > 0.002), q


def test_round_objects_are_turned_by_the_least_of_all_their_spins():
    """The oracle: the greatest real part over a fine grid of spins about the axis, and of the half turn."""
    starts = np.random.default_rng(0).normal(size=(6, 4))
    starts /= np.linalg.norm(starts, axis=1, keepdims=True)
    for i, axis in enumerate("xyz"):
        own = goals.symmetries_of(f"cylinder_{axis}")
        half, flip = np.linspace(0, np.pi, 2000), np.array(own.rotations)[1, 1:]
        spins = np.insert(np.sin(half)[:, None] * np.eye(3)[i], 0, np.cos(half), axis=1)
        flipped = np.insert(np.cross(flip, spins[:, 1:]) + spins[:, :1] * flip, 0, 0, axis=1)
        real = np.abs(np.concatenate([spins, flipped]) @ starts.T).max(axis=0)  # of the spins times start*
        least = 2 * np.arccos(np.minimum(real, 1))
        np.testing.assert_allclose(np.linalg.norm(rotations_to(jnp.float32(starts), own), axis=1), least, atol=2e-3)
    assert not np.any(rotations_to(jnp.float32(starts), goals.symmetries_of("sphere")))


def test_objects_rest_where_they_begin():
    """All shapes, up to eight at a time, at their own heights: flat ones stay, nothing is in the table or falls."""
    for shapes in (FLAT[:8], FLAT[8:], ROLL):
        built = scene.blocks(len(shapes), shapes=shapes, shape_seed=3)
        _, poses, mask = jax.jit(lambda key, built=built: tabletop.random_places(built, key))(jax.random.key(0))
        assert np.all(mask)
        model = mujoco.MjModel.from_xml_string(built.mjcf)
        data = mujoco.MjData(model)
        joints = [0.9, 0.9, 0.3, 0.0, 0.0, 0.0]
        data.qpos[:], data.ctrl[:] = np.concatenate([joints, np.concatenate(poses, axis=1).ravel()]), joints
        mujoco.mj_forward(model, data)
        assert min([0, *data.contact.dist]) > -1e-4
        mujoco.mj_step(model, data, 50)
        moved = np.abs(data.qpos[6:].reshape(-1, 7)[:, :3] - poses.position)
        assert moved[:, 2].max() < 2e-3
        if shapes[0] in FLAT:
            assert moved.max() < 1e-3


def test_a_family_is_drawn_by_its_seed():
    one, again, other = (objects.drawn(objects.TRAINING, 10, seed=seed) for seed in (0, 0, 1))
    assert one == again != other
    assert [each.shape for each in one] == [*objects.TRAINING, *objects.TRAINING[:2]]
    assert one[0].half != one[8].half
    assert not {*objects.TRAINING} & {*objects.UNSEEN}
    assert all(0.9 * 0.04 <= each.half[1] <= 1.1 * 0.04 for each in one if each.shape == "bar")


def test_which_objects_are_on_the_table_is_drawn():
    """One or two of four; the absent ones stay in the air beyond the table, at rest, whatever is done."""
    table = tabletop.build(scene.blocks(2, min_objects=1, shapes=objects.TRAINING))
    states = jax.jit(jax.vmap(table.reset))(jax.random.split(jax.random.key(0), 20))
    number = np.array(states.mask).sum(axis=1)
    assert set(number) == {1, 2}
    assert np.all(np.any(states.mask, axis=0))
    after, step = states, jax.jit(jax.vmap(table.step))
    for _ in range(3):
        after = step(after, jnp.full((20, 5), 2))
    before, now = (np.array(jax.vmap(table.poses)(each).position) for each in (states, after))
    absent = ~np.array(states.mask)
    np.testing.assert_array_equal(before[absent], now[absent])
    assert np.all(now[absent][:, [0, 2]] > [0.9, 0.4])
    assert np.abs(now[~absent][:, 2] - before[~absent][:, 2]).max() < 2e-3
    for one, other in itertools.combinations(range(4), 2):
        both = np.array(states.mask)[:, [one, other]].all(axis=1)
        assert np.all(np.linalg.norm(now[both, one] - now[both, other], axis=-1) > 0.03)


def test_each_object_is_judged_by_its_own_symmetry():
    """A quarter turn: the same cube, another bar; the thresholds are the scene's."""
    quarter = jnp.array([np.sqrt(0.5), 0.0, 0.0, np.sqrt(0.5)], jnp.float32)
    for settings, reached in (
        ({}, [True, False]),
        ({"symmetry": "none"}, [False, False]),
        ({"max_angle": 1.6}, [True, True]),
    ):
        table = tabletop.build(scene.blocks(2, shapes=("cube", "bar"), **settings))
        now = Poses(jnp.zeros((2, 3)), jnp.tile(jnp.array([1.0, 0, 0, 0]), (2, 1)))
        goal = now._replace(rotation=jnp.tile(quarter, (2, 1)))
        judge = jax.jit(lambda *args, of=table: (of.reached(*args), of.judge(*args)))
        is_there, verdict = judge(now, goal, np.ones(2, bool))
        np.testing.assert_array_equal(is_there, reached)
        assert bool(verdict.valid) is not all(reached)


def test_fingers_begin_around_the_narrow_side():
    """Of a bar; a hand's breadth lies along its length, and the fingers are as far apart as it is wide."""
    table = tabletop.build(scene.blocks(1, shapes=("bar",)))
    keys = jax.random.split(jax.random.key(0), 20)
    place = lambda key, other: self_play.starts.on_the_way(table, key, table.reset(other), jnp.float32(0.02))  # noqa: E731
    states = jax.jit(jax.vmap(place))(keys[:10], keys[10:])
    turned_by = 2 * np.arctan2(states.q[:, 12], states.q[:, 9]) + np.pi / 2 - states.q[:, 3]
    np.testing.assert_allclose(np.abs(np.sin(turned_by)), 0.0, atol=1e-5)
    np.testing.assert_allclose(states.q[:, 4], table.scene.objects[0].half[0], atol=1e-6)


def test_a_mesh_of_ones_own(tmp_path):
    """A wedge: it lies on the table, by the middle of the box around it."""
    corners = [(x, y, 0) for x in (0, 0.06) for y in (0, 0.04)] + [(0, y, 0.03) for y in (0, 0.04)]
    faces = [(1, 2, 4), (1, 4, 3), (1, 5, 6), (1, 6, 2), (3, 4, 6), (3, 6, 5), (1, 3, 5), (2, 6, 4)]
    lines = [*(f"v {x} {y} {z}" for x, y, z in corners), *(f"f {a} {b} {c}" for a, b, c in faces)]
    (tmp_path / "wedge.obj").write_text("\n".join(lines))
    wedge = objects.mesh(str(tmp_path / "wedge.obj"))
    np.testing.assert_allclose(wedge.half, [0.03, 0.02, 0.015], atol=1e-4)
    built = scene.compose(self_play.robots.GRIPPER, [wedge, objects.cube()])
    model = mujoco.MjModel.from_xml_string(built.mjcf)
    data = mujoco.MjData(model)
    data.qpos[:3], data.qpos[6:9], data.qpos[13:16] = [0.9, 0.9, 0.3], [0, 0, 0.015], [0.2, 0, 0.0254]
    data.ctrl[:3] = [0.9, 0.9, 0.3]
    mujoco.mj_step(model, data, 50)
    np.testing.assert_allclose(data.qpos[6:9], [0, 0, 0.015], atol=1e-3)
    goal = Poses(np.zeros((1, 2, 3)), np.tile([1.0, 0.0, 0.0, 0.0], (1, 2, 1)))
    film = self_play.render_frames(built, data.qpos[None], goal, np.ones(1, bool))
    (drawn,) = film["geoms"]["object0"]
    geom = model.body("object0").geomadr[0]
    from_middle = turned(model.geom_quat[geom], model.mesh_vert) + model.geom_pos[geom] - drawn["pos"]
    along = turned(drawn["rot"] * np.array([1, -1, -1, -1]), from_middle)  # the axes of the box that is drawn
    np.testing.assert_allclose([-along.min(axis=0), along.max(axis=0)], [drawn["size"]] * 2, atol=1e-5)
    with pytest.raises(ValueError, match="MuJoCo cannot read the mesh"):
        objects.mesh(str(tmp_path / "none.obj"))


def test_bodies_without_a_name_are_drawn_apart():
    gripper = self_play.robots.GRIPPER
    robot = gripper._replace(mjcf=gripper.mjcf.replace(' name="carriage"', "").replace(' name="hand"', ""))
    built = scene.compose(robot, [objects.cube()])
    goal = Poses(np.zeros((1, 1, 3)), np.tile([1.0, 0.0, 0.0, 0.0], (1, 1, 1)))
    film = self_play.render_frames(built, np.zeros((1, 13)), goal, np.ones(1, bool))
    assert film["link_names"] == ["body1", "body2", "left_finger", "right_finger", "object0", "ghost0"]
    assert list(film["geoms"]) == ["world", *film["link_names"]]


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"shapes": ("egg",)}, "no shape 'egg'; there are cube, bar, flat, "),
        ({"shapes": ("cube",), "num_shapes": 9}, "a scene must have 1 to 8 objects, got 9"),
        ({"num_objects": 3, "shapes": ("cube",), "num_shapes": 2}, "max_objects .* number of objects, 2; got 3"),
        ({"symmetry": "egg"}, "symmetry must be one of none, cube, "),
        ({"max_angle": 0.0}, "max_angle must be a finite number, above 0.0, got 0.0"),
    ],
)
def test_bad_settings_are_refused(settings, message):
    with pytest.raises(ValueError, match=message):
        scene.scene_of("blocks", **settings)
