"""The World in which Alice and Bob play: a batch is a rollout of every game, and what Bob may learn from Alice's.

Letters: as in `game`.
"""

from collections.abc import Callable
from functools import partial
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp

from self_play import episodes, game
from self_play.arena import NUM_BINS, Tabletop, tabletop
from self_play.episodes import Episodes
from self_play.game import ALICE, BOB, Game, Row, Rules, Seen
from self_play.scene import SCENES


class Arena(NamedTuple):
    """Where all games stand."""

    games: Game  # [B, ..]
    pending: Row  # [B, ..] Alice's last step, where her goal is not settled yet; else not real
    episodes: Episodes


class Batch(NamedTuple):
    """A rollout of every game. Row 0 is the pending one; T more follow."""

    rows: Row  # [B, 1 + T, ..]
    demonstrated: jax.Array  # [B, 1 + T, N, H] the goal that Alice's step led to, as Bob would have seen it
    shows: jax.Array  # [B, 1 + T] bool, whether that makes a demonstration; a past Alice's step, not real, may
    last: Seen  # [B, 2, ..] what each player saw last, from which the value of what follows is estimated


def arena(
    *,
    mode: str = "pucks",
    num_games: int,
    num_steps: int,
    alice_steps: int = 100,
    bob_steps: int = 200,
    max_goals: int = 5,
    bob_starts: str = "own",
    alice_reward: str = "success",
    past_share: float = 0.0,
    demonstrations: str = "failed",
    goal_source: str = "alice",
    num_tasks: int = 0,
    memory_size: int = 0,
    pipeline: str = "mjx",
    **settings: Any,
) -> tuple:
    """The World of asymmetric self-play: (data, init, draw); a draw plays every game on by `num_steps`.

    mode: "pucks" or "blocks"; `settings` are those of the scene of that name. alice_steps, bob_steps (for each object),
    max_goals, bob_starts, alice_reward, past_share, demonstrations: see `game.Rules`. goal_source: "alice"; or
    "uniform" or "curriculum", and her turns only pass (see `episodes`). num_tasks: of so many episodes, each its table
    and, if Alice does not set them, its goals, all are drawn again and again; 0: all are fresh. memory_size: of each
    player's memory, 0 for players without one.
    The learner's predict: Seen [B, ..] -> (logits [B, 2, A, NUM_BINS], memory [B, 2, memory_size]); where Seen.past
    says so, those of a past version of the player.
    """
    if mode not in SCENES:
        raise ValueError(f"mode must be one of {', '.join(SCENES)}, got {mode!r}")
    _check_one_of("bob_starts", bob_starts, "own", "alice")
    _check_one_of("alice_reward", alice_reward, "success", "timestep")
    _check_one_of("demonstrations", demonstrations, "failed", "valid")
    _check_one_of("goal_source", goal_source, *episodes.SOURCES)
    if not 0 <= past_share <= 1:
        raise ValueError(f"past_share must be 0 to 1, got {past_share}")
    _check_positive(
        num_games=num_games, num_steps=num_steps, max_goals=max_goals, alice_steps=alice_steps, bob_steps=bob_steps
    )
    for name, size in (("memory_size", memory_size), ("num_tasks", num_tasks)):
        if size < 0:
            raise ValueError(f"{name} must not be negative, got {size}")
    table = tabletop(SCENES[mode](**settings), pipeline=pipeline)
    rules = Rules(alice_steps, bob_steps, max_goals, bob_starts, alice_reward, past_share, demonstrations, goal_source)

    def init(key, data):
        del data
        return open_games(table, rules, memory_size, key, num_games, num_tasks)

    def draw(key, data, state, act):
        del data
        return play(table, rules, num_steps, act or _anything(table), key, state)

    return (), init, draw


def _check_one_of(name, value, *values):
    if value not in values:
        raise ValueError(f"{name} must be {' or '.join(map(repr, values))}, got {value!r}")


def _check_positive(**counts):
    for name, count in counts.items():
        if count < 1:
            raise ValueError(f"{name} must be positive, got {count}")


def play(
    table: Tabletop, rules: Rules, num_steps: int, act: Callable, key: jax.Array, state: Arena
) -> tuple[Arena, Batch]:
    """Plays every game on by T steps; `act` as of `game.rollout`. The key is consumed."""
    opens = partial(episodes.open_one, table, rules, state.episodes)
    games, rows = game.rollout(table, rules, num_steps, act, opens, key, state.games)
    following = episodes.go_on(rules, state.episodes, rows)
    rows = jax.tree.map(lambda a, b: jnp.concatenate([a[:, None], b], axis=1), state.pending, rows)
    rows, pending = jax.vmap(_set_aside)(rows, games.bobs_turn)
    goal, shows = jax.vmap(partial(game.hindsight, rules))(rows)
    past = jnp.where(rows.bobs_turn, rows.seen.past[:, :, BOB], rows.seen.past[:, :, ALICE])
    rows = rows._replace(real=rows.real & ~past)
    demonstrated = jax.vmap(jax.vmap(table.observe_goal))(rows.poses, goal, rows.seen.observation.mask)
    now = jax.vmap(lambda one: game.see(table, one))(games)
    hers = jax.tree.map(lambda a, b: jax.vmap(jnp.where)(pending.real, a, b), pending.seen, now)
    last = jax.tree.map(lambda a, b: jnp.stack([a, b], axis=1), hers, now)
    return Arena(games, pending, following), Batch(rows, demonstrated, shows, last)


def open_games(
    table: Tabletop, rules: Rules, memory_size: int, key: jax.Array, num_games: int, num_tasks: int = 0
) -> Arena:
    """All games at the start of an episode. The key is consumed."""
    k_tasks, k_games = jax.random.split(key)
    drawn_from = episodes.no_episodes(rules, k_tasks, num_tasks)

    def one(key):
        return game.begin(table, episodes.open_one(table, rules, drawn_from, key), memory_size)

    games = jax.vmap(one)(jax.random.split(k_games, num_games))
    return Arena(games, jax.vmap(lambda one: _no_row(table, one))(games), drawn_from)


def _no_row(table, one):
    """A row that only fills its place, of the shapes of one of this game's."""
    two = jnp.zeros(2)
    no = jnp.zeros((), bool)
    goal = table.poses(one.state)
    action = jnp.zeros(len(table.scene.scale), jnp.int32)
    return Row(game.see(table, one), goal, no, no, action, two[0], two, two > 0, no, no, no, goal)


def _set_aside(rows, bobs_turn):
    """Takes Alice's last step out of the rows of one game if Bob is still at her goal: its reward is not known.

    -> (rows, that step, not real if there is none). It is the next rollout's row 0.
    """
    hers = rows.real & ~rows.bobs_turn
    last = hers.shape[0] - 1 - jnp.argmax(hers[::-1])
    out = bobs_turn & hers[last]
    pending = jax.tree.map(lambda leaf: leaf[last], rows)._replace(real=out)
    return rows._replace(real=rows.real.at[last].set(rows.real[last] & ~out)), pending


def _anything(table):
    """Acts at random."""

    def act(seen):
        shape = (seen.memory.shape[0], 2, len(table.scene.scale), NUM_BINS)
        return jnp.zeros(shape), seen.memory

    return act
