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


class Game(NamedTuple):
    """One game between two steps."""

    alice: State  # her copy of the table
    bob: State  # his
    start: State  # hers, at the start of her turn
    goal: Poses  # the last that she set
    verdict: Verdict  # of that goal
    bobs_turn: jax.Array  # [] bool
    count: jax.Array  # [] int32, steps taken in this turn
    num_goals: jax.Array  # [] int32, goals settled in this episode
    alive: jax.Array  # [] bool, Bob has not failed in this episode
    at_goal: jax.Array  # [N] bool, Bob's objects that are at their goals
    memory: jax.Array  # [2, M] both players', zero when an episode begins


class Seen(NamedTuple):
    """What the players act upon."""

    observation: Observation  # of the table of whoever's turn it is
    goal: jax.Array  # [N, H] Bob's goal; zero in Alice's turn
    memory: jax.Array  # [2, M]


class Row(NamedTuple):
    """One step of one game."""

    seen: Seen  # before the step
    poses: Poses  # before the step
    bobs_turn: jax.Array  # [] bool, whose step it was
    real: jax.Array  # [] bool, False of a row that only fills its place
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
    bob_starts: str  # his later turns: "own", where his last ended (the paper), or "alice", where hers began


def begin(table: Tabletop, state: State, memory_size: int) -> Game:
    """A game at the start of an episode: both copies of the table are alike."""
    no, zero = jnp.zeros((), bool), jnp.zeros((), jnp.int32)
    return Game(
        alice=state,
        bob=state,
        start=state,
        goal=table.poses(state),
        verdict=Verdict(no, no, no),
        bobs_turn=no,
        count=zero,
        num_goals=zero,
        alive=~no,
        at_goal=jnp.zeros_like(state.mask),
        memory=jnp.zeros((2, memory_size)),
    )


def see(table: Tabletop, game: Game) -> Seen:
    """What whoever's turn it is sees. Alice never sees a goal."""
    state = _choose(game.bobs_turn, game.bob, game.alice)
    goal = table.observe_goal(table.poses(state), game.goal, state.mask)
    return Seen(table.observe(state), jnp.where(game.bobs_turn, goal, 0.0), game.memory)


def step(table: Tabletop, rules: Rules, game: Game, action: jax.Array, fresh: Game) -> tuple[Game, dict]:
    """One control step of one game. -> (game, part of a Row).

    action: [A] int. fresh: the game that follows if the episode ends.
    """
    state = table.step(_choose(game.bobs_turn, game.bob, game.alice), action)
    now, count = table.poses(state), game.count + 1
    # Alice's turn ends with a goal, Bob's with success or out of time.
    set_goal = ~game.bobs_turn & (count >= rules.alice_steps)
    verdict = table.judge(table.poses(game.start), now, state.mask)
    goal, verdict = _choose(set_goal, (now, verdict), (game.goal, game.verdict))
    at_goal = table.reached(now, goal, state.mask)
    bob_reward, success = goals.bob_reward(game.at_goal, at_goal, state.mask)
    success &= game.bobs_turn
    bob_done = game.bobs_turn & (success | (count >= rules.bob_steps * jnp.sum(state.mask)))
    to_bob = set_goal & verdict.valid & game.alive
    settled = bob_done | (set_goal & ~to_bob)
    num_goals = game.num_goals + settled
    over = settled & (~verdict.valid | (num_goals >= rules.max_goals))

    alice = _choose(game.bobs_turn, game.alice, state)
    bob = _choose(game.bobs_turn, state, game.bob)
    bob = _choose(to_bob, game.start if rules.bob_starts == "alice" else bob, bob)
    played = Game(
        alice=alice,
        bob=bob,
        start=_choose(settled, alice, game.start),
        goal=goal,
        verdict=verdict,
        bobs_turn=to_bob | (game.bobs_turn & ~bob_done),
        count=jnp.where(to_bob | settled, 0, count),
        num_goals=num_goals,
        alive=game.alive & (success | ~bob_done),
        at_goal=jnp.where(to_bob, table.reached(table.poses(bob), goal, state.mask), at_goal),
        memory=game.memory,
    )
    outcome = {"settled": settled, "valid": verdict.valid, "success": success, "goal": goal}
    pay = [jnp.where(settled, goals.alice_reward(verdict, success), 0.0), jnp.where(game.bobs_turn, bob_reward, 0.0)]
    row = {"reward": jnp.stack(pay), "done": jnp.stack([over, bob_done]), **outcome}
    return _choose(over, fresh, played), row


