"""The starts of episodes: fresh tables or a finite set of them, and goals if Alice does not set them.

In self-play Alice sets Bob's goals. What that is worth shows beside a Bob whose goals a sampler sets (OpenAI et al.
2021, §5.1, C.1): uniform goals, drawn as the objects' first places are, or a curriculum, in which the objects go only a
fraction of the way to such goals. The paper's curricula widen a dozen ranges as Bob improves; here only this fraction
grows, the paper's goal_distance_ratio. Any other source is a pure function, (key, scene, Poses now, mask) -> Poses of
the next goal, as the holdout tasks have them; one that takes an `archive` learns from Bob's turns (`sources`). What
fresh goals are worth shows beside a finite set of episodes.

Letters: K tasks, N slots of objects.
"""

from typing import NamedTuple

import jax
import jax.numpy as jnp

from self_play import sources, starts
from self_play.game import BOB, EpisodeStart, Rules, Transition
from self_play.goals import Poses, in_slots, of_source
from self_play.tabletop import Tabletop, random_places

SOURCES = ("alice", "uniform", "curriculum")  # of goals


class Episodes(NamedTuple):
    """The source of episodes."""

    tasks: jax.Array | None  # [K, ..] uint32, the key of each episode of a finite set; None: every episode is fresh
    distance_ratio: jax.Array  # [] fraction of the way that the objects go in a curriculum
    success: jax.Array | None = None  # [starts.NUM_KINDS] Bob's, by where his gripper began; None without bob_shares
    archive: sources.Archive | None = None  # of Bob's turns, for a source of goals that takes one


MIN_DISTANCE_RATIO = 0.25  # of 0.3 m; most goals are then beyond the threshold
# After a rollout in which Bob solved more (less) than this fraction of his goals, the ratio grows (shrinks) by a step.
RATIO_STEP, RAISE_ABOVE, LOWER_BELOW = 0.02, 0.7, 0.4


def init_episodes(table: Tabletop, rules: Rules, key: jax.Array, num_tasks: int) -> Episodes:
    """The source before the first rollout. num_tasks: K, or 0 for fresh episodes. The key is consumed."""
    tasks = jax.random.key_data(jax.random.split(key, num_tasks)) if num_tasks else None
    ratio = jnp.float32(MIN_DISTANCE_RATIO if rules.goal_source == "curriculum" else 1.0)
    success = None if rules.bob_shares is None else jnp.zeros(starts.NUM_KINDS, jnp.float32)
    archive = sources.init_archive(table.scene.num_slots) if sources.takes_archive(rules.goal_source) else None
    return Episodes(tasks, ratio, success, archive)


def reset(table: Tabletop, rules: Rules, episodes: Episodes, key: jax.Array) -> EpisodeStart:
    """Draws the start of an episode. The key is consumed."""
    k_past, k_task = jax.random.split(key)
    u = jax.random.uniform(k_past, dtype=jnp.float32)
    is_past = jnp.stack([u < rules.past_prob / 2, (u >= rules.past_prob / 2) & (u < rules.past_prob)])
    if episodes.tasks is not None:
        k_task = jax.random.wrap_key_data(
            episodes.tasks[jax.random.randint(k_task, (), 0, len(episodes.tasks), jnp.int32)]
        )
    begins_on_path = rules.bob_shares is not None or rules.alice_grasps is not None
    k_table, k_goals, *k_path = jax.random.split(k_task, 2 + begins_on_path)
    state = table.reset(k_table)
    alice_sets = rules.goal_source == "alice"
    preset_goals = None if alice_sets else _draw_goals(table, rules, episodes, k_goals, state)
    way = None if episodes.archive is None else jnp.zeros((table.scene.num_slots, 3), jnp.float32)
    start = EpisodeStart(state, is_past, preset_goals, way=way)
    return _on_path(table, rules, episodes, k_path[0], start) if begins_on_path else start


def _on_path(table, rules, episodes, key, start):
    """The same start, its grippers on the path of `starts`."""
    k_kind, k_bobs_way, k_bob, k_alices_way, k_alice = jax.random.split(key, 5)
    state = bobs_state = start.state
    kind = None
    if rules.bob_shares is not None:
        shares = starts.shares(rules.bob_shares, episodes.success)
        kind = jax.random.categorical(k_kind, jnp.log(shares)).astype(jnp.int32)
        bobs_state = starts.on_the_way(table, k_bob, state, starts.way_of_kind(k_bobs_way, kind))
    if rules.alice_grasps is not None:
        state = starts.on_the_way(table, k_alice, state, starts.way_of_alice(k_alices_way, rules.alice_grasps))
    return start._replace(state=state, bobs_state=bobs_state, kind=kind)


def _draw_goals(table, rules, episodes, key, state):
    """The goals of an episode, each from the one before: a sampler's, or on the way to a random place."""
    learned = {} if episodes.archive is None else {"archive": episodes.archive}
    distance_ratio = episodes.distance_ratio

    def sampled(now, i):
        goal = rules.goal_source(jax.random.fold_in(key, i), table.scene, now, state.mask, **learned)
        goal = of_source(goal, table.scene.num_objects, table.scene.num_slots)
        return goal, goal

    if callable(rules.goal_source):
        return jax.lax.scan(sampled, table.poses(state), jnp.arange(rules.max_goals))[1]
    keys = jax.random.split(key, rules.max_goals)
    places = jax.vmap(lambda key: in_slots(random_places(table.scene, key)[1], table.scene.num_slots))(keys)

    def one(now, place):
        near = jnp.where(jnp.sum(now.rotation * place.rotation, axis=-1, keepdims=True) < 0, -1.0, 1.0)
        rotation = now.rotation + distance_ratio * (near * place.rotation - now.rotation)
        length = jnp.linalg.norm(rotation, axis=-1, keepdims=True)
        position = now.position + distance_ratio * (place.position - now.position)
        goal = Poses(position, rotation / jnp.maximum(length, 1e-6))
        return goal, goal

    return jax.lax.scan(one, table.poses(state), places)[1]


def update(rules: Rules, episodes: Episodes, transitions: Transition) -> Episodes:
    """The source after a rollout, transitions [B, T, ..]: a curriculum's goals move away as Bob succeeds."""
    if episodes.archive is not None:
        episodes = episodes._replace(archive=sources.remember(episodes.archive, transitions))
    if episodes.success is not None and transitions.kind is not None:
        of_starts = transitions.kind.ravel(), transitions.success.ravel()
        episodes = episodes._replace(success=starts.update_success(episodes.success, *of_starts))
    if rules.goal_source != "curriculum":
        return episodes
    tried = transitions.done[:, :, BOB] & transitions.resolved
    success = jnp.sum(tried & transitions.success, dtype=jnp.float32) / jnp.maximum(jnp.sum(tried), 1)
    change = RATIO_STEP * (1.0 * (success > RAISE_ABOVE) - (success < LOWER_BELOW))
    change *= jnp.any(tried)
    return episodes._replace(distance_ratio=jnp.clip(episodes.distance_ratio + change, MIN_DISTANCE_RATIO, 1.0))
