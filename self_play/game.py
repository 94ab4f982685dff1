"""The game of Alice and Bob, as one pure rollout (OpenAI et al. 2021, §3, algorithm 2).

Alice plays a turn of fixed length. The objects' places at its end are the goal. The goal is judged; an invalid one ends
the episode. After a valid goal Bob has his turn, on his own copy of the table: he succeeds or runs out of steps. An
episode has up to `max_goals` goals. Once Bob has failed, his turns are skipped and count as failures; Alice plays on.

Every game is at its own place in the episode: a step of the rollout is one control step of the player whose turn it is.
So no game waits for the turns of others. Between two random players, with turns of 20 and 40 steps and one puck, 256
games resolved 1380 goals in 25,600 steps; if all games changed turns together, as many goals would take 82,800.

Letters: A dimensions of an action, B games, F, G, H features (see observations), M size of a player's memory, N slots
of objects, T steps of a rollout.
"""

import functools
from collections.abc import Callable
from typing import NamedTuple

import jax
import jax.numpy as jnp

from self_play import goals
from self_play.goals import Poses, Verdict
from self_play.observations import Observation, State, is_sound
from self_play.tabletop import Tabletop

ALICE, BOB = 0, 1  # indices in arrays of both players


class EpisodeStart(NamedTuple):
    """The start of an episode."""

    state: State  # of both copies of the table, or of Alice's
    is_past: jax.Array  # [2] bool, the player is a past version in this episode; at most one is
    preset_goals: Poses | None  # [max_goals, N] the episode's goals; None if Alice sets them
    bobs_state: State | None = None  # of Bob's copy of the table, if his gripper begins elsewhere
    kind: jax.Array | None = None  # [] int32, of Bob's start, see `starts`; None without `Rules.bob_shares`
    way: jax.Array | None = None  # [N, 3] zero; None if no source of goals takes an archive, see `sources`


class Game(NamedTuple):
    """One game between two steps."""

    state: State  # the table of the player whose turn it is
    other: State  # the other player's table
    start: State  # Alice's table at the start of her turn
    goal: Poses  # the latest goal
    verdict: Verdict  # of that goal
    bobs_turn: jax.Array  # [] bool
    count: jax.Array  # [] int32, steps taken in this turn
    num_goals: jax.Array  # [] int32, goals resolved in this episode
    bob_active: jax.Array  # [] bool, Bob has not failed in this episode
    at_goal: jax.Array  # [N] bool, Bob's objects that are at their goals
    memory: jax.Array  # [2, M] of both players, zero at the start of an episode
    is_past: jax.Array  # [2] bool, see EpisodeStart
    preset_goals: Poses | None  # see EpisodeStart
    kind: jax.Array | None = None  # see EpisodeStart
    way: jax.Array | None = None  # [N, 3] m, from Bob's objects to their goals when his latest turn began


class PolicyInput(NamedTuple):
    """What a policy acts on."""

    observation: Observation  # of the table of the player whose turn it is
    goal: jax.Array  # [N, H] Bob's goal; zero in Alice's turn
    memory: jax.Array | None  # [2, M]; None: zeros of the size that the player needs, or kept elsewhere (`Memories`)
    is_past: jax.Array  # [2] bool, the player is a past version
    time: jax.Array  # [] of the turn so far, in hundreds of control steps


class Transition(NamedTuple):
    """One step of one game."""

    policy_input: PolicyInput  # before the step
    poses: Poses  # before the step
    bobs_turn: jax.Array  # [] bool, whose step it was
    valid: jax.Array  # [] bool, False of padding and, in a Batch, of a past version's step
    action: jax.Array  # [A] int32
    log_prob: jax.Array  # [] of that action, when it was taken
    reward: jax.Array  # [2] of both players. Alice's comes when Bob's turn is over, so it may be on a step of Bob's
    done: jax.Array  # [2] bool. Alice's: the episode ends; Bob's: his turn ends
    resolved: jax.Array  # [] bool, the outcome of Alice's goal is known from here on
    goal_valid: jax.Array  # [] bool, the resolved goal is valid
    success: jax.Array  # [] bool, Bob reached the goal in this step
    goal: Poses  # the resolved goal
    kind: jax.Array | None = None  # [] int32, of Bob's start if this step ends his first turn, else -1
    way: jax.Array | None = None  # that of the Game before the step


class Memories(NamedTuple):
    """Both players' memories in a rollout, where training reads them: elsewhere they follow from these."""

    heads: jax.Array  # [B, K, 2, M] after the last step of each sequence of L steps; step 0 is of an earlier rollout
    alices: jax.Array  # [B, 2, M] before Alice's latest step


