"""What happened in a rollout: Alice's and Bob's success, and the kinds of goals that Alice set.

A collapsing run shows here: valid goals near 0, goals in one direction only, no demonstrations.

Letters: B games, N slots of objects, T steps of a game.
"""

import jax
import jax.numpy as jnp

from self_play import goals
from self_play.game import ALICE, BOB
from self_play.world import Batch


def rollout_metrics(batch: Batch) -> dict[str, jax.Array]:
    """The metrics of a rollout, [] each. A mean of nothing is 0.

      goals, valid_goals     number of resolved goals; the fraction of them that was valid
      bob_success            fraction of the goals that Bob tried and reached
      alice_reward           Alice's, for each resolved goal
      bob_reward             Bob's, for each goal that he tried
      bob_step_fraction      fraction of the steps that were Bob's
      demo_fraction          fraction of Alice's steps that are demonstrations
      num_restarted          number of games that broke and began anew; nothing else is of them

      start_success_K        Bob's running success at his first goal, by where his gripper began: 0 grasping, .., the
                             last as an exam begins; of a world with bob_shares

    Means over the objects that are not at their goals when a turn of Bob's begins, see `goal_kinds`: goal_distance,
    goal_rotated, goal_lifted, goal_stacked, goal_direction.
    """
    steps = jax.tree.map(lambda leaf: leaf[:, 1:], batch.transitions)  # step 0 counted in its own rollout
    tried, played = steps.resolved & steps.bobs_turn, ~batch.restarted[:, None]
    num_games, num_restarted = len(batch.restarted), jnp.sum(batch.restarted, dtype=jnp.float32)
    rewards = jnp.sum(steps.reward, axis=(0, 1))
    begins = steps.bobs_turn & ~jnp.roll(steps.bobs_turn, 1, axis=1).at[:, 0].set(True)
    mask = steps.policy_input.observation.mask & begins[:, :, None]
    kinds = jax.vmap(jax.vmap(goal_kinds))(steps.poses, steps.goal, mask)
    moved = kinds.pop("moved")
    by_start = [] if batch.start_success is None else batch.start_success
    x, y = (masked_mean(kinds.pop(name), moved) for name in ("to_x", "to_y"))
    return {
        "goals": jnp.sum(steps.resolved, dtype=jnp.float32),
        "valid_goals": masked_mean(steps.goal_valid, steps.resolved),
        "alice_reward": rewards[ALICE] / jnp.maximum(jnp.sum(steps.resolved), 1),
        "bob_reward": rewards[BOB] / jnp.maximum(jnp.sum(tried), 1),
        "bob_success": masked_mean(steps.success, tried),
        "bob_step_fraction": jnp.mean(steps.bobs_turn, dtype=jnp.float32)
        * (num_games / jnp.maximum(num_games - num_restarted, 1)),
        "demo_fraction": masked_mean(batch.is_demo[:, 1:], ~steps.bobs_turn & played),
        "num_restarted": num_restarted,
        **{f"goal_{name}": masked_mean(value, moved) for name, value in kinds.items()},
        "goal_direction": jnp.hypot(x, y),
        **{f"start_success_{kind}": success for kind, success in enumerate(by_start)},
    }


def goal_kinds(now: goals.Poses, goal: goals.Poses, here: jax.Array) -> dict[str, jax.Array]:
    """What a goal asks of each object, [N] each. here [N] bool: the objects that count.

    moved          the object is not at its goal. The others below are meant for such objects only
    distance       to the goal, m
    rotated        the goal is turned by more than the threshold, symmetries of a cube considered
    lifted         the goal is higher by more than the threshold
    stacked        the goal is lifted and lies on another object's goal
    to_x, to_y     unit vector towards the goal; its mean over goals is long if all lie in one direction
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


def masked_mean(x: jax.Array, mask: jax.Array) -> jax.Array:
    """The mean of x where mask is True; 0 if it never is."""
    return jnp.sum(jnp.where(mask, x, jnp.float32(0.0))) / jnp.maximum(jnp.sum(mask), 1)
