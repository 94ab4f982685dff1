"""How objects move: in the plane, or freely. What of a pose lies in a State's q, and what of it is observed.

A place seen from another comes twice, the second time cut at NEAR. What is observed is normalised by its spread over
whole turns, in which the centimetre that decides a grasp is a tenth: it took players long to find it (LOG.md).

Letters: F features of an object, H of its goal, N objects, K and D their numbers in q and qd.
"""

from typing import NamedTuple

import jax
import jax.numpy as jnp

from self_play import goals
from self_play.goals import Poses, Symmetries

NEAR = 0.04  # m, as far as the fingers open and a block may be from its goal


class Motion(NamedTuple):
    """Where objects are, and how they move."""

    position: jax.Array  # [N, 3]
    rotation: jax.Array  # [N, 4]
    velocity: jax.Array  # [N, 3]
    turning: jax.Array  # [N, 3] angular velocity about the object's own axes


class Plane:
    """Objects that slide in x and y, and never turn."""

    turns = False

    @staticmethod
    def of_poses(poses: Poses) -> jax.Array:
        """-> [N, 2]."""
        return poses.position[:, :2]

    @staticmethod
    def motion(q: jax.Array, qd: jax.Array, heights: jax.Array) -> Motion:
        """q [N, 2], qd [N, 2], heights [N] of the objects' centres."""
        upright = jnp.tile(jnp.array([1.0, 0.0, 0.0, 0.0], jnp.float32), (len(q), 1))
        qd = jnp.pad(qd, ((0, 0), (0, 4)))
        return Motion(jnp.concatenate([q, heights[:, None]], axis=-1), upright, qd[:, :3], qd[:, 3:])

    @staticmethod
    def features(motion: Motion, tool: jax.Array) -> list[jax.Array]:
        """Position, velocity, position - tool's, the same cut [N, 2] each. tool [2 or 3]."""
        position = motion.position[:, :2]
        off = position - tool[None, :2]
        return [position, motion.velocity[:, :2], off, jnp.clip(off, -NEAR, NEAR)]

    @staticmethod
    def goal_features(now: Poses, goal: Poses, symmetries: Symmetries) -> list[jax.Array]:
        """The goal's position, the way to it, the same cut [N, 2] each."""
        del symmetries
        way = (goal.position - now.position)[:, :2]
        return [goal.position[:, :2], way, jnp.clip(way, -NEAR, NEAR)]


class Space:
    """Objects that move freely."""

    turns = True

    @staticmethod
    def of_poses(poses: Poses) -> jax.Array:
        """-> [N, 7]."""
        return jnp.concatenate([poses.position, poses.rotation], axis=-1)

    @staticmethod
    def motion(q: jax.Array, qd: jax.Array, heights: jax.Array) -> Motion:
        """q [N, 7], qd [N, 6]."""
        del heights
        return Motion(q[:, :3], q[:, 3:], qd[:, :3], qd[:, 3:])

    @staticmethod
    def features(motion: Motion, tool: jax.Array) -> list[jax.Array]:
        """Position [N, 3], rotation [N, 6], velocity, angular velocity, position - tool's, the same cut [N, 3] each.

        tool [3]. A rotation is two columns of its matrix, which are continuous; the paper's Euler angles are not.
        """
        axes = jax.vmap(axes_of)(motion.rotation)
        turning = jnp.einsum("nij,nj->ni", axes, motion.turning)
        columns = axes[:, :, :2].reshape(-1, 6)
        off = motion.position - tool[None]
        return [motion.position, columns, motion.velocity, turning, off, jnp.clip(off, -NEAR, NEAR)]

    @staticmethod
    def goal_features(now: Poses, goal: Poses, symmetries: Symmetries) -> list[jax.Array]:
        """The goal's position [N, 3] and rotation [N, 6]; the way and the rotation to it [N, 3], the way cut [N, 3]."""
        columns = jax.vmap(axes_of)(goal.rotation)[:, :, :2].reshape(-1, 6)
        way = goal.position - now.position
        return [goal.position, columns, way, goals.rotations_to(now, goal, symmetries), jnp.clip(way, -NEAR, NEAR)]


def axes_of(q: jax.Array) -> jax.Array:
    """The matrix of a rotation [4] -> [3, 3]; its columns are the turned axes."""
    turned = jax.vmap(lambda axis: goals.multiply(goals.multiply(q, axis), goals.conjugate(q)))(
        jnp.eye(4, dtype=jnp.float32)[1:]
    )
    return turned[:, 1:].T