class Rules(NamedTuple):
    """The rules of the game. The defaults are the paper's, which also has past_prob = 0.2."""

    alice_steps: int = 100  # of Alice's turn
    bob_steps: int = 200  # maximum of Bob's turn, for each object
    max_goals: int = 5  # of an episode
    bob_starts: str = "own"  # Bob's next turn starts where his last one ended (the paper); or "alice": where hers began
    alice_reward: str = "success"  # or "timestep", of Sukhbaatar et al. (C.2)
    past_prob: float = 0.0  # probability that one player of an episode, Alice or Bob, is a past version
    demonstrations: str = "failed"  # or "valid": also of goals that Bob reached (the paper's ablation, figure 9)
    goal_source: str | Callable = "alice"  # or of episodes.SOURCES, or a function as of `holdouts` and `sources`
    bob_persists: bool = False  # Bob tries a goal after one at which he failed; in the paper his episode is over
    bob_shares: str | None = None  # one of starts.SHARES: Bob's gripper begins an episode on a path to an object
    alice_grasps: float | None = None  # Alice's begins at an object, and grasps it in this share of her episodes


def begin(table: Tabletop, start: EpisodeStart, memory_size: int) -> Game:
    """A game at the start of an episode: both copies of the table are equal."""
    state = start.state
    no, zero = jnp.zeros((), bool), jnp.zeros((), jnp.int32)
    return Game(
        state=state,
        other=state if start.bobs_state is None else start.bobs_state,
        start=state,
        goal=table.poses(state),
        verdict=Verdict(no, no, no),
        bobs_turn=no,
        count=zero,
        num_goals=zero,
        bob_active=~no,
        at_goal=jnp.zeros_like(state.mask),
        memory=jnp.zeros((2, memory_size), jnp.float32),
        is_past=start.is_past,
        preset_goals=start.preset_goals,
        kind=start.kind,
        way=start.way,
    )


def observe(table: Tabletop, game: Game) -> PolicyInput:
    """The input of the player whose turn it is. Alice never sees a goal."""
    goal = table.observe_goal(table.poses(game.state), game.goal, game.state.mask)
    time = game.count.astype(jnp.float32) / 100
    return PolicyInput(table.observe(game.state), jnp.where(game.bobs_turn, goal, 0.0), game.memory, game.is_past, time)


def step(table: Tabletop, rules: Rules, game: Game, action: jax.Array, fresh: Game) -> tuple[Game, dict, jax.Array]:
    """One control step of one game. -> (game, some fields of a Transition, [] bool: the physics is sound).

    action: [A] int. fresh: the next game, which follows if the episode ends.
    """
    state = table.step(game.state, action)
    mask, now, count = state.mask, table.poses(state), game.count + 1
    set_goal = ~game.bobs_turn & (count >= rules.alice_steps)  # the end of Alice's turn
    proposed, start = _proposed_goal(table, game, now)
    verdict = table.judge(start, proposed, mask)
    goal, verdict = _select(set_goal, (proposed, verdict), (game.goal, game.verdict))
    at_goal = table.reached(now, goal, mask)
    bob_reward, success = goals.bob_reward(game.at_goal, at_goal, mask)
    success &= game.bobs_turn
    max_steps = rules.bob_steps * jnp.sum(mask)
    bob_done = game.bobs_turn & (success | (count >= max_steps))  # the end of Bob's turn
    to_bob = set_goal & verdict.valid & game.bob_active
    resolved = bob_done | (set_goal & ~to_bob)
    num_goals = game.num_goals + resolved
    over = resolved & (~verdict.valid | (num_goals >= rules.max_goals))
    next_state, other = _next_tables(rules, game, state, to_bob, bob_done)
    then = table.poses(next_state)
    played = game._replace(
        state=next_state,
        other=other,
        start=_select(resolved, next_state, game.start),
        goal=goal,
        verdict=verdict,
        bobs_turn=to_bob | (game.bobs_turn & ~bob_done),
        count=jnp.where(to_bob | resolved, 0, count),
        num_goals=num_goals,
        bob_active=game.bob_active & (success | ~bob_done | rules.bob_persists),
        at_goal=jnp.where(to_bob, table.reached(then, goal, mask), at_goal),
        way=None if game.way is None else jnp.where(to_bob, goal.position - then.position, game.way),
    )
    alice_reward = _alice_reward(rules, verdict, success, jnp.where(success, count, max_steps))
    reward = [jnp.where(resolved, alice_reward, 0.0), jnp.where(game.bobs_turn, bob_reward, 0.0)]
    ends = {"reward": jnp.stack(reward), "done": jnp.stack([over, bob_done]), "resolved": resolved}
    ends |= {"goal_valid": verdict.valid, "success": success, "goal": goal, "way": game.way}
    ends["kind"] = None if game.kind is None else jnp.where(bob_done & (game.num_goals == 0), game.kind, -1)
    return _select(over, fresh, played), ends, is_sound(state)


