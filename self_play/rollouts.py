"""Rollouts: all games are played for a number of steps, each at its own place in the game.

Letters: see `game`, and K sequences of L steps.
"""

import functools
from collections.abc import Callable
from typing import NamedTuple

import jax
import jax.numpy as jnp

from self_play import starts
from self_play.game import ALICE, BOB, Game, Rules, Transition, begin, observe, select, step
from self_play.goals import MAX_DISTANCE
from self_play.observations import is_sound
from self_play.tabletop import Tabletop


class Memories(NamedTuple):
    """Both players' memories in a rollout, where training reads them: elsewhere they follow from these."""

    heads: jax.Array  # [B, K, 2, M] after the last step of each sequence of L steps; step 0 is of an earlier rollout
    alices: jax.Array  # [B, 2, M] before Alice's latest step


def rollout(
    table: Tabletop,
    rules: Rules,
    num_steps: int,
    act: Callable,
    reset_fn: Callable,
    key: jax.Array,
    games: Game,
    alices_memory: jax.Array,
    *,
    bptt_length: int,
) -> tuple[Game, Transition, Memories, jax.Array]:
    """Plays all games for T more steps. -> (games, transitions [B, T, ..], memories, broken [B] bool).

    act: PolicyInput [B, ..] -> (logits [B, 2, A, NUM_BINS] of both players, memory [B, 2, M]).
    reset_fn: key -> EpisodeStart. alices_memory: [B, 2, M], as in `Memories`, of an earlier rollout. bptt_length: L;
    steps are numbered from 1, and number r is of sequence r // L. The transitions hold no memory. The key is consumed.
    A game that was not sound for a moment is broken: nothing in its transitions counts, and it begins anew.
    """
    num_games, _, memory_size = games.memory.shape
    moves_gripper = rules.alice_regrasps or rules.bob_head_starts > 0
    k_fresh, k_act, *k_elsewhere = jax.random.split(key, 2 + moves_gripper)
    # An episode is at least as long as Alice's turn, so a game starts at most this number of episodes.
    num_fresh = num_steps // rules.alice_steps + 1
    episodes = jax.vmap(jax.vmap(reset_fn))(jax.random.split(k_fresh, (num_games, num_fresh)))
    # All at once: in the loop, random numbers would cost as much as everything else that is not physics.
    uniforms = jax.random.uniform(k_act, (num_steps, num_games, table.scene.num_dimensions), jnp.float32)
    keys = jax.random.split(k_elsewhere[0], (num_steps, num_games)) if moves_gripper else None

    def one(carry, step_of_all):
        (games, used, memories), (number, uniforms, keys) = carry, step_of_all
        policy_input = jax.vmap(functools.partial(observe, table))(games)
        logits, memory = act(policy_input)
        action, log_prob = jax.vmap(_sample)(uniforms, logits, games.bobs_turn)
        moves = jnp.stack([~games.bobs_turn, games.bobs_turn], axis=-1)[:, :, None]  # only the mover's memory changes
        moved = games._replace(memory=jnp.where(moves, memory, games.memory))
        start = jax.vmap(lambda of_game, i: jax.tree.map(lambda leaf: leaf[i], of_game))(episodes, used)
        fresh = jax.vmap(lambda one: begin(table, one, memory_size))(start)
        after, ends, sound = jax.vmap(functools.partial(step, table, rules))(moved, action, fresh)
        if moves_gripper:
            after = jax.vmap(functools.partial(move_gripper, table, rules))(after, keys)
        poses, valid = jax.vmap(table.poses)(games.state), jnp.ones_like(games.bobs_turn)
        sound &= jax.vmap(is_sound)(policy_input.memory)
        memories = Memories(  # the last one written to a sequence's place stays
            jax.lax.dynamic_update_index_in_dim(memories.heads, after.memory, number // bptt_length, 0),
            jnp.where(games.bobs_turn[:, None, None], memories.alices, games.memory),
        )
        bare = policy_input._replace(memory=None)
        transition = Transition(bare, poses, games.bobs_turn, valid, action, log_prob, **ends)
        return (after, used + transition.done[:, ALICE], memories), (transition, sound)

    heads = jnp.tile(games.memory, (num_steps // bptt_length + 1, 1, 1, 1))
    carry = games, jnp.zeros(num_games, jnp.int32), Memories(heads, alices_memory)
    (after, _, memories), steps = jax.lax.scan(one, carry, (jnp.arange(1, num_steps + 1), uniforms, keys))
    transitions, sound = jax.tree.map(lambda leaf: jnp.swapaxes(leaf, 0, 1), steps)
    memories = memories._replace(heads=jnp.swapaxes(memories.heads, 0, 1))
    broken = ~(jnp.all(sound, axis=1) & jax.vmap(is_sound)((games, after, transitions.policy_input)))
    anew = jax.vmap(lambda of_game: begin(table, jax.tree.map(lambda leaf: leaf[0], of_game), memory_size))(episodes)
    return jax.vmap(select)(broken, anew, after), transitions, memories, broken


def move_gripper(table: Tabletop, rules: Rules, game: Game, key: jax.Array) -> Game:
    """The game with the gripper of the player at another place of the path, if it is time. The key is consumed.

    Alice's comes to another object when alice_steps have passed since it came to the last one: to one that she has not
    moved, if there is any. All objects stay; one in the air falls. Bob's, where his turn begins with a head start,
    comes to an object that is at its goal, from which he has to let go to reach another; if none is there, one is put
    there, unless its goal is in the air or another object is in the way.
    """
    state, mask, now = game.state, game.state.mask, table.poses(game.state)
    k_which, k_her_way, k_his_way, k_place, k_head_start = jax.random.split(key, 5)
    stands = table.reached(now, table.poses(game.start), mask)
    in_the_air = game.goal.position[:, 2] - now.position[:, 2] > MAX_DISTANCE
    can_be_put = mask & ~in_the_air & ~_is_taken(table, game.goal, now, mask)
    preferred, others = select(game.bobs_turn, (mask & game.at_goal, can_be_put), (stands, mask))
    candidates = jnp.where(jnp.any(preferred), preferred, others)
    which = jnp.arange(len(mask)) == jax.random.categorical(k_which, jnp.where(candidates, 0.0, -jnp.inf))
    at_it = starts.ABOVE * jax.random.uniform(k_his_way, dtype=jnp.float32)
    way = jnp.where(game.bobs_turn, at_it, starts.way_of_alice(k_her_way, rules.alice_grasps or 0.0))
    given = game.bobs_turn & which & candidates
    poses = jax.tree.map(lambda goal, here: jnp.where(given[:, None], goal, here), game.goal, now)
    placed = starts.on_the_way(table, k_place, state, way, which, poses)
    head_start = jax.random.uniform(k_head_start, dtype=jnp.float32) < rules.bob_head_starts
    hers = ~game.bobs_turn & rules.alice_regrasps & (game.count > 0) & (game.count % rules.alice_steps == 0)
    his = game.bobs_turn & head_start & (game.count == 0) & jnp.any(given) & jnp.any(mask & ~game.at_goal & ~given)
    kind = None if game.kind is None else jnp.where(his, -1, game.kind)  # of no kind: it is another task
    return game._replace(state=select(hers | his, placed, state), at_goal=game.at_goal | (his & given), kind=kind)


def _is_taken(table, goal, now, mask):
    """Whether an object's goal is where another one is now, seen from above. -> [N] bool."""
    radius = jnp.array([one.radius for one in table.scene.objects], jnp.float32)
    radius = jnp.pad(radius, (0, len(mask) - len(radius)))
    apart = jnp.linalg.norm(goal.position[:, None, :2] - now.position[None, :, :2], axis=-1)
    others = mask[None] & ~jnp.eye(len(mask), dtype=bool)
    return jnp.any(others & (apart < radius[:, None] + radius[None]), axis=1)


def _sample(uniforms, logits, bobs_turn):
    """Samples the action of the player whose turn it is, by the inverse distribution function of each dimension.

    uniforms [A] in 0 to 1, logits [2, A, bins] -> (action [A] int32, log-probability []).
    """
    log_probs = jax.nn.log_softmax(jnp.where(bobs_turn, logits[BOB], logits[ALICE]))
    cumulative = jnp.cumsum(jnp.exp(log_probs), axis=-1)
    action = jnp.sum(cumulative <= uniforms[:, None] * cumulative[:, -1:], axis=-1, dtype=jnp.int32)
    return action, jnp.sum(jnp.take_along_axis(log_probs, action[:, None], axis=-1))
