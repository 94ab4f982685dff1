"""The physics of a scene in MJX, through Brax: for every device. Only this file imports brax.

A game takes 1.1 kB for a puck and 25 kB for two blocks, of which 0.3 and 0.8 kB are kept between control steps.

On XLA:CPU with several threads a loop over vmapped MJX steps may hang: two blocks in 256 games did, one puck did not.
XLA_FLAGS=--xla_cpu_enable_concurrency_optimized_scheduler=false prevents it; as a compiler option of jit it does not.
"""

import contextlib
import functools
import warnings
from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp

from self_play.scene import Scene


@contextlib.contextmanager
def library_settings():
    """Silences Brax's and MJX's own deprecation warnings and messages, lets them promote ranks, and keeps 32 bits.

    Products are exact: with those of less precision that GPUs and TPUs take by default, contact solvers may fail.
    """
    quiet, unprinted = warnings.catch_warnings(), contextlib.redirect_stdout(None)
    exact = jax.default_matmul_precision("highest")
    with quiet, unprinted, exact, jax.numpy_rank_promotion("allow"), jax.enable_x64(False):
        warnings.filterwarnings("ignore", category=DeprecationWarning)
        warnings.filterwarnings("ignore", "Brax System, piplines and environments", UserWarning)
        yield


@functools.cache
def pipeline(scene: Scene) -> tuple[Callable, Callable]:
    """The physics of a scene, as `tabletop` has it: (begin, advance).

    MJX's state is large. Between control steps only what its step reads is kept; that is exact.
    """
    with library_settings(), jax.ensure_compile_time_eval():  # a caller may be tracing, and the result is cached
        from brax.io import mjcf  # here, because it takes seconds: who builds no table does not wait
        from brax.mjx import pipeline
        from mujoco import MjModel  # pyrefly: ignore[missing-module-attribute]

        # Not mjcf.loads: it fuses bodies without a joint with their parents, and these may have a sense of touch.
        system = mjcf.load_model(MjModel.from_xml_string(scene.mjcf))
    with library_settings():
        blank = jax.eval_shape(pipeline.init, system, *(jnp.zeros(n, jnp.float32) for n in (system.nq, system.nv)))

    def begin(q):
        return q, *2 * [jnp.zeros(system.nv, jnp.float32)]

    def advance(q, qd, solver_state, controls, factors):
        varied = system if factors is None else varied_model(system, system.mj_model, scene.num_objects, factors)
        state = jax.tree.map(lambda leaf: jnp.zeros(leaf.shape, leaf.dtype), blank)
        state = state.replace(q=q, qd=qd, qpos=q, qvel=qd, qacc_warmstart=solver_state)
        with library_settings():
            state = jax.lax.fori_loop(0, scene.substeps, lambda _, state: pipeline.step(varied, state, controls), state)
        return state.q, state.qd, state.qacc_warmstart, _touch(scene, system, state.contact)

    return begin, advance


def varied_model(system: Any, model: Any, num_objects: int, factors: jax.Array) -> Any:
    """MJX's form of a model with the masses and frictions of a game, as `Vary` of physics.cc has them."""
    bodies = jnp.array([model.body(f"object{i}").id for i in range(num_objects)])
    mass = jnp.ones(model.nbody, jnp.float32).at[bodies].set(factors[:-1])
    drag = jnp.ones(model.nbody, jnp.float32).at[bodies].set(factors[-1])
    of_dof = jnp.array(model.dof_bodyid)
    return system.replace(
        body_mass=mass * system.body_mass,
        body_subtreemass=mass * system.body_subtreemass,
        body_inertia=mass[:, None] * system.body_inertia,
        body_invweight0=system.body_invweight0 / mass[:, None],
        dof_M0=mass[of_dof] * system.dof_M0,
        dof_invweight0=system.dof_invweight0 / mass[of_dof],
        dof_damping=drag[of_dof] * system.dof_damping,
        geom_friction=jnp.asarray(system.geom_friction).at[:, 0].multiply(factors[-1]),
    )


def _touch(scene, system, contact):
    """Which object touches which link with a sense of touch. -> [num_objects, L] bool."""
    first, second = contact.link_idx
    objects = jnp.array([system.link_names.index(f"object{i}") for i in range(scene.num_objects)])
    links = jnp.array([system.link_names.index(name) for name in scene.robot.touching])

    def one(a, b):
        return jnp.any((contact.dist < 0) & (((first == a) & (second == b)) | ((first == b) & (second == a))))

    return jax.vmap(jax.vmap(one, in_axes=(None, 0)), in_axes=(0, None))(objects, links)
