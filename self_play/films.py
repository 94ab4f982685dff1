"""Films: the frames of a recording, for a viewer and for pictures."""

import functools
import warnings
from collections.abc import Iterator
from typing import Any

import jax.numpy as jnp
import numpy as np

from self_play.goals import Poses, rotate
from self_play.scene import Scene, with_ghosts


def render_frames(scene: Scene, q: Any, goal: Poses, has_goal: Any) -> dict:
    """Frames, as a dict for JSON in the form of Brax's viewer; goals are drawn as transparent objects. Not for jit.

    q [T, ..]: positions of a State. goal [T, N]. has_goal [T] bool: whether the frame shows its goal. A mesh is drawn
    as the box around it.
    """
    model = _model(scene)
    places = [
        {"pos": data.xpos[1:].tolist(), "rot": data.xquat[1:].tolist()}
        for data in _posed(model, scene, q, goal, has_goal)
    ]
    names = [model.body(i).name or f"body{i}" for i in range(model.nbody)]
    geoms: dict = {}
    for i in range(model.ngeom):
        geoms.setdefault(names[model.geom_bodyid[i]], []).append(_geom(model, i))
    return {"geoms": geoms, "link_names": names[1:], "states": {"x": places}}


def render_images(
    scene: Scene, q: Any, goal: Poses, has_goal: Any, *, width: int = 480, height: int = 360
) -> np.ndarray:
    """Pictures of the same frames by MuJoCo's own renderer, with shadows [T, height, width, 3] uint8. Not for jit.

    It draws with OpenGL: on a machine without a display MUJOCO_GL=egl (or osmesa) must be set before Python starts.
    Raises RuntimeError where there is none. At most 640 by 480.
    """
    import mujoco

    model = _model(scene)
    if missing := _missing():
        raise RuntimeError(f"MuJoCo finds no OpenGL; set MUJOCO_GL to egl or osmesa ({missing})")
    renderer: Any = mujoco.Renderer(model, height, width)  # pyrefly: ignore[missing-attribute]
    camera: Any = mujoco.MjvCamera()  # pyrefly: ignore[missing-attribute]
    camera.lookat, camera.distance, camera.azimuth, camera.elevation = (0.0, 0.0, 0.03), 0.95, 115, -38
    model.vis.headlight.ambient[:] = 0.2
    images = []
    with renderer:
        for data in _posed(model, scene, q, goal, has_goal):
            renderer.update_scene(data, camera)
            images.append(renderer.render())
    return np.stack(images)


@functools.cache
def _missing() -> str:
    """Why MuJoCo cannot draw, nothing where it can. Found out once: a second attempt would abort the process."""
    import mujoco

    nothing = mujoco.MjModel.from_xml_string("<mujoco/>")  # pyrefly: ignore[missing-attribute]
    with warnings.catch_warnings():  # of a display that is missing
        warnings.simplefilter("ignore")
        try:
            mujoco.Renderer(nothing, 1, 1).close()  # pyrefly: ignore[missing-attribute]
        except Exception as error:  # each library that is missing fails in its own way
            return str(error) or type(error).__name__
    return ""


def _model(scene: Scene) -> Any:
    from mujoco import MjModel  # pyrefly: ignore[missing-module-attribute]

    return MjModel.from_xml_string(with_ghosts(scene))


def _posed(model: Any, scene: Scene, q: Any, goal: Poses, has_goal: Any) -> Iterator[Any]:
    """The model's data in each frame."""
    import mujoco

    data: Any = mujoco.MjData(model)  # pyrefly: ignore[missing-attribute]
    ghosts = np.concatenate([np.asarray(leaf)[:, : scene.num_objects] for leaf in goal], axis=-1)
    ghosts[:, :, 2] -= ~np.asarray(has_goal)[:, None]  # hidden: under the table
    for row in np.concatenate([np.asarray(q), ghosts.reshape(len(ghosts), -1)], axis=-1):
        data.qpos = row
        mujoco.mj_kinematics(model, data)  # pyrefly: ignore[missing-attribute]
        mujoco.mj_camlight(model, data)  # pyrefly: ignore[missing-attribute]
        yield data


_NAMES = {0: "Plane", 2: "Sphere", 3: "Capsule", 4: "Ellipsoid", 5: "Cylinder", 6: "Box", 7: "Box"}  # of mjtGeom


def _geom(model, i):
    size, position, rotation = model.geom_size[i], model.geom_pos[i], model.geom_quat[i]
    if model.geom_type[i] == 7:
        middle, size = np.split(model.geom_aabb[i], 2)
        position = position + np.asarray(rotate(*map(jnp.float32, (rotation, middle))))
    return {
        "name": _NAMES[int(model.geom_type[i])],
        "link_idx": int(model.geom_bodyid[i]) - 1,
        "pos": position.tolist(),
        "rot": rotation.tolist(),
        "rgba": model.geom_rgba[i].tolist(),
        "size": size.tolist(),
    }