def rollout(
    table: Tabletop, rules: Rules, num_steps: int, act: Callable, key: jax.Array, games: Game
) -> tuple[Game, Row]:
    """Plays all games on by T steps. -> (games, rows [B, T, ..]).

    act: Seen, of all games -> (logits [B, 2, A, NUM_BINS] of both players, memory [B, 2, M]). The key is consumed.
    """
    num_games, _, memory_size = games.memory.shape
    k_fresh, k_act = jax.random.split(key)
    # No episode is shorter than Alice's turn, so no game begins more of them than these.
    num_fresh = num_steps // rules.alice_steps + 1
    states = jax.vmap(jax.vmap(table.reset))(jax.random.split(k_fresh, (num_games, num_fresh)))
    pool = jax.vmap(jax.vmap(lambda state: begin(table, state, memory_size)))(states)

    def one(carry, t):
        games, used = carry
        seen = jax.vmap(functools.partial(see, table))(games)
        logits, memory = act(seen)
        keys = jax.random.split(jax.random.fold_in(k_act, t), num_games)
        action, log_prob = jax.vmap(_sample)(keys, logits, games.bobs_turn)
        moves = jnp.stack([~games.bobs_turn, games.bobs_turn], axis=-1)[:, :, None]  # the other's memory stands still
        moved = games._replace(memory=jnp.where(moves, memory, games.memory))
        fresh = jax.vmap(lambda pool, i: jax.tree.map(lambda leaf: leaf[i], pool))(pool, used)
        after, row = jax.vmap(functools.partial(step, table, rules))(moved, action, fresh)
        now = jax.vmap(lambda game: table.poses(_choose(game.bobs_turn, game.bob, game.alice)))(games)
        real = jnp.ones_like(games.bobs_turn)
        return (after, used + row["done"][:, ALICE]), Row(seen, now, games.bobs_turn, real, action, log_prob, **row)

    (games, _), rows = jax.lax.scan(one, (games, jnp.zeros(num_games, jnp.int32)), jnp.arange(num_steps))
    return games, jax.tree.map(lambda leaf: jnp.swapaxes(leaf, 0, 1), rows)


def hindsight(rows: Row) -> tuple[Poses, jax.Array]:
    """What became of each of Alice's steps: the goal that it led to, and whether it shows Bob something.

    rows [T, ..] of one game -> (goals [T, ..], shows [T] bool). A step is a demonstration of a goal that is valid and
    that Bob did not reach, be it that he failed or that his turn was skipped (algorithm 2). Steps of Bob's are none,
    nor are those of a turn that is not settled within the rows.
    """

    def one(later, row):
        goal, failed = later
        goal = _choose(row.settled, row.goal, goal)
        failed = jnp.where(row.settled, row.valid & ~row.success, failed)
        return (goal, failed), (goal, failed & ~row.bobs_turn & row.real)

    unknown = jax.tree.map(lambda leaf: leaf[-1], rows.goal), jnp.zeros((), bool)
    return jax.lax.scan(one, unknown, rows, reverse=True)[1]


def _sample(key, logits, bobs_turn):
    """An action of whoever's turn it is. logits [2, A, bins] -> (action [A] int32, log-probability [])."""
    log_probs = jax.nn.log_softmax(jnp.where(bobs_turn, logits[BOB], logits[ALICE]))
    action = jax.random.categorical(key, log_probs).astype(jnp.int32)
    return action, jnp.sum(jnp.take_along_axis(log_probs, action[:, None], axis=-1))


def _choose(which, yes, no):
    return jax.tree.map(lambda a, b: jnp.where(which, a, b), yes, no)
