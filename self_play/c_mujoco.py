"""The physics of a scene in C MuJoCo: `physics.cc`, called on a CPU from within a compiled program.

It is built when the package is installed, against the MuJoCo that is there. If it was not built, `available` is False
and every table is in MJX. A game's next state depends on its own numbers alone, to the bit, in any batch, in any
program, on any number of threads.

Letters: J joints of the gripper, L links of it with a sense of touch.
"""

import functools
from collections.abc import Callable

import jax
import numpy as np

from self_play.parallel import over_games, pipeline_of, shared_by_devices
from self_play.scene import Scene


@functools.cache
def available() -> bool:
    """Whether the kernel was built, and for the MuJoCo that is installed."""
    try:
        import mujoco  # noqa: F401, first: the kernel needs its library, which this loads

        from self_play import _physics  # pyrefly: ignore[missing-module-attribute]
    except ImportError:
        return False
    jax.ffi.register_ffi_target("self_play_advance", _physics.advance, platform="cpu")
    return True


@functools.cache
def pipeline(scene: Scene) -> tuple[Callable, Callable]:
    """The physics of a scene, as `tabletop` has it: (begin, advance)."""
    from mujoco import MjModel  # pyrefly: ignore[missing-module-attribute]

    model = MjModel.from_xml_string(scene.mjcf)
    objects, links = (
        np.array([model.body(name).id for name in names], np.int64)
        for names in ([f"object{i}" for i in range(scene.num_objects)], scene.robot.touching)
    )
    settings = {"mjcf": scene.mjcf, "substeps": scene.substeps, "objects": objects, "links": links}

    def call(q, qd, solver_state, controls, factors):
        touch = jax.ShapeDtypeStruct((*q.shape[:-1], len(objects), len(links)), bool)
        results = *(jax.ShapeDtypeStruct(x.shape, x.dtype) for x in (q, qd, solver_state)), touch
        operands = q, qd, solver_state, controls, factors
        return tuple(jax.ffi.ffi_call("self_play_advance", results)(*operands, **settings))

    return pipeline_of(over_games(shared_by_devices(call)), model.nv, len(objects))
