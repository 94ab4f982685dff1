"""What happened in a rollout: Alice's and Bob's success, and the kinds of goals that Alice set.

A collapsing run shows here: valid goals near 0, goals in one direction only, no demonstrations.

Letters: B games, N slots of objects, T steps of a game.
"""

import jax
import jax.numpy as jnp

from self_play.game import ALICE, BOB
from self_play.world import Batch


def rollout_metrics(batch: Batch) -> dict[str, jax.Array]:
    """The metrics of a rollout, [] each. A mean of nothing is 0.

      goals, valid_goals     number of resolved goals; the fraction of them that was valid
      bob_success            fraction of the goals that Bob tried and reached
      alice_reward           Alice's, for each resolved goal
      bob_reward             Bob's, for each goal that he tried
      bob_step_fraction      fraction of the steps that were Bob's
      demo_fraction          demonstrations, those that began in earlier rollouts too, for each of Alice's steps
      num_restarted          number of games that broke and began anew; nothing else is of them

      start_success_K        Bob's running success at his first goal, by where his gripper began: 0 grasping, .., the
                             last as an exam begins; of a world with bob_shares

    Means over the objects that are not at their goals when a turn of Bob's begins, see `goals.kinds`: goal_distance,
    goal_rotated, goal_lifted, goal_stacked, goal_direction. With several slots of objects also

      goal_objects           how many these are, of a turn
      objects_K_success      fraction of the goals with K of them that Bob tried and reached; of turns that began in
                             this rollout
    """
    steps = jax.tree.map(lambda leaf: leaf[:, 1:], batch.transitions)  # step 0 counted in its own rollout
    tried, played = steps.resolved & steps.bobs_turn, ~batch.restarted[:, None]
    num_games, num_restarted = len(batch.restarted), jnp.sum(batch.restarted, dtype=jnp.float32)
    rewards = jnp.sum(steps.reward, axis=(0, 1))
    begins = steps.bobs_turn & (steps.policy_input.time == 0)
    kinds = {name: of_steps[:, 1:] for name, of_steps in batch.kinds.items()}
    moved = kinds.pop("moved") & begins[:, :, None]
    num_moved = jnp.sum(moved, axis=2)
    asked, by_number = of_turn(begins, num_moved), range(1, moved.shape[2] + 1) if moved.shape[2] > 1 else ()
    num_demos = jnp.sum(batch.is_demo[:, 1:] & ~steps.bobs_turn & played, dtype=jnp.float32)
    num_demos += 0 if batch.earlier is None else jnp.sum(batch.earlier.is_demo)
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
        "demo_fraction": num_demos / jnp.maximum(jnp.sum(~steps.bobs_turn & played), 1),
        "num_restarted": num_restarted,
        **{f"goal_{name}": masked_mean(value, moved) for name, value in kinds.items()},
        "goal_direction": jnp.hypot(x, y),
        **({"goal_objects": masked_mean(num_moved, begins)} if by_number else {}),
        **{f"objects_{k}_success": masked_mean(steps.success, tried & (asked == k)) for k in by_number},
        **{f"start_success_{kind}": success for kind, success in enumerate(by_start)},
    }


def of_turn(begins: jax.Array, number: jax.Array) -> jax.Array:
    """At each step what a number was when the latest turn began, 0 before the first: both [B, T] -> [B, T]."""
    since = jax.lax.cummax(jnp.where(begins, jnp.arange(begins.shape[1], dtype=jnp.int32)[None], -1), axis=1)
    return jnp.where(since < 0, 0, jnp.take_along_axis(number, jnp.maximum(since, 0), axis=1))


def masked_mean(x: jax.Array, mask: jax.Array) -> jax.Array:
    """The mean of x where mask is True; 0 if it never is."""
    return jnp.sum(jnp.where(mask, x, jnp.float32(0.0))) / jnp.maximum(jnp.sum(mask), 1)
