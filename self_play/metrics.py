"""What happened in a rollout: how Alice and Bob did, and what kinds of goals she set.

A run that collapses shows here: valid goals near 0, one direction of goals, no demonstrations.

Letters: B games, N slots of objects, T rows of a game.
"""

import jax
import jax.numpy as jnp

from self_play import goals
from self_play.game import ALICE, BOB
from self_play.world import Batch


def of_games(batch: Batch) -> dict[str, jax.Array]:
    """The metrics of a rollout, [] each; a mean of nothing is 0.

      goals, valid_goals     how many goals were settled; of these, the share that was valid
      bob_success            of the goals that Bob tried, those that he reached
      alice_reward           Alice's, of each goal that was settled
      bob_reward             Bob's, of each goal that he tried
      bob_turns              the share of the steps that were Bob's
      demonstrated           of Alice's steps, those that are demonstrations

    Of the objects that are not at their goals when a turn of Bob's begins, see `kinds`: goal_distance, goal_rotated,
    goal_lifted, goal_stacked, goal_direction.
    """
    rows = jax.tree.map(lambda leaf: leaf[:, 1:], batch.rows)  # the first was told of when it was played
    tried = rows.settled & rows.bobs_turn
    rewards = jnp.sum(rows.reward, axis=(0, 1))
    begins = rows.bobs_turn & ~jnp.roll(rows.bobs_turn, 1, axis=1).at[:, 0].set(True)
    of_kinds = jax.vmap(jax.vmap(kinds))(rows.poses, rows.goal, rows.seen.observation.mask & begins[:, :, None])
    moved = of_kinds.pop("moved")
    x, y = (mean(of_kinds.pop(name), moved) for name in ("to_x", "to_y"))
    return {
        "goals": jnp.sum(rows.settled, dtype=jnp.float32),
        "valid_goals": mean(rows.valid, rows.settled),
        "alice_reward": rewards[ALICE] / jnp.maximum(jnp.sum(rows.settled), 1),
        "bob_reward": rewards[BOB] / jnp.maximum(jnp.sum(tried), 1),
        "bob_success": mean(rows.success, tried),
        "bob_turns": jnp.mean(rows.bobs_turn),
        "demonstrated": mean(batch.shows[:, 1:], ~rows.bobs_turn),
        **{f"goal_{name}": mean(value, moved) for name, value in of_kinds.items()},
        "goal_direction": jnp.hypot(x, y),
    }


def kinds(now: goals.Poses, goal: goals.Poses, here: jax.Array) -> dict[str, jax.Array]:
    """What a goal asks of each object, [N] each. here [N] bool: the objects that count.

    moved          it is not at its goal: the others below are of these alone
    distance       to its goal, m
    rotated        it is to be turned, by more than the threshold and a cube's symmetries
    lifted         it is to be higher than it is, by more than the threshold
    stacked        it is to be lifted, onto another
    to_x, to_y     the direction of its goal: a unit vector, whose mean over goals is long if all lie on one side
    """
    symmetries = goals.symmetries_of("cube")
    distance, angle = goals.distances(now, goal, symmetries)
    way = goal.position - now.position
    lifted = way[:, 2] > goals.MAX_DISTANCE
    between = goal.position[:, None] - goal.position[None]  # from j to i
    above = (jnp.linalg.norm(between[..., :2], axis=-1) < goals.MAX_DISTANCE) & (between[..., 2] > 0)
    flat = jnp.maximum(jnp.linalg.norm(way[:, :2], axis=-1), 1e-6)
    return {
        "moved": here & ~goals.reached(now, goal, here, symmetries),
        "distance": distance,
        "rotated": angle > goals.MAX_ANGLE,
        "lifted": lifted,
        "stacked": lifted & jnp.any(above & here[None], axis=1),
        "to_x": way[:, 0] / flat,
        "to_y": way[:, 1] / flat,
    }


def mean(x: jax.Array, where: jax.Array) -> jax.Array:
    """The mean of those that count, 0 where there is none."""
    return jnp.sum(jnp.where(where, x, 0.0)) / jnp.maximum(jnp.sum(where), 1)
