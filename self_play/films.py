"""Films: the frames of a recording, for a viewer and for pictures."""

from typing import Any

import numpy as np

from self_play.goals import Poses
from self_play.scene import Scene, with_ghosts


def render_frames(scene: Scene, q: Any, goal: Poses, has_goal: Any) -> dict:
    """Frames, as a dict for JSON in the form of Brax's viewer; goals are drawn as transparent objects. Not for jit.

    q [T, ..]: positions of a State. goal [T, N]. has_goal [T] bool: whether the frame shows its goal. A mesh is drawn
    as the box around it.
    """
    import mujoco

    model: Any = mujoco.MjModel.from_xml_string(with_ghosts(scene))  # pyrefly: ignore[missing-attribute]
    data: Any = mujoco.MjData(model)  # pyrefly: ignore[missing-attribute]
    ghosts = np.concatenate([np.asarray(leaf)[:, : scene.num_objects] for leaf in goal], axis=-1)
    ghosts[:, :, 2] -= ~np.asarray(has_goal)[:, None]  # hidden: under the table
    places = []
    for row in np.concatenate([np.asarray(q), ghosts.reshape(len(ghosts), -1)], axis=-1):
        data.qpos = row
        mujoco.mj_kinematics(model, data)  # pyrefly: ignore[missing-attribute]
        places.append({"pos": data.xpos[1:].tolist(), "rot": data.xquat[1:].tolist()})
    names = [model.body(i).name for i in range(model.nbody)]
    geoms: dict = {}
    for i in range(model.ngeom):
        geoms.setdefault(names[model.geom_bodyid[i]], []).append(_geom(model, i))
    return {"geoms": geoms, "link_names": names[1:], "states": {"x": places}}


_NAMES = {0: "Plane", 2: "Sphere", 3: "Capsule", 4: "Ellipsoid", 5: "Cylinder", 6: "Box", 7: "Box"}  # of mjtGeom


def _geom(model, i):
    size, position, rotation = model.geom_size[i], model.geom_pos[i], model.geom_quat[i]
    if model.geom_type[i] == 7:
        size = model.geom_aabb[i, 3:]
    return {
        "name": _NAMES[int(model.geom_type[i])],
        "link_idx": int(model.geom_bodyid[i]) - 1,
        "pos": position.tolist(),
        "rot": rotation.tolist(),
        "rgba": model.geom_rgba[i].tolist(),
        "size": size.tolist(),
    }
