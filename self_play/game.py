"""The game of Alice and Bob, as one pure rollout (OpenAI et al. 2021, §3, algorithm 2).

Alice plays a turn of fixed length; where the objects then are is the goal. It is judged; an invalid one ends the
episode. Then Bob has his turn, on his own copy of the table; he succeeds or runs out of steps. So up to `max_goals`
times. Once Bob has failed, his remaining turns are skipped and count as failures, while Alice plays on.

Every game is at its own place in this: a step of the rollout is one control step of whoever's turn it is. So no slot
waits for a turn that ended early or was skipped, as it would if all games changed turns together. Between two random
players, with turns of 20 and 40 steps and one puck, 256 games settled 1380 goals in 25,600 steps; changing turns
together, as many goals take 82,800.

Letters: A dimensions of an action, B games, F, G, H features (see observations), M size of a player's memory, N slots
of objects, T steps of a rollout.
"""

import functools
from collections.abc import Callable
from typing import NamedTuple

import jax
import jax.numpy as jnp

from self_play import goals
from self_play.arena import Tabletop
from self_play.goals import Poses, Verdict
from self_play.observations import Observation, State

ALICE, BOB = 0, 1  # places in arrays of both players


class Opening(NamedTuple):
    """With what an episode begins."""

    state: State  # of both copies of the table
    past: jax.Array  # [2] bool, whom a past version plays in this episode, at most one
    aims: Poses | None  # [max_goals, N] the goals of the episode, where Alice does not set them


class Game(NamedTuple):
    """One game between two steps."""

    state: State  # the table of whoever's turn it is
    other: State  # the other player's copy of it
    start: State  # Alice's, at the start of her turn
    goal: Poses  # the last that she set
    verdict: Verdict  # of that goal
    bobs_turn: jax.Array  # [] bool
    count: jax.Array  # [] int32, steps taken in this turn
    num_goals: jax.Array  # [] int32, goals settled in this episode
    alive: jax.Array  # [] bool, Bob has not failed in this episode
    at_goal: jax.Array  # [N] bool, Bob's objects that are at their goals
    memory: jax.Array  # [2, M] both players', zero when an episode begins
    past: jax.Array  # [2] bool, as of its Opening
    aims: Poses | None  # likewise


class Seen(NamedTuple):
    """What the players act upon."""

    observation: Observation  # of the table of whoever's turn it is
    goal: jax.Array  # [N, H] Bob's goal; zero in Alice's turn
    memory: jax.Array  # [2, M]
    past: jax.Array  # [2] bool, for whom a past version is to act


class Row(NamedTuple):
    """One step of one game."""

    seen: Seen  # before the step
    poses: Poses  # before the step
    bobs_turn: jax.Array  # [] bool, whose step it was
    real: jax.Array  # [] bool, False of a row that only fills its place; in a Batch, of a past version's too
    action: jax.Array  # [A] int32
    log_prob: jax.Array  # [] of that action, when it was taken
    reward: jax.Array  # [2] both players'. Alice's comes when Bob is done, so perhaps not in a step of hers
    done: jax.Array  # [2] bool. Alice's: the episode ends; Bob's: his turn ends
    settled: jax.Array  # [] bool, it is now known what became of Alice's goal
    valid: jax.Array  # [] bool, of the goal that is settled
    success: jax.Array  # [] bool, Bob reached it in this step
    goal: Poses  # it


class Rules(NamedTuple):
    """The rules of the game."""

    alice_steps: int  # of her turn (100 in the paper)
    bob_steps: int  # at most, of Bob's turn, for each object (200)
    max_goals: int  # of an episode (5)
    bob_starts: str = "own"  # his later turns: "own", where his last ended (the paper), or "alice", where hers began
    alice_reward: str = "success"  # or "timestep", of Sukhbaatar et al. (C.2)
    past_share: float = 0.0  # of the episodes, in which one of the players is a past version (0.2); each half of these
    demonstrations: str = "failed"  # or "valid": also of the goals that Bob reached (the paper's ablation, figure 9)
    goal_source: str = "alice"  # or another of episodes.SOURCES, and her turns only pass


