"""Environments of Brax or MuJoCo Playground as tables, on which Alice and Bob play.

    env = brax.envs.get_environment("pusher", backend="mjx")
    link, top = env.sys.link_names.index("object"), np.array([0.0, 0.0, -0.325])

    def poses(state):
        x = state.pipeline_state.x  # of Playground: state.data.xpos, state.data.xquat
        return (x.pos[link] - top)[None], x.rot[link][None]

    table = tabletop_of(env, poses, [objects.cylinder()])
    world = self_play.arena(table=table, num_games=32, num_steps=127, alice_steps=40, bob_steps=80)

The environment gives the physics, the actions and what is seen of the robot. Its own rewards, goals and ends of
episodes do not count. Neither library is imported here. Such a table has no starts along a path, and no films.

Letters: A dimensions of an action, G features of an observation, N objects.
"""

from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp

from self_play import goals
from self_play.coordinates import axes_of
from self_play.goals import Poses
from self_play.mjx import library_settings
from self_play.objects import Object
from self_play.observations import Observation
from self_play.robots import Drive, Robot
from self_play.scene import Scene, Table
from self_play.tabletop import NUM_BINS, Tabletop, of_goals


class EnvState(NamedTuple):
    """The whole state of a game."""

    env: Any  # the environment's own state
    mask: jax.Array  # [N] bool, all objects are there


def tabletop_of(
    env: Any,
    poses: Callable,
    objects: Sequence[Object],
    *,
    table: Table = Table(),  # noqa: B008
    max_distance: float = goals.MAX_DISTANCE,
    max_angle: float = goals.MAX_ANGLE,
) -> Tabletop:
    """The table of an environment.

    env: reset(key) -> state, step(state, action [A] in -1 to 1) -> state, action_size, and obs [G] (or a dict of
    arrays) of a state. poses: state -> (positions [N, 3], rotations [N, 4]) of what is to be moved, where the table's
    top is z = 0 and its centre x = y = 0. objects: N, of which the symmetries count. table, max_distance, max_angle:
    see `scene.Scene`.
    """
    if not objects:
        raise ValueError("objects must have at least one: what is to be moved")
    scene = _scene(env.action_size, tuple(objects), table)
    scene = scene._replace(max_distance=max_distance, max_angle=max_angle)
    nowhere: Any = None  # nothing is placed: the environment says where a game begins

    def reset(key):
        with library_settings():
            return EnvState(env.reset(jax.random.key_data(key)), jnp.ones(len(scene.objects), bool))

    def step(state, action):
        with library_settings():
            moved = env.step(state.env, 2 * action.astype(jnp.float32) / (NUM_BINS - 1) - 1)
        return state._replace(env=moved)

    def poses_of(state):
        with library_settings():
            position, rotation = poses(state.env)
        return Poses(position, rotation)

    def observe(state):
        position, rotation = poses_of(state)
        columns = jax.vmap(axes_of)(rotation)[:, :, :2].reshape(-1, 6)
        seen = jnp.concatenate([jnp.ravel(leaf) for leaf in jax.tree.leaves(state.env.obs)])
        return Observation(seen, jnp.concatenate([position, columns], axis=-1), state.mask)

    return Tabletop(
        scene=scene,
        reset=reset,
        place=nowhere,
        step=step,
        poses=poses_of,
        observe=observe,
        **of_goals(scene),
    )


def _scene(num_dimensions, objects, table):
    """A scene without a model of its own."""
    robot, drive = Robot("", (), (1.0,) * num_dimensions, (), (), (), (), ()), Drive((), (), (), (), (), (), ())
    number = len(objects)
    return Scene(robot, objects, table, "", drive, number, number, number, planar=False, substeps=1, timestep=0.0)
