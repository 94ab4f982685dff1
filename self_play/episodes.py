"""With what episodes begin: fresh tables or few, and the goals where Alice does not set them.

Self-play sets Bob's goals by Alice. What she is worth shows beside Bobs who learn from goals that a sampler sets
(OpenAI et al. 2021, §5.1, C.1): places drawn as those of a table's objects are, and the same by a curriculum, in which
the objects go only part of the way there. The paper widens a dozen ranges of such samplers by how well Bob does; here
it is that part alone, its goal_distance_ratio. And what fresh goals are worth shows beside a finite set of them.

Letters: K tasks, N slots of objects.
"""

from typing import NamedTuple

import jax
import jax.numpy as jnp

from self_play.arena import Tabletop, random_places
from self_play.game import BOB, Opening, Row, Rules
from self_play.goals import Poses

SOURCES = ("alice", "uniform", "curriculum")  # of goals


class Episodes(NamedTuple):
    """From what episodes are drawn."""

    tasks: jax.Array | None  # [K, ..] uint32, the key of each episode that there is; None: every one is fresh
    reach: jax.Array  # [] how much of the way the objects of a curriculum go


FIRST_REACH = 0.25  # of 0.3 m, most goals are then beyond the threshold
STEP, ENOUGH, TOO_LITTLE = 0.02, 0.7, 0.4  # of a rollout's goals Bob solves that share: it grows, or it shrinks


def no_episodes(rules: Rules, key: jax.Array, num_tasks: int) -> Episodes:
    """Before the first rollout. num_tasks: K, or 0. The key is consumed."""
    tasks = jax.random.key_data(jax.random.split(key, num_tasks)) if num_tasks else None
    return Episodes(tasks, jnp.float32(FIRST_REACH if rules.goal_source == "curriculum" else 1.0))


def open_one(table: Tabletop, rules: Rules, episodes: Episodes, key: jax.Array) -> Opening:
    """Draws an episode. The key is consumed."""
    k_past, k_task = jax.random.split(key)
    share = jax.random.uniform(k_past)
    past = jnp.stack([share < rules.past_share / 2, (share >= rules.past_share / 2) & (share < rules.past_share)])
    if episodes.tasks is not None:
        k_task = jax.random.wrap_key_data(episodes.tasks[jax.random.randint(k_task, (), 0, len(episodes.tasks))])
    k_table, k_aims = jax.random.split(k_task)
    state = table.reset(k_table)
    aims = None if rules.goal_source == "alice" else _aims(table, rules, episodes.reach, k_aims, state)
    return Opening(state, past, aims)


def _aims(table, rules, reach, key, state):
    """The goals of an episode, each on the way from the one before to a place drawn for it."""
    keys = jax.random.split(key, rules.max_goals)
    drawn = jax.vmap(lambda key: random_places(table.scene, key)[1])(keys)
    empty = table.scene.num_slots - table.scene.num_objects
    drawn = jax.tree.map(lambda leaf: jnp.pad(leaf, ((0, 0), (0, empty), (0, 0))), drawn)

    def one(now, place):
        near = jnp.where(jnp.sum(now.rotation * place.rotation, axis=-1, keepdims=True) < 0, -1.0, 1.0)
        rotation = now.rotation + reach * (near * place.rotation - now.rotation)
        length = jnp.linalg.norm(rotation, axis=-1, keepdims=True)
        aim = Poses(now.position + reach * (place.position - now.position), rotation / jnp.maximum(length, 1e-6))
        return aim, aim

    return jax.lax.scan(one, table.poses(state), drawn)[1]


def go_on(rules: Rules, episodes: Episodes, rows: Row) -> Episodes:
    """After a rollout, rows [B, T, ..]: a curriculum reaches farther once Bob can do what it asks."""
    if rules.goal_source != "curriculum":
        return episodes
    tried = rows.done[:, :, BOB] & rows.settled
    success = jnp.sum(tried & rows.success) / jnp.maximum(jnp.sum(tried), 1)
    change = STEP * (1.0 * (success > ENOUGH) - (success < TOO_LITTLE))
    return episodes._replace(reach=jnp.clip(episodes.reach + change, FIRST_REACH, 1.0))
