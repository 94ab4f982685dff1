"""Holdout tasks, on which Bob is evaluated but never trained (OpenAI et al. 2021, §5.2, B.6).

Their objects are equal blocks; those of the tasks `_unseen` are of shapes that the training family does not have.

A sampler of goals: (key, scene, Poses of the objects, mask [N]) -> Poses, one goal. The key is consumed.

Letters: see `game`.
"""

from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np

from self_play import oracles, tabletop
from self_play.goals import Poses, multiply
from self_play.objects import UNSEEN
from self_play.scene import Scene, scene_of
from self_play.tabletop import Tabletop, random_places


class Holdout(NamedTuple):
    """A task. Plain Python values and one function."""

    mode: str  # "pucks" or "blocks"
    num_objects: int
    goal: Callable  # a sampler of goals
    num_goals: int = 5  # of an episode
    settings: Mapping[str, Any] = MappingProxyType({})  # of its scene
    oracle: Callable | None = None  # a Bob who knows how, see `oracles`


MIN_DISTANCE = 0.06  # m from an object to its goal, as in the published environment; rare goals here are nearer


def push(key: jax.Array, scene: Scene, now: Poses, mask: jax.Array) -> Poses:
    """Every object at another place of the table, turned about its upright axis."""
    draws = jax.vmap(lambda key: random_places(scene, key)[1])(jax.random.split(key, 4))
    way = jnp.linalg.norm(draws.position - now.position[None, : scene.num_objects], axis=-1)
    first = jnp.argmax(jnp.all((way > MIN_DISTANCE) | ~mask[None, : scene.num_objects], axis=-1))
    return jax.tree.map(lambda leaf: leaf[first], draws)


def push_far(key: jax.Array, scene: Scene, now: Poses, mask: jax.Array) -> Poses:
    """Every object on the opposite side of the table's centre, 0.25 m from the centre."""
    del key, scene, mask
    x, y = now.position[:, 0], now.position[:, 1]
    angle = jnp.arctan2(-y, -x)
    away = jnp.stack([0.25 * jnp.cos(angle), 0.25 * jnp.sin(angle), now.position[:, 2]], axis=-1)
    return Poses(away, now.rotation)


def pick_and_place(key: jax.Array, scene: Scene, now: Poses, mask: jax.Array) -> Poses:
    """A goal of `push`, but with the first object lifted by 0.05 to 0.2 m.

    Published are 0.05 to 0.25 m; the gripper here lifts a block by 0.24 m at most.
    """
    k_push, k_height = jax.random.split(key)
    goal = push(k_push, scene, now, mask)
    lift = jax.random.uniform(k_height, dtype=jnp.float32, minval=0.05, maxval=0.2)
    return Poses(goal.position.at[jnp.argmax(mask), 2].add(lift), goal.rotation)


def flip(key: jax.Array, scene: Scene, now: Poses, mask: jax.Array) -> Poses:
    """Every object at its place, turned by 90 degrees over one of its four lower edges. For cubes."""
    del scene, mask
    edge = jax.random.randint(key, (), 0, 4, jnp.int32).astype(jnp.float32) * jnp.pi / 2
    half = jnp.sqrt(jnp.float32(0.5))
    turn = jnp.stack([half, half * jnp.cos(edge), half * jnp.sin(edge), jnp.zeros((), jnp.float32)])
    return Poses(now.position, jax.vmap(multiply, in_axes=(0, None))(now.rotation, turn))  # about its own edge


def stack(key: jax.Array, scene: Scene, now: Poses, mask: jax.Array) -> Poses:
    """One tower at a random place of the table: the first object at the bottom, the others in their order."""
    n, lowest = scene.num_objects, jnp.argmax(mask)
    goal = push(key, scene, now, mask)
    height = jnp.where(mask[:n], jnp.array(scene.heights, jnp.float32), 0.0)
    position = jnp.tile(goal.position[lowest][None], (n, 1)).at[:, 2].set(2 * jnp.cumsum(height) - height)
    return Poses(position, jnp.tile(goal.rotation[lowest][None], (n, 1)))