def begin(table: Tabletop, opening: Opening, memory_size: int) -> Game:
    """A game at the start of an episode: both copies of the table are alike."""
    state = opening.state
    no, zero = jnp.zeros((), bool), jnp.zeros((), jnp.int32)
    return Game(
        state=state,
        other=state,
        start=state,
        goal=table.poses(state),
        verdict=Verdict(no, no, no),
        bobs_turn=no,
        count=zero,
        num_goals=zero,
        alive=~no,
        at_goal=jnp.zeros_like(state.mask),
        memory=jnp.zeros((2, memory_size)),
        past=opening.past,
        aims=opening.aims,
    )


def see(table: Tabletop, game: Game) -> Seen:
    """What whoever's turn it is sees. Alice never sees a goal."""
    goal = table.observe_goal(table.poses(game.state), game.goal, game.state.mask)
    return Seen(table.observe(game.state), jnp.where(game.bobs_turn, goal, 0.0), game.memory, game.past)


def step(table: Tabletop, rules: Rules, game: Game, action: jax.Array, fresh: Game) -> tuple[Game, dict]:
    """One control step of one game. -> (game, part of a Row).

    action: [A] int. fresh: the game that follows if the episode ends.
    """
    state = table.step(game.state, action)
    mask, now, count = state.mask, table.poses(state), game.count + 1
    # Alice's turn ends with a goal, Bob's with success or out of time.
    set_goal = ~game.bobs_turn & (count >= rules.alice_steps)
    aim, start = _aim(table, game, now)
    verdict = table.judge(start, aim, mask)
    goal, verdict = _choose(set_goal, (aim, verdict), (game.goal, game.verdict))
    at_goal = table.reached(now, goal, mask)
    bob_reward, success = goals.bob_reward(game.at_goal, at_goal, mask)
    success &= game.bobs_turn
    most = rules.bob_steps * jnp.sum(mask)
    bob_done = game.bobs_turn & (success | (count >= most))
    to_bob = set_goal & verdict.valid & game.alive
    settled = bob_done | (set_goal & ~to_bob)
    num_goals = game.num_goals + settled
    over = settled & (~verdict.valid | (num_goals >= rules.max_goals))

    next_state, other = _turn(rules, game, state, to_bob, bob_done)
    played = Game(
        state=next_state,
        other=other,
        start=_choose(settled, next_state, game.start),
        goal=goal,
        verdict=verdict,
        bobs_turn=to_bob | (game.bobs_turn & ~bob_done),
        count=jnp.where(to_bob | settled, 0, count),
        num_goals=num_goals,
        alive=game.alive & (success | ~bob_done),
        at_goal=jnp.where(to_bob, table.reached(table.poses(next_state), goal, mask), at_goal),
        memory=game.memory,
        past=game.past,
        aims=game.aims,
    )
    alice_reward = _alice_reward(rules, verdict, success, jnp.where(success, count, most))
    pay = [jnp.where(settled, alice_reward, 0.0), jnp.where(game.bobs_turn, bob_reward, 0.0)]
    outcome = {"settled": settled, "valid": verdict.valid, "success": success, "goal": goal}
    return _choose(over, fresh, played), {"reward": jnp.stack(pay), "done": jnp.stack([over, bob_done]), **outcome}


def _aim(table, game, now):
    """-> (the goal that Alice's turn would end in, where the objects are before it, by which it is judged)."""
    if game.aims is None:
        return now, table.poses(game.start)
    return jax.tree.map(lambda leaf: leaf[game.num_goals], game.aims), table.poses(game.other)


def _turn(rules, game, state, to_bob, bob_done):
    """Whoever's turn ends leaves the table to the other. -> (state, other)."""
    bobs = game.start if rules.bob_starts == "alice" else game.other
    mine, other = _choose(bob_done, (game.other, state), (state, game.other))
    return _choose(to_bob, (bobs, state), (mine, other))


def _alice_reward(rules, verdict, success, bob_steps):
    if rules.alice_reward == "timestep":
        return goals.timestep_reward(verdict, rules.alice_steps, bob_steps)
    return goals.alice_reward(verdict, success)