def _proposed_goal(table, game, now):
    """-> (the goal if Alice's turn ended now, the poses from which it is judged)."""
    if game.preset_goals is None:
        return now, table.poses(game.start)
    return jax.tree.map(lambda leaf: leaf[game.num_goals], game.preset_goals), table.poses(game.other)


def _next_tables(rules, game, state, to_bob, bob_done):
    """The tables after a step: at the end of a turn the players change places. -> (state, other)."""
    bobs = game.start if rules.bob_starts == "alice" else game.other
    mine, other = _select(bob_done, (game.other, state), (state, game.other))
    return _select(to_bob, (bobs, state), (mine, other))


def _alice_reward(rules, verdict, success, bob_steps):
    if rules.alice_reward == "timestep":
        return goals.timestep_reward(verdict, rules.alice_steps, bob_steps)
    return goals.alice_reward(verdict, success)


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
    k_fresh, k_act = jax.random.split(key)
    # An episode is at least as long as Alice's turn, so a game starts at most this number of episodes.
    num_fresh = num_steps // rules.alice_steps + 1
    starts = jax.vmap(jax.vmap(reset_fn))(jax.random.split(k_fresh, (num_games, num_fresh)))
    # All at once: in the loop, random numbers would cost as much as everything else that is not physics.
    uniforms = jax.random.uniform(k_act, (num_steps, num_games, table.scene.num_dimensions), jnp.float32)

    def one(carry, step_of_all):
        (games, used, memories), (number, uniforms) = carry, step_of_all
        policy_input = jax.vmap(functools.partial(observe, table))(games)
        logits, memory = act(policy_input)
        action, log_prob = jax.vmap(_sample)(uniforms, logits, games.bobs_turn)
        moves = jnp.stack([~games.bobs_turn, games.bobs_turn], axis=-1)[:, :, None]  # only the mover's memory changes
        moved = games._replace(memory=jnp.where(moves, memory, games.memory))
        start = jax.vmap(lambda starts, i: jax.tree.map(lambda leaf: leaf[i], starts))(starts, used)
        fresh = jax.vmap(lambda one: begin(table, one, memory_size))(start)
        after, ends, sound = jax.vmap(functools.partial(step, table, rules))(moved, action, fresh)
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
    (after, _, memories), steps = jax.lax.scan(one, carry, (jnp.arange(1, num_steps + 1), uniforms))
    transitions, sound = jax.tree.map(lambda leaf: jnp.swapaxes(leaf, 0, 1), steps)
    memories = memories._replace(heads=jnp.swapaxes(memories.heads, 0, 1))
    broken = ~(jnp.all(sound, axis=1) & jax.vmap(is_sound)((games, after, transitions.policy_input)))
    anew = jax.vmap(lambda starts: begin(table, jax.tree.map(lambda leaf: leaf[0], starts), memory_size))(starts)
    return jax.vmap(_select)(broken, anew, after), transitions, memories, broken


def hindsight(rules: Rules, transitions: Transition) -> tuple[Poses, jax.Array]:
    """The goal that each of Alice's steps led to, and whether the step is a demonstration.

    transitions [T, ..] of one game -> (goals [T, ..], is_demo [T] bool). A demonstration leads to a valid goal that Bob
    did not reach, because he failed or because his turn was skipped (algorithm 2); by a rule, also to a goal that he
    reached. No demonstrations are: Bob's steps, steps of a turn whose goal is not resolved within the transitions, and
    goals set to a past version of Bob.
    """
    also_reached = rules.demonstrations == "valid"

    def one(later, transition):
        goal, is_demo = later
        goal = _select(transition.resolved, transition.goal, goal)
        resolved_as = transition.goal_valid & (also_reached | ~transition.success)
        is_demo = jnp.where(transition.resolved, resolved_as, is_demo)
        counts = ~transition.bobs_turn & transition.valid & ~transition.policy_input.is_past[BOB]
        return (goal, is_demo), (goal, is_demo & counts)

    unknown = jax.tree.map(lambda leaf: leaf[-1], transitions.goal), jnp.zeros((), bool)
    return jax.lax.scan(one, unknown, transitions, reverse=True)[1]


def _sample(uniforms, logits, bobs_turn):
    """Samples the action of the player whose turn it is, by the inverse distribution function of each dimension.

    uniforms [A] in 0 to 1, logits [2, A, bins] -> (action [A] int32, log-probability []).
    """
    log_probs = jax.nn.log_softmax(jnp.where(bobs_turn, logits[BOB], logits[ALICE]))
    cumulative = jnp.cumsum(jnp.exp(log_probs), axis=-1)
    action = jnp.sum(cumulative <= uniforms[:, None] * cumulative[:, -1:], axis=-1, dtype=jnp.int32)
    return action, jnp.sum(jnp.take_along_axis(log_probs, action[:, None], axis=-1))


def _select(condition, yes, no):
    return jax.tree.map(lambda a, b: jnp.where(condition, a, b), yes, no)
