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

from collections.abc import Callable
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp

from self_play import goals, observations
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
    goal: jax.Array  # [N, H] Bob's goal; in Alice's turn where her objects stood at first, for her value alone
    memory: jax.Array | None  # [2, M]; None: zeros of the size that the player needs, or kept elsewhere (`Memories`)
    is_past: jax.Array  # [2] bool, the player is a past version
    time: jax.Array  # [] of the turn so far, in hundreds of control steps
    episode: jax.Array  # [2] number of goals resolved, and whether Bob has not failed: for values
    focus: jax.Array | None = None  # [N] bool, the object that networks look at; None: all


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


class Rules(NamedTuple):
    """The rules of the game. The defaults are the paper's, which also has past_prob = 0.2."""

    alice_steps: int = 100  # of Alice's turn
    bob_steps: int = 200  # maximum of Bob's turn, for each object
    max_goals: int = 5  # of an episode
    bob_starts: str = "own"  # Bob's next turn starts where his last one ended (the paper); or "alice": where hers began
    alice_reward: str = "success"  # or "timestep", of Sukhbaatar et al. (C.2)
    past_prob: float = 0.0  # probability that one player of an episode, Alice or Bob, is a past version
    demonstrations: str = "failed"  # or "valid": also of goals that Bob reached (the paper's ablation, figure 9)
    whole_turns: bool = False  # demonstrations may be older than a rollout: else steps of one before the last are not
    goal_source: str | Callable = "alice"  # or of episodes.SOURCES, or a function as of `holdouts` and `sources`
    bob_persists: bool = False  # Bob tries a goal after one at which he failed; in the paper his episode is over
    bob_shares: str | None = None  # one of starts.SHARES: Bob's gripper begins an episode on a path to an object
    bob_head_starts: float = 0.0  # share of his turns: an object is at its goal, his gripper on a path to it
    alice_grasps: float | None = None  # Alice's begins at an object, and grasps it in this share of her episodes
    alice_regrasps: bool = False  # her turn has alice_steps for each object: her gripper then begins at another one


def max_alice_steps(rules: Rules, table: Tabletop) -> int:
    """The length of Alice's longest turn."""
    return rules.alice_steps * (table.scene.max_objects if rules.alice_regrasps else 1)


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
    """The input of the player whose turn it is."""
    state, now, focus = game.state, table.poses(game.state), None
    goal = select(game.bobs_turn, game.goal, table.poses(game.start))
    if table.scene.focus:
        settled = observations.settled(table.scene, now, goal, state.mask, state.touch.any(axis=-1))
        among = state.mask & ~(game.bobs_turn & settled)
        aim = select(game.bobs_turn, goal, now)
        focus = observations.focus(table.scene, state.q, now, aim, state.mask, among)
    seen_goal = table.observe_goal(now, goal, state.mask)
    time = game.count.astype(jnp.float32) / 100
    episode = jnp.stack([game.num_goals, game.bob_active]).astype(jnp.float32)
    return PolicyInput(table.observe(state), seen_goal, game.memory, game.is_past, time, episode, focus)


def step(table: Tabletop, rules: Rules, game: Game, action: jax.Array, fresh: Game) -> tuple[Game, dict, jax.Array]:
    """One control step of one game. -> (game, some fields of a Transition, [] bool: the physics is sound).

    action: [A] int. fresh: the next game, which follows if the episode ends.
    """
    state = table.step(game.state, action)
    mask, now, count = state.mask, table.poses(state), game.count + 1
    alice_steps = rules.alice_steps * (jnp.sum(mask) if rules.alice_regrasps else 1)
    set_goal = ~game.bobs_turn & (count >= alice_steps)  # the end of Alice's turn
    proposed, start = _proposed_goal(table, rules, game, now)
    verdict = table.judge(start, proposed, mask)
    goal, verdict = select(set_goal, (proposed, verdict), (game.goal, game.verdict))
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
        start=select(resolved, next_state, game.start),
        goal=goal,
        verdict=verdict,
        bobs_turn=to_bob | (game.bobs_turn & ~bob_done),
        count=jnp.where(to_bob | resolved, 0, count),
        num_goals=num_goals,
        bob_active=game.bob_active & (success | ~bob_done | rules.bob_persists),
        at_goal=jnp.where(to_bob, table.reached(then, goal, mask), at_goal),
        way=None if game.way is None else jnp.where(to_bob, goal.position - then.position, game.way),
    )
    alice_reward = _alice_reward(rules, verdict, success, alice_steps, jnp.where(success, count, max_steps))
    reward = [jnp.where(resolved, alice_reward, 0.0), jnp.where(game.bobs_turn, bob_reward, 0.0)]
    ends = {"reward": jnp.stack(reward), "done": jnp.stack([over, bob_done]), "resolved": resolved}
    ends |= {"goal_valid": verdict.valid, "success": success, "goal": goal, "way": game.way}
    ends["kind"] = None if game.kind is None else jnp.where(bob_done & (game.num_goals == 0), game.kind, -1)
    return select(over, fresh, played), ends, is_sound(state)


def _proposed_goal(table, rules, game, now):
    """-> (the goal if Alice's turn ended now, the poses from which it is judged)."""
    if game.preset_goals is None:
        return now, table.poses(game.start)
    goal = jax.tree.map(lambda leaf: leaf[game.num_goals], game.preset_goals)
    return goal, table.poses(_bobs_table(rules, game))


def _bobs_table(rules, game):
    """The table on which Bob begins if his turn is next."""
    return game.start if rules.bob_starts == "alice" else game.other


def _next_tables(rules, game, state, to_bob, bob_done):
    """The tables after a step: at the end of a turn the players change places. -> (state, other)."""
    mine, other = select(bob_done, (game.other, state), (state, game.other))
    return select(to_bob, (_bobs_table(rules, game), state), (mine, other))


def _alice_reward(rules, verdict, success, alice_steps, bob_steps):
    if rules.alice_reward == "timestep":
        return goals.timestep_reward(verdict, alice_steps, bob_steps)
    return goals.alice_reward(verdict, success)


def select(condition: jax.Array, yes: Any, no: Any) -> Any:
    """One of two trees of arrays. condition [] bool."""
    return jax.tree.map(lambda a, b: jnp.where(condition, a, b), yes, no)