def rollout(
    table: Tabletop, rules: Rules, num_steps: int, act: Callable, opens: Callable, key: jax.Array, games: Game
) -> tuple[Game, Row]:
    """Plays all games on by T steps. -> (games, rows [B, T, ..]).

    act: Seen, of all games -> (logits [B, 2, A, NUM_BINS] of both players, memory [B, 2, M]). opens: key -> Opening.
    The key is consumed.
    """
    num_games, _, memory_size = games.memory.shape
    k_fresh, k_act = jax.random.split(key)
    # No episode is shorter than Alice's turn, so no game begins more of them than these.
    num_fresh = num_steps // rules.alice_steps + 1
    keys = jax.random.split(k_fresh, (num_games, num_fresh))
    pool = jax.vmap(jax.vmap(opens))(keys)
    # All at once: in the loop, random numbers would cost as much as everything else that is not physics.
    luck = jax.random.uniform(k_act, (num_steps, num_games, len(table.scene.scale)))

    def one(carry, luck):
        games, used = carry
        seen = jax.vmap(functools.partial(see, table))(games)
        logits, memory = act(seen)
        action, log_prob = jax.vmap(_sample)(luck, logits, games.bobs_turn)
        moves = jnp.stack([~games.bobs_turn, games.bobs_turn], axis=-1)[:, :, None]  # the other's memory stands still
        moved = games._replace(memory=jnp.where(moves, memory, games.memory))
        opened = jax.vmap(lambda pool, i: jax.tree.map(lambda leaf: leaf[i], pool))(pool, used)
        fresh = jax.vmap(lambda one: begin(table, one, memory_size))(opened)
        after, row = jax.vmap(functools.partial(step, table, rules))(moved, action, fresh)
        now, real = jax.vmap(table.poses)(games.state), jnp.ones_like(games.bobs_turn)
        return (after, used + row["done"][:, ALICE]), Row(seen, now, games.bobs_turn, real, action, log_prob, **row)

    (games, _), rows = jax.lax.scan(one, (games, jnp.zeros(num_games, jnp.int32)), luck)
    return games, jax.tree.map(lambda leaf: jnp.swapaxes(leaf, 0, 1), rows)


def hindsight(rules: Rules, rows: Row) -> tuple[Poses, jax.Array]:
    """What became of each of Alice's steps: the goal that it led to, and whether it shows Bob something.

    rows [T, ..] of one game -> (goals [T, ..], shows [T] bool). A step is a demonstration of a goal that is valid and
    that Bob did not reach, be it that he failed or that his turn was skipped (algorithm 2); by a rule, also of one that
    he did. Steps of Bob's are none, nor are those of a turn that is not settled within the rows, or of a goal that a
    past version of Bob was before.
    """
    unfiltered = rules.demonstrations == "valid"

    def one(later, row):
        goal, shown = later
        goal = _choose(row.settled, row.goal, goal)
        shown = jnp.where(row.settled, row.valid & (unfiltered | ~row.success), shown)
        return (goal, shown), (goal, shown & ~row.bobs_turn & row.real & ~row.seen.past[BOB])

    unknown = jax.tree.map(lambda leaf: leaf[-1], rows.goal), jnp.zeros((), bool)
    return jax.lax.scan(one, unknown, rows, reverse=True)[1]


def _sample(luck, logits, bobs_turn):
    """An action of whoever's turn it is: in each dimension the bin in which the luck, 0 to 1, falls.

    luck [A], logits [2, A, bins] -> (action [A] int32, log-probability []).
    """
    log_probs = jax.nn.log_softmax(jnp.where(bobs_turn, logits[BOB], logits[ALICE]))
    shares = jnp.cumsum(jnp.exp(log_probs), axis=-1)
    action = jnp.sum(shares <= luck[:, None] * shares[:, -1:], axis=-1, dtype=jnp.int32)
    return action, jnp.sum(jnp.take_along_axis(log_probs, action[:, None], axis=-1))


def _choose(which, yes, no):
    return jax.tree.map(lambda a, b: jnp.where(which, a, b), yes, no)