def domino(key: jax.Array, scene: Scene, now: Poses, mask: jax.Array) -> Poses:
    """A row of objects through the table's centre in a random direction, with gaps of 2 cm."""
    del now
    n, lengths = scene.num_objects, np.array([2 * one.half[0] for one in scene.objects])
    half = jax.random.uniform(key, dtype=jnp.float32, maxval=jnp.pi)
    ends = np.cumsum(lengths + 0.02) - 0.02
    along = jnp.array(ends - lengths / 2 - ends[-1] / 2, jnp.float32)
    left_out = jnp.where(mask[:n], 0.0, jnp.array(lengths + 0.02, jnp.float32))  # by absent ones, with their gaps
    along = along - jnp.cumsum(left_out) + jnp.sum(left_out) / 2
    flat = jnp.array(scene.heights, jnp.float32)
    position = jnp.stack([along * jnp.cos(2 * half), along * jnp.sin(2 * half), flat], axis=-1)
    zero = jnp.zeros((), jnp.float32)
    rotation = jnp.stack([jnp.cos(half), zero, zero, jnp.sin(half)])
    return Poses(position, jnp.tile(rotation[None], (n, 1)))


def rearrange(key: jax.Array, scene: Scene, now: Poses, mask: jax.Array) -> Poses:
    """Every object at the place of the next one that is there, and as high as it is itself."""
    del key
    here, heights = mask[: scene.num_objects], jnp.array(scene.heights, jnp.float32)
    order = jnp.argsort(~here, stable=True)  # those that are there come first
    place = (jnp.cumsum(here) - 2) % jnp.maximum(jnp.sum(here), 1)  # in that order, of the one before
    other = jnp.where(here, order[place], jnp.arange(len(here)))
    position, rotation = jax.tree.map(lambda leaf: leaf[other], now)
    return Poses(position.at[:, 2].add(heights - heights[other]), rotation)


def chess(key: jax.Array, scene: Scene, now: Poses, mask: jax.Array) -> Poses:
    """One fixed goal: two rows that face each other."""
    del key, mask
    i = jnp.arange(scene.num_objects)
    x, y = 0.09 * (i // 2).astype(jnp.float32) - 0.135, jnp.where(i % 2 == 0, -0.14, jnp.float32(0.14))
    upright = jnp.zeros_like(now.rotation[: scene.num_objects]).at[:, 0].set(1.0)
    return Poses(jnp.stack([x, y, jnp.array(scene.heights, jnp.float32)], axis=-1), upright)


_UNSEEN = {"shapes": UNSEEN, "shape_seed": 1}  # one of each shape, of which some are on the table
_BLOCKS = {
    **{f"push_{n}": Holdout("blocks", n, push) for n in range(1, 9)},
    **{f"pick_and_place_{n}": Holdout("blocks", n, pick_and_place) for n in range(1, 4)},
    **{f"flip_{n}": Holdout("blocks", n, flip, settings={"symmetry": "none"}) for n in range(1, 3)},
    **{f"stack_{n}": Holdout("blocks", n, stack) for n in range(2, 5)},
    "domino": Holdout("blocks", 5, domino),
    "rearrange": Holdout("blocks", 3, rearrange),
    "chess": Holdout("blocks", 8, chess, num_goals=1),
    "push_unseen": Holdout("blocks", 1, push, settings=_UNSEEN),
    "pick_and_place_unseen": Holdout("blocks", 1, pick_and_place, settings=_UNSEEN),
    "stack_unseen": Holdout("blocks", 2, stack, settings=_UNSEEN),
}
_SCRIPTED = (  # those of which the script solves more than two goals of three: see LOG.md
    *(f"push_{n}" for n in range(1, 5)),
    *(f"pick_and_place_{n}" for n in range(1, 4)),
    *("flip_1", "stack_2", "stack_3", "rearrange", "push_unseen", "pick_and_place_unseen", "stack_unseen"),
)
HOLDOUTS = {
    "uniform": Holdout("pucks", 1, push, oracle=oracles.pusher),
    "far": Holdout("pucks", 1, push_far, oracle=oracles.pusher),
    "two": Holdout("pucks", 2, push),
    **_BLOCKS,
    **{name: _BLOCKS[name]._replace(oracle=oracles.gripper) for name in _SCRIPTED},
}


def table_of(task: Holdout, **settings: Any) -> Tabletop:
    """The tabletop of a task. settings: of its scene, where the task says nothing."""
    return tabletop.build(scene_of(task.mode, task.num_objects, **{**settings, **task.settings}))
